"""When a lot is opened and with what target (docs/trading-rules.md §4, §5a).

"Open" gates answer True for "this does not stand in the way". What is in flight counts as open everywhere.
"""

import math

from bot.rules.codes import (
    DECAY_LINEAR,
    ENTRY_BAR_USED,
    ENTRY_BREAKER,
    ENTRY_IN_FLIGHT,
    ENTRY_LOTS_FULL,
    ENTRY_NO_BUY,
    ENTRY_NO_EDGE,
    ENTRY_NO_PYRAMIDING,
    ENTRY_NOT_ADVERSE,
    ENTRY_OPEN,
    ENTRY_PAUSE,
    ENTRY_TOTAL_LOTS_FULL,
    LOT_RUNNER,
    LOT_SCALP,
    SIGNAL_BUY,
)
from bot.rules.rounding import floor_units


def entry_kind(open_lots: int) -> int:
    """LOT_RUNNER for the first lot opened when flat, else LOT_SCALP (§1, §4). `open_lots` of this product."""
    return LOT_RUNNER if open_lots == 0 else LOT_SCALP


def runner_tp_pct(take_profit_pct: float, runner_tp_mult: float) -> float:
    """Runner's take profit in percent = TAKE_PROFIT_PCT x RUNNER_TP_MULT (§4)."""
    return take_profit_pct * runner_tp_mult


def scalp_tp_pct(
    k: int, take_profit_pct: float, mode: int, factor: float, dec_pct: float, floor_pct: float, enabled: bool
) -> float:
    """Scalp's take profit in percent; k = scalps open before this one (§4).

    DECAY_EXP: tp x factor^k; DECAY_LINEAR: tp - k x dec; never below the floor. Not enabled: tp. The power is k
    multiplications: the same bits on every platform, which `pow` of a C library does not promise.
    """
    if not enabled:
        return take_profit_pct
    tp = take_profit_pct
    if mode == DECAY_LINEAR:
        tp = take_profit_pct - k * dec_pct
    else:
        for _ in range(k):
            tp = tp * factor
    return max(tp, floor_pct)


def adverse_need_pct(minutes_since_add: float, start_pct: float, decay_lambda: float, floor_pct: float) -> float:
    """Fall since the newest entry that a scalp needs, in percent (§4).

    max(floor, start x exp(-lambda x minutes)). A clock that went back counts as no time passed: the need never
    exceeds max(start, floor).
    """
    minutes = max(minutes_since_add, 0.0)
    return max(start_pct * math.exp(-decay_lambda * minutes), floor_pct)


def adverse_limit_ticks(last_entry_ticks: float, need_pct: float) -> int:
    """Highest price in ticks at which the adverse gate opens = last entry x (1 - need/100), down to the tick (§4)."""
    return floor_units(last_entry_ticks - last_entry_ticks * need_pct / 100.0)


def adverse_open(price_ticks: int, last_entry_ticks: float, need_pct: float) -> bool:
    """True when the price has fallen far enough below the newest open lot's open price (§4).

    Exactly at the limit is open. Rounding favours waiting: a limit between ticks needs the tick below.
    """
    return price_ticks <= adverse_limit_ticks(last_entry_ticks, need_pct)


def add_anchor_ms(last_add_ms: int, oldest_open_ms: int, day_start_ms: int) -> int:
    """From when "since the last add" counts: the last add, else the oldest open lot's time, else the day's start (§4).

    Epoch milliseconds; 0 or less = not known.
    """
    if last_add_ms > 0:
        return last_add_ms
    if oldest_open_ms > 0:
        return oldest_open_ms
    return day_start_ms


def pause_open(seconds_since_add: float, min_seconds_between: float) -> bool:
    """True when PYRAMID_MIN_SECONDS_BETWEEN has passed since the last add; exactly at it is open (§4)."""
    return seconds_since_add >= min_seconds_between


def lots_open(open_lots: int, in_flight: int, max_lots: int) -> bool:
    """True while open lots and entries in flight are below the cap (§4); for one product or for all."""
    return open_lots + in_flight < max_lots


def round_trip_cost_pct(tp_pct: float, entry_fee_pct: float, exit_fee_pct: float) -> float:
    """Fees of buying and of selling at the target, in percent of the entry: entry + exit x (1 + tp/100) (§5a)."""
    return entry_fee_pct + exit_fee_pct * (1.0 + tp_pct / 100.0)


def edge_open(tp_pct: float, entry_fee_pct: float, exit_fee_pct: float, min_edge_pct: float) -> bool:
    """True when tp >= round-trip cost + MIN_EDGE_PCT (§5a); percent. Equal within 1e-9 % is open."""
    return tp_pct >= round_trip_cost_pct(tp_pct, entry_fee_pct, exit_fee_pct) + min_edge_pct - 1e-9


def trail_worst_pct(activate_pct: float, distance_pct: float) -> float:
    """What the trailing stop earns at least, in percent of the entry, before fees: it trails from
    TRAIL_ACTIVATE_PCT on, TRAIL_DISTANCE_PCT below the peak (§5)."""
    return activate_pct - distance_pct - activate_pct * distance_pct / 100.0


def trail_pays_from_pct(distance_pct: float, entry_fee_pct: float, exit_fee_pct: float, min_edge_pct: float) -> float:
    """Least TRAIL_ACTIVATE_PCT, up to 0.01 %, from which `edge_open` holds of the trailing stop's worst sale (§5a)."""
    gross = (entry_fee_pct + exit_fee_pct + min_edge_pct) / (1.0 - exit_fee_pct / 100.0)
    activate = (gross + distance_pct) / (1.0 - distance_pct / 100.0)
    return math.ceil(activate * 100.0 - 1e-7) / 100.0


def ways_out_open(
    tp_pct: float,
    activate_pct: float,
    distance_pct: float,
    entry_fee_pct: float,
    take_fee_pct: float,
    market_fee_pct: float,
    min_edge_pct: float,
) -> bool:
    """True when every way out of a lot pays: its take profit and, where that does not come first, the trailing stop
    at its worst (§5a). A stop loss sells at a loss by intention and is not judged."""
    if not edge_open(tp_pct, entry_fee_pct, take_fee_pct, min_edge_pct):
        return False
    if activate_pct >= tp_pct:
        return True
    return edge_open(trail_worst_pct(activate_pct, distance_pct), entry_fee_pct, market_fee_pct, min_edge_pct)


def entry_reason(
    signal: int,
    bar_used: bool,
    open_lots: int,
    in_flight: int,
    total_lots: int,
    total_in_flight: int,
    max_lots: int,
    max_total_lots: int,
    breaker: bool,
    allow_pyramiding: bool,
    seconds_since_add: float,
    min_seconds_between: float,
    price_ticks: int,
    last_entry_ticks: float,
    need_pct: float,
    edge: bool,
) -> int:
    """ENTRY_OPEN, or the first gate that is shut, in the order of `codes` (§4, §5a, §6).

    `bar_used`: this BUY bar has opened a lot already. `edge`: `ways_out_open` of the lot that would be opened, or True
    with EDGE_GATE off. The pause and the adverse move bind scalps only.
    """
    if signal != SIGNAL_BUY:
        return ENTRY_NO_BUY
    if bar_used:
        return ENTRY_BAR_USED
    if in_flight > 0:
        return ENTRY_IN_FLIGHT
    if breaker:
        return ENTRY_BREAKER
    if open_lots > 0 and not allow_pyramiding:
        return ENTRY_NO_PYRAMIDING
    if not lots_open(open_lots, in_flight, max_lots):
        return ENTRY_LOTS_FULL
    if not lots_open(total_lots, total_in_flight, max_total_lots):
        return ENTRY_TOTAL_LOTS_FULL
    if open_lots > 0:
        if not pause_open(seconds_since_add, min_seconds_between):
            return ENTRY_PAUSE
        if not adverse_open(price_ticks, last_entry_ticks, need_pct):
            return ENTRY_NOT_ADVERSE
    return ENTRY_OPEN if edge else ENTRY_NO_EDGE
