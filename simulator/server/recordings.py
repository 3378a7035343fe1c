"""Reads recorded candles and trades from tables: CSV, plain or gzipped, or Parquet, in the spellings that are about."""

import contextlib
import csv
import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from shared.errors import first_line
from simulator.core.bars import SimBar
from simulator.core.products import DEFAULT_PRODUCTS, SimProduct, other_product
from simulator.core.replay import BadRecording, Recording
from simulator.core.trades import TradeRecording
from simulator.core.units import ONE, to_atoms

_PRODUCTS = (
    re.compile(r"(?<![A-Z0-9])([A-Z0-9]{2,10})-(USDC|USDT|USD|EUR|GBP|BTC)(?![A-Z0-9])"),
    re.compile(r"(?<![A-Z0-9])([A-Z0-9]{2,10})_(USDC|USDT|USD|EUR|GBP)(?![A-Z0-9])"),
)
_NAMES = {
    "time": ("time", "timestamp", "start", "open_time", "opentime", "date", "datetime", "unix", "ts"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "volume_base", "base_volume"),
}
LENGTHS = (1, 5, 15, 30, 60, 120, 240, 360, 1440)
MAX_TICK_DECIMALS = 8
Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]


def product_in_name(path: Path, otherwise: str) -> str:
    """The product that a file's name holds, such as BTC-USD; else `otherwise`."""
    for pattern in _PRODUCTS:
        found = pattern.search(path.name.upper())
        if found:
            return f"{found[1]}-{found[2]}"
    return otherwise


def fingerprint(path: Path) -> str:
    """Tells files apart: size and hash of the ends. Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(65_536)
        file.seek(max(0, size - 65_536))
        return f"{size}-{hashlib.sha256(head + file.read()).hexdigest()[:16]}"


def parse_minute(text: str, where: str) -> int:
    """Minutes since 1970."""
    return parse_us(text, where) // 60_000_000


def parse_us(text: str, where: str) -> int:
    """Microseconds since 1970 of seconds, milliseconds, microseconds, nanoseconds or an ISO time."""
    text = text.strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise BadRecording(f"{where}: {text!r} is not a time") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round(at.timestamp() * 1_000_000)
    if not number.is_finite() or number < 0:
        raise BadRecording(f"{where}: {text!r} is not a time")
    while number > 100_000_000_000:
        number /= 1000
    return int(number * 1_000_000)


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    names = [name.strip().strip('"').lower().replace(" ", "_") for name in header]
    found = {}
    for wanted, spellings in _NAMES.items():
        at = next((names.index(s) for s in spellings if s in names), None)
        if at is None:
            raise BadRecording(f"{path.name}: no column {wanted}; the header reads {','.join(header)[:200]}")
        found[wanted] = at
    return found


def table(path: Path) -> Generator[list[str], None, None]:
    """The rows of a CSV file, plain or gzipped, or of a Parquet file, the header first."""
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="", encoding="utf-8-sig") as file:
        yield from csv.reader(file)


def _parquet(path: Path) -> Generator[list[str], None, None]:
    try:
        import pyarrow.parquet  # noqa: PLC0415  of the research packages: heavy, and not always installed
    except ImportError:
        raise BadRecording(f"{path.name}: Parquet files need pyarrow (requirements-research.txt)") from None
    try:
        file = pyarrow.parquet.ParquetFile(path)
        yield file.schema_arrow.names
        for batch in file.iter_batches():
            columns = [
                # Python's times end at microseconds.
                column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
                if pyarrow.types.is_timestamp(column.type)
                else column
                for column in batch.columns
            ]
            for row in zip(*(column.to_pylist() for column in columns), strict=True):
                yield ["" if value is None else str(value) for value in row]
    except pyarrow.ArrowException as error:
        raise BadRecording(f"{path.name}: not a Parquet file ({first_line(error, 100)})") from error


def _rows(path: Path) -> Iterator[Row]:
    with contextlib.closing(table(path)) as reader:
        try:
            columns = _columns(next(reader), path)
        except StopIteration:
            raise BadRecording(f"{path.name}: the file is empty") from None
        for line, row in enumerate(reader, start=2):
            if not row:
                continue
            where = f"{path.name} line {line}"
            try:
                open_, high, low, close, volume = (
                    Decimal(row[columns[name]]) for name in ("open", "high", "low", "close", "volume")
                )
                minute = parse_minute(row[columns["time"]], where)
            except (InvalidOperation, IndexError):
                raise BadRecording(f"{where}: {','.join(row)[:100]!r} is not a candle") from None
            if not all(v.is_finite() for v in (open_, high, low, close, volume)) or min(open_, high, low, close) <= 0:
                raise BadRecording(f"{where}: prices must be positive numbers")
            yield (
                minute,
                open_,
                max(open_, high, low, close),
                min(open_, high, low, close),
                close,
                max(Decimal(0), volume),
            )


def _decimals(rows: Sequence[Row]) -> int:
    """The finest decimals of the prices."""
    finest = 0
    for row in rows:
        for price in row[1:5]:
            exponent = price.normalize().as_tuple().exponent
            if isinstance(exponent, int):
                finest = max(finest, -exponent)
    return min(finest, MAX_TICK_DECIMALS)


def _product(product_id: str, rows: Sequence[Row]) -> SimProduct:
    finest = _decimals(rows)
    for product in DEFAULT_PRODUCTS:
        exponent = Decimal(product.price_increment).as_tuple().exponent
        if product.product_id == product_id and isinstance(exponent, int) and -exponent >= finest:
            return product
    increment = "1" if finest == 0 else "0." + "0" * (finest - 1) + "1"
    return other_product(product_id, increment, str(rows[0][1]))


def load(path: Path, product_if_unnamed: str) -> Recording | TradeRecording:
    """The recording in a file. Raises BadRecording or OSError, both with the file's name."""
    try:
        if _holds_trades(path):
            return _load_trades(path, product_if_unnamed)
        rows = sorted({row[0]: row for row in _rows(path)}.values())
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
        raise BadRecording(f"{path.name}: not a CSV file of candles ({error})") from error
    if len(rows) < 10:
        raise BadRecording(f"{path.name}: {len(rows)} candles are too few to replay")
    gaps = Counter(b[0] - a[0] for a, b in pairwise(rows))
    length = gaps.most_common(1)[0][0]
    if length not in LENGTHS:
        raise BadRecording(f"{path.name}: candles of {length} minutes; known are {', '.join(map(str, LENGTHS))}")
    product = _product(product_in_name(path, product_if_unnamed), rows)
    recording = Recording(product, length)
    for minute, open_, high, low, close, volume in rows:
        if minute % length:
            raise BadRecording(f"{path.name}: minute {minute} is not on the grid of {length} minutes")
        if volume:
            first, top, bottom, last = (to_atoms(_cut(p)) // product.tick for p in (open_, high, low, close))
            recording.add(minute, SimBar(first, top, bottom, last, max(1, int(volume * (ONE // product.step)))))
    return recording


def _holds_trades(path: Path) -> bool:
    header = [name.strip().lower() for name in next(table(path), [])]
    return "price" in header and "open" not in header


def _load_trades(path: Path, product_if_unnamed: str) -> TradeRecording:
    """time, price, size and side (the maker's, as Coinbase writes it), rising in time or not."""
    found: list[tuple[int, Decimal, Decimal, bool]] = []
    with contextlib.closing(table(path)) as reader:
        header = [name.strip().lower() for name in next(reader)]
        at = {name: header.index(name) for name in ("price", "size", "side") if name in header}
        time_at = next((header.index(name) for name in _NAMES["time"] if name in header), None)
        if len(at) < 3 or time_at is None:
            raise BadRecording(f"{path.name}: trades have the columns time, price, size and side")
        for line, row in enumerate(reader, start=2):
            where = f"{path.name} line {line}"
            try:
                price, size = Decimal(row[at["price"]]), Decimal(row[at["size"]])
                side = row[at["side"]].strip().upper()
                time_us = parse_us(row[time_at], where)
            except (InvalidOperation, IndexError):
                raise BadRecording(f"{where}: {','.join(row)[:100]!r} is not a trade") from None
            if not (price.is_finite() and size.is_finite()) or price <= 0 or size <= 0 or side not in ("BUY", "SELL"):
                raise BadRecording(f"{where}: a trade has a positive price and size, and BUY or SELL")
            found.append((time_us, price, size, side == "BUY"))
    if len(found) < 10:
        raise BadRecording(f"{path.name}: {len(found)} trades are too few to replay")
    found.sort(key=lambda trade: trade[0])
    prices = [(0, price, price, price, price, Decimal(1)) for _, price, _, _ in found]
    recording = TradeRecording(_product(product_in_name(path, product_if_unnamed), prices))
    product = recording.product
    for time_us, price, size, maker_buys in found:
        steps = max(1, int(size * (ONE // product.step)))
        recording.add(time_us, to_atoms(_cut(price)) // product.tick, steps, maker_buys)
    return recording


def _cut(price: Decimal) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-MAX_TICK_DECIMALS)) if _too_fine(price) else price


def _too_fine(price: Decimal) -> bool:
    exponent = price.as_tuple().exponent
    return isinstance(exponent, int) and -exponent > MAX_TICK_DECIMALS
