"""What a result stands on: its surroundings in settings, the state of the market, the size of the account."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from research.metrics.returns import DAYS_PER_YEAR, Floats

REGIME_DAYS = 30


def plateau(best: float, neighbours: Floats) -> float | None:
    """Share of the neighbours (the same settings, each moved a little) with at least half of the best one's figure.

    A plateau is 1, a lone peak 0; None where the best is not above zero or has no neighbour. Pardo (2008), The
    Evaluation and Optimization of Trading Strategies, chapter 10.
    """
    known = neighbours[np.isfinite(neighbours)]
    return float((known >= best / 2).mean()) if best > 0 and len(known) else None


@dataclass(frozen=True, slots=True)
class RegimeFigures:
    """One state of the market. `share`: of all days. `sharpe`: a year, None where the days do not vary."""

    name: str
    days: int
    share: float
    mean: float
    sharpe: float | None


def regimes(holding: Floats, edge: Floats, window: int = REGIME_DAYS) -> tuple[RegimeFigures, ...]:
    """`edge` by the state that the market was in the day before: rising or falling, calm or wild.

    Rising: the sum of the newest `window` days of holding is above zero; wild: their standard deviation is above its
    median. The median knows the whole stretch, so this explains a result and is no signal. The first `window` days
    have no state.
    """
    count = len(holding)
    if count <= window + 1:
        return ()
    total = np.concatenate([[0.0], np.cumsum(holding)])
    square = np.concatenate([[0.0], np.cumsum(holding**2)])
    trend = total[window:-1] - total[: -window - 1]
    swing = np.sqrt(np.maximum((square[window:-1] - square[: -window - 1]) / window - (trend / window) ** 2, 0.0))
    later, wild, rising = edge[window:], swing > np.median(swing), trend > 0
    found = []
    for name, at in (
        ("rising, calm", rising & ~wild), ("rising, wild", rising & wild),
        ("falling, calm", ~rising & ~wild), ("falling, wild", ~rising & wild),
    ):  # fmt: skip
        days = later[at]
        spread = float(days.std(ddof=1)) if len(days) > 1 else 0.0
        ratio = float(days.mean()) / spread * math.sqrt(DAYS_PER_YEAR) if spread > 1e-15 else None
        mean = float(days.mean()) if len(days) else 0.0
        found.append(RegimeFigures(name, len(days), len(days) / len(later), mean, ratio))
    return tuple(found)


def capacity(sizes: Sequence[float], results: Sequence[float]) -> float | None:
    """The account at which costs of its own size have eaten the result: where `results` fall to zero.

    `sizes` rise (money); between two of them the logarithm of the size is interpolated. None where the smallest
    earns nothing; infinity where the largest still earns.
    """
    if not len(results) or results[0] <= 0:
        return None
    for i in range(1, len(results)):
        if results[i] <= 0:
            part = results[i - 1] / (results[i - 1] - results[i])
            return math.exp(math.log(sizes[i - 1]) + part * (math.log(sizes[i]) - math.log(sizes[i - 1])))
    return math.inf


def square_root_impact_bps(bar_returns: Floats) -> float:
    """Market impact in basis points of an order as large as its bar's volume: one standard deviation of a bar.

    The square-root law, impact = Y x sigma x sqrt(size / volume) with Y = 1. Toth et al. (2011), Anomalous Price
    Impact; Almgren et al. (2005), Direct Estimation of Equity Market Impact.
    """
    return float(bar_returns.std()) * 10_000 if len(bar_returns) > 1 else 0.0
