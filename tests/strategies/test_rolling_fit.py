"""Fits over windows that move forward equal fits of each window alone."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bot.strategies import rolling_fit
from bot.strategies.logistic_fit import Floats, fit, sigmoid


def history(count: int, width: int, seed: int) -> tuple[Floats, np.ndarray]:
    """Features that wander, jump and change their scale, as a market's do."""
    g = np.random.default_rng(seed)
    wild = np.exp(np.cumsum(g.normal(0, 0.01, count)))[:, None]
    x = g.normal(0, 1, (count, width)) * wild + np.cumsum(g.normal(0, 0.03, (count, width)), axis=0)
    x[g.integers(0, count, 5)] *= 30.0  # a price that leapt
    x *= 10.0 ** g.integers(-5, 4, width)
    z = 0.3 * (x[:, 0] - x[:, 0].mean()) / x[:, 0].std()
    return x, g.random(count) < sigmoid(z)


def worst(x: Floats, up: np.ndarray, windows: list[tuple[int, int]], every: int) -> float:
    """The largest difference of a weight or an intercept over every so many windows."""
    found = list(rolling_fit.fits(x, up, windows))
    assert len(found) == len(windows)
    largest = 0.0
    for (first, end), moved in list(zip(windows, found, strict=True))[::every]:
        alone = fit(x[first:end], up[first:end])
        assert moved.rows == alone.rows
        assert_allclose(moved.mean, alone.mean, rtol=1e-7, atol=1e-9 * float(np.abs(alone.std).max()))
        assert_allclose(moved.std, alone.std, rtol=1e-7)
        difference = max(np.abs(moved.weights - alone.weights).max(), abs(moved.intercept - alone.intercept))
        largest = max(largest, float(difference))
    return largest


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("width", "window", "step"), [(4, 1500, 1), (10, 900, 7), (10, 500, 60), (10, 2500, 1)])
def test_each_window_equals_its_own_fit(seed: int, width: int, window: int, step: int) -> None:
    x, up = history(3_600, width, seed)
    windows = [(max(0, end - window), end) for end in range(30, len(x), step)]
    assert worst(x, up, windows, every=max(len(windows) // 60, 1)) < 1e-6


def test_one_outcome_only_and_a_column_that_stands_still_on_the_way() -> None:
    x, up = history(3_000, 4, 1)
    up[700:1_400] = True
    x[1_500:2_300, 2] = x[1_500, 2]
    windows = [(end - 600, end) for end in range(600, 3_000)]
    found = list(rolling_fit.fits(x, up, windows))
    for number in range(0, len(windows), 37):
        first, end = windows[number]
        alone = fit(x[first:end], up[first:end])
        assert_allclose(found[number].weights, alone.weights, rtol=0, atol=1e-6)
        assert_allclose(found[number].probability(x[end : end + 1]), alone.probability(x[end : end + 1]), atol=1e-6)


def test_a_longer_history_has_the_same_beginning_to_the_bit() -> None:
    """Nothing looks ahead: what later rows are does not touch an earlier fit."""
    x, up = history(2_000, 10, 3)
    windows = [(max(0, end - 700), end) for end in range(60, 2_000)]
    whole = list(rolling_fit.fits(x, up, windows))
    other = x.copy()
    other[1_500:] = 7.0
    for cut in (61, 800, 1_211, 1_500):
        part = [w for w in windows if w[1] <= cut]
        for rows in (x[:cut], other):
            again = list(rolling_fit.fits(rows, up[:cut] if len(rows) == cut else up, part))
            assert_array_equal(np.array([f.weights for f in again]), np.array([f.weights for f in whole[: len(part)]]))


def test_it_is_much_faster_than_fits_alone() -> None:
    x, up = history(6_000, 10, 2)
    windows = [(end - 5_000, end) for end in range(5_000, 5_400)]
    list(rolling_fit.fits(x, up, windows[:5]))
    ratios = []
    for _ in range(3):  # both in one run, so that a busy machine slows both
        began = time.process_time()
        list(rolling_fit.fits(x, up, windows))
        moved = time.process_time() - began
        began = time.process_time()
        for first, end in windows[::10]:
            fit(x[first:end], up[first:end])
        ratios.append((time.process_time() - began) * 10 / moved)
    assert max(ratios) > 2.5, ratios
