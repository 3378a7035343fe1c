"""What models in shadow answered beside the strategy that trades: DATA_DIR/models/shadow.jsonl, bounded.

Written by the bot alone, read by `./coin model show`. A full file becomes shadow.jsonl.1, and the one before is gone.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import orjson

FILE = "shadow.jsonl"
MOST_BYTES = 8 * 1024 * 1024  # of each of the two files; some 40,000 bars


@dataclass(frozen=True, slots=True)
class ShadowAnswer:
    """`target`: 1 holds all of the share, 0 nothing, None = no opinion; `value`: the model's own measure.

    `why`: why it says nothing; "" where it does.
    """

    target: float | None
    value: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ShadowLine:
    """One closed bar. `bar_s`: its open time; `close`: its price. `trades`: the strategy or model that trades."""

    bar_s: int
    product_id: str
    close: float
    trades: str
    answer: ShadowAnswer
    beside: Mapping[str, ShadowAnswer]


def append(models: Path, line: ShadowLine, most: int = MOST_BYTES) -> None:
    """Add one line. Raises OSError."""
    path = models / FILE
    data = orjson.dumps(asdict(line)) + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size and size + len(data) > most:
            os.replace(path, f"{path}.1")
            os.close(handle)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(handle, data)
    finally:
        os.close(handle)


def lines(models: Path) -> Iterator[ShadowLine]:
    """What is there, oldest first; lines that can't be read are left out."""
    for name in (f"{FILE}.1", FILE):
        try:
            data = (models / name).read_bytes()
        except FileNotFoundError:
            continue
        for line in data.split(b"\n"):
            try:
                yield msgspec.convert(orjson.loads(line), ShadowLine)
            except (ValueError, msgspec.ValidationError):
                continue
