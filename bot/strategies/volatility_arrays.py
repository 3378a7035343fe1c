"""`bot.engine.state.volatility` over a whole history at once, with the same bits."""

import math

import numpy as np
from numpy.typing import NDArray

from bot.rules.sizing import VOL_FACTOR_MAX, VOL_FACTOR_MIN
from bot.rules.volatility import LONG_RETURNS, RETURN_LIMIT, RETURN_UNIT, SHORT_RETURNS, log_return_units
from bot.strategies.indicators import rolling_sum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def return_units(close: Floats) -> Ints:
    """Log return of each bar in units of 1e-8; 0 for the first. Equal to `log_return_units` bar by bar.

    numpy's logarithm may differ from the C library's in the last bit, which matters only where rounding is nearly a
    tie: those few are computed one by one.
    """
    out = np.zeros(len(close), dtype=np.int64)
    if len(close) < 2:
        return out
    before, now = close[:-1], close[1:]
    good = (before > 0.0) & (now > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(good, np.log(now / before), 0.0) / RETURN_UNIT + 0.5
    whole = np.floor(exact)
    near_tie = np.flatnonzero(np.abs(exact - np.rint(exact)) < 1e-5)
    out[1:] = np.clip(whole, -RETURN_LIMIT, RETURN_LIMIT).astype(np.int64)
    for i in near_tie.tolist():
        out[i + 1] = log_return_units(float(now[i]), float(before[i]))
    return out


def sigmas(close: Floats, returns: int) -> Floats:
    """Sample standard deviation of the newest `returns` log returns at each bar; NaN until there are so many."""
    units = return_units(close)[1:]
    out = np.full(len(close), math.nan)
    if len(units) >= returns:
        total = rolling_sum(units, returns)[returns - 1 :]
        squares = rolling_sum(units * units, returns)[returns - 1 :]
        variance = (squares - total * (total / returns)) / (returns - 1)
        out[returns:] = np.sqrt(np.maximum(variance, 0.0)) * RETURN_UNIT
    return out


def vol_factors(close: Floats) -> Floats:
    """The factor that an entry decided on each bar's close is sized with: 0.25 to 1.5, 1 while not known."""
    long, short = sigmas(close, LONG_RETURNS), sigmas(close, SHORT_RETURNS)
    known = (long > 0.0) & (short > 0.0)
    ratio = np.divide(long, short, out=np.ones(len(close)), where=known)
    return np.where(known, np.clip(ratio, VOL_FACTOR_MIN, VOL_FACTOR_MAX), 1.0)
