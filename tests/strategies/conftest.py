"""Random but repeatable bars on a whole-tick grid."""

from collections.abc import Callable

import numpy as np
import pytest

from bot.strategies.base import Bars


@pytest.fixture
def make_bars() -> Callable[..., Bars]:
    def make(count: int, seed: int = 1, tick: float = 0.01, start_price: float = 100.0, sigma: float = 0.002) -> Bars:
        g = np.random.default_rng(seed)
        close = np.rint(start_price * np.exp(np.cumsum(g.normal(0, sigma, count))) / tick)
        open_ = np.concatenate(([close[0]], close[:-1])) if count else close
        high = np.maximum(open_, close) + g.integers(0, 20, count)
        low = np.minimum(open_, close) - g.integers(0, 20, count)
        # A few minutes without a trade are missing, as at the exchange.
        start = 1_700_000_040 + 60 * np.cumsum(1 + (g.random(count) < 0.01)).astype(np.int64)
        volume = g.exponential(3.0, count)
        return Bars(start, open_ * tick, high * tick, low * tick, close * tick, volume, tick, 60)

    return make
