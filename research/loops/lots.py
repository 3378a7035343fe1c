"""The loop over bars that trades lots by the rulebook (trading.md): several products, one account, shared cash.

At every time, in this order: bars that close (resting takes inside the bar, marks, the day, exits, then at most one
entry for each BUY bar, product by product), then bars that open (decided exits fill, then the entry). So a decision
is made on a closed bar and carried out at the next open; with FILL_CLOSE at the close itself; with FILL_OHLC exits
are judged along open, low, high, close, which takes the stop before the take.
"""

import math
from typing import Any

from bot.core.rules.codes import ENTRY_OPEN, EXIT_NONE, EXIT_TAKE, LOT_RUNNER
from bot.core.rules.day import breaker_tripped, day_pnl, day_start_ms, day_turned
from bot.core.rules.entries import (
    add_anchor_ms,
    adverse_need_pct,
    edge_open,
    entry_kind,
    entry_reason,
    runner_tp_pct,
    scalp_tp_pct,
)
from bot.core.rules.exits import judge_lot
from bot.core.rules.lots import scalps_before
from bot.core.rules.rounding import floor_units
from bot.core.rules.sizing import entry_quote, funds_open, is_dust, vol_factor
from bot.core.rules.volatility import sigma
from research.loops import fills
from research.loops.fills import (
    FAR,
    all_held,
    finish,
    guard,
    open_lot,
    sell,
    sell_decided,
    sell_price,
    worse_by,
    write_row,
)
from research.loops.types import (
    A_BREAKER_DAYS,
    A_CASH,
    A_DAY_EQUITY,
    A_DAY_REALISED,
    A_LATCHED_MS,
    A_LOSSES,
    A_PEAK,
    A_REFUSED_FUNDS,
    A_RESERVED,
    EXIT_END,
    FILL_CLOSE,
    FILL_NEXT_OPEN,
    FILL_OHLC,
    L_ACTIVE,
    L_LEFT,
    L_OPEN,
    L_OPENED_MS,
    L_PEAK,
    L_REASON,
    L_RESTING,
    L_RUNNER,
    L_STOP,
    L_TAKE,
    M_QUOTE,
    M_TP,
    M_UNIT,
    P_ADD_BELOW,
    P_AT,
    P_COUNT,
    P_DECIDED,
    P_END,
    P_FIRST,
    P_HELD,
    P_HIGH,
    P_LAST_ADD_MS,
    P_LOW,
    P_MARK,
    P_MIN_STEPS,
    P_MIN_UNITS,
    P_OPENED,
    P_PENDING,
    Model,
    Out,
    Rules,
    State,
    Tape,
)

LONG_RETURNS = 1440  # bot.core.volatility
SHORT_RETURNS = 60


def next_take(model: Model, state: State, p: int, high: int) -> int:
    """Place of the resting take that a rise to `high` reaches first: the lowest, of equal ones the oldest; -1 none."""
    lots, found = state.lots, -1
    for j in range(state.products[p, P_COUNT]):
        take = lots[p, j, L_TAKE]
        if lots[p, j, L_RESTING] != 1 or high < take or (model.through and high == take):
            continue
        if found < 0 or take < lots[p, found, L_TAKE]:
            found = j
    return found


def rest_in_bar(
    model: Model, state: State, out: Out, p: int, i: int, high: int, volume: float, now_ms: int, made: int
) -> int:
    """Resting takes that a rise to `high` reaches, the lowest first, at their own price as maker."""
    products, lots = state.products, state.lots
    room = -1
    if model.participation > 0.0:
        room = floor_units(volume * model.participation)
    while True:
        j = next_take(model, state, p, high)
        if j < 0 or room == 0:
            return made
        take, steps = lots[p, j, L_TAKE], lots[p, j, L_LEFT]
        if room > 0:
            steps = min(steps, room)
            room -= steps
        sell(state, p, j, take, steps, model.maker_pct)
        left = lots[p, j, L_LEFT]
        if left == 0 or is_dust(left, take, products[p, P_MIN_STEPS], products[p, P_MIN_UNITS]):
            made = finish(state, out, p, j, i, now_ms, EXIT_TAKE, made)
        elif room == 0:
            return made


def judge_exits(rules: Rules, state: State, p: int, price: int) -> None:
    """Judge every lot of product p at `price`: stop, trailing, take. What is decided waits for its fill."""
    lots = state.lots
    for j in range(state.products[p, P_COUNT]):
        if lots[p, j, L_REASON] != EXIT_NONE:
            continue
        take = 0 if lots[p, j, L_RESTING] == 1 else lots[p, j, L_TAKE]
        reason, active, peak, _ = judge_lot(
            price,
            float(lots[p, j, L_OPEN]),
            take,
            lots[p, j, L_STOP],
            lots[p, j, L_RUNNER] != 0,
            lots[p, j, L_ACTIVE] != 0,
            lots[p, j, L_PEAK],
            rules.trail_activate_pct,
            rules.trail_distance_pct,
        )
        lots[p, j, L_ACTIVE] = 1 if active else 0
        lots[p, j, L_PEAK] = peak
        if reason != EXIT_NONE:
            lots[p, j, L_REASON] = reason
            lots[p, j, L_RESTING] = 2 if lots[p, j, L_RESTING] == 1 else 0
            state.products[p, P_DECIDED] += 1


def exits_on_the_way(
    rules: Rules, model: Model, state: State, out: Out, p: int, i: int, before: int, price: int, volume: float,
    slip: float, now_ms: int, made: int,
) -> int:  # fmt: skip
    """FILL_OHLC: the price goes from `before` to `price`; exits fill at their level, or where the price jumped to."""
    low, high, product = min(before, price), max(before, price), state.products[p]
    j = 0
    while j < product[P_COUNT]:
        lot = state.lots[p, j]
        take = 0 if lot[L_RESTING] == 1 else lot[L_TAKE]
        reason, active, peak, trail = judge_lot(
            price,
            float(lot[L_OPEN]),
            take,
            lot[L_STOP],
            lot[L_RUNNER] != 0,
            lot[L_ACTIVE] != 0,
            lot[L_PEAK],
            rules.trail_activate_pct,
            rules.trail_distance_pct,
        )
        lot[L_ACTIVE] = 1 if active else 0
        lot[L_PEAK] = peak
        left = lot[L_LEFT]
        if reason == EXIT_NONE or is_dust(left, price, product[P_MIN_STEPS], product[P_MIN_UNITS]):
            j += 1
            continue
        level = trail
        if reason == EXIT_TAKE:
            level = lot[L_TAKE]
        elif price <= lot[L_STOP]:
            level = lot[L_STOP]
        level = min(max(level, low), high)
        worse = worse_by(model, slip, volume, float(left))
        sell(state, p, j, sell_price(model, level, worse), left, model.taker_pct)
        made = finish(state, out, p, j, i, now_ms, reason, made)
    return made


def walk_bar(
    tape: Tape, rules: Rules, model: Model, state: State, out: Out, p: int, i: int, slip: float, now_ms: int, made: int
) -> int:
    """FILL_OHLC: open, low, high, close; resting takes fill on the way up."""
    o, h, lo, c, volume = tape.open[i], tape.high[i], tape.low[i], tape.close[i], tape.steps[i]
    made = exits_on_the_way(rules, model, state, out, p, i, o, o, volume, slip, now_ms, made)
    made = exits_on_the_way(rules, model, state, out, p, i, o, lo, volume, slip, now_ms, made)
    made = rest_in_bar(model, state, out, p, i, h, volume, now_ms, made)
    made = exits_on_the_way(rules, model, state, out, p, i, lo, h, volume, slip, now_ms, made)
    return exits_on_the_way(rules, model, state, out, p, i, h, c, volume, slip, now_ms, made)


def deviation(tape: Tape, first: int, i: int, returns: int) -> float:
    """Rulebook `sigma` of the newest `returns` log returns at bar i, from the running sums; NaN until there are so
    many."""
    if i - first < returns:
        return math.nan
    total, squares = tape.total, tape.squares
    return sigma(total[i] - total[i - returns], squares[i] - squares[i - returns], returns)


def risk_open(rules: Rules, state: State, p: int, quote: float, long: float, short: float) -> bool:
    """The engine's risk guards that bars can answer (bot.core.risk): losses in a row, a volatility spike, exposure."""
    account = state.account
    if account[A_LATCHED_MS] > 0.0 or (rules.max_losses > 0 and account[A_LOSSES] >= rules.max_losses):
        return False
    if rules.max_vol_spike > 0.0 and long > 0.0 and short / long >= rules.max_vol_spike:
        return False
    if rules.max_product > 0.0 or rules.max_total > 0.0:
        products, money, mine, total = state.products, state.money, 0.0, 0.0
        for q in range(len(products)):
            value = products[q, P_HELD] * products[q, P_MARK] * money[q, M_UNIT]
            if products[q, P_PENDING] == 1:
                value += money[q, M_QUOTE]
            total += value
            if q == p:
                mine = value
        if rules.max_product > 0.0 and mine + quote > rules.max_product:
            return False
        if rules.max_total > 0.0 and total + quote > rules.max_total:
            return False
    return True


def entry_open(rules: Rules, model: Model, state: State, p: int, now_ms: int, breaker: bool) -> tuple[bool, float]:
    """Whether every gate is open for a lot of product p at its mark, and that lot's take profit in percent."""
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
    edge = (not rules.edge_gate) or edge_open(tp, model.taker_pct, exit_pct, rules.min_edge_pct)
    gate = entry_reason(
        1, False, lots, products[p, P_PENDING], total, flight, rules.max_lots, rules.max_total_lots, breaker,
        rules.pyramiding, since_ms / 1000.0, rules.pause_s, products[p, P_MARK], newest, need, edge,
    )  # fmt: skip
    return gate == ENTRY_OPEN, tp


def consider_entry(
    tape: Tape, rules: Rules, model: Model, state: State, p: int, i: int, now_ms: int, breaker: bool
) -> None:
    """The bar says BUY: let an entry wait for its fill if every gate is open and the cash is there."""
    is_open, tp = entry_open(rules, model, state, p, now_ms, breaker)
    if not is_open:
        return
    product, money, account = state.products[p], state.money[p], state.account
    long, short = math.nan, math.nan
    if len(tape.total) > 0:
        long = deviation(tape, product[P_FIRST], i, LONG_RETURNS)
        short = deviation(tape, product[P_FIRST], i, SHORT_RETURNS)
    factor = vol_factor(long, short) if rules.vol_adjust else 1.0
    equity = rules.fixed_equity if rules.fixed_equity > 0.0 else account[A_CASH] + all_held(state.products, state.money)
    quote = entry_quote(equity, rules.risk_pct, rules.order_min, factor)
    if rules.fixed_quote > 0.0:
        quote = rules.fixed_quote
    if rules.max_order > 0.0:
        quote = min(quote, rules.max_order)
    quote = floor_units(quote / model.quote_increment) * model.quote_increment
    if not risk_open(rules, state, p, quote, long, short):
        return
    available = max(account[A_CASH] - account[A_RESERVED], 0.0)
    if not funds_open(quote, available):
        # The one retry at ORDER_MIN_USD (trading.md §4).
        quote = floor_units(rules.order_min / model.quote_increment) * model.quote_increment
        if not funds_open(quote, available):
            account[A_REFUSED_FUNDS] += 1.0
            return
    product[P_PENDING], money[M_QUOTE], money[M_TP] = 1, quote, tp
    account[A_RESERVED] += quote


def judge_day(rules: Rules, account: Any, equity: float, last_ms: int, now_ms: int, breaker: bool) -> bool:
    """The day's turn, the peak and its drawdown limit, the day's breaker: True = no entries until the next day."""
    if last_ms == 0 or day_turned(last_ms, now_ms):
        account[A_DAY_EQUITY], account[A_DAY_REALISED], account[A_LOSSES] = equity, 0.0, 0.0
        breaker = False
    peak = max(account[A_PEAK], equity)
    account[A_PEAK] = peak
    fallen_pct = (peak - equity) / peak * 100.0 if peak > 0.0 else 0.0
    if rules.max_drawdown_pct > 0.0 and account[A_LATCHED_MS] == 0.0 and fallen_pct >= rules.max_drawdown_pct:
        account[A_LATCHED_MS] = float(now_ms)
    if breaker:
        return True
    pnl = day_pnl(rules.mark_to_market, equity, account[A_DAY_EQUITY], 0.0, account[A_DAY_REALISED])
    if breaker_tripped(pnl, account[A_DAY_EQUITY], rules.max_daily_loss_pct, rules.max_daily_loss):
        account[A_BREAKER_DAYS] += 1.0
        return True
    return False


def play_bar(
    tape: Tape, rules: Rules, model: Model, state: State, out: Out, p: int, i: int, slip: float, now_ms: int, made: int
) -> int:
    """What happens to open lots inside bar i, up to its last price."""
    if model.fill == FILL_OHLC:
        made = walk_bar(tape, rules, model, state, out, p, i, slip, now_ms, made)
    elif rules.resting_take:
        made = rest_in_bar(model, state, out, p, i, tape.high[i], tape.steps[i], now_ms, made)
    guard(rules, state, p)
    return made


def carry_out(
    tape: Tape, rules: Rules, model: Model, state: State, out: Out, p: int, i: int, market: int, slip: float,
    now_ms: int, made: int,
) -> int:  # fmt: skip
    """Decided exits of product p fill, then its entry, then the exits that had to wait for a cancel."""
    volume = tape.steps[i]
    if state.products[p, P_DECIDED] > 0:
        made = sell_decided(model, state, out, p, i, market, volume, slip, now_ms, False, made)
    if state.products[p, P_PENDING] == 1:
        open_lot(rules, model, state, p, i, market, volume, slip, now_ms)
    if state.products[p, P_DECIDED] > 0:
        made = sell_decided(model, state, out, p, i, market, volume, slip, now_ms, True, made)
    guard(rules, state, p)
    return made


def lots_loop(tape: Tape, rules: Rules, model: Model, state: State, out: Out) -> tuple[int, int]:  # noqa: PLR0915
    """Run everything; answers (rows made, times at which bars closed). Open lots get a row with EXIT_END.

    One function, since what most bars need must cost nanoseconds: a call with arrays costs more than a quiet bar.
    """
    products, money, account, slips = state.products, state.money, state.account, tape.slip
    count, gran, last_ms = len(products), model.granularity_s, 0
    start_s, high, low, close, buy = tape.start_s, tape.high, tape.low, tape.close, tape.buy
    made, times, breaker = 0, 0, False
    while True:
        now = FAR
        for p in range(count):
            if products[p, P_AT] < products[p, P_END]:
                now = min(now, start_s[products[p, P_AT]] + gran * products[p, P_OPENED])
        if now == FAR:
            break
        now_ms, closing = now * 1000, False
        for p in range(count):
            i = products[p, P_AT]
            if products[p, P_OPENED] == 0 or start_s[i] + gran != now:
                continue
            closing = True
            if high[i] >= products[p, P_HIGH] or low[i] <= products[p, P_LOW]:
                made = play_bar(tape, rules, model, state, out, p, i, slips[i] if len(slips) > 0 else 0.0, now_ms, made)
            products[p, P_MARK] = close[i]
        if closing or last_ms > 0:
            # Where no bar closes (after a gap) the day may turn all the same, at the marks before the gap.
            breaker = judge_day(rules, account, account[A_CASH] + all_held(products, money), last_ms, now_ms, breaker)
            last_ms = now_ms
        if closing:
            for p in range(count):
                i = products[p, P_AT]
                if products[p, P_OPENED] == 0 or start_s[i] + gran != now:
                    continue
                price = close[i]
                if model.fill != FILL_OHLC and (price >= products[p, P_HIGH] or price <= products[p, P_LOW]):
                    judge_exits(rules, state, p, price)
                    guard(rules, state, p)
                if buy[i] == 1 and price <= products[p, P_ADD_BELOW]:
                    consider_entry(tape, rules, model, state, p, i, now_ms, breaker)
                if model.fill == FILL_CLOSE and (products[p, P_DECIDED] > 0 or products[p, P_PENDING] == 1):
                    slip = slips[i] if len(slips) > 0 else 0.0
                    made = carry_out(tape, rules, model, state, out, p, i, price, slip, now_ms, made)
                products[p, P_AT] = i + 1
                products[p, P_OPENED] = 0
            held = all_held(products, money)
            out.equity[times] = account[A_CASH] + held
            out.held[times] = held
            times += 1
        for p in range(count):
            i = products[p, P_AT]
            if i >= products[p, P_END] or products[p, P_OPENED] == 1 or start_s[i] != now:
                continue
            products[p, P_OPENED] = 1
            if rules.resting_take and model.participation == 0.0 and tape.open[i] >= products[p, P_HIGH]:
                # The open jumped over takes: they fill before anything else is sent.
                made = rest_in_bar(model, state, out, p, i, tape.open[i], tape.steps[i], now_ms, made)
                guard(rules, state, p)
            if products[p, P_PENDING] == 1 or (products[p, P_DECIDED] > 0 and model.fill == FILL_NEXT_OPEN):
                slip = slips[i] if len(slips) > 0 else 0.0
                made = carry_out(tape, rules, model, state, out, p, i, tape.open[i], slip, now_ms, made)
    return leave_open(state, out, made), times


def leave_open(state: State, out: Out, made: int) -> int:
    """Rows for the lots that are still open at the end: they are not sold."""
    for p in range(len(state.products)):
        for j in range(state.products[p, P_COUNT]):
            write_row(state, out, p, j, state.products[p, P_END] - 1, 0, EXIT_END, made)
            made += 1
    return made


HELPERS = (
    *fills.HELPERS,
    next_take,
    rest_in_bar,
    judge_exits,
    exits_on_the_way,
    walk_bar,
    deviation,
    risk_open,
    entry_open,
    consider_entry,
    judge_day,
    play_bar,
    carry_out,
    leave_open,
)
