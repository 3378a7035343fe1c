"""Foreign tables into candles: understood, checked, nothing invented, and kept as they are."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from research.data import store
from research.data.candles import CandleSet, gaps, granularity_s
from research.data.importer import read_files
from research.errors import ResearchError
from tests.research.paths import path

HEADER = "time,open,high,low,close,volume"
ROWS = [
    (1_700_000_040, 10.0, 11.0, 9.0, 10.5, 1.0),
    (1_700_000_100, 10.5, 12.25, 10.0, 12.0, 2.0),
    (1_700_000_280, 12.0, 12.0, 11.0, 11.5, 3.0),
]


def write(folder: Path, text: str, name: str = "bars.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def table(header: str, rows: list[tuple[object, ...]], mark: str = ",") -> str:
    return "\n".join(filter(None, [header, *(mark.join(str(cell) for cell in row) for row in rows)])) + "\n"


def check(candles: CandleSet) -> None:
    assert candles.start_s.tolist() == [row[0] for row in ROWS]
    assert candles.high.tolist() == [11.0, 12.25, 12.0] and candles.volume.tolist() == [1.0, 2.0, 3.0]
    assert (candles.granularity_s, candles.price_increment) == (60, "0.01")
    assert gaps(candles).start_s.tolist() == [1_700_000_160] and gaps(candles).bars.tolist() == [2]


@pytest.mark.parametrize("scale", [1, 1000, 10**6, 10**9])
def test_units_of_time(tmp_path: Path, scale: int) -> None:
    rows = [(row[0] * scale, *row[1:]) for row in ROWS]
    check(read_files([write(tmp_path, table(HEADER, rows))], "BTC-USD", granularity_s=60).candles)


@pytest.mark.parametrize(
    ("form", "zone"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", None), ("%Y-%m-%d %H:%M:%S", None), ("%Y-%m-%d %H:%M:%S UTC", None),
        ("%Y/%m/%d %H:%M:%S", None), ("%Y-%m-%dT%H:%M:%S+00:00", None),
    ],
)  # fmt: skip
def test_times_as_text(tmp_path: Path, form: str, zone: str | None) -> None:
    rows = [(datetime.fromtimestamp(row[0], UTC).strftime(form), *row[1:]) for row in ROWS]
    found = read_files([write(tmp_path, table("Date,Open,High,Low,Close,Volume BTC", rows))], "BTC-USD", zone, 60)
    check(found.candles)
    assert any("time" in line for line in found.said)


def test_a_zone_that_was_asked_for(tmp_path: Path) -> None:
    zone = ZoneInfo("America/New_York")
    rows = [(datetime.fromtimestamp(row[0], zone).strftime("%Y-%m-%d %H:%M:%S"), *row[1:]) for row in ROWS]
    file = write(tmp_path, table(HEADER, rows))
    check(read_files([file], "BTC-USD", "America/New_York", 60).candles)
    with pytest.raises(ResearchError, match="time zone"):
        read_files([file], "BTC-USD", "Mars/Olympus", 60)


def test_other_shapes(tmp_path: Path) -> None:
    shuffled = [(row[5], row[4], row[0], row[1], row[3], row[2]) for row in ROWS]
    check(
        read_files([write(tmp_path, table("vol;close;unix;open;low;high", shuffled, ";"))], "BTC-USD", None, 60).candles
    )
    # Coinbase Exchange's order without a header, newest first, below a line of advertising.
    bare = [(row[0], row[3], row[2], row[1], row[4], row[5]) for row in reversed(ROWS)]
    found = read_files([write(tmp_path, table("", bare))], "BTC-USD", None, 60)
    check(found.candles)
    assert any("newest first" in line for line in found.said)
    titled = "https://example.com/data\n" + table("unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
        [(row[0], "x", "BTC/USD", *row[1:], 99) for row in ROWS])  # fmt: skip
    check(read_files([write(tmp_path, titled)], "BTC-USD", None, 60).candles)
    packed = tmp_path / "bars.csv.gz"
    packed.write_bytes(gzip.compress(table(HEADER, ROWS).encode()))
    check(read_files([packed], "BTC-USD", None, 60).candles)
    columns = dict(zip(("time", "open", "high", "low", "close", "volume"), zip(*ROWS, strict=True), strict=True))
    columns["time"] = pa.array([t * 1000 for t in columns["time"]], pa.timestamp("ms"))
    pq.write_table(pa.table(columns), tmp_path / "bars.parquet")
    check(read_files([tmp_path / "bars.parquet"], "BTC-USD", None, 60).candles)


def test_what_cannot_be_trusted_is_left_out_and_named(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [
        *ROWS,
        (1_700_000_340, 12, 10, 11, 11, 1),  # high below its open
        (1_700_000_400, 0, 12, 0, 11, 1),  # no price
        (1_700_000_460, "nan", 12, 11, 11, 1),
        (1_700_000_100, 10.5, 12.0, 10.0, 12.0, 1.5),  # the same time with less volume
        (1_700_000_110, 10.5, 12.0, 10.0, 12.0, 1.5),  # between two bars
    ]
    found = read_files([write(tmp_path, table(HEADER, rows))], "BTC-USD", None, 60)
    check(found.candles)
    said = "\n".join(found.said)
    for word in ("contradicts", "above zero", "not a number", "repeat a time", "between two bar times"):
        assert word in said, said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,open,high,low,close\n1,2,3,4,5\n", "six columns"),
        ("time,open,high,low,close,size_usd\n1700000000,1,1,1,1,1\n", "no column for volume"),
        ("time,open,high,low,close,volume\n12,1,1,1,1,1\n72,1,1,1,1,1\n", "not times since 1970"),
        ("time,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "not a time that can be read"),
        ("time,open,high,low,close,volume\n1700000040,x,1,1,1,1\n", "not a number"),
        ("time,open,high,low,close,volume\n1700000040,0,0,0,0,1\n", "no row contains a valid candle"),
        ("", "six columns"),
    ],
)
def test_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ResearchError, match=message):
        read_files([write(tmp_path, text)], "BTC-USD")


@pytest.mark.parametrize(
    ("price", "tick", "step"),
    [(64_000.25, "0.01", "0.00000001"), (0.12345, "0.00001", "0.00001"), (0.00001234, "0.00000001", "0.01"),
     (31.0, "1", "0.00000001")],
)  # fmt: skip
def test_increments(tmp_path: Path, price: float, tick: str, step: str) -> None:
    rows = [(row[0], price, price, price, price, 1.0) for row in ROWS]
    candles = read_files([write(tmp_path, table(HEADER, rows))], "X-USD", None, 60).candles
    assert (candles.price_increment, candles.base_increment) == (tick, step)
    chosen = read_files([write(tmp_path, table(HEADER, rows))], "X-USD", None, 60, "0.5", "0.1").candles
    assert (chosen.price_increment, chosen.base_increment) == ("0.5", "0.1")


def test_short_bars_keep_their_length(tmp_path: Path) -> None:
    """Where trades are rare the usual distance is several bars."""
    starts = 1_700_000_000 + np.cumsum(np.random.default_rng(1).choice([1, 2, 30], 3000, p=[0.2, 0.2, 0.6]))
    rows = [(int(s), 1.0, 1.0, 1.0, 1.0, 1.0) for s in starts]
    candles = read_files([write(tmp_path, table(HEADER, rows))], "BTC-USD").candles
    assert candles.granularity_s == 1 and len(candles) == 3000


def test_store_keeps_every_bit(tmp_path: Path) -> None:
    candles = path(np.random.default_rng(2), 5000)
    file = store.save(tmp_path, "mine", candles)
    back = store.load(file)
    for column in store.COLUMNS:
        assert np.array_equal(getattr(back, column), getattr(candles, column))
    assert back.digest == candles.digest
    entry = store.entries(tmp_path)[0]
    assert (entry.bars, entry.missing, entry.name) == (len(candles), gaps(candles).total, "mine")
    assert store.find(tmp_path, "mine") == file
    with pytest.raises(ResearchError, match="there are mine"):
        store.find(tmp_path, "other")
    with pytest.raises(ResearchError, match="can't be the name"):
        store.save(tmp_path, "../x", candles)
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(ResearchError, match="not a candle set of this program"):
        store.load(foreign)


def test_other_data_has_another_digest() -> None:
    candles = path(np.random.default_rng(3), 100)
    close = candles.close.copy()
    close[50] += 0.01
    other = CandleSet("BTC-USD", 60, candles.start_s, candles.open, candles.high, candles.low, close, candles.volume)
    assert other.digest != candles.digest
    assert candles.between(None, None) is candles
    part = candles.between(int(candles.start_s[10]), int(candles.start_s[20]))
    assert len(part) == 10 and part.digest != candles.digest


def test_names_of_lengths() -> None:
    assert [granularity_s(text) for text in ("1m", "4h", "ONE_HOUR", "1d", "90s")] == [60, 14_400, 3600, 86_400, 90]
    with pytest.raises(ResearchError):
        granularity_s("soon")
