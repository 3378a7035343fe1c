"""Recordings in Parquet: written here by pyarrow, read back, and played by a server."""

import signal
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.core.replay import Anchor, BadRecording, Recording, Replay
from simulator.core.trades import TradeRecording
from simulator.server.recordings import load
from tests.simulator.conftest import Sim
from tests.simulator.test_replay import CLOCK, rows


def columns(count: int) -> dict[str, list[Any]]:
    data = rows(count)
    return {
        "time": [minute * 60 for minute, _ in data],
        **{name: [getattr(bar, name) / 100 for _, bar in data] for name in ("open", "high", "low", "close")},
        "volume": [bar.volume / 1e8 for _, bar in data],
    }


def write(path: Path, table: dict[str, list[Any]]) -> Path:
    pq.write_table(pa.table(table), path)
    return path


def test_candles_are_what_was_written(tmp_path: Path) -> None:
    recording = load(write(tmp_path / "venue_ETH-USD_1m.parquet", columns(200)), "BTC-USD")
    assert isinstance(recording, Recording) and recording.product.product_id == "ETH-USD"
    assert [(recording.minute[i], recording.at(i)) for i in range(200)] == rows(200)
    tape = Replay(recording, Anchor(CLOCK, recording.first, 1.0), 1)
    assert [tape.minute("ETH-USD", CLOCK + i) for i in range(200)] == [bar for _, bar in rows(200)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", None])
def test_times_may_be_datetimes_and_prices_decimals(tmp_path: Path, unit: str, zone: str | None) -> None:
    found: dict[str, Any] = {name: pa.array(values) for name, values in columns(60).items()}
    found["time"] = pa.array([datetime.fromtimestamp(at, UTC) for at in columns(60)["time"]], pa.timestamp(unit, zone))
    found["open"] = pa.array([Decimal(f"{price:.2f}") for price in columns(60)["open"]], pa.decimal128(18, 2))
    path = tmp_path / "ETH-USD.parquet"
    pq.write_table(pa.table(found), path)
    recording = load(path, "BTC-USD")
    assert isinstance(recording, Recording)
    assert [(recording.minute[i], recording.at(i)) for i in range(60)] == rows(60)


def test_trades(tmp_path: Path) -> None:
    table = {
        "time": [1_786_309_440.25 + i for i in range(30)],
        "price": [1919.5 + i / 100 for i in range(30)],
        "size": [0.5] * 30,
        "side": ["BUY", "SELL"] * 15,
    }
    recording = load(write(tmp_path / "ETH-USD_trades.parquet", table), "BTC-USD")
    assert isinstance(recording, TradeRecording)
    assert (recording.time_us[0], recording.tick[0], recording.steps[0]) == (1_786_309_440_250_000, 191_950, 50_000_000)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing that is Parquet", b"time,open\n"])
def test_what_is_no_parquet_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ETH-USD.parquet"
    path.write_bytes(content)
    with pytest.raises(BadRecording, match="not a Parquet file"):
        load(path, "BTC-USD")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        load(tmp_path / "nowhere.parquet", "BTC-USD")


def test_without_pyarrow_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "ETH-USD.parquet", columns(20))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadRecording, match=r"need pyarrow \(requirements-research.txt\)"):
        load(path, "BTC-USD")


def test_a_server_plays_it(tmp_path: Path) -> None:
    path = write(tmp_path / "venue_ETH-USD_1m.parquet", columns(3000))
    sim = Sim(tmp_path / "data", settings={"COIN_MODE": "replay", "SIM_REPLAY": str(path)})
    sim.folder.mkdir()
    try:
        client = sim.start().sdk()
        now = int(time.time())
        candles = client.get_candles("ETH-USD", str(now - 3600), str(now - 120), "ONE_MINUTE").candles
        closes = {f"{bar.close / 100:.2f}".rstrip("0").rstrip(".") for _, bar in rows(3000)}
        assert len(candles) >= 55 and {candle.close for candle in candles} <= closes
        assert client.market_order_buy("a", "ETH-USD", quote_size="50").success
    finally:
        sim.stop(signal.SIGKILL)
