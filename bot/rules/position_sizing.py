"""Sizes of entries beside the percent of equity (`sizing.entry_quote`): aimed at a volatility, and Kelly's."""

import math

KELLY_RESULTS_MIN = 30.0  # closed lots before own results are believed
KELLY_FORGET = 0.99  # what a result still counts after the next one


def volatility_quote(
    equity: float, target_day_pct: float, sigma_bar_pct: float, day_bars: float, cap_pct: float, order_min: float
) -> float:
    """Quote size whose swing in a day is `target_day_pct` of equity: equity x target / (sigma x sqrt(bars in a day)).

    `sigma_bar_pct`: standard deviation of one bar in percent. Never above `cap_pct` of equity, never below
    ORDER_MIN_USD; a market that stands still gives the cap.
    """
    cap = equity * cap_pct / 100.0
    day_pct = sigma_bar_pct * math.sqrt(day_bars)
    quote = cap
    if day_pct > 0.0:
        quote = min(equity * target_day_pct / day_pct, cap)
    return max(quote, order_min)


def kelly_of_averages(win_rate: float, average_win: float, average_loss: float) -> float:
    """Kelly's part of the stake = p - (1 - p) / b, within 0..1 (J. L. Kelly, 1956).

    p = `win_rate` (0..1), b = average gain over average loss, both positive and in one unit. 0 without a gain, else 1
    without a loss.
    """
    if win_rate <= 0.0 or average_win <= 0.0:
        return 0.0
    if win_rate >= 1.0 or average_loss <= 0.0:
        return 1.0
    return min(max(win_rate - (1.0 - win_rate) / (average_win / average_loss), 0.0), 1.0)


def kelly_fraction(wins: float, losses: float, gained_pct: float, lost_pct: float) -> float:
    """`kelly_of_averages` of own results: numbers of wins and losses, and the sums of what they gained and lost."""
    if wins <= 0.0:
        return 0.0
    if losses <= 0.0:
        return kelly_of_averages(1.0, gained_pct / wins, 0.0)
    return kelly_of_averages(wins / (wins + losses), gained_pct / wins, lost_pct / losses)


def kelly_quote(equity: float, fraction: float, confidence: float, cap_pct: float, order_min: float) -> float:
    """Quote size = equity x fraction x confidence, capped at `cap_pct` of equity, never below ORDER_MIN_USD.

    Without an edge the smallest entry is made: only results show whether there is one again.
    """
    quote = min(equity * fraction * confidence, equity * cap_pct / 100.0)
    return max(quote, order_min)


def kelly_memory(
    wins: float, losses: float, gained_pct: float, lost_pct: float, result_pct: float
) -> tuple[float, float, float, float]:
    """The four sums that `kelly_fraction` reads, after one more closed lot: older ones count less and less.

    `result_pct`: of the lot's cost; a lot that earned nothing counts as lost.
    """
    wins, losses = wins * KELLY_FORGET, losses * KELLY_FORGET
    gained_pct, lost_pct = gained_pct * KELLY_FORGET, lost_pct * KELLY_FORGET
    if result_pct > 0.0:
        return wins + 1.0, losses, gained_pct + result_pct, lost_pct
    return wins, losses + 1.0, gained_pct, lost_pct - result_pct


def kelly_wish(
    equity: float,
    percent_quote: float,
    wins: float,
    losses: float,
    gained_pct: float,
    lost_pct: float,
    confidence: float,
    cap_pct: float,
    order_min: float,
) -> float:
    """Quote size with SIZING=kelly: `kelly_quote`, and the percent of equity under its cap while results are few."""
    if wins + losses < KELLY_RESULTS_MIN:
        return min(percent_quote, max(equity * cap_pct / 100.0, order_min))
    fraction = kelly_fraction(wins, losses, gained_pct, lost_pct)
    return kelly_quote(equity, fraction, confidence, cap_pct, order_min)


def regime_quote(quote: float, scale: float, order_min: float) -> float:
    """`quote` in a state of the market that makes entries `scale` times as large (REGIME_SCALES, 0..1), never below
    ORDER_MIN_USD; a state with scale 0 has its own gate (docs/trading-rules.md §12)."""
    return max(quote * scale, order_min)
