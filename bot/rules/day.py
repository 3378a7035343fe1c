"""The trading day, its result and its breaker (docs/trading-rules.md §6). Times are epoch milliseconds, UTC."""

DAY_MS = 86_400_000


def utc_day(epoch_ms: int) -> int:
    """Number of the UTC day since 1970-01-01; it changes at 00:00:00.000."""
    return epoch_ms // DAY_MS


def day_start_ms(epoch_ms: int) -> int:
    """00:00 UTC of the day in epoch milliseconds."""
    return utc_day(epoch_ms) * DAY_MS


def day_turned(previous_ms: int, now_ms: int) -> bool:
    """True when `now_ms` lies on a later UTC day. A clock that goes back never turns the day."""
    return utc_day(now_ms) > utc_day(previous_ms)


def day_pnl(mark_to_market: bool, equity: float, day_start_equity: float, transfers: float, realised: float) -> float:
    """The day's result in quote currency (§6).

    With DAILY_BREAKER_MARK_TO_MARKET: equity - day-start equity - transfers (deposits positive); else what was
    realised today.
    """
    return equity - day_start_equity - transfers if mark_to_market else realised


def breaker_tripped(pnl: float, day_start_equity: float, max_loss_pct: float, max_loss_quote: float) -> bool:
    """True when the day's PnL <= -MAX_DAILY_LOSS_PCT % of day-start equity, or <= -`max_loss_quote` (§6).

    `max_loss_quote` 0 = no such limit. Reaching the limit trips it; within 1e-9 of it counts as reached. Of a day that
    began with nothing there is no percentage.
    """
    if day_start_equity > 0.0 and pnl <= 1e-9 - day_start_equity * max_loss_pct / 100.0:
        return True
    return max_loss_quote > 0.0 and pnl <= 1e-9 - max_loss_quote


def breaker_equity(day_start_equity: float, max_loss_pct: float, max_loss_quote: float) -> float:
    """Equity at which `breaker_tripped` trips with DAILY_BREAKER_MARK_TO_MARKET and no transfers, to rounding (§6)."""
    loss = day_start_equity * max_loss_pct / 100.0
    if max_loss_quote > 0.0:
        loss = min(loss, max_loss_quote)
    return day_start_equity - loss
