"""How open lots end on bars: resting takes inside a bar, exits judged at a price, exits along a bar's way."""

from bot.rules.codes import EXIT_NONE, EXIT_STOP, EXIT_TAKE
from bot.rules.exits import exit_by_signal, judge_lot
from bot.rules.rounding import floor_units
from bot.rules.sizing import is_dust
from research.loops.fills import finish, guard, sell, sell_price, worse_by
from research.loops.types import (
    FILL_OHLC,
    L_ACTIVE,
    L_LEFT,
    L_OPEN,
    L_PEAK,
    L_REASON,
    L_RESTING,
    L_RUNNER,
    L_STOP,
    L_TAKE,
    P_COUNT,
    P_DECIDED,
    P_MIN_STEPS,
    P_MIN_UNITS,
    BarArrays,
    LoopState,
    Model,
    Out,
    RuleNumbers,
)


def next_take(model: Model, state: LoopState, p: int, high: int) -> int:
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
    model: Model, state: LoopState, out: Out, p: int, i: int, high: int, volume: float, now_ms: int
) -> None:
    """Resting takes that a rise to `high` reaches, the lowest first, at their own price as maker."""
    products, lots = state.products, state.lots
    room = -1
    if model.participation > 0.0:
        room = floor_units(volume * model.participation)
    while True:
        j = next_take(model, state, p, high)
        if j < 0 or room == 0:
            return
        take, steps = lots[p, j, L_TAKE], lots[p, j, L_LEFT]
        if room > 0:
            steps = min(steps, room)
            room -= steps
        sell(state, p, j, take, steps, model.maker_pct)
        left = lots[p, j, L_LEFT]
        if left == 0 or is_dust(left, take, products[p, P_MIN_STEPS], products[p, P_MIN_UNITS]):
            finish(state, out, p, j, i, now_ms, EXIT_TAKE)
        elif room == 0:
            return


def judge_at(rules: RuleNumbers, state: LoopState, p: int, j: int, price: int) -> tuple[int, int]:
    """Lot j against one price by the rulebook: (why it ends, its trailing stop); the trailing fields move on."""
    lot = state.lots[p, j]
    reason, active, peak, trail = judge_lot(
        price,
        float(lot[L_OPEN]),
        0 if lot[L_RESTING] == 1 else lot[L_TAKE],
        lot[L_STOP],
        lot[L_RUNNER] != 0,
        lot[L_ACTIVE] != 0,
        lot[L_PEAK],
        rules.trail_activate_pct,
        rules.trail_distance_pct,
    )
    lot[L_ACTIVE] = 1 if active else 0
    lot[L_PEAK] = peak
    return reason, trail


def judge_exits(rules: RuleNumbers, state: LoopState, p: int, price: int, signal: int) -> None:
    """Judge every lot of product p at `price`: stop, trailing, take, then the newest closed bar's `signal`.

    What is decided waits for its fill.
    """
    lots = state.lots
    for j in range(state.products[p, P_COUNT]):
        if lots[p, j, L_REASON] != EXIT_NONE:
            continue
        reason, _ = judge_at(rules, state, p, j, price)
        reason = exit_by_signal(reason, signal, rules.signal_exits)
        if reason != EXIT_NONE:
            lots[p, j, L_REASON] = reason
            lots[p, j, L_RESTING] = 2 if lots[p, j, L_RESTING] == 1 else 0
            state.products[p, P_DECIDED] += 1


def exits_on_the_way(
    rules: RuleNumbers, model: Model, state: LoopState, out: Out, p: int, i: int, before: int, price: int,
    volume: float, slip: float, now_ms: int,
) -> None:  # fmt: skip
    """FILL_OHLC: the price goes from `before` to `price`; exits fill at their level, or where the price jumped to."""
    low, high, product = min(before, price), max(before, price), state.products[p]
    j = 0
    while j < product[P_COUNT]:
        lot = state.lots[p, j]
        if lot[L_REASON] != EXIT_NONE:  # a SELL decided it; what can't be sold waits
            j += 1
            continue
        reason, trail = judge_at(rules, state, p, j, price)
        left = lot[L_LEFT]
        if reason == EXIT_NONE or is_dust(left, price, product[P_MIN_STEPS], product[P_MIN_UNITS]):
            j += 1
            continue
        level = trail
        if reason == EXIT_TAKE:
            level = lot[L_TAKE]
        elif reason == EXIT_STOP:
            level = lot[L_STOP]
        level = min(max(level, low), high)
        worse = worse_by(model, slip, volume, float(left))
        sell(state, p, j, sell_price(model, level, worse), left, model.taker_pct)
        finish(state, out, p, j, i, now_ms, reason)


def walk_bar(
    tape: BarArrays,
    rules: RuleNumbers,
    model: Model,
    state: LoopState,
    out: Out,
    p: int,
    i: int,
    slip: float,
    now_ms: int,
) -> None:
    """FILL_OHLC: open, low, high, close; resting takes fill on the way up."""
    volume, before, price = tape.steps[i], tape.open[i], tape.open[i]
    # A loop, not four calls: the compiler takes long over each.
    for leg in range(4):
        if leg == 1:
            price = tape.low[i]
        elif leg == 2:
            price = tape.high[i]
            rest_in_bar(model, state, out, p, i, price, volume, now_ms)
        elif leg == 3:
            price = tape.close[i]
        exits_on_the_way(rules, model, state, out, p, i, before, price, volume, slip, now_ms)
        before = price


def play_bar(
    tape: BarArrays,
    rules: RuleNumbers,
    model: Model,
    state: LoopState,
    out: Out,
    p: int,
    i: int,
    slip: float,
    now_ms: int,
) -> None:
    """What happens to open lots inside bar i, up to its last price."""
    if model.fill == FILL_OHLC:
        walk_bar(tape, rules, model, state, out, p, i, slip, now_ms)
    elif rules.resting_take:
        rest_in_bar(model, state, out, p, i, tape.high[i], tape.steps[i], now_ms)
    guard(rules, state, p)


HELPERS = (next_take, rest_in_bar, judge_at, judge_exits, exits_on_the_way, walk_bar, play_bar)
