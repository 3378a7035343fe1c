"""When a lot is closed (docs/trading-rules.md §4 levels, §5 order).

Every level is a whole tick, rounded so that comparing a whole-tick price with it decides exactly as comparing
with the unrounded level would: "price >= level" rounds up, "price <= level" rounds down. `open_ticks` may lie
between two ticks, since an entry of several fills has an average price.
"""

from bot.rules.codes import EXIT_NONE, EXIT_SIGNAL, EXIT_STOP, EXIT_TAKE, EXIT_TRAIL, SIGNAL_SELL
from bot.rules.rounding import ceil_units, floor_units


def take_ticks(open_ticks: float, tp_pct: float) -> int:
    """Take-profit price = open x (1 + tp/100), up to the tick (§4). Ticks in, ticks out.

    Rounding favours the lot: never sold below its target.
    """
    return ceil_units(open_ticks + open_ticks * tp_pct / 100.0)


def stop_ticks(open_ticks: float, stop_loss_pct: float) -> int:
    """Stop price = open x (1 - stop_loss/100), down to the tick (§4). Ticks in, ticks out.

    0 means off: STOP_LOSS_PCT of 100 or more would put the stop at or below zero. Rounding favours staying in.
    """
    level = floor_units(open_ticks - open_ticks * stop_loss_pct / 100.0)
    return max(level, 0)


def trail_activation_ticks(open_ticks: float, activate_pct: float) -> int:
    """Price from which the runner's stop trails = open x (1 + TRAIL_ACTIVATE_PCT/100), up to the tick (§5)."""
    return ceil_units(open_ticks + open_ticks * activate_pct / 100.0)


def trail_stop_ticks(peak_ticks: int, distance_pct: float) -> int:
    """Trailing stop = peak x (1 - TRAIL_DISTANCE_PCT/100), down to the tick (§5). Rises with the peak, never falls."""
    return floor_units(peak_ticks - peak_ticks * distance_pct / 100.0)


def trail_step(
    price_ticks: int, open_ticks: float, active: bool, peak_ticks: int, activate_pct: float, distance_pct: float
) -> tuple[bool, int, int]:
    """The trailing fields after one price: (active, peak in ticks, stop in ticks) (§5).

    Active once price >= the activation price; from then peak = max(peak, price). Not yet active: (False, 0, 0).
    """
    if not active:
        if price_ticks < trail_activation_ticks(open_ticks, activate_pct):
            return False, 0, 0
        peak_ticks = price_ticks
    peak_ticks = max(peak_ticks, price_ticks)
    return True, peak_ticks, trail_stop_ticks(peak_ticks, distance_pct)


def exit_reason(
    price_ticks: int, take_at_ticks: int, stop_at_ticks: int, is_runner: bool, trail_active: bool, trail_at_ticks: int
) -> int:
    """EXIT_STOP, EXIT_TRAIL (runner only), EXIT_TAKE or EXIT_NONE, judged in this order (§5). All prices in ticks.

    `stop_at_ticks` 0 = no stop; `take_at_ticks` 0 = no take judged here (it rests at the exchange). Reaching a level
    exactly triggers it.
    """
    if stop_at_ticks > 0 and price_ticks <= stop_at_ticks:
        return EXIT_STOP
    if is_runner and trail_active and price_ticks <= trail_at_ticks:
        return EXIT_TRAIL
    if take_at_ticks > 0 and price_ticks >= take_at_ticks:
        return EXIT_TAKE
    return EXIT_NONE


def judge_lot(
    price_ticks: int,
    open_ticks: float,
    take_at_ticks: int,
    stop_at_ticks: int,
    is_runner: bool,
    trail_active: bool,
    peak_ticks: int,
    activate_pct: float,
    distance_pct: float,
) -> tuple[int, bool, int, int]:
    """One lot against one price: (exit reason, trail active, peak, trailing stop), the last two in ticks (§5).

    Trailing moves first and is judged on the same price. A scalp's trailing fields stay reset.
    """
    trail_stop = 0
    if is_runner:
        trail_active, peak_ticks, trail_stop = trail_step(
            price_ticks, open_ticks, trail_active, peak_ticks, activate_pct, distance_pct
        )
    reason = exit_reason(price_ticks, take_at_ticks, stop_at_ticks, is_runner, trail_active, trail_stop)
    return reason, trail_active, peak_ticks, trail_stop


def exit_by_signal(reason: int, signal: int, signal_exits: bool) -> int:
    """Why a lot is closed once the newest closed bar's signal has been heard as well (§5).

    `reason` is what `judge_lot` said; stop, trail and take come first. With SIGNAL_EXITS a SELL closes the lot that
    they leave. The caller passes SIGNAL_FLAT for a bar that is late or not answered.
    """
    if reason == EXIT_NONE and signal_exits and signal == SIGNAL_SELL:
        return EXIT_SIGNAL
    return reason
