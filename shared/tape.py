"""The tape: what one run of the bot was told and what it did, line by line, for the parity report.

A file for each UTC day, `YYYY-MM-DD.jsonl.gz`. Each line is one JSON object: `t` is the bot's own time in milliseconds
since 1970, every other key is a part of the line as `bot.app.event_recorder` says. Prices and amounts are exact text.
The bytes are gzip members, one for each run of the bot, flushed so that all but the newest seconds can be read after
a crash. What follows a torn member is found by its header, which is always the same.
"""

import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

VERSION = 1
SUFFIX = ".jsonl.gz"
MAX_DAY_BYTES = 200_000_000
KEEP_DAYS = 7
_LEVEL = 6
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # no name, no time: zlib writes it so
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CHUNK = 4096


class TapeWriter:
    """Appends lines to the day's file. Not for several threads at once. Methods raise OSError."""

    def __init__(self, folder: Path, *, max_day_bytes: int = MAX_DAY_BYTES, keep_days: int = KEEP_DAYS) -> None:
        self._folder, self._max, self._keep = folder, max_day_bytes, keep_days
        self._day = ""
        self._handle = -1
        self._packer: Any = None
        self._size = 0

    def append(self, day: str, lines: Iterable[dict[str, Any]]) -> bool:
        """Write lines of one UTC day so that they can be read; False = the day's file is full, they are left out."""
        if day != self._day or self._handle < 0:
            self._begin(day)
        if self._size >= self._max:
            return False
        data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        self._write(self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH))
        return True

    def close(self) -> None:
        """End the member as gzip wants it."""
        if self._handle < 0:
            return
        try:
            self._write(self._packer.flush(zlib.Z_FINISH))
        finally:
            self._drop()

    def _begin(self, day: str) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{day}{SUFFIX}"
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._day, self._size = day, os.fstat(self._handle).st_size
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
        for old in days(self._folder)[: -self._keep]:
            (self._folder / f"{old}{SUFFIX}").unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError:
            # What was written may end anywhere: whatever comes next is a member of its own.
            self._drop()
            raise
        self._size += len(data)

    def _drop(self) -> None:
        handle, self._handle, self._packer = self._handle, -1, None
        os.close(handle)


def days(folder: Path) -> list[str]:
    """Days that have a tape, oldest first."""
    names = (path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return sorted(name for name in names if _DAY.fullmatch(name))


def read_day(folder: Path, day: str) -> Iterator[dict[str, Any]]:
    """The day's lines in order, past whatever a crash tore. Raises OSError where there is no such file."""
    data = (folder / f"{day}{SUFFIX}").read_bytes()
    begin = 0 if data.startswith(_HEAD) else data.find(_HEAD)
    while begin >= 0:
        # A member ends where the next one begins, whole or torn: the header's eight bytes don't occur by chance.
        after = data.find(_HEAD, begin + 1)
        yield from _member(memoryview(data)[begin : after if after >= 0 else len(data)])
        begin = after


def _member(data: memoryview) -> Iterator[dict[str, Any]]:
    unpacker, rest = zlib.decompressobj(31), b""
    for at in range(0, len(data), _CHUNK):
        try:
            rest += unpacker.decompress(data[at : at + _CHUNK])
        except zlib.error:
            break
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if (found := _parsed(line)) is not None:
                yield found


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # torn
    return value if isinstance(value, dict) and "t" in value else None
