"""What the bot records for the chart: the running minute as heard, and indicators over every bar that is shown."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from bot.app.background_tasks import _closed, _record_signal
from bot.app.history import load_one
from bot.app.minute_bars import Minutes
from bot.app.state_documents import market_file
from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.timeframe import Timeframe
from bot.strategies import registry
from bot.strategies.base import Bars, Strategy
from bot.strategies.sma_cross import SmaCross
from shared.documents.market import MarketDoc
from shared.market_data import open_market_reader
from shared.settings import Settings
from tests.core.harness import market_of
from tests.runtime.bot_rig import START, BotRig

NOW_S = round(START.timestamp())
LENGTH_S = {"ONE_MINUTE": 60}


class Exchange:
    """Closed minutes up to now; those of `silent` had no trade."""

    def __init__(self, rig: BotRig, silent: frozenset[int] = frozenset()) -> None:
        self.rig, self.silent = rig, silent

    async def candles(self, product_id: str, granularity: str, start_s: int, end_s: int) -> list[Bar]:
        now_s = int(self.rig.clock.utc().timestamp())
        starts = [t for t in range(start_s - start_s % 60, min(end_s, now_s - 60) + 1, 60) if t not in self.silent]
        return [Bar(t, 100.0, 101.0, 99.0, 100.0 + (t // 60) % 7, 1.0) for t in starts]


def indicators(rig: BotRig) -> dict[int, dict[str, float]]:
    db = open_market_reader(rig.settings.paths.market_db)
    try:
        found = db.execute("SELECT start_s, vals FROM indicators ORDER BY start_s").fetchall()
    finally:
        db.close()
    return {at: orjson.loads(values) for at, values in found}


def minutes(rig: BotRig) -> list[list[float]]:
    doc = msgspec.convert(orjson.loads(market_file(rig.bot)), MarketDoc)
    return [[m.start_s, m.open, m.high, m.low, m.close] for m in doc.quotes[0].minutes]


def test_the_running_minute_is_published_with_what_was_heard(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    assert minutes(rig) == []
    for price in ("100", "103", "98", "101"):
        rig.clock.turn(5)
        bot.dispatch(ev.PriceUpdate("BTC-USD", D(price), None, None))
    assert minutes(rig) == [[NOW_S, 100.0, 103.0, 98.0, 101.0]]
    rig.clock.turn(60)
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(102), None, None))
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(9), None, None))  # a tenth of it, once: nobody believes that
    assert minutes(rig) == [[NOW_S, 100.0, 103.0, 98.0, 101.0], [NOW_S + 60, 102.0, 102.0, 102.0, 102.0]]
    rig.crash()


def test_minutes_are_the_exchanges_not_this_machines(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    bot.clock_offset_ms = -30_000
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), None, None))
    assert minutes(rig)[0][0] == NOW_S - 60
    rig.crash()


def test_two_minutes_are_kept_and_a_clock_set_back_opens_none_anew() -> None:
    kept = Minutes()
    for at_ms, price in ((0, 1), (60_000, 2), (120_000, 3), (119_000, 4)):
        kept.heard("A-USD", D(price), at_ms)
    shown = kept.shown("A-USD")
    assert [(m.start_s, m.open, m.close) for m in shown] == [(60, 2.0, 2.0), (120, 3.0, 4.0)]
    assert kept.shown("B-USD") == []


def with_strategy(rig: BotRig, **settings: Any) -> StrategyAdapter:
    """Begin with averages of few bars."""
    adapter = StrategyAdapter(Settings(**({"strategy": "sma_cross", "ma_fast": 3, "ma_slow": 5} | settings)))
    rig.begin(strategy=adapter)
    return adapter


async def test_a_start_knows_the_indicators_of_bars_that_it_never_saw_close(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    with_strategy(rig)
    silent = frozenset({NOW_S - 60 * 20})
    exchange = Exchange(rig, silent)
    await load_one(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, 60)  # type: ignore[arg-type]
    found = indicators(rig)
    bars = [t for t in range(NOW_S - 3600, NOW_S, 60) if t not in silent]
    assert list(found) == bars[4:], "every bar from the end of warm-up on, and none that does not exist"
    closes = {bar.start_s: bar.close for bar in await exchange.candles("", "", NOW_S - 3600, NOW_S)}
    assert found[bars[-1]]["sma_slow"] == pytest.approx(np.mean([closes[t] for t in bars[-5:]]))
    rig.crash()


async def test_bars_that_closed_unseen_get_theirs_with_the_next_one(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    with_strategy(rig)
    exchange: Any = Exchange(rig)
    await load_one(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, 30)
    rig.clock.turn(240)
    await _closed(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, NOW_S + 240, 0.0)
    assert list(indicators(rig))[-5:] == [NOW_S + 60 * n for n in range(-1, 4)]
    rig.clock.turn(60)
    await _closed(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, NOW_S + 300, 0.0)
    await _record_signal(rig.bot, "BTC-USD")  # as the task of that name does after each answer
    found = indicators(rig)
    market = market_of(rig.bot.engine, "BTC-USD")
    assert found[NOW_S + 240] == market.values, "the newest are those of the decision"
    rig.crash()


async def test_other_settings_leave_no_old_lines(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    with_strategy(rig)
    exchange: Any = Exchange(rig)
    await load_one(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, 30)
    before = indicators(rig)
    with_strategy(rig, ma_fast=4, ma_slow=10)
    await load_one(rig.bot, exchange, "BTC-USD", Timeframe.MINUTE, 30)
    after = indicators(rig)
    assert len(after) == len(before) - 5
    assert all(after[t]["sma_slow"] != before[t]["sma_slow"] for t in after)
    rig.crash()


class Broken(SmaCross):
    def lines(self, bars: Bars) -> Any:
        raise ZeroDivisionError("a user's own")


async def test_a_strategy_that_raises_costs_lines_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Any = registry.make
    monkeypatch.setattr(registry, "make", lambda name, s: Broken(s) if name == "sma_cross" else made(name, s))
    rig = BotRig(tmp_path)
    with_strategy(rig)
    await load_one(rig.bot, Exchange(rig), "BTC-USD", Timeframe.MINUTE, 30)  # type: ignore[arg-type]
    assert indicators(rig) == {}
    await _record_signal(rig.bot, "BTC-USD")
    assert list(indicators(rig)) == [NOW_S - 60], "the decision's own values are kept"
    rig.crash()


def test_a_models_lines_cost_no_fit() -> None:
    strategy: Strategy = registry.make("logistic", Settings(max_history_candles=300))
    rows = [(60 * i, 100.0, 101.0, 99.0, 100.0 + (i * 7919 % 13) / 10, 1.0) for i in range(300)]
    found = strategy.lines(Bars.from_rows(rows, 0.01, 60))
    assert set(found) == {"sma_fast", "sma_slow"} and strategy.fits == 0
    whole = strategy.signals(Bars.from_rows(rows, 0.01, 60)).values
    assert np.array_equal(found["sma_slow"], whole["sma_slow"], equal_nan=True)
