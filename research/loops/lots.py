"""The loop over bars that trades lots (docs/trading-rules.md): several products, one account, shared cash.

At every time, in this order: bars that close (resting takes inside the bar, marks, the day, exits, then at most one
entry for each BUY bar, product by product), then bars that open (decided exits fill, then the entry). So a decision
is made on a closed bar and carried out at the next open; with FILL_CLOSE at the close itself; with FILL_OHLC exits
are judged along open, low, high, close, which takes the stop before the take. A SELL with SIGNAL_EXITS is a decision
of the close whatever the fill.
"""

from bot.rules.codes import SIGNAL_BUY, SIGNAL_SELL
from research.loops import entry, exits, fast_path, fills
from research.loops.entry import consider_entry
from research.loops.exits import judge_exits, play_bar, rest_in_bar
from research.loops.fast_path import judge_day, skip_uneventful
from research.loops.fills import FAR, all_held, guard, open_lot, sell_decided, write_row
from research.loops.types import (
    A_CASH,
    EXIT_END,
    FILL_CLOSE,
    FILL_OHLC,
    K_LAST_MS,
    K_MADE,
    K_TIMES,
    P_ADD_BELOW,
    P_AT,
    P_COUNT,
    P_DECIDED,
    P_END,
    P_HIGH,
    P_LOW,
    P_MARK,
    P_OPENED,
    P_PENDING,
    BarArrays,
    LoopState,
    Model,
    Out,
    RuleNumbers,
)


def slip_at(tape: BarArrays, i: int) -> float:
    """Slippage of a market order in bar i, in parts of the price."""
    return float(tape.slip[i]) if len(tape.slip) > 0 else 0.0


def next_time(tape: BarArrays, model: Model, state: LoopState) -> int:
    """When a bar opens or closes next, in seconds; FAR at the end."""
    products, now = state.products, FAR
    for p in range(len(products)):
        if products[p, P_AT] < products[p, P_END]:
            now = min(now, tape.start_s[products[p, P_AT]] + model.granularity_s * products[p, P_OPENED])
    return now


def carry_out(
    tape: BarArrays,
    rules: RuleNumbers,
    model: Model,
    state: LoopState,
    out: Out,
    p: int,
    i: int,
    market: int,
    now_ms: int,
) -> None:
    """Decided exits of product p fill, then its entry, then the exits that had to wait for a cancel.

    Of each, those that the price decided go before those of the signal, which is answered after it.
    """
    volume, slip = tape.steps[i], slip_at(tape, i)
    for leg in range(4):
        if state.products[p, P_DECIDED] > 0:
            sell_decided(model, state, out, p, i, market, volume, slip, now_ms, leg >= 2, leg % 2 == 1)
        if leg == 1 and state.products[p, P_PENDING] == 1:
            open_lot(rules, model, state, p, i, market, volume, slip, now_ms)
    guard(rules, state, p)


def close_bars(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out, now: int) -> None:
    """Everything that happens at the end of the bars that close at `now`; the day may turn where none does, too."""
    products, money, account, clock = state.products, state.money, state.account, state.clock
    closing, gran = False, model.granularity_s
    for p in range(len(products)):
        i = products[p, P_AT]
        if products[p, P_OPENED] == 1 and tape.start_s[i] + gran == now:
            closing = True
            if tape.high[i] >= products[p, P_HIGH] or tape.low[i] <= products[p, P_LOW]:
                play_bar(tape, rules, model, state, out, p, i, slip_at(tape, i), now * 1000)
            products[p, P_MARK] = tape.close[i]
    if closing or clock[K_LAST_MS] > 0:
        judge_day(rules, state, account[A_CASH] + all_held(products, money), now * 1000)
    if not closing:
        return
    for p in range(len(products)):
        i = products[p, P_AT]
        if products[p, P_OPENED] == 0 or tape.start_s[i] + gran != now:
            continue
        price = tape.close[i]
        sells = tape.signal[i] == SIGNAL_SELL and products[p, P_COUNT] > 0
        if sells or (model.fill != FILL_OHLC and (price >= products[p, P_HIGH] or price <= products[p, P_LOW])):
            judge_exits(rules, state, p, price, tape.signal[i])
            guard(rules, state, p)
        if tape.signal[i] == SIGNAL_BUY and price <= products[p, P_ADD_BELOW]:
            consider_entry(tape, rules, model, state, p, i, now * 1000)
        if model.fill == FILL_CLOSE and (products[p, P_DECIDED] > 0 or products[p, P_PENDING] == 1):
            carry_out(tape, rules, model, state, out, p, i, price, now * 1000)
        products[p, P_AT] = i + 1
        products[p, P_OPENED] = 0
    held = all_held(products, money)
    out.equity[clock[K_TIMES]] = account[A_CASH] + held
    out.held[clock[K_TIMES]] = held
    clock[K_TIMES] += 1


def open_bars(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out, now: int) -> None:
    """The bars that begin at `now`: takes that the open jumped over fill, then what was decided is carried out."""
    products = state.products
    for p in range(len(products)):
        i = products[p, P_AT]
        if i >= products[p, P_END] or products[p, P_OPENED] == 1 or tape.start_s[i] != now:
            continue
        products[p, P_OPENED] = 1
        if rules.resting_take and model.participation == 0.0 and tape.open[i] >= products[p, P_HIGH]:
            rest_in_bar(model, state, out, p, i, tape.open[i], tape.steps[i], now * 1000)
            guard(rules, state, p)
        if products[p, P_PENDING] == 1 or (products[p, P_DECIDED] > 0 and model.fill != FILL_CLOSE):
            carry_out(tape, rules, model, state, out, p, i, tape.open[i], now * 1000)


def lots_loop(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out) -> int:
    """Run everything; answers the rows made. Open lots get a row with EXIT_END: they are not sold."""
    while True:
        now = next_time(tape, model, state)
        if now == FAR:
            break
        close_bars(tape, rules, model, state, out, now)
        open_bars(tape, rules, model, state, out, now)
        skip_uneventful(tape, rules, model, state, out)
    for p in range(len(state.products)):
        for j in range(state.products[p, P_COUNT]):
            write_row(state, out, p, j, state.products[p, P_END] - 1, 0, EXIT_END)
    return int(state.clock[K_MADE])


HELPERS = (
    *fills.HELPERS,
    *exits.HELPERS,
    *entry.HELPERS,
    *fast_path.HELPERS,
    slip_at,
    next_time,
    carry_out,
    close_bars,
    open_bars,
)
