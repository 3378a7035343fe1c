"""A recorded book in a table, CSV or Parquet: rebuilt change by change."""

import asyncio
import gzip
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.core.replay import BadRecording
from simulator.exchange import Config, Exchange
from simulator.server.sessions import RecordedSession, frames, is_session
from simulator.store import Store
from tests.simulator.conftest import Sim

ROWS: list[tuple[float, str, float, float]] = [
    (1_786_309_440.0, "bid", 1919.28, 2.0), (1_786_309_440.0, "bid", 1919.20, 1.5),
    (1_786_309_440.0, "ask", 1919.40, 3.0), (1_786_309_440.0, "offer", 1919.50, 0.25),
    (1_786_309_440.05, "bid", 1919.28, 0), (1_786_309_440.05, "ask", 1919.38, 1.0),
    (1_786_309_440.10, "ask", 1919.40, 2.5),
]  # fmt: skip


def csv_file(tmp_path: Path, name: str = "venue_ETH-USD_book.csv", header: str = "time,side,price,quantity") -> Path:
    text = "\n".join([header, *(",".join(map(str, row)) for row in ROWS)])
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def parquet_file(tmp_path: Path) -> Path:
    path = tmp_path / "ETH-USD.parquet"
    names = ("event_time", "side", "price_level", "new_quantity")
    columns: dict[str, Any] = {name: [row[i] for row in ROWS] for i, name in enumerate(names)}
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
async def test_the_book_at_the_end_is_the_sum_of_its_changes(tmp_path: Path, kind: str) -> None:
    path = parquet_file(tmp_path) if kind == "parquet" else csv_file(tmp_path, f"ETH-USD_l2.{kind}")
    assert is_session(path)
    session, now = RecordedSession(path, 1000.0), int(time.time() * 1e6)
    exchange = Exchange(session.tape(now), Store(None), Config(), now)
    await asyncio.wait_for(session.play(exchange), 10)
    market = exchange.venue.markets["ETH-USD"]
    assert market.book.bids.levels() == [(191_920, 150_000_000)]
    assert market.book.asks.levels() == [(191_938, 100_000_000), (191_940, 250_000_000), (191_950, 25_000_000)]
    assert market.last == 191_928 and market.gate.cancel_only


def test_rows_of_one_time_are_one_message(tmp_path: Path) -> None:
    found = list(frames(csv_file(tmp_path)))
    assert [(f["events"][0]["type"], len(f["events"][0]["updates"])) for _, f in found] == [
        ("snapshot", 4), ("update", 2), ("update", 1),
    ]  # fmt: skip
    assert [round(at - found[0][0], 2) for at, _ in found] == [0, 0.05, 0.1]


def test_it_is_served_and_traded_on(tmp_path: Path) -> None:
    sim = Sim(tmp_path / "data", settings={"COIN_MODE": "replay", "SIM_REPLAY": str(csv_file(tmp_path))})
    sim.folder.mkdir()
    path = csv_file(tmp_path)
    later = ROWS[-1][0] + 600
    path.write_text(path.read_text() + f"\n{later},ask,1919.40,2.0")  # so that it does not end at once
    try:
        client = sim.start().sdk()
        for _ in range(100):  # until the recorded changes are in the book
            if client.get_product_book("ETH-USD", limit=1).pricebook.asks[0].price == "1919.38":
                break
            time.sleep(0.05)
        bought = client.market_order_buy("a", "ETH-USD", base_size="1")
        assert bought.success
        order = client.get_order(bought.success_response["order_id"]).order
        assert (order.status, order.average_filled_price) == ("FILLED", "1919.38")
    finally:
        sim.stop(signal.SIGKILL)


@pytest.mark.parametrize(
    "row",
    ["x,bid,1,1", "1786309441,middle,1,1", "1786309441,bid,-1,1", "1786309441,bid,1,-1", "1786309441,bid,1",
     "1786309441,bid,NaN,1", "1786309400,bid,1,1"],
)  # fmt: skip
def test_rows_that_are_none_are_named(tmp_path: Path, row: str) -> None:
    path = csv_file(tmp_path)
    path.write_text(path.read_text() + "\n" + row)
    with pytest.raises(BadRecording, match="line 9"):
        list(frames(path))
