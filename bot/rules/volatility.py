"""Volatility in whole numbers (docs/trading-rules.md §4): a sum of integers is the same wherever it was begun.

A running sum of floats depends on where it started, so a bot that started yesterday and a backtest over a year
would size entries apart. Log returns are therefore counted in units of 1e-8.
"""

import math

# Windows of the volatility factor in closed one-minute bars: a day, an hour.
LONG_RETURNS = 1440
SHORT_RETURNS = 60
RETURN_UNIT = 1e-8
# A one-minute move beyond 50 % counts as 50 %: 1,440 squares of it still fit into int64.
RETURN_LIMIT = 50_000_000


def log_return_units(close: float, previous_close: float) -> int:
    """ln(close / previous) in units of 1e-8, to the nearest, limited to +-0.5; 0 for prices that are not positive."""
    if not (close > 0.0 and previous_close > 0.0):
        return 0
    units = math.floor(math.log(close / previous_close) / RETURN_UNIT + 0.5)
    return min(max(units, -RETURN_LIMIT), RETURN_LIMIT)


def sigma(total: int, total_squares: int, count: int) -> float:
    """Sample standard deviation (n - 1) of log returns from their sums in units; NaN below two returns."""
    if count < 2:
        return math.nan
    variance = (total_squares - total * (total / count)) / (count - 1)
    return math.sqrt(max(variance, 0.0)) * RETURN_UNIT
