"""A strategy is somebody else's code: whatever it raises, the process goes on and exits are judged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Signal, StrategyFailure
from bot.strategies import registry
from bot.strategies.sma_cross import SmaCross
from shared.settings import Settings
from tests.core.harness import market_of, product
from tests.runtime.bot_rig import START, BotRig

BARS = [Bar(60 * n, 100.0, 101.0, 99.0, 100.0 + n % 3, 1.0) for n in range(100)]


class Moody(SmaCross):
    """Cannot take up what it kept, nor tell what to keep."""

    def restore(self, state: Mapping[str, Any]) -> None:
        raise KeyError("weights of another author")

    def state(self) -> dict[str, Any]:
        raise RuntimeError("nothing to tell")


@pytest.mark.parametrize("kept", ['{"version": 7}', "[1, 2]", "{torn"])
def test_what_cannot_be_taken_up_or_told_is_left(monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    settings = Settings(strategy="sma_cross")
    monkeypatch.setattr(registry, "make", lambda _name, s: Moody(s))
    adapter = StrategyAdapter(settings, {"model:BTC-USD": kept})
    answer = adapter.answer(AskStrategy(product(), tuple(BARS)))
    assert isinstance(answer.target, Signal) and answer.model is None


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), RecursionError()])
def test_whatever_a_strategy_raises_is_an_answer_that_names_the_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    class Raises(SmaCross):
        def latest(self, bars: Any) -> Any:
            raise error

    monkeypatch.setattr(registry, "make", lambda _name, s: Raises(s))
    answer = StrategyAdapter(Settings(strategy="sma_cross")).answer(AskStrategy(product(), tuple(BARS)))
    assert isinstance(answer.target, StrategyFailure) and answer.model is None
    assert answer.target.text.startswith("tests/runtime/test_strategy_port.py:")
    assert type(error).__name__ in answer.target.text and answer.bar_start_s == BARS[-1].start_s


async def test_the_bot_trades_on_with_a_model_that_another_strategy_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = BotRig(tmp_path)
    monkeypatch.setattr(registry, "make", lambda _name, s: Moody(s))
    bot = rig.begin(strategy=StrategyAdapter(rig.settings, {"model:BTC-USD": "{torn"}))
    at_s = round(START.timestamp()) - 60
    bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(at_s, 100.0, 100.0, 100.0, 100.0, 1.0),)))
    assert market_of(bot.engine, "BTC-USD").signal_bar_s == at_s
