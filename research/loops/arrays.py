"""Whole-history arrays that the loops read, in the compiler's subset: the moving-average signal, running sums."""

from typing import Any

from bot.core.rules.signals import ma_side
from bot.core.rules.volatility import log_return_units


def to_ticks(prices: Any, increment: float, out: Any) -> int:
    """Prices in whole ticks, to the nearest (`Bars.close_ticks`). Answers how many lay between two ticks."""
    off = 0
    for i in range(len(prices)):
        # numpy's rint rounds halves to even; so does round() of a float, compiled and plain.
        exact = prices[i] / increment
        tick = round(exact)
        if abs(exact - tick) > 1e-3:
            off += 1
        out[i] = tick
    return off


def sma_signal(ticks: Any, fast: int, slow: int, out: Any) -> None:
    """SmaCross's signal: rulebook `ma_side` of exact running sums; 0 until the slow average is full."""
    fast_sum, slow_sum = 0, 0
    for i in range(len(ticks)):
        fast_sum += ticks[i]
        slow_sum += ticks[i]
        if i >= fast:
            fast_sum -= ticks[i - fast]
        if i >= slow:
            slow_sum -= ticks[i - slow]
        out[i] = ma_side(fast_sum, fast, slow_sum, slow) if i >= slow - 1 else 0


def return_sums(closes: Any, total: Any, squares: Any) -> None:
    """Running sums of log returns in units and of their squares; a window's sum is a difference of two entries."""
    run, run_squares = 0, 0
    for i in range(len(closes)):
        if i > 0:
            value = log_return_units(closes[i], closes[i - 1])
            run += value
            run_squares += value * value
        total[i] = run
        squares[i] = run_squares


HELPERS = ()
