"""Returns of the time-weighted curve and what is made of them: money that was paid in or taken out is in none.

Ratios are annualised by √365, since crypto has no weekend, and not known below two days.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from shared.market_data import EquityRow

YEAR_DAYS = 365
LEAST_DAYS = 2
DAY_S = 86_400


def days_until_now(before: EquityRow | None, days: Sequence[EquityRow], now: EquityRow | None) -> list[EquityRow]:
    """The last note of each day with the one before them all in front, and now for the note of today."""
    rows = list(days)
    if now is not None and (not rows or now.at_s > rows[-1].at_s):
        last = rows.pop() if rows and rows[-1].at_s // DAY_S == now.at_s // DAY_S else None
        known = [row.drawdown for row in (last, now) if row is not None and row.drawdown is not None]
        rows.append(now._replace(drawdown=max(known, default=None)))
    begun = before is not None and (not rows or before.at_s < rows[0].at_s)
    return ([before._replace(drawdown=None)] if before is not None and begun else []) + rows


def daily_returns(notes: Sequence[EquityRow]) -> list[float]:
    """From one note to the next, oldest first; those that know no curve drop."""
    known = [row.curve for row in notes if row.curve is not None]
    return [b / a - 1 for a, b in pairwise(known) if a > 0]


def time_weighted_pct(notes: Sequence[EquityRow]) -> float | None:
    """Growth of one unit of money over the notes, in percent."""
    known = [row.curve for row in notes if row.curve is not None]
    return 100 * (known[-1] / known[0] - 1) if len(known) >= 2 and known[0] > 0 else None


def max_drawdown_pct(notes: Sequence[EquityRow]) -> float | None:
    """The deepest drawdown that the bot judged in this time, percent, >= 0; None = none is noted."""
    return max((row.drawdown for row in notes if row.drawdown is not None), default=None)


def sharpe(returns: Sequence[float]) -> float | None:
    """Mean over standard deviation (n − 1), times √365."""
    if len(returns) < LEAST_DAYS:
        return None
    mean = sum(returns) / len(returns)
    variance = sum((r - mean) ** 2 for r in returns) / (len(returns) - 1)
    return None if variance <= 0 else mean / math.sqrt(variance) * math.sqrt(YEAR_DAYS)


def sortino(returns: Sequence[float]) -> float | None:
    """Mean over the deviation of losses below zero (over all days), times √365."""
    if len(returns) < LEAST_DAYS:
        return None
    down = sum(min(0.0, r) ** 2 for r in returns) / len(returns)
    return None if down <= 0 else sum(returns) / len(returns) / math.sqrt(down) * math.sqrt(YEAR_DAYS)


def calmar(returns: Sequence[float], drawdown_pct: float | None) -> float | None:
    """Compound growth per year over the largest drawdown, as a backtest states it. Young (1991)."""
    if len(returns) < LEAST_DAYS or not drawdown_pct:
        return None
    grown = math.prod(1 + r for r in returns)
    try:
        growth = grown ** (YEAR_DAYS / len(returns)) - 1 if grown > 0 else -1.0
    except OverflowError:
        return None
    return growth / (drawdown_pct / 100)
