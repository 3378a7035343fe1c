"""SMA cross: the level, exact ties, warm-up."""

from dataclasses import replace

import numpy as np
import pytest

from bot.strategies.base import Bars, Call
from bot.strategies.sma_cross import SmaCross
from shared.settings import Settings


def bars_of(closes: list[float], tick: float = 0.01) -> Bars:
    c = np.array(closes)
    return Bars(60 * np.arange(len(c)), c, c, c, c, np.ones(len(c)), tick, 60)


def sma(fast: int = 2, slow: int = 4) -> SmaCross:
    return SmaCross(Settings(ma_fast=fast, ma_slow=slow))


def test_the_level_counts_not_the_crossing() -> None:
    assert sma().signals(bars_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).signal.tolist() == [0, 0, 0, 1, 1, 1]
    assert sma().signals(bars_of([6.0, 5.0, 4.0, 3.0, 2.0, 3.0, 4.0])).signal.tolist() == [0, 0, 0, -1, -1, -1, 1]


def test_a_tie_is_flat_where_floats_would_differ() -> None:
    """0.1+0.2+0.3 over 3 and 0.2 are one number in ticks and two in floats."""
    closes = [0.3, 0.1, 0.1, 0.2, 0.3]
    fast, slow = 3, 5
    assert np.mean(closes[-3:]) != np.mean(closes)
    assert sma(fast, slow).signals(bars_of(closes)).signal[-1] == 0


def test_against_a_plain_loop(make_bars) -> None:
    bars = make_bars(2_000, seed=5, tick=1.0, start_price=20.0, sigma=0.01)  # a coarse tick makes ties
    got = sma(10, 30).signals(bars)
    ticks = [round(c) for c in bars.close]
    ties = 0
    for i in range(29, 2_000):
        fast, slow = sum(ticks[i - 9 : i + 1]) * 3, sum(ticks[i - 29 : i + 1])
        assert got.signal[i] == (fast > slow) - (fast < slow)
        ties += fast == slow
        assert got.values["sma_fast"][i] == pytest.approx(fast / 30)
        assert got.strength[i] == pytest.approx((fast / slow - 1) * 100)
    assert ties > 5
    assert not got.signal[:29].any() and np.isnan(got.strength[:29]).all()


def test_latest_equals_history_bar_by_bar(make_bars) -> None:
    bars = make_bars(200)
    strategy = sma(10, 30)
    whole = strategy.signals(bars)
    for end in range(1, 201):
        now = strategy.latest(bars.between(0, end))
        assert now.code == whole.signal[end - 1] and now.bar_start_s == bars.start_s[end - 1]
        if end >= 30:
            assert now.strength == whole.strength[end - 1]
            assert now.values["sma_slow"] == whole.values["sma_slow"][end - 1]
        else:
            assert now.call is Call.FLAT and now.strength is None and now.values == {}


def test_empty_window() -> None:
    empty = Bars.from_rows([], 0.01, 60)
    assert sma().latest(empty).call is Call.FLAT and sma().latest(empty).bar_start_s is None
    assert len(sma().signals(empty).signal) == 0


def test_rows_become_bars() -> None:
    bars = Bars.from_rows([(60, 1.0, 3.0, 0.5, 2.0, 9.0), (120, 2.0, 4.0, 1.5, 3.01, 8.0)], 0.01, 60)
    assert bars.start_s.tolist() == [60, 120] and bars.close_ticks.tolist() == [200, 301]
    assert (bars.open[1], bars.high[1], bars.low[1], bars.volume[1]) == (2.0, 4.0, 1.5, 8.0)
    assert len(replace(bars.tail(1))) == 1 and bars.tail(5).start_s.tolist() == [60, 120]
