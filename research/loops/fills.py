"""How orders fill on bars, and what a fill does to lot, cash and fees."""

import math
from typing import Any

from bot.rules.codes import EXIT_SIGNAL
from bot.rules.entries import adverse_limit_ticks
from bot.rules.exits import stop_ticks, take_ticks, trail_activation_ticks, trail_stop_ticks
from bot.rules.lots import promote
from bot.rules.position_sizing import kelly_memory
from bot.rules.risk import losses_in_a_row
from bot.rules.rounding import ceil_units, floor_units
from bot.rules.sizing import base_steps, fee_quote, is_dust, pnl_quote, quote_units
from research.loops.types import (
    A_CASH,
    A_DAY_REALISED,
    A_DEFEATS,
    A_ENTRIES,
    A_FEES,
    A_GAINED,
    A_LOSSES,
    A_LOST,
    A_REFUSED_FUNDS,
    A_REFUSED_SIZE,
    A_RESERVED,
    A_TURNOVER,
    A_WINS,
    K_MADE,
    L_ACTIVE,
    L_EXIT,
    L_FILLS,
    L_LEFT,
    L_OPEN,
    L_OPEN_BAR,
    L_OPENED_MS,
    L_PEAK,
    L_REASON,
    L_RESTING,
    L_RUNNER,
    L_SIZE,
    L_STEPS,
    L_STOP,
    L_TAKE,
    M_QUOTE,
    M_TP,
    M_UNIT,
    P_ADD_BELOW,
    P_COUNT,
    P_DECIDED,
    P_HELD,
    P_HIGH,
    P_LAST_ADD_MS,
    P_LOW,
    P_MARK,
    P_MIN_STEPS,
    P_MIN_UNITS,
    P_PENDING,
    R_ENTRY_FEE,
    R_EXIT_FEE,
    R_PROCEEDS,
    R_SIZE,
    R_TP,
    T_CLOSE_BAR,
    T_CLOSED_MS,
    T_ENTRY_FEE,
    T_EXIT_FEE,
    T_EXIT_TICKS,
    T_FILLS,
    T_LEFT,
    T_OPEN_BAR,
    T_OPEN_TICKS,
    T_OPENED_MS,
    T_PNL,
    T_PROCEEDS,
    T_PRODUCT,
    T_REASON,
    T_RUNNER,
    T_STEPS,
    T_TAKE_TICKS,
    T_TP_PCT,
    LoopState,
    Model,
    Out,
    RuleNumbers,
)

FAR = 1 << 60


def worse_by(model: Model, slip: float, volume: float, steps: float) -> float:
    """Slippage of a market order of `steps` in a bar of `volume` steps, in parts of the price."""
    if model.impact > 0.0 and volume > 0.0:
        return slip + model.impact * math.sqrt(steps / volume)
    return slip


def buy_price(model: Model, ticks: int, worse: float) -> int:
    """Ticks that a market buy pays where the market stands at `ticks`: up to the tick."""
    if worse > 0.0:
        return ceil_units(ticks * (1.0 + worse)) + model.half_spread_ticks
    return ticks + model.half_spread_ticks


def sell_price(model: Model, ticks: int, worse: float) -> int:
    """Ticks that a market sale gets where the market stands at `ticks`: down to the tick, at least one."""
    if worse > 0.0:
        return max(floor_units(ticks * (1.0 - worse)) - model.half_spread_ticks, 1)
    return max(ticks - model.half_spread_ticks, 1)


def guard(rules: RuleNumbers, state: LoopState, p: int) -> None:
    """Between which prices no lot of product p changes, so that most bars need no look at the lots."""
    products, lots = state.products, state.lots
    low, high, count = 0, FAR, products[p, P_COUNT]
    for j in range(count):
        if lots[p, j, L_REASON] != 0:
            low, high = FAR, 0
            break
        low = max(low, lots[p, j, L_STOP])
        high = min(high, lots[p, j, L_TAKE])
        if lots[p, j, L_RUNNER] != 0:
            peak = lots[p, j, L_PEAK]
            if lots[p, j, L_ACTIVE] != 0:
                low = max(low, trail_stop_ticks(peak, rules.trail_distance_pct))
                high = min(high, peak + 1)
            else:
                high = min(high, trail_activation_ticks(float(lots[p, j, L_OPEN]), rules.trail_activate_pct))
    products[p, P_LOW], products[p, P_HIGH] = low, high
    products[p, P_ADD_BELOW] = FAR
    if count >= rules.max_lots or (count > 0 and not rules.pyramiding):
        products[p, P_ADD_BELOW] = 0
    elif count > 0:
        # The need never decays below its floor: above this price no later minute opens the gate either.
        newest = float(lots[p, count - 1, L_OPEN])
        products[p, P_ADD_BELOW] = adverse_limit_ticks(newest, rules.adverse_floor_pct)


def open_lot(
    rules: RuleNumbers,
    model: Model,
    state: LoopState,
    p: int,
    i: int,
    market: int,
    volume: float,
    slip: float,
    now_ms: int,
) -> None:
    """Fill the entry that waits for product p where the market stands at `market` ticks."""
    product, money, account = state.products[p], state.money[p], state.account
    quote, tp, unit = money[M_QUOTE], money[M_TP], money[M_UNIT]
    product[P_PENDING] = 0
    account[A_RESERVED] -= quote
    if quote > account[A_CASH] + 1e-9:
        account[A_REFUSED_FUNDS] += 1.0
        return
    price = buy_price(model, market, worse_by(model, slip, volume, quote / (market * unit)))
    steps = base_steps(quote_units(quote, unit), price, model.taker_ppm)
    if is_dust(steps, price, product[P_MIN_STEPS], product[P_MIN_UNITS]):
        account[A_REFUSED_SIZE] += 1.0
        return
    notional = steps * price * unit
    fee = fee_quote(notional, model.taker_pct)
    account[A_CASH] -= notional + fee
    account[A_FEES] += fee
    account[A_TURNOVER] += notional
    account[A_ENTRIES] += 1.0
    j = product[P_COUNT]
    # A runner was planned, but is there one already by now? At most one for each product with lots.
    runner = 1
    for k in range(j):
        if state.lots[p, k, L_RUNNER] != 0:
            runner = 0
    lot, real = state.lots[p, j], state.reals[p, j]
    take = take_ticks(float(price), tp)
    # Cell by cell here and below: arrays that are copied whole take the compiler seconds.
    for column in range(L_SIZE):
        lot[column] = 0
    for column in range(R_SIZE):
        real[column] = 0.0
    lot[L_OPEN], lot[L_STEPS], lot[L_LEFT], lot[L_RUNNER] = price, steps, steps, runner
    lot[L_TAKE], lot[L_STOP] = take, stop_ticks(float(price), rules.stop_loss_pct)
    if rules.resting_take and not is_dust(steps, take, product[P_MIN_STEPS], product[P_MIN_UNITS]):
        lot[L_RESTING] = 1
    lot[L_OPENED_MS], lot[L_OPEN_BAR] = now_ms, i
    real[R_ENTRY_FEE], real[R_TP] = fee, tp
    product[P_COUNT] = j + 1
    product[P_HELD] += steps
    product[P_LAST_ADD_MS] = now_ms


def sell(state: LoopState, p: int, j: int, price: int, steps: int, fee_pct: float) -> None:
    """Book one fill of lot j's exit: `steps` at `price` ticks."""
    lot, real, account = state.lots[p, j], state.reals[p, j], state.account
    notional = steps * price * state.money[p, M_UNIT]
    fee = fee_quote(notional, fee_pct)
    account[A_CASH] += notional - fee
    account[A_FEES] += fee
    account[A_TURNOVER] += notional
    lot[L_LEFT] -= steps
    lot[L_FILLS] += 1
    lot[L_EXIT] = price
    real[R_PROCEEDS] += notional
    real[R_EXIT_FEE] += fee
    state.products[p, P_HELD] -= steps


def write_row(state: LoopState, out: Out, p: int, j: int, i: int, now_ms: int, reason: int) -> float:
    """The next row of the result; answers what lot j earned. What is left of it is dust, which keeps its own cost."""
    made = state.clock[K_MADE]
    state.clock[K_MADE] = made + 1
    lot, real, unit = state.lots[p, j], state.reals[p, j], state.money[p, M_UNIT]
    bought = lot[L_STEPS]
    sold = bought - lot[L_LEFT]
    entry_fee = real[R_ENTRY_FEE] * sold / bought
    if lot[L_FILLS] == 1:
        pnl = pnl_quote(lot[L_OPEN] * unit, lot[L_EXIT] * unit, float(sold), entry_fee, real[R_EXIT_FEE])
    else:
        pnl = real[R_PROCEEDS] - lot[L_OPEN] * unit * sold - entry_fee - real[R_EXIT_FEE]
    if made < len(out.ints):
        row, values = out.ints[made], out.floats[made]
        row[T_PRODUCT], row[T_OPENED_MS], row[T_CLOSED_MS] = p, lot[L_OPENED_MS], now_ms
        row[T_OPEN_TICKS], row[T_EXIT_TICKS], row[T_STEPS] = lot[L_OPEN], lot[L_EXIT], bought
        row[T_REASON], row[T_RUNNER], row[T_TAKE_TICKS] = reason, lot[L_RUNNER], lot[L_TAKE]
        row[T_OPEN_BAR], row[T_CLOSE_BAR], row[T_FILLS] = lot[L_OPEN_BAR], i, lot[L_FILLS]
        row[T_LEFT] = lot[L_LEFT]
        values[T_PNL], values[T_ENTRY_FEE], values[T_EXIT_FEE] = pnl, real[R_ENTRY_FEE], real[R_EXIT_FEE]
        values[T_TP_PCT], values[T_PROCEEDS] = real[R_TP], real[R_PROCEEDS]
    return pnl


def finish(state: LoopState, out: Out, p: int, j: int, i: int, now_ms: int, reason: int) -> None:
    """Lot j is over: write its row, take it out, promote the newest one left where it was the runner."""
    pnl = write_row(state, out, p, j, i, now_ms, reason)
    state.account[A_DAY_REALISED] += pnl
    account, cost = state.account, state.lots[p, j, L_OPEN] * state.money[p, M_UNIT] * state.lots[p, j, L_STEPS]
    account[A_LOSSES] = float(losses_in_a_row(int(account[A_LOSSES]), pnl))
    account[A_WINS], account[A_DEFEATS], account[A_GAINED], account[A_LOST] = kelly_memory(
        account[A_WINS], account[A_DEFEATS], account[A_GAINED], account[A_LOST],
        pnl / (cost + state.reals[p, j, R_ENTRY_FEE]) * 100.0,
    )  # fmt: skip
    product = state.products[p]
    product[P_HELD] -= state.lots[p, j, L_LEFT]
    last = product[P_COUNT] - 1
    lots, reals = state.lots[p], state.reals[p]
    for k in range(j, last):
        for column in range(L_SIZE):
            lots[k, column] = lots[k + 1, column]
        for column in range(R_SIZE):
            reals[k, column] = reals[k + 1, column]
    product[P_COUNT] = last
    promote(lots[:, L_RUNNER], lots[:, L_ACTIVE], lots[:, L_PEAK], last)


def sell_decided(
    model: Model,
    state: LoopState,
    out: Out,
    p: int,
    i: int,
    market: int,
    volume: float,
    slip: float,
    now_ms: int,
    cancelled: bool,
    by_signal: bool,
) -> None:
    """Carry out the exits that were decided, at market, oldest lot first. What can't be sold waits.

    `cancelled`: those whose resting take was cancelled first, else the others. `by_signal`: those that a SELL
    decided, else those that the price did.
    """
    product, j = state.products[p], 0
    while j < product[P_COUNT]:
        reason, left = state.lots[p, j, L_REASON], state.lots[p, j, L_LEFT]
        other = (state.lots[p, j, L_RESTING] == 2) != cancelled or (reason == EXIT_SIGNAL) != by_signal
        if reason == 0 or other or is_dust(left, market, product[P_MIN_STEPS], product[P_MIN_UNITS]):
            j += 1
            continue
        price = sell_price(model, market, worse_by(model, slip, volume, float(left)))
        sell(state, p, j, price, left, model.taker_pct)
        finish(state, out, p, j, i, now_ms, reason)
        product[P_DECIDED] -= 1


def all_held(products: Any, money: Any) -> float:
    """Open lots of all products at their marks, in quote currency."""
    total = 0.0
    for p in range(len(products)):
        if products[p, P_HELD] > 0:
            total += products[p, P_HELD] * products[p, P_MARK] * money[p, M_UNIT]
    return total


HELPERS = (
    worse_by,
    buy_price,
    sell_price,
    guard,
    open_lot,
    sell,
    write_row,
    finish,
    sell_decided,
    all_held,
)
