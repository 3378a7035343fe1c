"""How much of a result may be luck: bootstrap, deflated Sharpe, Monte Carlo of the order of lots."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from research.metrics.drawdown import drawdowns
from research.metrics.moments import moments
from research.metrics.ratios import sharpe
from research.metrics.returns import DAYS_PER_YEAR, Floats

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
FEWEST = 10  # days: of fewer nothing is said about luck


class Interval(NamedTuple):
    low: float
    high: float


def sharpe_interval(returns: Floats, seed: int, level: float = 0.95, samples: int = 2000) -> Interval | None:
    """Percentile interval of the Sharpe ratio by the stationary bootstrap (Politis and Romano 1994).

    Blocks of daily returns of geometric length, mean n^(1/3) days, wrapped at the end. Equal seeds, equal interval.
    """
    count = len(returns)
    if count < 10 or sharpe(returns) is None:
        return None
    total, squares = resampled(returns, seed, samples)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares - count * mean * mean, 0.0) / (count - 1))
    ratios = mean[deviation > 1e-15] / deviation[deviation > 1e-15] * math.sqrt(DAYS_PER_YEAR)
    tail = (1.0 - level) / 2
    low, high = np.quantile(ratios, [tail, 1.0 - tail]).tolist()
    return Interval(low, high)


def resampled(values: Floats, seed: int, samples: int) -> tuple[Floats, Floats]:
    """(sum, sum of squares) of each resampled history, by the stationary bootstrap."""
    count, random = len(values), np.random.default_rng(seed)
    stay = 1.0 - 1.0 / max(count ** (1.0 / 3.0), 1.0)
    at = random.integers(0, count, samples)
    total, squares = np.zeros(samples), np.zeros(samples)
    for _ in range(count):
        drawn = values[at]
        total += drawn
        squares += drawn * drawn
        jump = random.random(samples) >= stay
        at = np.where(jump, random.integers(0, count, samples), (at + 1) % count)
    return total, squares


def excess_growth(returns: Floats, holding: Floats) -> Floats:
    """Each day's log growth less that of holding."""
    least = 1e-9  # what is left of an account that lost everything
    return np.log(np.maximum(1.0 + returns, least)) - np.log(np.maximum(1.0 + holding, least))


def sum_interval(values: Floats, seed: int, level: float = 0.95, samples: int = 2000) -> Interval | None:
    """Percentile interval of the sum of `values` over histories like this one; None of fewer than `FEWEST` days.

    By the stationary bootstrap, widened by sqrt(n / (n - 1)) x t / z around the sum: percentiles of few days are too
    narrow (Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 12.5 and exercise 13.1).
    """
    count = len(values)
    if count < FEWEST:
        return None
    whole, tail = float(values.sum()), (1.0 - level) / 2
    low, high = np.quantile(resampled(values, seed, samples)[0], [tail, 1.0 - tail]).tolist()
    wider = math.sqrt(count / (count - 1)) * _student(1.0 - tail, count - 1) / _NORMAL.inv_cdf(1.0 - tail)
    return Interval(whole + (low - whole) * wider, whole + (high - whole) * wider)


def _student(p: float, freedom: int) -> float:
    """Quantile of Student's t by Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5)."""
    z = _NORMAL.inv_cdf(p)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float | None:
    """P(true Sharpe ratio > `benchmark` per year), for skewed and fat-tailed returns.

    Bailey and Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, equation 2.
    """
    found = moments(returns)
    if found.sharpe is None or found.count < 3:
        return None
    return surpassing(found.sharpe, benchmark / math.sqrt(DAYS_PER_YEAR), found.count, found.skew, found.kurtosis)


def surpassing(ratio: float, against: float, count: int, skew: float, kurtosis: float) -> float | None:
    """P(true ratio > `against`) where `count` returns showed `ratio`, both per return; a normal kurtosis is 3.

    z((ratio - against) sqrt(n - 1) / sqrt(1 - skew ratio + (kurtosis - 1) / 4 ratio^2)). None where the root is none.
    """
    variance = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if variance <= 0:
        return None
    return _NORMAL.cdf((ratio - against) * math.sqrt(count - 1) / math.sqrt(variance))


def max_sharpe_by_chance(ratios: Floats) -> float | None:
    """Yearly Sharpe ratio that the best of so many trials reaches by chance alone."""
    known = ratios[np.isfinite(ratios)]
    return expected_max_sharpe(float(known.std(ddof=1)), len(known)) if len(known) > 1 else None


def expected_max_sharpe(deviation: float, count: float) -> float:
    """Expected best of `count` (two or more; an effective number may be no whole one) ratios that scatter by
    `deviation` around nothing.

    deviation x ((1 - g) z(1 - 1/n) + g z(1 - 1/(n e))), g Euler's constant. Bailey and Lopez de Prado (2014), The
    Deflated Sharpe Ratio.
    """
    return deviation * (
        (1 - _EULER) * _NORMAL.inv_cdf(1 - 1 / count) + _EULER * _NORMAL.inv_cdf(1 - 1 / (count * math.e))
    )


def beta(returns: Floats, holding: Floats) -> float:
    """How much of holding's daily moves the returns carry, by least squares; 0 where holding does not move."""
    centred = holding - holding.mean() if len(holding) else holding
    swing = float(centred @ centred)
    return float(centred @ returns) / swing if swing > 0.0 else 0.0


def beyond_holding(returns: Floats, holding: Floats) -> Floats:
    """What holding does not explain of each day: return - `beta` x holding's.

    Its Sharpe ratio is the appraisal ratio (Treynor and Black 1973). A rulebook without an edge that is in a rising
    market half of the time has a fine Sharpe ratio, and an appraisal ratio around zero.
    """
    return returns - beta(returns, holding) * holding


def deflated_sharpe(returns: Floats, trials: Floats) -> float | None:
    """P(true Sharpe ratio > what the best of `trials` reaches by luck): `probabilistic_sharpe` against that.

    Luck is centred at zero: hand over what holding does not explain (`beyond_holding`), of the best and of the trials.
    Plain returns would make every point of a rising market look like skill.
    """
    by_chance = max_sharpe_by_chance(trials)
    return None if by_chance is None else probabilistic_sharpe(returns, by_chance)


class Shuffled(NamedTuple):
    """Over random orders of the same lots: worst drawdown as a fraction (median, and the worst twentieth)."""

    median_drawdown: float
    bad_drawdown: float
    ruin: float  # part of the orders in which equity fell below half of the start


def shuffled_lots(results: Floats, start: float, seed: int, samples: int = 1000) -> Shuffled | None:
    """Monte Carlo of the order of lots' results, open ones as if sold now. Equal seeds, equal figures."""
    if len(results) < 2:
        return None
    random = np.random.default_rng(seed)
    worst, low = np.empty(samples), np.empty(samples)
    for i in range(samples):
        curve = start + np.cumsum(random.permutation(results))
        worst[i] = min(float(drawdowns(curve, start).min()), 0.0)
        low[i] = curve.min()
    median, bad = np.quantile(worst, [0.5, 0.05]).tolist()
    return Shuffled(median, bad, float(np.mean(low < start / 2)))
