"""CSV and Parquet from anywhere into candles: understood, shown, checked; what can't be trusted is left out, named."""

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from research.data import detect
from research.data.candles import SHORT_NAMES, Candles, Floats, Ints, granularity_text
from research.errors import ResearchError

MAX_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Imported:
    """Candles and what was understood, left out and noticed on the way, in words."""

    candles: Candles
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Raw:
    """A table as read: times in seconds, prices and volume as they stand, in the file's order."""

    start_s: Ints
    prices: dict[str, Floats]
    said: tuple[str, ...]


def read_files(
    paths: Sequence[Path],
    product_id: str,
    timezone: str | None = None,
    granularity_s: int | None = None,
    price_increment: str | None = None,
    base_increment: str | None = None,
    source: str = "",
) -> Imported:
    """One set from one or several files of the same product. Raises ResearchError."""
    raws = [_read(path, product_id, timezone) for path in paths]
    start = np.concatenate([raw.start_s for raw in raws])
    prices = {word: np.concatenate([raw.prices[word] for raw in raws]) for word in raws[0].prices}
    said = [f"{path.name}: {line}" for path, raw in zip(paths, raws, strict=True) for line in raw.said]
    if not len(start):
        raise ResearchError(f"{', '.join(path.name for path in paths)}: no rows")
    start, prices = _only_sound(start, prices, said)
    start, prices = _in_order(start, prices, said)
    seconds = granularity_s or _usual_step(start)
    said.append(f"bars of {granularity_text(seconds)}" + ("" if granularity_s else " (their usual distance)"))
    start, prices = _on_grid(start, prices, seconds, said)
    tick = price_increment or _tick_of(*(prices[word] for word in ("open", "high", "low", "close")))
    said.append(f"price increment {tick}" + ("" if price_increment else " (the finest decimals among the prices)"))
    step = base_increment or _step_for(tick)
    said.append(f"size increment {step}" + ("" if base_increment else " (no file says it: assumed)"))
    still = int(((prices["volume"] == 0) & (prices["high"] == prices["low"])).sum())
    if still:
        said.append(f"{still} bars without volume: put there by whoever made the file, not by trades; kept as they are")
    candles = Candles(
        product_id, seconds, start, prices["open"], prices["high"], prices["low"], prices["close"], prices["volume"],
        price_increment=tick, base_increment=step, source=source or ", ".join(path.name for path in paths),
        notes=tuple(said),
    )  # fmt: skip
    return Imported(candles, tuple(said))


def _read(path: Path, product_id: str, timezone: str | None) -> _Raw:
    if not path.is_file():
        raise ResearchError(f"{path} is no file")
    if path.suffix == ".parquet":
        table, columns = _parquet(path, product_id)
    else:
        table, columns = _csv(path, product_id)
    said = list(columns.said)
    time = table[columns.at["time"]]
    start, word = _seconds(time, timezone)
    said.append(word)
    prices = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = _numbers(table[columns.at[name]])
        if values is None:
            raise ResearchError(f"{path.name}: the column for {name} holds something that is no number")
        prices[name] = values
    return _Raw(start, prices, tuple(said))


def _csv(path: Path, product_id: str) -> tuple[list[Any], detect.Columns]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.csv as pc  # noqa: PLC0415

    head, skip, delimiter = _sniff(path)
    named = detect.is_header(head)
    options = pc.ReadOptions(skip_rows=skip, autogenerate_column_names=not named)
    try:
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
            table = pc.read_csv(stream, read_options=options, parse_options=pc.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise ResearchError(f"{path.name}: {error}") from error
    columns = [table.column(i) for i in range(table.num_columns)]
    if named:
        return columns, detect.by_names(head, product_id)
    return columns, detect.by_position([_numbers(column) for column in columns])


def _sniff(path: Path) -> tuple[list[str], int, str]:
    """Fields of the first line of the table, lines above it, and the delimiter."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        lines = [line.rstrip("\r\n") for _, line in zip(range(20), file, strict=False)]
    for skip, line in enumerate(lines):
        counts = Counter({mark: line.count(mark) for mark in ",;\t|"})
        delimiter, count = counts.most_common(1)[0]
        if count >= 5:
            return [field.strip().strip('"') for field in line.split(delimiter)], skip, delimiter
    raise ResearchError(f"{path.name}: no table with six columns in its first lines")


def _parquet(path: Path, product_id: str) -> tuple[list[Any], detect.Columns]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResearchError(f"{path.name}: {error}") from error
    return [table.column(i) for i in range(table.num_columns)], detect.by_names(table.column_names, product_id)


def _numbers(column: Any) -> Floats | None:
    import pyarrow as pa  # noqa: PLC0415

    try:
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _seconds(column: Any, timezone: str | None) -> tuple[Ints, str]:
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_timestamp(kind):
        whole = column.cast(pa.timestamp("s", tz=kind.tz), safe=False).cast(pa.int64())
        seconds = np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.int64)
        if kind.tz is None and timezone:
            return _shifted(seconds, timezone), f"time in {timezone}, as asked"
        word = (
            f"with the zone {kind.tz}" if kind.tz else "taken as UTC, since it names no zone (--timezone changes that)"
        )
        return seconds, f"time {word}"
    if pa.types.is_date(kind):
        days = np.asarray(column.cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=False), dtype=np.int64)
        return days * 86_400, "time as a date, taken as 00:00 UTC"
    numbers = _numbers(column)
    if numbers is not None:
        return detect.seconds_of_numbers(numbers)
    return detect.seconds_of_texts(column.to_pylist(), timezone)


def _shifted(local_s: Ints, timezone: str) -> Ints:
    """Wall-clock seconds of a zone as seconds since 1970."""
    import datetime as dt  # noqa: PLC0415

    zone = detect.zone_of(timezone)
    return np.array(
        [int(dt.datetime.fromtimestamp(s, dt.UTC).replace(tzinfo=zone).timestamp()) for s in local_s.tolist()],
        dtype=np.int64,
    )


def _take(start: Ints, prices: dict[str, Floats], at: Any) -> tuple[Ints, dict[str, Floats]]:
    return start[at], {word: np.ascontiguousarray(values[at]) for word, values in prices.items()}


def _only_sound(start: Ints, prices: dict[str, Floats], said: list[str]) -> tuple[Ints, dict[str, Floats]]:
    o, h, lo, c, v = (prices[word] for word in ("open", "high", "low", "close", "volume"))
    with np.errstate(invalid="ignore"):
        known = np.isfinite(o) & np.isfinite(h) & np.isfinite(lo) & np.isfinite(c) & np.isfinite(v)
        positive = (o > 0) & (h > 0) & (lo > 0) & (c > 0) & (v >= 0)
        ordered = (h >= o) & (h >= c) & (lo <= o) & (lo <= c)
    for what, good in (
        ("a value that is no number", known),
        ("a price that is not above zero", positive | ~known),
        ("a high or low that its own open or close contradicts", ordered | ~known),
    ):
        if not good.all():
            said.append(f"{int((~good).sum())} rows with {what}: left out")
    good = known & positive & ordered
    if not good.any():
        raise ResearchError("no row holds a candle: " + "; ".join(said[-3:]))
    return (start, prices) if good.all() else _take(start, prices, good)


def _in_order(start: Ints, prices: dict[str, Floats], said: list[str]) -> tuple[Ints, dict[str, Floats]]:
    step = np.diff(start)
    if (step > 0).all():
        return start, prices
    said.append("newest first: turned round" if (step < 0).all() else "not in order of time: sorted")
    # Of rows with the same time the one with the larger volume counts: it was read later, when the bar was complete.
    order = np.lexsort((prices["volume"], start))
    start, prices = _take(start, prices, order)
    last = np.append(start[1:] != start[:-1], True)
    if not last.all():
        said.append(f"{int((~last).sum())} rows repeat a time: the one with the larger volume counts")
        start, prices = _take(start, prices, last)
    return start, prices


def _usual_step(start: Ints) -> int:
    if len(start) < 2:
        raise ResearchError("a single row shows no bar length: give --granularity")
    steps, counts = np.unique(np.diff(start), return_counts=True)
    usual = int(steps[np.argmax(counts)])
    # Trades are rare in short bars, so that the usual distance may be several of them: nearly all must be multiples.
    for seconds in sorted({usual, 1, 5, 10, 15, 30, *SHORT_NAMES}, reverse=True):
        _, counts = np.unique(start % seconds, return_counts=True)
        if seconds <= usual and counts.max() >= 0.999 * len(start):
            return seconds
    return usual


def _on_grid(start: Ints, prices: dict[str, Floats], seconds: int, said: list[str]) -> tuple[Ints, dict[str, Floats]]:
    phases, counts = np.unique(start % seconds, return_counts=True)
    phase = int(phases[np.argmax(counts)])
    if phase:
        said.append(f"bars begin {phase} s after the turn of a bar")
    good = start % seconds == phase
    if good.all():
        return start, prices
    said.append(f"{int((~good).sum())} rows lie between two bars: left out")
    return _take(start, prices, good)


def _step_for(tick: str) -> str:
    """A usual step of sizes: 1e-8, coarser for cheap coins, so that step x tick is not below 1e-10."""
    decimals = -int(Decimal(tick).adjusted())
    return f"{Decimal(1).scaleb(-min(8, max(10 - decimals, 0))):f}"


def _tick_of(*columns: Floats) -> str:
    """The coarsest power of ten that all (but a thousandth) of the prices are multiples of."""
    values = np.concatenate([column[:: max(1, len(column) // 20_000)] for column in columns])
    for decimals in range(MAX_DECIMALS + 1):
        scaled = values * 10**decimals
        if np.mean(np.abs(scaled - np.rint(scaled)) > 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)) < 1e-3:
            return f"{Decimal(1).scaleb(-max(decimals, 0)):f}"
    return f"{Decimal(1).scaleb(-MAX_DECIMALS):f}"
