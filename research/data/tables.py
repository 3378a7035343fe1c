"""CSV and Parquet as columns, and a column of times as seconds."""

import datetime as dt
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from research.data import detect, time_texts
from research.data.candles import Floats, Ints
from research.data.choices import DateOrder
from research.errors import ResearchError


def csv(path: Path) -> tuple[list[str], list[Any]]:
    """(names of the columns, or none where the table has no header, the columns). Raises ResearchError."""
    head, skip, delimiter = _sniff(path)
    named = detect.is_header(head)
    options = pc.ReadOptions(skip_rows=skip, autogenerate_column_names=not named)
    try:
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
            table = pc.read_csv(stream, read_options=options, parse_options=pc.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        why = str(error).partition("(")[0].strip()
        raise ResearchError(f"{path.name} can't be read as CSV: {why}; CSV, Parquet and JSON lines are read") from error
    return head if named else [], [table.column(i) for i in range(table.num_columns)]


def _sniff(path: Path) -> tuple[list[str], int, str]:
    """Fields of the first line of the table, lines above it, and the delimiter."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        lines = [line.rstrip("\r\n") for _, line in zip(range(20), file, strict=False)]
    for skip, line in enumerate(lines):
        counts = Counter({mark: line.count(mark) for mark in ",;\t|"})
        delimiter, count = counts.most_common(1)[0]
        if count >= 5:
            return [field.strip().strip('"') for field in line.split(delimiter)], skip, delimiter
    raise ResearchError(
        f"{path.name}: no table with six columns in its first lines; CSV, Parquet and JSON lines are read"
    )


def parquet(path: Path) -> tuple[list[str], list[Any]]:
    """As `csv`."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResearchError(f"{path.name}: {error}") from error
    return list(table.column_names), [table.column(i) for i in range(table.num_columns)]


def numbers(column: Any) -> Floats | None:
    """A column as float64; None where something in it is no number."""
    try:
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def seconds(column: Any, timezone: str | None, date_order: DateOrder | None) -> tuple[Ints, str]:
    """Whole seconds since 1970 of a column of any kind, and what was understood, in words. Raises ResearchError."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        whole = column.cast(pa.timestamp("s", tz=kind.tz), safe=False).cast(pa.int64())
        seconds = np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.int64)
        if kind.tz is None and timezone:
            return _shifted(seconds, timezone), f"time in {timezone}, as specified"
        word = (
            f"with the zone {kind.tz}" if kind.tz else "taken as UTC, since it names no zone (--timezone changes that)"
        )
        return seconds, f"time {word}"
    if pa.types.is_date(kind):
        days = np.asarray(column.cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=False), dtype=np.int64)
        return days * 86_400, "time as a date, taken as 00:00 UTC"
    values = numbers(column)
    if values is not None:
        return detect.seconds_of_numbers(values)
    return time_texts.seconds(column.to_pylist(), timezone, date_order)


def _shifted(local_s: Ints, timezone: str) -> Ints:
    """Wall-clock seconds of a zone as seconds since 1970."""
    zone = time_texts.zone_of(timezone)
    return np.array(
        [int(dt.datetime.fromtimestamp(s, dt.UTC).replace(tzinfo=zone).timestamp()) for s in local_s.tolist()],
        dtype=np.int64,
    )
