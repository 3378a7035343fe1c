"""The loop over bars for target weights (docs/trading-rules.md §10): several products, one account, shared cash.

At every time, in this order: bars that close (what rested inside the bar fills, marks, the day, then each product's
holding is compared with its target), then bars that open (what was decided is sent: sales before purchases). A job
rests post-only at the touch of each bar's open for EXPOSURE_MAKER_SEC and goes at market at the first open after it;
bars longer than that time can't show what filled within it, so there everything goes at market. An order that left a
rest of the way is followed by the next one at once, as the bot does within seconds.
"""

from bot.rules.codes import EXIT_TARGET
from bot.rules.exposure import asked_quote, product_share_quote, purchase_steps, rebalance_quote, sale_steps
from bot.rules.sizing import affordable_quote, base_steps, fee_quote, is_dust, quote_units
from research.loops import entry, fast_path, fills
from research.loops.entry import entries_shut
from research.loops.fast_path import judge_day
from research.loops.fills import FAR, all_held, buy_price, sell, sell_price, worse_by, write_row
from research.loops.types import (
    A_ALARM,
    A_CASH,
    A_DAY_REALISED,
    A_ENTRIES,
    A_FEES,
    A_PEAK,
    A_TURNOVER,
    EXIT_END,
    FILL_CLOSE,
    J_LIMIT,
    J_SIDE,
    J_UNTIL_S,
    K_DAY_END_MS,
    K_LAST_MS,
    K_MADE,
    K_TIMES,
    L_LEFT,
    L_OPEN,
    L_OPEN_BAR,
    L_OPENED_MS,
    L_SIZE,
    L_STEPS,
    M_UNIT,
    P_AT,
    P_COUNT,
    P_END,
    P_HELD,
    P_MARK,
    P_MIN_STEPS,
    P_MIN_UNITS,
    P_OPENED,
    R_ENTRY_FEE,
    R_SIZE,
    W_CHANGE,
    W_TARGET,
    ExposureNumbers,
    HoldingPlans,
    LoopState,
    Model,
    Out,
    RuleNumbers,
    WeightBars,
)

LATE_S = 60  # the bot's BAR_LATE_S: an older target trades nothing
NO_ROOM = -1  # answered where a product needed more lots than there was room for: run again with more


def next_bar_time(tape: WeightBars, model: Model, state: LoopState) -> int:
    """When a bar opens or closes next, in seconds; FAR at the end."""
    products, now = state.products, FAR
    for p in range(len(products)):
        if products[p, P_AT] < products[p, P_END]:
            now = min(now, tape.start_s[products[p, P_AT]] + model.granularity_s * products[p, P_OPENED])
    return now


def pay(state: LoopState, notional: float, fee_pct: float) -> float:
    """Take a purchase and its fee from the cash; answers the fee."""
    account, fee = state.account, fee_quote(notional, fee_pct)
    account[A_CASH] -= notional + fee
    account[A_FEES] += fee
    account[A_TURNOVER] += notional
    return fee


def add_holding(state: LoopState, p: int, i: int, price: int, steps: int, fee_pct: float, now_ms: int) -> None:
    """Book a purchase of `steps` at `price` ticks as a new lot of product p."""
    product, fee = state.products[p], pay(state, steps * price * state.money[p, M_UNIT], fee_pct)
    state.account[A_ENTRIES] += 1.0
    j = product[P_COUNT]
    lot, real = state.lots[p, j], state.reals[p, j]
    for column in range(L_SIZE):
        lot[column] = 0
    for column in range(R_SIZE):
        real[column] = 0.0
    lot[L_OPEN], lot[L_STEPS], lot[L_LEFT] = price, steps, steps
    lot[L_OPENED_MS], lot[L_OPEN_BAR] = now_ms, i
    real[R_ENTRY_FEE] = fee
    product[P_COUNT] = j + 1
    product[P_HELD] += steps


def sell_oldest(
    state: LoopState, out: Out, p: int, i: int, wanted: float, mark: int, price: int, fee_pct: float, now_ms: int
) -> int:
    """Sell at `price` ticks of the oldest lot of product p that can be sold, a part of it where `wanted` is less.

    `wanted`: quote currency at `mark` ticks. Answers the steps sold, 0 = none of them can be.
    """
    product, lots, reals = state.products[p], state.lots[p], state.reals[p]
    for j in range(product[P_COUNT]):
        steps = sale_steps(
            wanted, lots[j, L_LEFT], mark, product[P_MIN_STEPS], product[P_MIN_UNITS], state.money[p, M_UNIT]
        )
        if steps == 0:
            continue
        sell(state, p, j, price, steps, fee_pct)
        if lots[j, L_LEFT] == 0:
            state.account[A_DAY_REALISED] += write_row(state, out, p, j, i, now_ms, EXIT_TARGET)
            last = product[P_COUNT] - 1
            for k in range(j, last):
                for column in range(L_SIZE):
                    lots[k, column] = lots[k + 1, column]
                for column in range(R_SIZE):
                    reals[k, column] = reals[k + 1, column]
            product[P_COUNT] = last
        return int(steps)
    return 0


def buy_more(
    rules: RuleNumbers, model: Model, state: LoopState, p: int, i: int, wanted: float, price: int, fee_pct: float,
    now_ms: int, again: bool, market: bool,
) -> int:  # fmt: skip
    """Buy for `wanted` quote currency and the fee at `price` ticks, as far as the cash reaches; the steps bought.

    `again`: for a job that bought before, into whose lot it goes. `market`: by quote, as the exchange counts it.
    """
    product, unit, cash = state.products[p], state.money[p, M_UNIT], state.account[A_CASH]
    asked = asked_quote(wanted, fee_pct, cash)
    if market:
        asked = quote_units(asked, model.quote_increment) * model.quote_increment
    asked = affordable_quote(asked, rules.order_min, cash, rules.funds_retry)
    if market:
        asked = quote_units(asked, model.quote_increment) * model.quote_increment
        steps = base_steps(quote_units(asked, unit), price, model.taker_ppm)
        if is_dust(steps, price, product[P_MIN_STEPS], product[P_MIN_UNITS]):
            return 0
    else:
        steps = purchase_steps(asked, price, fee_pct, product[P_MIN_STEPS], product[P_MIN_UNITS], unit)
        if steps == 0:
            return 0
    if again:
        newest = product[P_COUNT] - 1
        state.lots[p, newest, L_STEPS] += steps
        state.lots[p, newest, L_LEFT] += steps
        state.reals[p, newest, R_ENTRY_FEE] += pay(state, steps * price * unit, fee_pct)
        product[P_HELD] += steps
    else:
        add_holding(state, p, i, price, steps, fee_pct, now_ms)
    return int(steps)


def change_now(
    rules: RuleNumbers, x: ExposureNumbers, state: LoopState, plans: HoldingPlans, p: int, equity: float, band: float
) -> float:
    """Quote currency to buy (> 0) or to sell (< 0) for the target of product p at its mark; 0 = nothing."""
    product, unit = state.products[p], state.money[p, M_UNIT]
    held = product[P_HELD] * product[P_MARK] * unit
    measure = rules.fixed_equity if rules.fixed_equity > 0.0 else equity
    share = product_share_quote(measure, x.max_pct, len(state.products))
    least = max(product[P_MIN_UNITS] * unit, x.least_quote)
    return rebalance_quote(plans.wanted[p, W_TARGET], held, share, band, least)


def trade(
    rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans, out: Out, p: int,
    i: int, price: int, mark: int, fee_pct: float, market: bool, follows: bool, now_ms: int,
) -> None:  # fmt: skip
    """The decided change of product p happens at `price` ticks, then what is left of the way, and its job is over.

    One order after the other, as the bot sends them: a sale is of one lot; a fee or a price that moved leaves a rest.
    The first is sized at the mark that decided, the others at `mark`; without `follows` there are no others.
    """
    side, change, again = plans.jobs[p, J_SIDE], plans.wanted[p, W_CHANGE], False
    plans.jobs[p, J_SIDE] = 0
    while (change > 0.0) if side > 0 else (change < 0.0):
        short = change > state.account[A_CASH]  # all that is left is spent: nothing follows
        if side > 0:
            steps = buy_more(rules, model, state, p, i, change, price, fee_pct, now_ms, again, market)
        else:
            steps = sell_oldest(state, out, p, i, -change, state.products[p, P_MARK], price, fee_pct, now_ms)
        if steps == 0 or not follows or (side > 0 and short):
            break
        again, state.products[p, P_MARK] = True, mark
        change = change_now(
            rules, x, state, plans, p, state.account[A_CASH] + all_held(state.products, state.money), 0.0
        )


def rested(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans,
    out: Out, p: int, i: int, now_ms: int,
) -> None:  # fmt: skip
    """What rested in bar i fills where the bar traded through its price (or touched it), whole and as maker."""
    side, limit = plans.jobs[p, J_SIDE], plans.jobs[p, J_LIMIT]
    if side == 0 or limit == 0:
        return
    reached = tape.low[i] <= limit if side > 0 else tape.high[i] >= limit
    beyond = tape.low[i] < limit if side > 0 else tape.high[i] > limit
    plans.jobs[p, J_LIMIT] = 0
    if beyond or (reached and not model.through):
        trade(rules, x, model, state, plans, out, p, i, limit, limit, model.maker_pct, False, True, now_ms)


def compare(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, state: LoopState, plans: HoldingPlans, p: int, i: int,
    equity: float, now: int,
) -> None:  # fmt: skip
    """The holding of product p against its target at the mark: a job begins, goes on to the newest target, or ends."""
    change = change_now(rules, x, state, plans, p, equity, 0.0 if plans.jobs[p, J_SIDE] != 0 else x.band_pct)
    if change > 0.0 and (tape.buys[i] == 0 or entries_shut(rules, state)):
        change = 0.0
    side = 1 if change > 0.0 else -1 if change < 0.0 else 0
    if side != plans.jobs[p, J_SIDE]:
        plans.jobs[p, J_SIDE], plans.jobs[p, J_UNTIL_S] = side, now + x.maker_s
    plans.wanted[p, W_CHANGE] = change


def close_weights(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans,
    out: Out, now: int,
) -> None:  # fmt: skip
    """Everything that happens at the end of the bars that close at `now`."""
    products, account, clock, gran = state.products, state.account, state.clock, model.granularity_s
    closing = False
    for p in range(len(products)):
        i = products[p, P_AT]
        if products[p, P_OPENED] == 1 and tape.start_s[i] + gran == now:
            closing = True
            rested(tape, rules, x, model, state, plans, out, p, i, now * 1000)
            products[p, P_MARK] = tape.close[i]
            plans.wanted[p, W_TARGET] = tape.weight[i]
    equity = account[A_CASH] + all_held(products, state.money)
    if closing or clock[K_LAST_MS] > 0:
        judge_day(rules, state, equity, now * 1000)
    if not closing:
        return
    for p in range(len(products)):
        i = products[p, P_AT]
        if products[p, P_OPENED] == 0 or tape.start_s[i] + gran != now:
            continue
        compare(tape, rules, x, state, plans, p, i, equity, now)
    if model.fill == FILL_CLOSE:
        for leg in range(2):
            for p in range(len(products)):
                i = products[p, P_AT]
                if products[p, P_OPENED] == 1 and tape.start_s[i] + gran == now:
                    at_market(tape, rules, x, model, state, plans, out, p, i, tape.close[i], leg, now)
    for p in range(len(products)):
        i = products[p, P_AT]
        if products[p, P_OPENED] == 1 and tape.start_s[i] + gran == now:
            products[p, P_AT] = i + 1
            products[p, P_OPENED] = 0
    held = all_held(products, state.money)
    out.equity[clock[K_TIMES]] = account[A_CASH] + held
    out.held[clock[K_TIMES]] = held
    clock[K_TIMES] += 1


def at_market(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans,
    out: Out, p: int, i: int, market: int, leg: int, now: int,
) -> None:  # fmt: skip
    """The job of product p at market where it stands at `market` ticks: sales in leg 0, purchases in leg 1."""
    side = plans.jobs[p, J_SIDE]
    if side == 0 or (side > 0) != (leg == 1):
        return
    steps = abs(plans.wanted[p, W_CHANGE]) / (market * state.money[p, M_UNIT])
    worse = worse_by(model, tape.slip[i] if len(tape.slip) > 0 else 0.0, tape.steps[i], steps)
    price = buy_price(model, market, worse) if side > 0 else sell_price(model, market, worse)
    # After a gap the target that decided is an old one: what was sent is done, and nothing more is sent for it.
    follows = model.fill == FILL_CLOSE or now - tape.start_s[i - 1] - 2 * model.granularity_s < LATE_S
    trade(rules, x, model, state, plans, out, p, i, price, market, model.taker_pct, True, follows, now * 1000)


def open_weights(
    tape: WeightBars, rules: RuleNumbers, x: ExposureNumbers, model: Model, state: LoopState, plans: HoldingPlans,
    out: Out, now: int,
) -> None:  # fmt: skip
    """The bars that begin at `now`: jobs rest at the touch while their time lasts, then go at market, sales first."""
    products = state.products
    for leg in range(2):
        for p in range(len(products)):
            i = products[p, P_AT]
            if i >= products[p, P_END] or tape.start_s[i] != now or products[p, P_OPENED] == 1:
                continue
            if leg == 1:
                products[p, P_OPENED] = 1
            side = plans.jobs[p, J_SIDE]
            if side == 0 or (side > 0) != (leg == 1):
                continue
            if x.maker_s > 0 and now + model.granularity_s <= plans.jobs[p, J_UNTIL_S]:
                plans.jobs[p, J_LIMIT] = max(tape.open[i] - side * model.half_spread_ticks, 1)
            else:
                at_market(tape, rules, x, model, state, plans, out, p, i, tape.open[i], leg, now)


def skip_inside(
    tape: WeightBars,
    rules: RuleNumbers,
    x: ExposureNumbers,
    model: Model,
    state: LoopState,
    plans: HoldingPlans,
    out: Out,
) -> None:
    """One product without a job: pass every bar at which the holding stays inside the band of its target."""
    product, account, clock = state.products[0], state.account, state.clock
    if plans.jobs[0, J_SIDE] != 0:
        return
    start_s, close, weight = tape.start_s, tape.close, tape.weight
    equities, helds = out.equity, out.held
    i, end, times, gran = product[P_AT], product[P_END], clock[K_TIMES], model.granularity_s
    cash, value = account[A_CASH], product[P_HELD] * state.money[0, M_UNIT]
    first, day_end_s = i, clock[K_DAY_END_MS] // 1000
    part, limit = x.max_pct / 100.0, x.band_pct / 100.0 * 0.999999  # near the edge the rule itself decides
    peak, bound, fixed = account[A_PEAK], account[A_ALARM], rules.fixed_equity
    while i < end:
        wanted = weight[i]
        held = value * close[i]
        equity = cash + held
        share = (fixed if fixed > 0.0 else equity) * part
        if wanted == 0.0:
            if held > 0.0:
                break
        elif abs(held - wanted * share) >= limit * share:  # never true without an opinion
            break
        if start_s[i] + gran >= day_end_s:
            break
        equities[times] = equity
        helds[times] = held
        times += 1
        i += 1
        if equity > peak or equity <= bound:
            judge_day(rules, state, equity, (start_s[i - 1] + gran) * 1000)
            peak, bound = account[A_PEAK], account[A_ALARM]
    if i > first:
        product[P_AT], product[P_MARK], product[P_OPENED] = i, close[i - 1], 0
        clock[K_TIMES], clock[K_LAST_MS] = times, (start_s[i - 1] + gran) * 1000


def exposure_loop(
    tape: WeightBars,
    rules: RuleNumbers,
    x: ExposureNumbers,
    model: Model,
    state: LoopState,
    plans: HoldingPlans,
    out: Out,
) -> int:
    """Run everything; answers the rows made, or NO_ROOM. Open lots get a row with EXIT_END: they are not sold."""
    room = state.lots.shape[1]
    while True:
        now = next_bar_time(tape, model, state)
        if now == FAR:
            break
        for p in range(len(state.products)):
            if state.products[p, P_COUNT] >= room - 1:
                return NO_ROOM
        close_weights(tape, rules, x, model, state, plans, out, now)
        open_weights(tape, rules, x, model, state, plans, out, now)
        if len(state.products) == 1:
            skip_inside(tape, rules, x, model, state, plans, out)
    for p in range(len(state.products)):
        for j in range(state.products[p, P_COUNT]):
            write_row(state, out, p, j, state.products[p, P_END] - 1, 0, EXIT_END)
    return int(state.clock[K_MADE])


HELPERS = (
    *fills.HELPERS,
    entry.entries_shut,
    fast_path.judge_day,
    fast_path.alarm,
    next_bar_time,
    pay,
    add_holding,
    sell_oldest,
    buy_more,
    change_now,
    trade,
    rested,
    compare,
    at_market,
    close_weights,
    open_weights,
    skip_inside,
)
