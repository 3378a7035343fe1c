"""Tests of a result against luck: track record, number of trials, bootstrap, permutation. Pure functions of arrays.

Returns are daily ones beyond holding (`research.metrics.chance.beyond_holding`), so that a rising market is no skill.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from research.metrics import chance
from research.metrics.moments import moments
from research.metrics.returns import Floats

_NORMAL = NormalDist()


def min_track_record(returns: Floats, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Returns (days) that are needed before a ratio like this one is above `benchmark` with this confidence.

    1 + (1 - skew SR + (kurtosis - 1) / 4 SR^2) (z / (SR - benchmark))^2, both ratios per return. None where the ratio
    is not above the benchmark: no length is enough. Bailey and Lopez de Prado (2012), The Sharpe Ratio Efficient
    Frontier, equation 11.
    """
    found = moments(returns)
    if found.sharpe is None or found.sharpe <= benchmark:
        return None
    variance = 1.0 - found.skew * found.sharpe + (found.kurtosis - 1.0) / 4.0 * found.sharpe**2
    return 1.0 + variance * (_NORMAL.inv_cdf(confidence) / (found.sharpe - benchmark)) ** 2


def average_correlation(matrix: Floats) -> float | None:
    """Mean correlation of the pairs of columns (a trial each, days in rows); None of fewer than two that vary.

    From the variance of the sum of the standardised columns: var = n + n (n - 1) x mean correlation.
    """
    spread = matrix.std(axis=0)
    varying = matrix[:, spread > 1e-15]
    count = varying.shape[1]
    if count < 2:
        return None
    total = ((varying - varying.mean(axis=0)) / varying.std(axis=0)).sum(axis=1)
    return float((np.mean(total**2) - count) / (count * (count - 1)))


def effective_trials(matrix: Floats) -> float:
    """How many independent trials the columns are worth: r + (1 - r) n, r their average correlation, not below 0.

    Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio, appendix A.3. Trials that never traded count as one.
    """
    varying = int((matrix.std(axis=0) > 1e-15).sum()) if matrix.size else 0
    idle = 1.0 if matrix.size and varying < matrix.shape[1] else 0.0
    shared = average_correlation(matrix) if varying > 1 else None
    if shared is None:
        return varying + idle
    shared = max(shared, 0.0)
    return shared + (1.0 - shared) * varying + idle


class Deflation(NamedTuple):
    """`probability`: P(true ratio > `by_chance`); None where there is no ratio. Ratios per return (day).

    `trials`: the number that luck was measured with. `spread`: standard deviation of the trials' ratios.
    """

    probability: float | None
    by_chance: float
    trials: float
    spread: float


FEWEST_RATIOS = 10  # of fewer trials the spread of their ratios is not known


def deflate(returns: Floats, ratios: Floats, trials: float) -> Deflation:
    """The deflated Sharpe ratio of `returns`, the best of `trials` (effective) trials.

    The spread of the trials' ratios is that of `ratios` (per return), where there are ten or more; else what ratios of
    nothing scatter by, 1 / sqrt(n - 1). Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio.
    """
    found = moments(returns)
    known = ratios[np.isfinite(ratios)]
    own = 1.0 / math.sqrt(max(found.count - 1, 1))
    spread = float(known.std(ddof=1)) if len(known) >= FEWEST_RATIOS else own
    by_chance = max_ratio(spread, trials)
    if found.sharpe is None or found.count < 3:
        return Deflation(None, by_chance, trials, spread)
    above = chance.surpassing(found.sharpe, by_chance, found.count, found.skew, found.kurtosis)
    return Deflation(above, by_chance, trials, spread)


def max_ratio(spread: float, trials: float) -> float:
    """`chance.expected_max_sharpe`; one trial has no luck of choice, and between one and two it grows evenly."""
    if trials >= 2:
        return max(chance.expected_max_sharpe(spread, trials), 0.0)
    return max(trials - 1.0, 0.0) * chance.expected_max_sharpe(spread, 2)


def bootstrap_p(values: Floats, seed: int, samples: int = 2000) -> float | None:
    """P(a mean as large as that of `values` | the true mean is 0), days with memory; None of fewer than `FEWEST`.

    Share of resampled histories of the centred values (stationary bootstrap, `chance.resampled`) whose mean reaches
    it. Politis and Romano (1994), The Stationary Bootstrap; the + 1 of Davison and Hinkley (1997), section 4.2.
    """
    if len(values) < chance.FEWEST:
        return None
    total, _ = chance.resampled(values - values.mean(), seed, samples)
    return float((1 + (total >= values.sum()).sum()) / (samples + 1))


def permutation_p(observed: float, drawn: Floats) -> float:
    """P(a figure as large as `observed` | the order does not matter), from `drawn` figures of shuffled orders.

    (1 + how many reach it) / (1 + how many there are). Phipson and Smyth (2010), Permutation P-values Should Never Be
    Zero.
    """
    return float((1 + (drawn >= observed).sum()) / (1 + len(drawn)))
