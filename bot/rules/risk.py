"""What stops entries beside the gates of §4: limits on losses, swings and money at stake; the day's window."""

import math


def guard_shut(value: float, limit: float, at_least: bool, reaching_is_fine: bool) -> bool:
    """True when a measured value shuts entries; `limit` 0 = off, an unknown value (NaN) never shuts here.

    A value must stay below its limit; `reaching_is_fine`: exactly at it is within; `at_least`: it must reach it.
    """
    if limit == 0.0:
        return False
    if at_least:
        return value < limit
    return value > limit if reaching_is_fine else value >= limit


def drawdown_pct(peak: float, equity: float) -> float:
    """Fall of equity from its highest so far, in percent; 0 above it, and where there is no peak."""
    if peak <= 0.0:
        return 0.0
    return max(peak - equity, 0.0) / peak * 100.0


def losses_in_a_row(before: int, pnl: float) -> int:
    """Lost lots in a row after one more that earned `pnl`: nothing lost begins anew."""
    return before + 1 if pnl < 0.0 else 0


def spike_ratio(sigma_short: float, sigma_long: float) -> float:
    """The last hour's deviation over the last day's; NaN where it is not known, or the market stood still."""
    if not (sigma_long > 0.0 and sigma_long < math.inf and sigma_short < math.inf):
        return math.nan
    return sigma_short / sigma_long


def price_band_ratio(price: float, last: float, volatility_pct: float) -> float:
    """How far `price` is from `last`, in volatilities of a bar; infinite off a market that stands still."""
    off_pct = abs(price / last - 1.0) * 100.0
    if volatility_pct <= 0.0:
        return 0.0 if off_pct == 0.0 else math.inf
    return off_pct / volatility_pct


def in_window(minute: int, first: int, last: int) -> bool:
    """Whether a minute of the UTC day lies in TRADING_WINDOW_UTC, `first` included, `last` not; it may span midnight.

    Written without branches: one source takes a number and an array of minutes.
    """
    inside = (minute >= first) & (minute < last)
    return inside | ((first > last) & ((minute >= first) | (minute < last)))
