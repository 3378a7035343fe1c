"""Candles in JSON: a line for each, or one document with a list of them, as bots and exchanges write them."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from research.errors import ResearchError

WANTED = (
    'one candle a line, such as {"time": 1700000000, "open": 1, "high": 2, "low": 1, "close": 2, "volume": 3}, a list '
    "of such, or rows of six numbers"
)


def is_json(path: Path) -> bool:
    """True where the file's name or its first character says so."""
    name = path.name.removesuffix(".gz").lower()
    return name.endswith((".json", ".jsonl", ".ndjson")) or _text(path, 256).lstrip()[:1] in (b"{", b"[")


def read(path: Path) -> tuple[list[str], list[Any]]:
    """(names of the columns, or none where the rows have none, the columns). Raises ResearchError."""
    rows = _rows(path, _text(path))
    if not rows:
        raise ResearchError(f"{path.name} has no rows; expected {WANTED}")
    if all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(key for row in rows for key in row))
        columns = [[row.get(name) for row in rows] for name in names]
    elif all(isinstance(row, list) for row in rows) and len({len(row) for row in rows}) == 1:
        names, columns = [], [list(column) for column in zip(*rows, strict=True)]
    else:
        raise ResearchError(f"{path.name}: the rows have different forms; expected {WANTED}")
    return names, [pa.chunked_array([_column(values)]) for values in columns]


def _column(values: list[Any]) -> Any:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers and texts in one column, or something else altogether
        return pa.array([None if value is None else str(value) for value in values])


def _rows(path: Path, data: bytes) -> list[Any]:
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _by_line(path, data)
    if isinstance(whole, list):
        return whole
    lists = [value for value in whole.values() if isinstance(value, list)] if isinstance(whole, dict) else []
    if len(lists) == 1:  # an exchange's answer: {"candles": [...]}
        return lists[0]
    return [whole]


def _by_line(path: Path, data: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise ResearchError(f"{path.name}: line {number} is not JSON ({error}); expected {WANTED}") from error
    return rows


def _text(path: Path, most: int = -1) -> bytes:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(most).removeprefix(b"\xef\xbb\xbf")
    except (OSError, EOFError) as error:
        raise ResearchError(f"{path.name}: {error}") from error
