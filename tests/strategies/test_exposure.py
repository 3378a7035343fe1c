"""Strategies of weights: their contract, KIND, and the look-ahead check."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal, SignalSide
from bot.strategies import registry, target_kind
from bot.strategies.base import Bars, ExposureArrays, ExposureStrategy, SignalArrays, StrategyError
from bot.strategies.lookahead import find_lookahead, find_window_difference
from shared.settings import Settings, SettingsError
from tests.core.harness import product
from tests.strategies.weights import written

SETTINGS = Settings(strategy="sma_cross")


class CloseOverMean(ExposureStrategy):
    """As much as the close lies above its mean of ten bars, at most all."""

    ahead = 0

    @property
    def warmup_bars(self) -> int:
        return 10

    @property
    def memory_bars(self) -> int:
        return 10

    def compute(self, bars: Bars) -> ExposureArrays:
        mean = np.full(len(bars), math.nan)
        for i in range(9, len(bars)):
            mean[i] = bars.close[i - 9 : i + 1].mean()
        close = np.concatenate((bars.close[self.ahead :], bars.close[len(bars) - self.ahead :]))
        return ExposureArrays(np.clip((close / mean - 1.0) * 100.0, 0.0, 1.0), {"mean": mean})


class Cheats(CloseOverMean):
    ahead = 1


class Says(ExposureStrategy):
    """What it is told to say."""

    said: object = None

    @property
    def warmup_bars(self) -> int:
        return 3

    def compute(self, bars: Bars) -> ExposureArrays:
        return self.said  # type: ignore[return-value]


def test_warm_up_has_no_opinion_and_the_window_says_what_history_said(make_bars) -> None:
    bars, strategy = make_bars(300), CloseOverMean(SETTINGS)
    weight = strategy.weights(bars).weight
    assert np.isnan(weight[:9]).all() and not np.isnan(weight[9:]).any() and 0 < weight[9:].mean() < 1
    rows = list(zip(bars.start_s.tolist(), bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True))
    found = strategy.wanted_of(rows, 0.01, 60)
    assert found.weight == weight[-1] and found.values["mean"] == pytest.approx(bars.close[-10:].mean())
    assert (
        math.isnan(strategy.wanted_of(rows[:9], 0.01, 60).weight)
        and strategy.wanted_of(rows[:9], 0.01, 60).values == {}
    )


def test_warm_up_is_cut_off_where_the_strategy_does_not(make_bars) -> None:
    strategy = Says(SETTINGS)
    strategy.said = ExposureArrays(np.full(5, 0.5))
    assert strategy.weights(make_bars(5)).weight.tolist()[2:] == [0.5] * 3
    assert np.isnan(strategy.weights(make_bars(5)).weight[:2]).all()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            SignalArrays(np.zeros(5, np.int8), np.zeros(5)),
            "compute must answer with ExposureArrays; it is SignalArrays",
        ),
        (ExposureArrays(np.zeros(4)), r"weight must be an array of 5, one entry per bar; it is \(4,\)"),
        (ExposureArrays(np.array([0, 0, 0, 0, 1.2])), r"weight must lie in 0..1, or be NaN for no opinion; one is 1.2"),
        (
            ExposureArrays(np.array([0, 0, -0.1, 0, 1])),
            r"weight must lie in 0..1, or be NaN for no opinion; one is -0.1",
        ),
        (ExposureArrays(np.zeros(5), {"mean": np.zeros(3)}), "mean must be an array of 5"),
    ],
)
def test_a_broken_contract_is_told(make_bars, said: object, text: str) -> None:
    strategy = Says(SETTINGS)
    strategy.said = said
    with pytest.raises(StrategyError, match=text):
        strategy.weights(make_bars(5))


def test_weights_are_no_signals(make_bars) -> None:
    with pytest.raises(StrategyError, match="compute must answer with SignalArrays; it is ExposureArrays"):
        CloseOverMean(SETTINGS).signals(make_bars(50))


def test_a_look_ahead_is_found_in_weights(make_bars) -> None:
    bars = make_bars(400)
    assert find_lookahead(CloseOverMean(SETTINGS), bars) is None
    assert find_window_difference(CloseOverMean(SETTINGS), bars) is None
    found = find_lookahead(Cheats(SETTINGS), bars)
    assert found is not None and found.what in ("signal", "weight")


def test_signals_become_weights(make_bars) -> None:
    signals = registry.make("sma_cross", SETTINGS).signals(make_bars(300))
    weight = target_kind.weights_of_signals(signals).weight
    assert (weight[signals.signal == 1] == 1.0).all() and (weight[signals.signal == -1] == 0.0).all()
    assert np.isnan(weight[signals.signal == 0]).all() and {1, -1, 0} == set(signals.signal.tolist())


def asked(settings: Settings, bars: Bars) -> Any:
    from_rows = zip(bars.start_s.tolist(), bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
    rows = tuple(Bar(int(start), *(float(x) for x in row)) for start, *row in from_rows)
    return StrategyAdapter(settings).answer(AskStrategy(product(), rows)).target


def test_kind_decides_what_the_bot_is_asked_for(make_bars) -> None:
    bars = make_bars(300)
    for kind in ("auto", "lots"):
        assert StrategyAdapter(replace(SETTINGS, kind=kind)).target_type is Signal
        assert isinstance(asked(replace(SETTINGS, kind=kind), bars), Signal)
    exposure = replace(SETTINGS, kind="exposure")
    assert StrategyAdapter(exposure).target_type is Exposure
    seen = set()
    for end in range(100, 300, 7):
        signal, weight = asked(SETTINGS, bars.between(0, end)), asked(exposure, bars.between(0, end))
        assert weight.weight == {SignalSide.BUY: 1.0, SignalSide.SELL: 0.0}[signal.side]
        assert weight.values == signal.values
        seen.add(weight.weight)
    assert seen == {0.0, 1.0}


def test_lots_of_weights_are_refused_in_a_sentence(tmp_path, monkeypatch) -> None:
    name = written(tmp_path, monkeypatch)
    for kind in ("auto", "exposure"):
        assert StrategyAdapter(Settings(strategy=name, kind=kind)).target_type is Exposure
    with pytest.raises(SettingsError, match="KIND=lots needs a strategy of signals, and half_share says weights"):
        StrategyAdapter(Settings(strategy=name, kind="lots"))
