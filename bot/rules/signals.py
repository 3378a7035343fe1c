"""From a probability to BUY, SELL or FLAT (docs/trading-rules.md §3.2).

Written without branches, so that one source takes numbers, whole arrays and a compiler: True counts as 1.
"""

EQUAL_WITHIN = 1e-9  # parts of a vote are sums of fractions: what differs by less is equal


def ma_side(fast_sum: int, fast_bars: int, slow_sum: int, slow_bars: int) -> int:
    """1 when the fast average is above the slow one, -1 below, 0 equal: in whole ticks, hence exact.

    `fast_sum` and `slow_sum` are sums of closes in ticks over `fast_bars` and `slow_bars` bars.
    """
    fast = fast_sum * slow_bars
    slow = slow_sum * fast_bars
    return 1 * (fast > slow) - 1 * (fast < slow)


def decide(p: float, buy_threshold: float, sell_threshold: float, use_ma_filter: bool, side: int) -> int:
    """1 (BUY) when p > buy threshold (and the fast average is above); else -1 (SELL) when p < sell threshold
    (and it is below); else 0 (FLAT) (§3.2).

    `side`: see `ma_side`. BUY is judged first: the thresholds may overlap. An unknown p (NaN) is FLAT;
    equality is never enough.
    """
    side_needed = 1 if use_ma_filter else -1  # every side is >= -1 and <= 1
    buy = 1 * ((p > buy_threshold) & (side >= side_needed))
    sell = 1 * ((p < sell_threshold) & (side <= -side_needed))
    return buy - sell * (1 - buy)


def majority_side(buy: float, sell: float, majority: float) -> int:
    """1 (BUY) where `buy` is above `majority` and above `sell`; -1 (SELL) likewise; else 0 (§11).

    `buy`, `sell`: parts of all votes or weight that say so, 0..1 each; what is left says FLAT.
    """
    buys = 1 * ((buy > majority + EQUAL_WITHIN) & (buy > sell + EQUAL_WITHIN))
    sells = 1 * ((sell > majority + EQUAL_WITHIN) & (sell > buy + EQUAL_WITHIN))
    return buys - sells
