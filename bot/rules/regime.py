"""The regime of a market: trend times volatility, from closed bars, with hysteresis (docs/trading-rules.md §12).

Sums of log returns are whole numbers (`bot.rules.volatility`), so a window's answer does not depend on where history
began. Written without branches and roots, so that one source takes numbers and whole arrays with the same bits.
"""

UNKNOWN = -1  # of a state: no bar so far was clearly on one side


def variance_of(total: float, total_squares: float, returns: int) -> float:
    """Sample variance (n - 1) of so many `returns` >= 2, from their sum and the sum of their squares: units squared."""
    return (total_squares - total * total / returns) / (returns - 1)


def drifts(total: float, variance: float, count: int, strength: float) -> int:
    """1 where the sum of `count` returns is at least `strength` standard deviations of such a sum above 0, else 0.

    A random walk's sum is one with a standard deviation of sigma x sqrt(n): above 1 in 16 % of all cases.
    """
    return 1 * ((total > 0.0) & (total * total >= strength * strength * count * variance))


def rests(total: float, variance: float, count: int, strength: float) -> int:
    """1 where it is at most `strength` of them above 0, or below, else 0."""
    return 1 * ((total <= 0.0) | (total * total <= strength * strength * count * variance))


def widens(variance_short: float, variance_long: float, ratio: float) -> int:
    """1 where the short window's deviation is at least `ratio` times the long one's, else 0."""
    return 1 * ((variance_short > 0.0) & (variance_short >= ratio * ratio * variance_long))


def narrows(variance_short: float, variance_long: float, ratio: float) -> int:
    """1 where it is at most `ratio` times the long one's, else 0."""
    return 1 * ((variance_short <= 0.0) | (variance_short <= ratio * ratio * variance_long))


def held_state(before: int, entered: int, left: int) -> int:
    """A state with hysteresis: 1 once entered, 0 once left, between the two what it was before (UNKNOWN: stays so)."""
    return entered + (1 - entered) * (1 - left) * before


def regime_code(rising: int, falling: int, wild: int) -> int:
    """The place in `shared.regimes.REGIMES` of three states of 0 or 1; UNKNOWN where one of them is."""
    known = 1 * ((rising >= 0) & (falling >= 0) & (wild >= 0))
    return known * (2 * (1 + rising - falling) + wild) - (1 - known)
