"""When each channel speaks: the rhythm of the recorded session, on a market that does as it is told."""

import json
from typing import Any

from simulator.core.products import GATES
from tests.simulator.local import Local


class Reader:
    """A reader of one channel of ABC-USD."""

    def __init__(self, channel: str) -> None:
        self.x = Local()
        start = self.x.venue.now_us // 20_000_000 * 20_000_000 + 20_000_000
        self.x.venue.advance(start)
        self.start_us = start
        self.channel = {"level2": "l2_data"}.get(channel, channel)
        self.stream = self.x.venue.connect()
        for name in ("heartbeats", channel):
            self.stream.send(json.dumps({"type": "subscribe", "channel": name, "product_ids": ["ABC-USD"]}))
        self.stream.take()

    def wait(self, ms: int) -> list[tuple[int, dict[str, Any]]]:
        """(milliseconds since the start, event) of what comes in the next `ms`."""
        found: list[tuple[int, dict[str, Any]]] = []
        for _ in range(ms):
            self.x.venue.advance(self.x.venue.now_us + 1_000)
            at = (self.x.venue.now_us - self.start_us) // 1_000
            for text in self.stream.take():
                frame = json.loads(text)
                if frame["channel"] == self.channel:
                    found += [(at, event) for event in frame["events"]]
        return found

    def quote(self, tick: int, steps: int, *, bid: bool) -> None:
        self.x.venue.exchange.venue.markets["ABC-USD"].book.side(bid).set_crowd(tick, steps)

    def trade(self, tick: int, steps: int = 1_000) -> None:
        venue = self.x.venue.exchange.venue
        venue.trade(venue.markets["ABC-USD"], tick, steps, True, self.x.venue.now_us)
        self.x.venue.exchange.settle()


def ticker(events: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, str, str, str]]:
    """(at, price, best bid, best ask)"""
    return [(at, t["price"], t["best_bid"], t["best_ask"]) for at, e in events for t in e["tickers"]]


def test_trades_come_ten_times_a_second_newest_first() -> None:
    reader = Reader("market_trades")
    reader.wait(20)
    reader.trade(10_001)
    reader.wait(30)
    reader.trade(10_002)
    found = reader.wait(100)
    assert [(at, [t["price"] for t in e["trades"]]) for at, e in found] == [(100, ["100.02", "100.01"])]
    assert reader.wait(500) == []


def test_the_ticker_tells_quotes_and_price_apart_four_times_a_second() -> None:
    reader = Reader("ticker")
    assert ticker(reader.wait(2_000)) == []
    reader.quote(9_995, 500, bid=True)
    assert ticker(reader.wait(300)) == [(2_250, "100", "99.95", "100.1")]
    reader.trade(10_003)
    assert ticker(reader.wait(300)) == [(2_500, "100.03", "99.95", "100.1")]
    reader.quote(10_005, 500, bid=False)
    reader.trade(10_005)
    found = ticker(reader.wait(300))
    assert found == [(2_750, "100.03", "99.95", "100.05"), (2_750, "100.05", "99.95", "100.05")]


def test_a_burst_is_one_ticker_and_an_equal_price_is_none() -> None:
    reader = Reader("ticker")
    for tick in (10_001, 10_004, 10_002):
        reader.trade(tick)
        reader.wait(10)
    assert ticker(reader.wait(300)) == [(250, "100.02", "99.9", "100.1")]
    reader.trade(10_002)
    assert ticker(reader.wait(600)) == []


def test_a_quantity_at_the_best_price_is_news() -> None:
    reader = Reader("ticker")
    reader.quote(9_990, 7_000, bid=True)
    (row,) = [t for _, e in reader.wait(300) for t in e["tickers"]]
    assert (row["best_bid"], row["best_bid_quantity"]) == ("99.9", "7")
    reader.quote(9_980, 7_000, bid=True)
    assert reader.wait(500) == []


def test_the_days_volume_is_counted_every_ten_seconds() -> None:
    reader = Reader("ticker")
    reader.wait(1_000)
    reader.trade(10_000, 5_000)
    (at, before), *more = [(at, t["volume_24_h"]) for at, e in reader.wait(20_000) for t in e["tickers"]]
    assert (at, more) == (10_000, []) and float(before) >= 5


def test_level2_comes_twenty_times_a_second_with_one_time_a_frame() -> None:
    reader = Reader("level2")
    for i in range(10):
        reader.quote(9_990 - i, 100 + i, bid=True)
        reader.quote(10_010 + i, 100 + i, bid=False)
    found = reader.wait(200)
    assert [at for at, _ in found] == [50]
    rows = found[0][1]["updates"]
    assert len({row["event_time"] for row in rows}) == 1 and len(rows) == 20
    assert reader.wait(300) == []


def test_candles_come_every_ten_seconds() -> None:
    reader = Reader("candles")
    times = []
    for i in range(45):
        reader.trade(10_000 + i)
        times += [at for at, _ in reader.wait(1_000)]
    assert times == [10_000, 20_000, 30_000, 40_000]


def test_ticker_batch_comes_every_five_seconds_after_trades_alone() -> None:
    reader = Reader("ticker_batch")
    reader.trade(10_001)
    reader.quote(9_995, 1, bid=True)
    assert [at for at, _ in reader.wait(12_000)] == [5_000]
    reader.trade(10_001)
    assert [at for at, _ in reader.wait(12_000)] == [15_000]


def test_status_comes_every_five_seconds_and_at_once_when_it_changes() -> None:
    reader = Reader("status")
    assert [at for at, _ in reader.wait(6_000)] == [5_000]
    reader.x.venue.exchange.set_gate("ABC-USD", GATES["cancel_only"])
    found = reader.wait(100)
    assert len(found) == 1 and found[0][1]["products"][0]["status_message"] == "Only cancels are accepted."


def test_heartbeats_come_every_second() -> None:
    reader = Reader("heartbeats")
    assert [at for at, _ in reader.wait(3_500)] == [1_000, 2_000, 3_000]
