"""The first four moments of returns, which every statement about a Sharpe ratio stands on."""

from dataclasses import dataclass

import numpy as np

from research.metrics.returns import Floats


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """Of `count` returns, all per return (not per year). `skew`, `kurtosis`: of the population; a normal's are 0, 3.

    `sharpe`: mean / sample standard deviation; None where all returns are equal.
    """

    count: int
    mean: float
    deviation: float
    skew: float
    kurtosis: float
    sharpe: float | None


def moments(returns: Floats) -> ReturnMoments:
    """The moments of `returns`; without a spread skew and kurtosis are a normal's."""
    count = len(returns)
    if count < 2:
        return ReturnMoments(count, float(returns.sum()), 0.0, 0.0, 3.0, None)
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if deviation <= 1e-15:
        return ReturnMoments(count, mean, deviation, 0.0, 3.0, None)
    centred = returns - mean
    spread = float(np.sqrt(np.mean(centred**2)))
    skew, kurtosis = (float(np.mean(centred**power)) / spread**power for power in (3, 4))
    return ReturnMoments(count, mean, deviation, skew, kurtosis, mean / deviation)
