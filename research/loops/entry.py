"""Whether a BUY bar opens a lot, and how large: the rulebook's gates, sizes and limits as far as bars can answer."""

import math

from bot.rules.codes import ENTRY_OPEN, LOT_RUNNER
from bot.rules.day import day_start_ms
from bot.rules.entries import (
    add_anchor_ms,
    adverse_need_pct,
    entry_kind,
    entry_reason,
    runner_tp_pct,
    scalp_tp_pct,
    ways_out_open,
)
from bot.rules.lots import scalps_before
from bot.rules.position_sizing import kelly_wish, regime_quote, volatility_quote
from bot.rules.risk import guard_shut, spike_ratio
from bot.rules.sizing import VOL_FACTOR_MAX, affordable_quote, capped_quote, entry_quote, quote_units, vol_factor
from bot.rules.volatility import LONG_RETURNS, SHORT_RETURNS, sigma
from research.loops.fills import all_held
from research.loops.types import (
    A_CASH,
    A_DEFEATS,
    A_GAINED,
    A_LATCHED_MS,
    A_LOSSES,
    A_LOST,
    A_REFUSED_FUNDS,
    A_RESERVED,
    A_WINS,
    K_BREAKER,
    L_OPEN,
    L_OPENED_MS,
    L_RUNNER,
    M_CAP,
    M_MOST,
    M_QUOTE,
    M_TP,
    M_UNIT,
    P_COUNT,
    P_FIRST,
    P_HELD,
    P_LAST_ADD_MS,
    P_MARK,
    P_PENDING,
    SIZE_FIXED,
    SIZE_KELLY,
    SIZE_VOLATILITY,
    BarArrays,
    LoopState,
    Model,
    RuleNumbers,
)


def deviation(tape: BarArrays, first: int, i: int, returns: int) -> float:
    """Rulebook `sigma` of the newest `returns` log returns at bar i, from the running sums; NaN until there are so
    many."""
    if i - first < returns:
        return math.nan
    total, squares = tape.total, tape.squares
    return sigma(total[i] - total[i - returns], squares[i] - squares[i - returns], returns)


def entries_shut(rules: RuleNumbers, state: LoopState) -> bool:
    """The limits that hold for every product: the day's breaker, the drawdown's latch, losses in a row."""
    if state.clock[K_BREAKER] != 0 or state.account[A_LATCHED_MS] > 0.0:
        return True
    return guard_shut(state.account[A_LOSSES], float(rules.max_losses), False, False)


def risk_open(rules: RuleNumbers, state: LoopState, p: int, quote: float, long: float, short: float) -> bool:
    """The limits that bars can answer: a volatility spike, money at stake with this entry."""
    if guard_shut(spike_ratio(short, long), rules.max_vol_spike, False, False):
        return False
    products, money, mine, total = state.products, state.money, 0.0, 0.0
    for q in range(len(products)):
        value = products[q, P_HELD] * products[q, P_MARK] * money[q, M_UNIT]
        if products[q, P_PENDING] == 1:
            value += money[q, M_QUOTE]
        total += value
        if q == p:
            mine = value
    if guard_shut(mine + quote, money[p, M_MOST], False, True):
        return False
    planned = products[p, P_HELD] + quote / (products[p, P_MARK] * money[p, M_UNIT])
    if guard_shut(planned, money[p, M_CAP], False, True):
        return False
    return not guard_shut(total + quote, rules.max_total, False, True)


def entry_open(rules: RuleNumbers, model: Model, state: LoopState, p: int, now_ms: int) -> float:
    """Take profit in percent of the lot that product p may open at its mark; -1 where a gate is shut."""
    products = state.products
    lots, total, flight = products[p, P_COUNT], 0, 0
    for q in range(len(products)):
        total += products[q, P_COUNT]
        flight += products[q, P_PENDING]
    need, newest, since_ms = 0.0, 0.0, 0
    if entry_kind(lots) == LOT_RUNNER:
        tp = runner_tp_pct(rules.take_profit_pct, rules.runner_tp_mult)
    else:
        tp = scalp_tp_pct(
            scalps_before(state.lots[p][:, L_RUNNER], lots), rules.take_profit_pct, rules.scalp_mode,
            rules.scalp_factor, rules.scalp_dec_pct, rules.scalp_floor_pct, rules.scalp_decay,
        )  # fmt: skip
        since_ms = now_ms - add_anchor_ms(
            products[p, P_LAST_ADD_MS], state.lots[p, 0, L_OPENED_MS], day_start_ms(now_ms)
        )
        need = adverse_need_pct(since_ms / 60_000.0, rules.adverse_pct, rules.decay_lambda, rules.adverse_floor_pct)
        newest = float(state.lots[p, lots - 1, L_OPEN])
    exit_pct = model.maker_pct if rules.resting_take else model.taker_pct
    edge = (not rules.edge_gate) or ways_out_open(
        tp, rules.trail_activate_pct, rules.trail_distance_pct, model.taker_pct, exit_pct, model.taker_pct,
        rules.min_edge_pct,
    )  # fmt: skip
    gate = entry_reason(
        1, False, lots, products[p, P_PENDING], total, flight, rules.max_lots, rules.max_total_lots,
        entries_shut(rules, state), rules.pyramiding, since_ms / 1000.0, rules.pause_s, products[p, P_MARK], newest,
        need, edge,
    )  # fmt: skip
    return tp if gate == ENTRY_OPEN else -1.0


def wished_quote(rules: RuleNumbers, state: LoopState, factor: float, band: float, size: float) -> float:
    """Size of an entry in quote currency by SIZING, the regime's `size` (NaN: none) and MAX_ORDER_USD, before it is cut
    to the increment."""
    account, equity = state.account, rules.fixed_equity
    if equity == 0.0:
        equity = account[A_CASH] + all_held(state.products, state.money)
    quote = entry_quote(equity, rules.risk_pct, rules.order_min, factor)
    if rules.sizing == SIZE_FIXED:
        quote = rules.fixed_quote
    elif rules.sizing == SIZE_VOLATILITY and not math.isnan(band):
        cap_pct = rules.risk_pct * VOL_FACTOR_MAX
        quote = volatility_quote(equity, rules.target_day_pct, band, rules.bars_a_day, cap_pct, rules.order_min)
    elif rules.sizing == SIZE_KELLY:
        quote = kelly_wish(
            equity, quote, account[A_WINS], account[A_DEFEATS], account[A_GAINED], account[A_LOST],
            rules.kelly_confidence, rules.kelly_cap_pct, rules.order_min,
        )  # fmt: skip
    if not math.isnan(size):
        quote = regime_quote(quote, size, rules.order_min)
    return capped_quote(quote, rules.max_order)


def consider_entry(
    tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, p: int, i: int, now_ms: int
) -> None:
    """The bar says BUY: let an entry wait for its fill if every gate is open and the cash is there."""
    tp = entry_open(rules, model, state, p, now_ms)
    if tp < 0.0:
        return
    money, account, increment = state.money, state.account, model.quote_increment
    long, short = math.nan, math.nan
    if len(tape.total) > 0:
        long = deviation(tape, state.products[p, P_FIRST], i, LONG_RETURNS)
        short = deviation(tape, state.products[p, P_FIRST], i, SHORT_RETURNS)
    factor = vol_factor(long, short) if rules.vol_adjust else 1.0
    band = float(tape.band[i]) if len(tape.band) > 0 else math.nan
    size = float(tape.size[i]) if len(tape.size) > 0 else math.nan
    quote = quote_units(wished_quote(rules, state, factor, band, size), increment) * increment
    if not risk_open(rules, state, p, quote, long, short):
        return
    available = max(account[A_CASH] - account[A_RESERVED], 0.0)
    least = quote_units(rules.order_min, increment) * increment
    asked = affordable_quote(quote, least, available, rules.funds_retry)
    if asked != quote:
        quote = quote_units(asked, increment) * increment
    if quote == 0.0:
        account[A_REFUSED_FUNDS] += 1.0
        return
    state.products[p, P_PENDING], money[p, M_QUOTE], money[p, M_TP] = 1, quote, tp
    account[A_RESERVED] += quote


HELPERS = (deviation, entries_shut, risk_open, entry_open, wished_quote, consider_entry)
