"""`audit.jsonl`: who commanded what, from the page, the shell, by hand or over the API: JSON lines in a chain.

Each line ends with the SHA-256 of everything in it, and names the hash of the line before (`prev`), so that a line that
was edited, taken out or put elsewhere is found. The first one names the hash of whatever the file held before the
chain. A cut end leaves a chain that is whole: the bot keeps the head's hash in its ledger as well (`anchor`).
Every writer appends here, under the file's lock; the file is never rotated.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from shared.times import iso_ms

log = logging.getLogger(__name__)
LOCK_S = 2.0
BLOCK = 64 * 1024
TAIL_BYTES = 256 * 1024
_TAIL = b',"hash":"'
_TAIL_LENGTH = len(_TAIL) + 64 + len(b'"}')


@dataclass(frozen=True, slots=True)
class Head:
    """The last chained line."""

    seq: int
    hash: str
    at: str = ""

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a look at the whole chain found."""

    entries: int  # chained lines
    before: int  # lines from before the chain
    head: Head | None
    findings: tuple[str, ...]  # what is not as it was written
    notes: tuple[str, ...]  # what a power loss explains

    @property
    def whole(self) -> bool:
        return not self.findings


# ---- writing ----


def append(path: Path, row: Mapping[str, Any], *, at: str | None = None, wait_s: float = LOCK_S) -> Head:
    """Add `row` durably, as the next line of the chain. Raises OSError (full disk, or the lock is not got in time).

    JSON escapes control characters, so no text can forge a line. What a power loss left of a line stays where it is,
    and the new line names it.
    """
    handle = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        _lock(handle, wait_s)
        _give_to_owner(handle, path)
        size = os.fstat(handle).st_size
        last, rest = _end(handle, size)
        body = {"seq": last.seq + 1, "at": at or iso_ms(datetime.now(UTC)), **row}
        if rest:
            body["torn"] = hashlib.sha256(rest).hexdigest()
        line, head = _line({**body, "prev": last.hash})
        _write(handle, (b"\n" if rest or _unended(handle, size) else b"") + line, size)
        return head
    finally:
        os.close(handle)


def _open(path: Path, flags: int) -> int:
    """Through no link, and no wait for a FIFO's other end. Raises OSError."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, f"{path.name} is not a regular file")


def _lock(handle: int, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise OSError(errno.ETIMEDOUT, "another writer holds audit.jsonl") from None
            time.sleep(0.005)


def _give_to_owner(handle: int, path: Path) -> None:
    """Root may be the first to write here: the folder's user goes on. A file that has another name as well may be one
    of root's that this user linked here: it is neither written nor given away. Raises OSError."""
    owner, found = path.parent.stat(), os.fstat(handle)
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    if found.st_nlink != 1:
        raise OSError(errno.EMLINK, "audit.jsonl has a second name (a hard link)")
    if found.st_uid == 0:
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _write(handle: int, data: bytes, size: int) -> None:
    """All of it on the disk, or the file as long as it was."""
    try:
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _line(row: Mapping[str, Any]) -> tuple[bytes, Head]:
    body = orjson.dumps(row)
    digest = hashlib.sha256(body).hexdigest()
    line = body[:-1] + _TAIL + digest.encode() + b'"}\n'
    return line, Head(int(row["seq"]), digest, str(row["at"]))


def _end(handle: int, size: int) -> tuple[Head, bytes]:
    """(the chain's head, what stands behind it without being a line of it). Seq 0 = nothing is chained yet."""
    start = max(0, size - BLOCK)
    found = os.pread(handle, size - start, start)
    for whole in (start == 0, True):
        if whole and start:
            found, start = _all(handle, size), 0
        lines = found.split(b"\n")
        for i in range(len(lines) - 1, -1 if whole else 0, -1):
            head = _head(lines[i])
            if head is not None:
                return head, b"\n".join(lines[i + 1 :]).strip(b"\n")
    return Head(0, hashlib.sha256(found.rstrip(b"\n")).hexdigest()), b""


def _all(handle: int, size: int) -> bytes:
    parts, at = [], 0
    while at < size and (part := os.pread(handle, 1 << 20, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _unended(handle: int, size: int) -> bool:
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


# ---- reading ----


def _head(line: bytes) -> Head | None:
    """Of a line of the chain whose hash is its own; None = it is none."""
    row = _chained(line)
    if row is None or _digest(line) != row["hash"]:
        return None
    return Head(row["seq"], row["hash"], str(row.get("at", "")))


def _chained(line: bytes) -> dict[str, Any] | None:
    """The row of a line that has the form of the chain, whether its hash holds or not."""
    row = _row(line)
    if row is None or not line[-_TAIL_LENGTH:].startswith(_TAIL):
        return None
    typed = isinstance(row.get("seq"), int) and isinstance(row.get("prev"), str) and isinstance(row.get("hash"), str)
    return row if typed else None


def _digest(line: bytes) -> str:
    return hashlib.sha256(line[:-_TAIL_LENGTH] + b"}").hexdigest()


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def tail(path: Path, most: int = 200) -> list[dict[str, Any]]:
    """The newest lines, newest first, chained or from before. What is no JSON object is left out."""
    try:
        with open(_open(path, os.O_RDONLY), "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return []
    found = (_row(line) for line in reversed(lines))
    return [row for row, _ in zip((row for row in found if row is not None), range(most), strict=False)]


def head_of(path: Path) -> Head | None:
    """The chain's last line as it stands; None = there is none. Raises OSError but for a missing file."""
    try:
        handle = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        found, _ = _end(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)
    return found if found.seq else None


def verify(path: Path, anchor: str | None = None) -> ChainCheck:
    """Check every line. `anchor`: "SEQ HASH" as kept elsewhere; it must stand in the chain. Raises OSError.

    The file is read as it is at one moment, without its lock: a line that is being written counts as a torn end.
    """
    try:
        with open(_open(path, os.O_RDONLY), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        data = b""
    walk = _Walk()
    for number, line in enumerate(data.split(b"\n"), 1):
        walk.take(number, line)
    walk.end(data, anchor)
    return ChainCheck(walk.entries, walk.before, walk.head, tuple(walk.findings), tuple(walk.notes))


class _Walk:
    """Goes through the lines once."""

    def __init__(self) -> None:
        self.entries = self.before = 0
        self.head: Head | None = None
        self.findings: list[str] = []
        self.notes: list[str] = []
        self._past: list[bytes] = []  # lines from before the chain
        self._loose: list[tuple[int, bytes]] = []  # lines that are none of the chain, since its last one
        self._hashes: dict[int, str] = {}

    def take(self, number: int, line: bytes) -> None:
        row = _chained(line)
        if row is None:
            if self.head is None:
                self._past.append(line)
            elif line:
                self._loose.append((number, line))
            return
        if self.head is None:
            past = b"\n".join(self._past).rstrip(b"\n")
            self.before = len([one for one in self._past if one])
            if row["seq"] != 1:
                self.findings.append(
                    f"line {number}: the chain begins with entry {row['seq']}: what came before is gone"
                )
            elif row["prev"] != hashlib.sha256(past).hexdigest():
                self.findings.append(
                    f"line {number}: what stands before the chain is not what stood there when it began"
                )
        else:
            self._follows(number, row, self.head)
        if _digest(line) != row["hash"]:
            self.findings.append(f"line {number}: entry {row['seq']} was changed after it was written")
        self._loose = []
        self.entries += 1
        self.head = Head(row["seq"], row["hash"], str(row.get("at", "")))
        self._hashes[row["seq"]] = row["hash"]

    def _follows(self, number: int, row: dict[str, Any], last: Head) -> None:
        if row["seq"] != last.seq + 1 or row["prev"] != last.hash:
            self.findings.append(f"line {number}: entry {row['seq']} does not follow entry {last.seq}")
        rest = b"\n".join(line for _, line in self._loose)
        named = row.get("torn")
        if rest and named == hashlib.sha256(rest).hexdigest() and len(self._loose) == 1 and _row(rest) is None:
            self.notes.append(f"line {number - 1} is an incomplete line (a power loss), as entry {row['seq']} says")
        elif rest:
            self.findings.append(f"line {self._loose[0][0]} is not part of the chain")
        elif named is not None:
            self.findings.append(f"line {number - 1}: the incomplete line that entry {row['seq']} names is gone")

    def end(self, data: bytes, anchor: str | None) -> None:
        if self.head is None:
            self.before = len([one for one in self._past if one])
        if self._loose:
            number, line = self._loose[-1]
            if len(self._loose) == 1 and not data.endswith(b"\n") and _row(line) is None:
                self.notes.append(f"line {number}, the last one, is torn: the next entry goes on behind it")
            else:
                self.findings.append(f"line {self._loose[0][0]} is not part of the chain")
        if anchor:
            seq, _, digest = anchor.partition(" ")
            reached = self.head.seq if self.head else 0
            if not seq.isdecimal() or self._hashes.get(int(seq)) != digest:
                cut = seq.isdecimal() and int(seq) > reached
                how = (
                    f"the log ends at entry {reached}: later entries were removed"
                    if cut
                    else "the log has another one there"
                )
                self.findings.append(f"the ledger has recorded entry {seq}, and {how}")


# ---- for the processes ----


class AuditLog:
    """The log as one process writes it. `source`: page, shell, hand, api or chat."""

    def __init__(self, path: Path, source: str = "page") -> None:
        self.path, self.source = path, source
        self._missed = 0

    def write(self, what: str, *, by: str, role: str, address: str, facts: Mapping[str, Any] | None = None,
              source: str = "", wait_s: float = LOCK_S) -> None:  # fmt: skip
        """Append one line, durably. Raises OSError; the next line that can be written says how many could not."""
        row = {"what": what, "source": source or self.source, "by": by, "role": role, "from": address,
               "uid": os.getuid(), **(facts or {})}  # fmt: skip
        if self._missed:
            row["missed"] = self._missed
        try:
            append(self.path, row, wait_s=wait_s)
        except OSError:
            self._missed += 1
            raise
        self._missed = 0

    def note(self, what: str, *, by: str, role: str, address: str, facts: Mapping[str, Any] | None = None,
             source: str = "", wait_s: float = LOCK_S) -> bool:  # fmt: skip
        """The same for what happens anyway: a failure is logged, and the answer is False."""
        try:
            self.write(what, by=by, role=role, address=address, facts=facts, source=source, wait_s=wait_s)
        except OSError as error:
            log.error("audit.not_written what=%s error=%s", what, error.strerror)
            return False
        return True

    def tail(self, most: int = 200) -> list[dict[str, Any]]:
        """The newest lines, newest first."""
        return tail(self.path, most)


def ids(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The ids of the commands that lines name."""
    return (str(row["id"]) for row in rows if row.get("what") == "command" and "id" in row)
