"""Most times nothing is decided: no lot's level is reached, no BUY can count, the day goes on. They pass here."""

from typing import Any

from bot.rules.codes import SIGNAL_BUY, SIGNAL_SELL
from bot.rules.day import DAY_MS, breaker_equity, breaker_tripped, day_pnl, day_start_ms, day_turned
from bot.rules.entries import lots_open
from bot.rules.risk import drawdown_pct, guard_shut
from research.loops.entry import entries_shut
from research.loops.fills import FAR
from research.loops.types import (
    A_ALARM,
    A_BREAKER_DAYS,
    A_CASH,
    A_DAY_EQUITY,
    A_DAY_REALISED,
    A_LATCHED_MS,
    A_LOSSES,
    A_PEAK,
    K_BREAKER,
    K_DAY_END_MS,
    K_LAST_MS,
    K_TIMES,
    M_UNIT,
    P_ADD_BELOW,
    P_AT,
    P_COUNT,
    P_DECIDED,
    P_END,
    P_HELD,
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


def judge_day(rules: RuleNumbers, state: LoopState, equity: float, now_ms: int) -> None:
    """The day's turn, the peak and its drawdown limit, the day's breaker, which shuts entries until the next day."""
    account, clock = state.account, state.clock
    if clock[K_LAST_MS] == 0 or day_turned(clock[K_LAST_MS], now_ms):
        account[A_DAY_EQUITY], account[A_DAY_REALISED], account[A_LOSSES] = equity, 0.0, 0.0
        clock[K_BREAKER] = 0
        clock[K_DAY_END_MS] = day_start_ms(now_ms) + DAY_MS
    clock[K_LAST_MS] = now_ms
    peak = max(account[A_PEAK], equity)
    account[A_PEAK] = peak
    if account[A_LATCHED_MS] == 0.0 and guard_shut(drawdown_pct(peak, equity), rules.max_drawdown_pct, False, False):
        account[A_LATCHED_MS] = float(now_ms)
    pnl = day_pnl(rules.mark_to_market, equity, account[A_DAY_EQUITY], 0.0, account[A_DAY_REALISED])
    if clock[K_BREAKER] == 0 and breaker_tripped(
        pnl, account[A_DAY_EQUITY], rules.max_daily_loss_pct, rules.max_daily_loss
    ):
        account[A_BREAKER_DAYS] += 1.0
        clock[K_BREAKER] = 1
    account[A_ALARM] = alarm(rules, state)


def alarm(rules: RuleNumbers, state: LoopState) -> float:
    """Equity above which neither the breaker nor the drawdown limit can be reached, by a margin for rounding."""
    account, level = state.account, -1.0e300
    if state.clock[K_BREAKER] == 0 and rules.mark_to_market:
        level = breaker_equity(account[A_DAY_EQUITY], rules.max_daily_loss_pct, rules.max_daily_loss)
    if account[A_LATCHED_MS] == 0.0 and rules.max_drawdown_pct > 0.0:
        level = max(level, account[A_PEAK] * (1.0 - rules.max_drawdown_pct / 100.0))
    return float(level + 1e-6 + 1e-9 * account[A_PEAK])


def is_loud(tape: BarArrays, products: Any, p: int, i: int, shut: bool) -> bool:
    """Whether bar i of product p may change a lot or open one."""
    if tape.high[i] >= products[p, P_HIGH] or tape.low[i] <= products[p, P_LOW]:
        return True
    if tape.signal[i] == SIGNAL_SELL and products[p, P_COUNT] > 0:
        return True
    return tape.signal[i] == SIGNAL_BUY and not shut and tape.close[i] <= products[p, P_ADD_BELOW]


def no_entries(rules: RuleNumbers, state: LoopState) -> bool:
    """Whether no BUY can count now, whatever the price: a limit of all products is reached."""
    total = 0
    for p in range(len(state.products)):
        total += state.products[p, P_COUNT]
    return entries_shut(rules, state) or not lots_open(total, 0, rules.max_total_lots)


def skip_uneventful(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out) -> None:
    """Mark the account at every time up to the next one at which something may be decided, or that ends the day.

    Nothing may be left to carry out. Bars that overlap (not on one grid) are left to the full loop.
    """
    products = state.products
    for p in range(len(products)):
        if products[p, P_PENDING] == 1 or products[p, P_DECIDED] > 0:
            return
    # The first time is judged in full: what was sold at an open counts from here on.
    state.account[A_ALARM] = 1.0e300
    if len(products) == 1:
        pass_alone(tape, rules, model, state, out)
    else:
        pass_together(tape, rules, model, state, out)


def pass_alone(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out) -> None:
    """`skip_uneventful` of one product: what most bars of most runs go through, so that nothing is looked up twice."""
    account, clock, product = state.account, state.clock, state.products[0]
    start_s, high, low, close, signal = tape.start_s, tape.high, tape.low, tape.close, tape.signal
    equities, helds = out.equity, out.held
    i, end, times, length = product[P_AT], product[P_END], clock[K_TIMES], model.granularity_s
    steps, unit, cash = product[P_HELD], state.money[0, M_UNIT], account[A_CASH]
    rise, fall = product[P_HIGH], product[P_LOW]
    first, day_end_s, peak, bound = i, clock[K_DAY_END_MS] // 1000, account[A_PEAK], account[A_ALARM]
    add_below = 0 if no_entries(rules, state) else product[P_ADD_BELOW]
    while i < end:
        price = close[i]
        if high[i] >= rise or low[i] <= fall or (signal[i] == SIGNAL_BUY and price <= add_below):
            break
        if signal[i] == SIGNAL_SELL and steps > 0:
            break
        if start_s[i] + length >= day_end_s:
            break
        held = steps * price * unit
        equity = cash + held
        equities[times] = equity
        helds[times] = held
        times += 1
        i += 1
        if equity > peak or equity <= bound:
            judge_day(rules, state, equity, (start_s[i - 1] + length) * 1000)
            peak, bound = account[A_PEAK], account[A_ALARM]
            add_below = 0 if no_entries(rules, state) else product[P_ADD_BELOW]
    if i > first:
        product[P_AT], product[P_MARK], product[P_OPENED] = i, close[i - 1], 0
        clock[K_TIMES], clock[K_LAST_MS] = times, (start_s[i - 1] + length) * 1000


def pass_together(tape: BarArrays, rules: RuleNumbers, model: Model, state: LoopState, out: Out) -> None:
    """`skip_uneventful` of several products: one time after the other, all bars that end then."""
    products, money, clock = state.products, state.money, state.clock
    count, length, cash = len(products), model.granularity_s, state.account[A_CASH]
    start_s, close = tape.start_s, tape.close
    shut, times = no_entries(rules, state), clock[K_TIMES]
    while True:
        begin = FAR
        for p in range(count):
            if products[p, P_AT] < products[p, P_END]:
                begin = min(begin, start_s[products[p, P_AT]])
        end_ms = (begin + length) * 1000
        if begin == FAR or end_ms >= clock[K_DAY_END_MS]:
            break
        loud = False
        for p in range(count):
            i = products[p, P_AT]
            if i < products[p, P_END] and start_s[i] < begin + length:
                loud = loud or start_s[i] != begin or is_loud(tape, products, p, i, shut)
        if loud:
            break
        held = 0.0
        for p in range(count):
            i = products[p, P_AT]
            if i < products[p, P_END] and start_s[i] == begin:
                products[p, P_MARK], products[p, P_AT], products[p, P_OPENED] = close[i], i + 1, 0
            if products[p, P_HELD] > 0:
                held += products[p, P_HELD] * products[p, P_MARK] * money[p, M_UNIT]
        equity = cash + held
        out.equity[times] = equity
        out.held[times] = held
        times += 1
        if equity > state.account[A_PEAK] or equity <= state.account[A_ALARM]:
            judge_day(rules, state, equity, end_ms)
            shut = no_entries(rules, state)
        clock[K_LAST_MS] = end_ms
    clock[K_TIMES] = times


HELPERS = (judge_day, alarm, is_loud, no_entries, pass_alone, pass_together, skip_uneventful)
