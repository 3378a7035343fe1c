"""From a marked equity curve to daily returns and growth."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_S = 86_400
DAYS_PER_YEAR = 365


def daily_equity(times_s: Ints, equity: Floats, start: float) -> tuple[Ints, Floats]:
    """(UTC day numbers, equity at the end of each day), every day from the first to the last.

    A bar that closes at 00:00 belongs to the day that ends. A day without bars keeps the equity before it. `start` is
    the equity before the first bar.
    """
    if not len(times_s):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    day = (times_s - 1) // DAY_S
    days = np.arange(day[0], day[-1] + 1)
    at = np.searchsorted(day, days, side="right") - 1
    return days, np.where(at >= 0, equity[at], start)


def simple_returns(values: Floats, start: float) -> Floats:
    """values[i] / values[i-1] - 1, the first one against `start`; 0 after everything is lost."""
    before = np.concatenate([[start], values[:-1]])
    out = np.zeros(len(values))
    np.divide(values, before, out=out, where=before > 0)
    out[before > 0] -= 1.0
    return out


def total_return(final: float, start: float) -> float:
    """final / start - 1."""
    return final / start - 1.0


def cagr(final: float, start: float, years: float) -> float | None:
    """Compound annual growth = (final / start)^(1 / years) - 1; None without time; -1 when all is lost."""
    if years <= 0:
        return None
    if final <= 0:
        return -1.0
    try:
        return float((final / start) ** (1.0 / years) - 1.0)
    except OverflowError:
        return None


def volatility(returns: Floats) -> float | None:
    """Sample standard deviation of daily returns x sqrt(365)."""
    return float(returns.std(ddof=1) * np.sqrt(DAYS_PER_YEAR)) if len(returns) > 1 else None
