"""Planted cheats are caught: a look into the future, more memory than declared, chance. Honest strategies pass."""

from typing import Any

import numpy as np
import pytest

from bot.strategies import registry
from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.indicators import sma
from research.check import check_strategy
from research.errors import ResearchError
from tests.research.paths import path, settings


class Planted(Strategy):
    name = "planted"
    needs = 20

    @property
    def warmup_bars(self) -> int:
        return self.needs

    @property
    def memory_bars(self) -> int:
        return self.needs

    def decide(self, bars: Bars) -> Any:
        return bars.close > sma(bars.close, 20)

    def compute(self, bars: Bars) -> SignalArrays:
        up = self.decide(bars)
        return SignalArrays(up.astype(np.int8), np.full(len(bars), np.nan))


class Peeks(Planted):
    def decide(self, bars: Bars) -> Any:
        return np.roll(bars.close, -1) > bars.close  # tomorrow's close


class Normalises(Planted):
    def decide(self, bars: Bars) -> Any:
        return bars.close > bars.close.mean()  # the mean of all of history, later bars among it


class Remembers(Planted):
    def decide(self, bars: Bars) -> Any:
        return bars.close > sma(bars.close, 50)  # fifty bars, where twenty are declared


class Warms(Planted):
    def decide(self, bars: Bars) -> Any:
        return np.arange(len(bars)) % 7 == 0  # counts from the first bar that it is shown


class Draws(Planted):
    def decide(self, bars: Bars) -> Any:
        return np.random.default_rng().random(len(bars)) < 0.5


BARS = path(np.random.default_rng(4), 1500).bars()


def failed(kind: type[Strategy]) -> list[str]:
    return [v.name for v in check_strategy(lambda: kind(settings()), BARS) if not v.passed]


def test_an_honest_one_passes() -> None:
    assert failed(Planted) == []


@pytest.mark.parametrize("kind", [Peeks, Normalises])
def test_a_look_into_the_future_is_caught(kind: type[Strategy]) -> None:
    assert "no look into the future" in failed(kind)


@pytest.mark.parametrize("kind", [Remembers, Warms])
def test_a_warm_up_that_is_too_short_is_caught(kind: type[Strategy]) -> None:
    assert failed(kind) == ["the bot's window is enough"]


def test_chance_is_caught() -> None:
    assert "the same every time" in failed(Draws)


@pytest.mark.parametrize("name", ["sma_cross", "momentum", "rsi_reversion"])
def test_the_built_in_ones_pass(name: str) -> None:
    s = settings(STRATEGY=name, MAX_HISTORY_CANDLES="300")
    verdicts = check_strategy(lambda: registry.make(name, s), BARS)
    assert [v.said for v in verdicts if not v.passed] == []


def test_too_few_bars_are_said() -> None:
    with pytest.raises(ResearchError, match="too few"):
        check_strategy(lambda: Planted(settings()), BARS.between(0, 30))
