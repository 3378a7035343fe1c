"""What the bot publishes for the pages alone: books, models, and what kept each bar from an entry."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from bot.app.background_tasks import _record_signal
from bot.app.market_recorder import KEEP_DECISIONS_S
from bot.app.state_documents import market_file
from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Signal
from bot.strategies.sma_cross import SmaCross
from shared.documents.market import DepthDoc, MarketDoc
from shared.settings import Settings
from tests.core.harness import D, product
from tests.runtime.bot_rig import BotRig


def rows(rig: BotRig) -> list[tuple[Any, ...]]:
    with sqlite3.connect(rig.settings.paths.market_db) as db:
        return db.execute("SELECT start_s, signal, gate FROM stops ORDER BY start_s").fetchall()


def close_bar(rig: BotRig, start_s: int, signal: str) -> None:
    rig.strategy.word = signal
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(start_s, 100.0, 101.0, 99.0, 100.0, 1.0),)))


async def test_each_bar_says_which_gate_kept_it_and_an_entry_is_told_later(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    start_s = int(rig.clock.utc().timestamp()) - 60
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.9"), D("100.1")))
    close_bar(rig, start_s, "flat")
    await _record_signal(bot, "BTC-USD")
    assert rows(rig) == [(start_s, "flat", "signal")]
    rig.clock.turn(60)
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.9"), D("100.1")))
    close_bar(rig, start_s + 60, "buy")
    assert bot.engine is not None
    market = bot.engine.state.markets.by_product["BTC-USD"]  # entries of a gate that opens late are set by hand
    assert market.used_bar_s == start_s + 60, "it entered at once"
    await _record_signal(bot, "BTC-USD")
    assert rows(rig)[-1] == (start_s + 60, "buy", "entered")
    rig.clock.turn(60)
    close_bar(rig, start_s + 120, "buy")
    market.used_bar_s = start_s + 60
    await _record_signal(bot, "BTC-USD")
    kept = rows(rig)[-1]
    assert kept[:2] == (start_s + 120, "buy") and kept[2] not in ("signal", "entered", "open")
    market.used_bar_s = start_s + 120  # the gate opened before the bar was over
    rig.clock.turn(60)
    close_bar(rig, start_s + 180, "flat")
    await _record_signal(bot, "BTC-USD")
    assert rows(rig)[-2] == (start_s + 120, "buy", "entered")
    await bot.recorder.prune(start_s + KEEP_DECISIONS_S + 90)
    assert [at for at, *_ in rows(rig)] == [start_s + 120, start_s + 180]
    rig.crash()


async def test_before_trading_no_bar_counts(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    close_bar(rig, 1_790_000_040, "buy")
    bot.engine.state.control.ready = False  # type: ignore[union-attr]
    await _record_signal(bot, "BTC-USD")
    assert rows(rig) == []
    rig.crash()


class FakeDepth:
    def shown(self) -> list[DepthDoc]:
        return [DepthDoc(product_id="BTC-USD", bids=[[99.0, 1.0]], asks=[[100.0, 2.0]], at_ms=5)]


@pytest.mark.parametrize("there", [True, False])
def test_the_market_file_carries_the_books_there_are(tmp_path: Path, there: bool) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    bot.depth = FakeDepth() if there else None  # type: ignore[assignment]
    found = msgspec.convert(orjson.loads(market_file(bot)), MarketDoc)
    assert [d.product_id for d in found.depth] == (["BTC-USD"] if there else [])
    assert msgspec.convert({"version": 1, "ts_ms": 1, "quotes": []}, MarketDoc).depth == [], "a file of an older bot"
    rig.crash()


def test_a_fitted_model_is_published_and_small() -> None:
    adapter = StrategyAdapter(Settings(strategy="logistic", max_history_candles=300))
    bars = [Bar(60 * i, 100.0, 101.0, 99.0, 100.0 + (i * 7919 % 13) / 10, 1.0 + i % 5) for i in range(300)]
    assert adapter.models() == []
    assert adapter.fits() == 0
    adapter.answer(AskStrategy(product(), tuple(bars)))
    assert adapter.fits() == 1
    (model,) = adapter.models()
    assert model.product_id == "BTC-USD" and len(model.weights) == len(model.features) == 10
    assert model.score is not None and sum(n for *_, n in model.score.bins) == model.score.count > 100
    assert len(orjson.dumps(model)) < 1500
    assert StrategyAdapter(Settings(strategy="sma_cross")).models() == []


def test_a_users_model_that_raises_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SmaCross] = []

    def broken(strategy: SmaCross) -> None:
        asked.append(strategy)
        raise RuntimeError("no")

    monkeypatch.setattr(SmaCross, "model_view", broken)
    adapter = StrategyAdapter(Settings(strategy="sma_cross"))
    bars = tuple(Bar(60 * i, 100.0, 101.0, 99.0, 100.0, 1.0) for i in range(50))
    assert isinstance(adapter.answer(AskStrategy(product(), bars)).target, Signal)
    assert asked and adapter.models() == []
