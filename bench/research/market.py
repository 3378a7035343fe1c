"""The bars that every contestant gets: a random walk of minutes, the same on every machine."""

import numpy as np

from research.data.candles import CandleSet

YEAR = 525_600
START_S = 1_609_459_200  # 2021-01-01


def minutes(bars: int = YEAR, seed: int = 1) -> CandleSet:
    """`bars` one-minute bars on a tick of 0.01 around 500, without gaps."""
    random = np.random.default_rng(seed)
    steps = random.standard_normal((bars, 4)) * 0.0004
    path = np.exp(np.cumsum(steps.reshape(-1)) * 0.9)
    # Pulled back to the middle, so that a year neither ends at nothing nor in the sky.
    trend = np.exp(-0.5 * np.log(path))
    ticks = np.maximum(np.rint(50_000 * path * trend), 100).reshape(bars, 4)
    volume = np.rint(random.gamma(1.0, 2.0, bars) * 1e6) / 1e6
    o, c = ticks[:, 0] / 100, ticks[:, 3] / 100
    return CandleSet(
        "BTC-USD", 60, START_S + 60 * np.arange(bars, dtype=np.int64), np.ascontiguousarray(o), ticks.max(axis=1) / 100,
        ticks.min(axis=1) / 100, np.ascontiguousarray(c), volume, source="random walk",
    )  # fmt: skip
