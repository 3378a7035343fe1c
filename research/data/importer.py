"""CSV and Parquet from anywhere into candles: understood, shown, checked; what can't be trusted is left out, named."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from research.data import detect, json_tables, outliers, product_name, products, tables
from research.data.candles import SHORT_NAMES, CandleSet, Floats, Ints, granularity_text
from research.data.choices import DateOrder, OutlierChoice
from research.errors import ResearchError

MAX_DECIMALS = 8
OFF_GRID = 1e-3  # share of prices that may lie off the exchange's increment: a stray digit is no other increment


@dataclass(frozen=True, slots=True)
class Imported:
    """Candles and what was understood, left out and noticed on the way, in words."""

    candles: CandleSet
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Raw:
    """A table as read: times in seconds, prices and volume as they stand, in the file's order."""

    product_id: str
    start_s: Ints
    prices: dict[str, Floats]
    said: tuple[str, ...]


def read_files(
    paths: Sequence[Path],
    product_id: str | None = None,
    timezone: str | None = None,
    granularity_s: int | None = None,
    price_increment: str | None = None,
    base_increment: str | None = None,
    source: str = "",
    *,
    data_dir: Path | None = None,
    date_order: DateOrder | None = None,
    outlier_choice: OutlierChoice | None = None,
) -> Imported:
    """One set from one or several files of the same product. `data_dir`: where the exchange's product list is kept.

    Raises ResearchError, for a product that nothing names and for bars that a market cannot have made as well, unless
    `product_id` and `outlier_choice` say what they are.
    """
    raws = [_read(path, product_id, timezone, date_order) for path in paths]
    found_ids = dict.fromkeys(raw.product_id for raw in raws)
    if len(found_ids) > 1:
        raise ResearchError(f"the files contain {' and '.join(found_ids)}: import each separately")
    product_id = raws[0].product_id
    start = np.concatenate([raw.start_s for raw in raws])
    prices = {word: np.concatenate([raw.prices[word] for raw in raws]) for word in raws[0].prices}
    said = [f"{path.name}: {line}" for path, raw in zip(paths, raws, strict=True) for line in raw.said]
    if not len(start):
        raise ResearchError(f"{', '.join(path.name for path in paths)}: no rows")
    name = source or ", ".join(path.name for path in paths)
    return checked(
        product_id, start, prices, said, name, granularity_s, price_increment, base_increment, data_dir=data_dir,
        outlier_choice=outlier_choice,
    )  # fmt: skip


def checked(
    product_id: str,
    start: Ints,
    prices: dict[str, Floats],
    said: list[str],
    source: str,
    granularity_s: int | None = None,
    price_increment: str | None = None,
    base_increment: str | None = None,
    *,
    data_dir: Path | None = None,
    outlier_choice: OutlierChoice | None = None,
) -> Imported:
    """A set of these rows, what can't be trusted left out; `said` is gone on with. Raises ResearchError."""
    start, prices = _only_sound(start, prices, said)
    start, prices = _in_order(start, prices, said)
    seconds = granularity_s or _usual_step(start)
    said.append(f"bars of {granularity_text(seconds)}" + ("" if granularity_s else " (their usual spacing)"))
    start, prices = _on_grid(start, prices, seconds, said)
    start, prices = _without_outliers(start, prices, outlier_choice, said)
    known = products.terms(data_dir, product_id) if data_dir is not None else None
    tick = price_increment or _price_increment(prices, known, said)
    if price_increment:
        said.append(f"price increment {tick}, as specified")
    step = base_increment or (known.base_increment if known else _step_for(tick))
    said.append(_size_words(step, known, asked=bool(base_increment)))
    still = int(((prices["volume"] == 0) & (prices["high"] == prices["low"])).sum())
    if still:
        said.append(
            f"{still} bars without volume: filled in by the source of the file, not from trades; kept as they are"
        )
    candles = CandleSet(
        product_id, seconds, start, prices["open"], prices["high"], prices["low"], prices["close"], prices["volume"],
        price_increment=tick, base_increment=step, source=source,
        notes=tuple(said), base_min_size=known.base_min_size if known else step,
        quote_min_size=known.quote_min_size if known else "",
    )  # fmt: skip
    return Imported(candles, tuple(said))


def _price_increment(prices: dict[str, Floats], known: products.ProductTerms | None, said: list[str]) -> str:
    """The exchange's increment, where the prices lie on it; a history may be finer than the market is today."""
    columns = [prices[word] for word in ("open", "high", "low", "close")]
    digits = _tick_of(*columns)
    if known is None:
        said.append(f"price increment {digits} (the finest decimals among the prices)")
        return digits
    off = _share_off(known.price_increment, *columns)
    if off < OFF_GRID:
        said.append(f"price increment {known.price_increment}, from {known.source}")
        return known.price_increment
    said.append(
        f"price increment {digits}: {off:.1%} of the prices are not multiples of {known.price_increment} that "
        f"{known.source} names"
    )
    return digits


def _size_words(step: str, known: products.ProductTerms | None, *, asked: bool) -> str:
    if asked:
        return f"size increment {step}, as specified"
    if known is not None:
        return (
            f"size increment {step}, smallest order {known.base_min_size} and {known.quote_min_size} of the quote "
            f"currency, from {known.source}"
        )
    return (
        f"size increment {step}: assumed, since no list names the product "
        "(./coin data products fetches the exchange's; --base-increment sets it)"
    )


def _without_outliers(
    start: Ints, prices: dict[str, Floats], choice: OutlierChoice | None, said: list[str]
) -> tuple[Ints, dict[str, Floats]]:
    """Bars that a market cannot have made are told; a leap as a whole needs a choice."""
    found = outliers.find(*(prices[word] for word in ("open", "high", "low", "close")))
    told = found.told(start)
    if found.shift is not None and choice is not OutlierChoice.KEEP:
        raise ResearchError(f"{told[0]} Import the parts separately, or keep everything as it is: --outliers keep")
    if found.leaps.any() and choice is None:
        raise ResearchError(f"{told[0]}: leave them out with --outliers drop, or keep them with --outliers keep")
    dropped = found.leaps.any() and choice is OutlierChoice.DROP
    for line in told:
        said.append(f"{line}: {'left out' if dropped and 'beside them' in line else 'kept'}")
    return _take(start, prices, ~found.leaps) if dropped else (start, prices)


def _read(path: Path, product_id: str | None, timezone: str | None, date_order: DateOrder | None) -> _Raw:
    if not path.is_file():
        raise ResearchError(f"{path} is not a file")
    read = (
        tables.parquet if path.suffix == ".parquet" else json_tables.read if json_tables.is_json(path) else tables.csv
    )
    names, table = read(path)
    product_id, word, rows = _product(path, names, table, product_id)
    if rows is not None:
        table = [column.take(rows) for column in table]
    columns = detect.by_names(names, product_id) if names else detect.by_position([tables.numbers(c) for c in table])
    said = [word, *columns.said]
    start, word = tables.seconds(table[columns.at["time"]], timezone, date_order)
    said.append(word)
    prices = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = tables.numbers(table[columns.at[name]])
        if values is None:
            raise ResearchError(f"{path.name}: the column for {name} contains something that is not a number")
        prices[name] = values
    return _Raw(product_id, start, prices, tuple(said))


def _product(
    path: Path, names: Sequence[str], table: Sequence[Any], wanted: str | None
) -> tuple[str, str, list[int] | None]:
    """(product, sentence, rows that are its own where a table holds several). Raises ResearchError."""
    at = next((i for i, name in enumerate(names) if detect.plain(name) in product_name.SYMBOL_COLUMNS), None)
    symbols = [str(value) for value in table[at].to_pylist()] if at is not None else []
    by_symbol = product_name.of_symbols(symbols, wanted)
    hints = by_symbol or [*product_name.of_columns(names), *product_name.of_file_name(path.name)]
    several = len(set(symbols)) > 1
    product_id, word = product_name.decide(path.name, [] if several and wanted else hints, wanted)
    return product_id, word, product_name.rows_of(symbols, product_id) if several else None


def _take(start: Ints, prices: dict[str, Floats], at: Any) -> tuple[Ints, dict[str, Floats]]:
    return start[at], {word: np.ascontiguousarray(values[at]) for word, values in prices.items()}


def _only_sound(start: Ints, prices: dict[str, Floats], said: list[str]) -> tuple[Ints, dict[str, Floats]]:
    o, h, lo, c, v = (prices[word] for word in ("open", "high", "low", "close", "volume"))
    with np.errstate(invalid="ignore"):
        known = np.isfinite(o) & np.isfinite(h) & np.isfinite(lo) & np.isfinite(c) & np.isfinite(v)
        positive = (o > 0) & (h > 0) & (lo > 0) & (c > 0) & (v >= 0)
        ordered = (h >= o) & (h >= c) & (lo <= o) & (lo <= c)
    for what, good in (
        ("a value that is not a number", known),
        ("a price that is not above zero", positive | ~known),
        ("a high or low that contradicts its open or close", ordered | ~known),
    ):
        if not good.all():
            said.append(f"{int((~good).sum())} rows with {what}: left out")
    good = known & positive & ordered
    if not good.any():
        raise ResearchError("no row contains a valid candle: " + "; ".join(said[-3:]))
    return (start, prices) if good.all() else _take(start, prices, good)


def _in_order(start: Ints, prices: dict[str, Floats], said: list[str]) -> tuple[Ints, dict[str, Floats]]:
    step = np.diff(start)
    if (step > 0).all():
        return start, prices
    said.append("newest first: reversed" if (step < 0).all() else "not in time order: sorted")
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
        said.append(f"bars begin {phase} s after the regular bar time")
    good = start % seconds == phase
    if good.all():
        return start, prices
    said.append(f"{int((~good).sum())} rows are between two bar times: left out")
    return _take(start, prices, good)


def _step_for(tick: str) -> str:
    """A usual step of sizes: 1e-8, coarser for cheap coins, so that step x tick is not below 1e-10."""
    decimals = -int(Decimal(tick).adjusted())
    return f"{Decimal(1).scaleb(-min(8, max(10 - decimals, 0))):f}"


def _share_off(tick: str, *columns: Floats) -> float:
    """Part of the prices that are no multiples of `tick`."""
    values = np.concatenate([column[:: max(1, len(column) // 20_000)] for column in columns])
    scaled = values / float(tick)
    return float(np.mean(np.abs(scaled - np.rint(scaled)) > 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)))


def _tick_of(*columns: Floats) -> str:
    """The coarsest power of ten that all (but a thousandth) of the prices are multiples of."""
    for decimals in range(MAX_DECIMALS + 1):
        tick = f"{Decimal(1).scaleb(-decimals):f}"
        if _share_off(tick, *columns) < OFF_GRID:
            return tick
    return f"{Decimal(1).scaleb(-MAX_DECIMALS):f}"
