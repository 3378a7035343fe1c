"""Compiled forms give what the plain definitions give: the cross, volatility sums, one pass over the equity."""

import numpy as np
import pytest

from bot.rules.sizing import vol_factor
from bot.rules.volatility import LONG_RETURNS, SHORT_RETURNS
from bot.strategies.volatility_arrays import vol_factors
from research import engine, signals
from research.loops import types as t
from research.loops.entry import deviation
from research.metrics import drawdown, returns, trades
from research.metrics.summary import curve
from tests.research.paths import draw_model, draw_settings, path, settings


@pytest.mark.parametrize("seed", range(5))
def test_the_cross_is_the_strategys(seed: int) -> None:
    g = np.random.default_rng(seed)
    candles = path(g, 3000, sigma=0.0003)  # small steps: averages tie now and then
    fast = int(g.integers(1, 30))
    s = settings(STRATEGY="sma_cross", MA_FAST=str(fast), MA_SLOW=str(fast + int(g.integers(1, 60))))
    prepared = engine.prepare([candles])
    assert np.array_equal(signals.fast(s, prepared)[0], signals.full(s, candles).signal)
    assert set(signals.full(s, candles).signal.tolist()) >= {-1, 1}


def test_other_strategies_are_asked_themselves() -> None:
    s = settings(STRATEGY="momentum")
    candles = path(np.random.default_rng(1), 2000)
    assert np.array_equal(signals.fast(s, engine.prepare([candles]))[0], signals.full(s, candles).signal)


def test_volatility_sums_are_the_bots() -> None:
    candles = path(np.random.default_rng(2), 2600, sigma=0.001)
    prepared = engine.prepare([candles])
    total, squares = engine.return_sums(prepared)
    empty = np.zeros(0)
    tape = t.BarArrays(prepared.start_s, *prepared.ticks, prepared.steps, empty, total, squares, empty, empty, empty)
    wanted = vol_factors(candles.close)
    for i in range(len(candles)):
        long, short = (deviation(tape, 0, i, length) for length in (LONG_RETURNS, SHORT_RETURNS))
        assert vol_factor(long, short) == wanted[i], i
    assert len(set(wanted.tolist())) > 500


def test_one_pass_is_the_plain_figures() -> None:
    g = np.random.default_rng(3)
    for _ in range(20):
        candles = path(g, 4000)
        said = [(g.random(len(candles)) < 0.3).astype(np.int8)]
        r = engine.run_lots(engine.prepare([candles]), said, draw_settings(g), draw_model(g))
        found, times, cash = curve(r, 0.0), r.prepared.times, r.model.cash
        _, values = returns.daily_equity(times, r.equity, cash)
        worst = drawdown.drawdown(times, r.equity, cash)
        assert np.array_equal(found.by_day, returns.simple_returns(values, cash))
        assert found.worst == worst.worst and found.longest_s == pytest.approx(worst.longest_s, abs=60)
        assert found.exposure == pytest.approx(trades.exposure(r.held, r.equity))
        assert found.in_market == trades.time_in_market(r.held)
        assert found.flat_s == trades.longest_flat_s(times, r.held)
