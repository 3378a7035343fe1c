"""Whole-history arrays that the loops read, in the compiler's subset: the moving-average signal, running sums."""

from typing import Any

from bot.rules.signals import ma_side
from bot.rules.volatility import log_return_units


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


def sma_signal(ticks: Any, fast: int, slow: int, out: Any) -> int:
    """SmaCross's signal: rulebook `ma_side` of exact running sums; 0 until the slow average is full.

    Answers the bars, as `return_sums` does.
    """
    fast_sum, slow_sum = 0, 0
    for i in range(len(ticks)):
        fast_sum += ticks[i]
        slow_sum += ticks[i]
        if i >= fast:
            fast_sum -= ticks[i - fast]
        if i >= slow:
            slow_sum -= ticks[i - slow]
        out[i] = ma_side(fast_sum, fast, slow_sum, slow) if i >= slow - 1 else 0
    return len(ticks)


def return_sums(closes: Any, total: Any, squares: Any) -> int:
    """Running sums of log returns in units and of their squares; a window's sum is a difference of two entries."""
    run, run_squares = 0, 0
    for i in range(len(closes)):
        if i > 0:
            value = log_return_units(closes[i], closes[i - 1])
            run += value
            run_squares += value * value
        total[i] = run
        squares[i] = run_squares
    return len(closes)


def curve_stats(times: Any, equity: Any, held: Any, start: float, day_ends: Any, out: Any) -> int:
    """One pass over a marked equity curve (research.metrics says what each figure is; a test compares).

    `day_ends` takes the equity at the end of each UTC day with a bar or after one; answers how many. `out`: worst
    drawdown, longest time below a peak, mean held / equity, part of the marks with a lot, longest time without.
    """
    days, day_end = 0, ((times[0] - 1) // 86_400 + 1) * 86_400
    peak, peak_at, worst, longest = start, times[0], 0.0, 0
    ratio, known, busy, flat_since, flat = 0.0, 0, 0, -1, 0
    value = start
    for i in range(len(times)):
        at = times[i]
        while at > day_end:
            day_ends[days] = value
            days += 1
            day_end += 86_400
        value = equity[i]
        if value >= peak:
            peak, peak_at = value, at
        else:
            worst = min(worst, value / peak - 1.0)
            longest = max(longest, at - peak_at)
        known += 1 if value > 0.0 else 0
        if held[i] > 0.0:
            if value > 0.0:
                ratio += held[i] / value
            busy += 1
            flat_since = -1
        else:
            if flat_since < 0:
                flat_since = at
            flat = max(flat, at - flat_since)
    day_ends[days] = value
    out[0], out[1] = worst, float(longest)
    out[2] = ratio / known if known > 0 else 0.0
    out[3], out[4] = busy / len(times), float(flat)
    return days + 1


HELPERS = ()
