"""Volatility bar by bar equals volatility over history, to the bit, from wherever it is begun."""

import math
import time

import numpy as np
import pytest

from bot.engine.state.volatility import Volatility
from bot.rules.volatility import LONG_RETURNS, SHORT_RETURNS, log_return_units
from bot.strategies import volatility_arrays as arrays


def closes(count: int, seed: int = 1, sigma: float = 0.001) -> np.ndarray:
    g = np.random.default_rng(seed)
    scale = sigma * (1 + (np.arange(count) // 500) % 3)  # calm and lively stretches
    return np.round(50_000 * np.exp(np.cumsum(g.normal(0, 1, count) * scale)), 2)


def test_equals_numpy() -> None:
    c = closes(2_000)
    returns = np.diff(np.log(c))
    v = Volatility()
    for x in c.tolist():
        v.add(x)
    assert v.sigma_long == pytest.approx(returns[-1440:].std(ddof=1), rel=1e-7)
    assert v.sigma_short == pytest.approx(returns[-60:].std(ddof=1), rel=1e-6)
    assert v.factor == pytest.approx(min(max(v.sigma_long / v.sigma_short, 0.25), 1.5))


def test_live_equals_history_to_the_bit() -> None:
    c = closes(4_000, seed=2)
    c[1000] = c[999]  # nothing moved
    long, short, factors = arrays.sigmas(c, LONG_RETURNS), arrays.sigmas(c, SHORT_RETURNS), arrays.vol_factors(c)
    v, late = Volatility(), Volatility()  # `late` is a bot that was started 1,700 bars in
    seen = set()
    for i, x in enumerate(c.tolist()):
        v.add(x)
        if i >= 1_700:
            late.add(x)
        assert v.factor == factors[i]
        assert v.sigma_long == long[i] or (math.isnan(v.sigma_long) and math.isnan(long[i]))
        if i >= 1_700 + 1_440:
            assert (late.sigma_long, late.sigma_short, late.factor) == (long[i], short[i], factors[i])
        seen.add(factors[i])
    assert len(seen) > 1_000 and min(seen) >= 0.25 and max(seen) <= 1.5


def test_one_until_a_day_is_known() -> None:
    c = closes(1_441)
    v = Volatility()
    for x in c[:1440].tolist():
        v.add(x)
    assert v.factor == 1.0 and math.isnan(v.sigma_long) and v.sigma_short > 0
    v.add(float(c[1440]))
    assert v.sigma_long > 0


def test_a_market_that_stands_still() -> None:
    v = Volatility()
    for x in [*closes(1_500).tolist(), *[100.0] * 61]:
        v.add(x)
    assert v.sigma_short == 0.0 and v.factor == 1.0
    assert (arrays.vol_factors(np.full(2_000, 7.0)) == 1.0).all()


def test_short_histories() -> None:
    for count in (0, 1, 2, 61):
        assert (arrays.vol_factors(closes(count)) == 1.0).all()


def test_units_survive_near_ties_and_wild_moves() -> None:
    c = closes(20_000, seed=3)
    c[5_000] *= 1e6
    got = arrays.return_units(c).tolist()
    assert got[1:] == [log_return_units(b, a) for a, b in zip(c[:-1].tolist(), c[1:].tolist(), strict=True)]
    assert 50_000_000 in got and -50_000_000 in got


def test_cost_of_a_bar() -> None:
    c = closes(20_000).tolist()
    v = Volatility()
    started = time.perf_counter()
    for x in c:
        v.add(x)
    assert (time.perf_counter() - started) / len(c) < 50e-6  # ten times what a slow machine needs
