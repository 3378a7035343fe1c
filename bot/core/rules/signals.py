"""From a probability to BUY, SELL or FLAT (trading.md §3.2)."""

from bot.core.rules.codes import SIGNAL_BUY, SIGNAL_FLAT, SIGNAL_SELL


def ma_side(fast_sum: int, fast_bars: int, slow_sum: int, slow_bars: int) -> int:
    """1 when the fast average is above the slow one, -1 below, 0 equal: in whole ticks, hence exact.

    `fast_sum` and `slow_sum` are sums of closes in ticks over `fast_bars` and `slow_bars` bars.
    """
    fast = fast_sum * slow_bars
    slow = slow_sum * fast_bars
    if fast > slow:
        return 1
    if fast < slow:
        return -1
    return 0


def decide(p: float, buy_threshold: float, sell_threshold: float, use_ma_filter: bool, side: int) -> int:
    """SIGNAL_BUY when p > buy threshold (and the fast average is above); else SIGNAL_SELL when p < sell threshold
    (and it is below); else SIGNAL_FLAT (§3.2).

    `side`: see `ma_side`. BUY is judged first: the thresholds may overlap. An unknown p (NaN) is FLAT;
    equality is never enough.
    """
    if p > buy_threshold and (not use_ma_filter or side > 0):
        return SIGNAL_BUY
    if p < sell_threshold and (not use_ma_filter or side < 0):
        return SIGNAL_SELL
    return SIGNAL_FLAT
