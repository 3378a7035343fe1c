"""Micro-benchmarks of the bot's own code: `python -m bench.bot.parts` (about 15 s, no network, no files kept).

Each figure is measured in this process on one core; the sockets and the exchange are not part of it.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from bot.app.ledger import LedgerWriter
from bot.domain import events as ev
from bot.domain.balances import Balance, FeeRates
from bot.domain.instrument import Instrument
from bot.domain.intents import AskStrategy, Note, SaveKeyValue
from bot.domain.kinds import LotKind
from bot.domain.lots import Lot
from bot.domain.targets import Signal, SignalSide, Target
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.stream import CoinbaseStream
from bot.venues.port import ApiKey
from shared.control import TradingState
from shared.ledger.open import open_writer
from shared.ports import SystemClock, SystemRng
from shared.settings import Secret, Settings

PRODUCTS = tuple(f"C{number}-USD" for number in range(10))
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class _Flat:
    """A strategy that never buys."""

    name = "flat"
    warmup_bars = memory_bars = 1
    target_type: type[Target] = Signal
    parameters: Mapping[str, str] = MappingProxyType({})
    model_mode: str | None = None
    needs_peers: bool = False

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        target = Signal(SignalSide.FLAT, None, {})
        return ev.TargetReady(question.instrument.product_id, question.bar_start_s, target)

    def fits(self) -> int:
        return 0


def _product(product_id: str) -> Instrument:
    small, large = Decimal("0.00000001"), Decimal(1_000_000)
    return Instrument(
        product_id, product_id.partition("-")[0], "USD", small, Decimal("0.01"), Decimal("0.01"), small, large,
        Decimal(1), large, Decimal(100),
    )  # fmt: skip


def _lot(number: int) -> Lot:
    product_id = PRODUCTS[number % len(PRODUCTS)]
    kind = LotKind.RUNNER if number < len(PRODUCTS) else LotKind.SCALP
    return Lot(
        f"lot-{number}", number + 1, product_id, kind, 0, Decimal(1), Decimal(1), Decimal(100), Decimal("0.9"),
        Decimal("3.8"), Decimal("0.01"), 10380, 0,
    )  # fmt: skip


def make_engine(lots: int) -> Engine:
    """An engine that trades ten products and holds `lots` lots."""
    settings = Settings(products=PRODUCTS, take_profit_order="market", min_depth_usd=0.0, max_impact_bp=0.0)
    engine = Engine(settings, _Flat(), RecoveredState(lots=tuple(map(_lot, range(lots)))), TradingState.RUN, START)
    for product_id in PRODUCTS:
        engine.handle(ev.InstrumentList((_product(product_id),)), START)
    engine.handle(ev.FeeUpdate(FeeRates(Decimal("0.005"), Decimal("0.009"), "x")), START)
    engine.handle(ev.BalanceReport((Balance("USD", Decimal(10_000), Decimal(0)),), 0), START)
    for event in (ev.Tick(), ev.FeedChanged(True, "up"), ev.TradingReady()):
        engine.handle(event, START)
    return engine


class _Sink:
    """The way of an event without ledger and exchange."""

    def __init__(self, engine: Engine, clock: SystemClock) -> None:
        self._engine, self._clock = engine, clock
        self.count = 0

    def event(self, event: ev.PriceUpdate | ev.OrderReports) -> None:
        self.count += 1
        self._engine.handle(event, self._clock.utc())

    def stream_changed(self, name: str, up: bool, note: str) -> None:
        """Nothing to tell."""


class _Frames:
    """A connection that has every frame at hand."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = iter(frames)

    async def send(self, message: str) -> None:
        """Subscriptions are not read."""

    async def recv(self) -> bytes:
        try:
            return next(self._frames)
        except StopIteration:
            raise ConnectionError("the end") from None


def _ticker(number: int) -> bytes:
    product_id = PRODUCTS[number % len(PRODUCTS)]
    price = f"100.{number % 90 + 10}"
    ticker = {
        "type": "ticker", "product_id": product_id, "price": price, "volume_24_h": "16038.28", "low_24_h": "98.1",
        "high_24_h": "103.2", "low_52_w": "15", "high_52_w": "480", "price_percent_chg_24_h": "-0.15",
        "best_bid": "100.01", "best_bid_quantity": "8.21", "best_ask": "100.99", "best_ask_quantity": "3.07",
    }  # fmt: skip
    event = {"type": "update", "tickers": [ticker]}
    return orjson.dumps(
        {
            "channel": "ticker",
            "client_id": "",
            "timestamp": "2026-01-01T12:00:00.123456789Z",
            "sequence_num": number,
            "events": [event],
        }
    )


def stream_rate(messages: int) -> float:
    """Ticker messages in a second of CPU, so that a busy machine tells the same: frame → parse → engine (10 products,
    20 lots)."""
    clock = SystemClock()
    sink = _Sink(make_engine(20), clock)
    nowhere = Endpoints("", "", "", None, None)
    net: Any = None
    stream = CoinbaseStream(
        "market", "", ("ticker",), PRODUCTS, endpoints=nowhere, key=ApiKey("x", Secret("x")), net=net, clock=clock,
        rng=SystemRng(), sink=sink,
    )  # fmt: skip
    frames = [_ticker(number) for number in range(messages)]
    stream._waiting_for = set()
    began_s = time.process_time()
    try:
        asyncio.run(stream._read(_Frames(frames)))
    except ConnectionError:
        spent_s = time.process_time() - began_s
    assert sink.count == messages
    return messages / spent_s


def event_us(events: int) -> tuple[float, float]:
    """(p50, p99) of one price that is judged: 10 products, 20 lots."""
    engine, now = make_engine(20), START
    prices = [Decimal(f"100.{n:02d}") for n in range(10, 99)]
    spent = []
    for number in range(events):
        price = prices[number % len(prices)]
        now += timedelta(milliseconds=150)
        event = ev.PriceUpdate(PRODUCTS[number % 10], price, price - Decimal("0.01"), price + Decimal("0.01"))
        began = time.perf_counter()
        engine.handle(event, now)
        spent.append(time.perf_counter() - began)
    return _percentiles(spent, 1e6)


def tick_us(events: int) -> tuple[float, float]:
    """(p50, p99) of the engine's tick with 20 lots."""
    engine, now, spent = make_engine(20), START, []
    for _ in range(events):
        now += timedelta(seconds=1)
        began = time.perf_counter()
        engine.handle(ev.Tick(), now)
        spent.append(time.perf_counter() - began)
    return _percentiles(spent, 1e6)


def commit_ms(commits: int) -> tuple[float, float]:
    """(p50, p99) of one durable commit of a note and a fact."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_writer(Path(folder) / "ledger.db")
        writer, spent = LedgerWriter(engine, "bench"), []
        for number in range(commits):
            began = time.perf_counter()
            writer.commit([Note("bench", "a line"), SaveKeyValue("n", str(number))], number)
            spent.append(time.perf_counter() - began)
        engine.dispose()
    return _percentiles(spent, 1e3)


def _percentiles(samples: list[float], scale: float) -> tuple[float, float]:
    ordered = sorted(samples)
    return ordered[len(ordered) // 2] * scale, ordered[int(len(ordered) * 0.99)] * scale


def measure() -> dict[str, float]:
    """Every figure by name, with its unit in the name."""
    event_p50, event_p99 = event_us(20_000)
    tick_p50, tick_p99 = tick_us(2_000)
    commit_p50, commit_p99 = commit_ms(300)
    return {
        "stream_ticker_messages_per_cpu_s": round(max(stream_rate(60_000) for _ in range(2))),
        "engine_price_us_p50": round(event_p50, 1),
        "engine_price_us_p99": round(event_p99, 1),
        "engine_tick_us_p50": round(tick_p50, 1),
        "engine_tick_us_p99": round(tick_p99, 1),
        "ledger_commit_ms_p50": round(commit_p50, 3),
        "ledger_commit_ms_p99": round(commit_p99, 3),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.bot.parts", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    found = measure()
    if parser.parse_args().json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:32} {value:>12,}\n")


if __name__ == "__main__":
    main()
