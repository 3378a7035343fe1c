"""A wall clock that was set: every moment that the engine remembers moves with it.

What is due "not before" a moment, or "so long after" one, would else wait for as long as the clock was set back: exits
would not be judged, orders not be looked up, cancels not be repeated, and a price of before would count as fresh. Set
forward, a pause after losses, a limit of orders a minute or the minute in which an order is looked for would be over at
once. Prices alone do not move forward: they count as old until the next ones come.
"""

from collections import deque
from dataclasses import replace

from bot.domain.events import ClockStepped
from bot.engine.state.engine_state import EngineState

STEP_MS = 1_000  # less is the jitter of two clocks' readings


def follow(state: EngineState, before_ms: int, now_ms: int) -> None:
    """The clock showed `before_ms` at the last event and shows `now_ms` at this one."""
    back_ms = before_ms - now_ms
    if back_ms < STEP_MS:
        return
    state.note("feed", f"this machine's clock was set back by {back_ms / 1000:.1f} s", "warn")
    if state.clock.offset_ms is not None:
        state.clock.offset_ms += back_ms
    state.control.ready_ms -= back_ms
    _markets(state, back_ms)
    _questions(state, back_ms)
    _orders(state, back_ms)
    _portfolio(state, back_ms)
    _risk(state, back_ms)


def stepped(state: EngineState, event: ClockStepped) -> None:
    """The clock jumped against the monotonic one; where it was set back, `follow` has moved all by now.

    Until the clocks are compared again nobody knows whether it was set or the machine slept: no day turns.
    """
    state.clock.offset_ms, state.clock.in_doubt = event.offset_ms, True
    if event.step_ms <= 0:
        return
    ahead_s = event.step_ms / 1000
    state.note(
        "feed", f"this machine's clock went forward by {ahead_s:.1f} s: it was set, or the machine slept", "warn"
    )
    if state.control.ready:
        state.control.ready_ms += event.step_ms
    _questions(state, -event.step_ms)
    _orders(state, -event.step_ms)
    _portfolio(state, -event.step_ms)
    _risk(state, -event.step_ms)


def _markets(state: EngineState, back_ms: int) -> None:
    for market in state.markets.by_product.values():
        market.judged_ms = 0  # the next price is judged at once
        if market.priced_ms is not None:
            market.priced_ms -= back_ms
        if market.doubt_told_ms is not None:
            market.doubt_told_ms -= back_ms
        if market.book is not None:
            market.book = market.book._replace(seen_ms=market.book.seen_ms - back_ms)


def _questions(state: EngineState, back_ms: int) -> None:
    for market in state.markets.by_product.values():
        market.bars_ms -= back_ms
        if market.question is not None:
            market.question.since_ms -= back_ms


def _orders(state: EngineState, back_ms: int) -> None:
    for coid, order in state.orders.by_id.items():
        first = order.first_absence_ms
        state.orders.by_id[coid] = replace(
            order,
            created_ms=order.created_ms - back_ms,
            updated_ms=order.updated_ms - back_ms,
            next_look_ms=order.next_look_ms - back_ms,
            first_absence_ms=first - back_ms if first is not None else None,
        )
    state.orders.fence.told_ms -= back_ms
    for holds in (state.positions.take_hold_ms, state.positions.exit_hold_ms):
        for lot_id in holds:
            holds[lot_id] -= back_ms
    for sale in state.positions.slicing.values():
        sale.since_ms -= back_ms
        sale.asked_ms -= back_ms
    for job in state.positions.makers.values():
        job.deadline_ms -= back_ms
        job.next_price_ms -= back_ms
    for rebalance in state.positions.rebalances.values():
        rebalance.since_ms -= back_ms
        rebalance.deadline_ms -= back_ms
        rebalance.next_price_ms -= back_ms
    for side in state.positions.rebalance_hold_ms:
        state.positions.rebalance_hold_ms[side] -= back_ms
    for flatten in state.control.flattens.values():
        flatten.started_ms -= back_ms
    for part in state.control.part_sales.values():
        part.started_ms -= back_ms
    for move in state.control.take_moves.values():
        move.started_ms -= back_ms
    for command_id, (coid, since_ms) in state.control.cancels.items():
        state.control.cancels[command_id] = (coid, since_ms - back_ms)


def _portfolio(state: EngineState, back_ms: int) -> None:
    portfolio = state.account.portfolio
    portfolio.asked_ms -= back_ms
    portfolio.moved_ms -= back_ms
    if portfolio.synced_ms is not None:
        portfolio.synced_ms -= back_ms
    if portfolio.gap_ms is not None:
        portfolio.gap_ms -= back_ms
    state.account.curve_saved_ms -= back_ms


def _risk(state: EngineState, back_ms: int) -> None:
    risk = state.risk
    state.risk.order_times_ms = deque(
        (at - back_ms for at in state.risk.order_times_ms), maxlen=state.risk.order_times_ms.maxlen
    )
    risk.entries_sent = deque(
        ((at - back_ms, terms) for at, terms in risk.entries_sent), maxlen=risk.entries_sent.maxlen
    )
    risk.let_pass_ms = deque((at - back_ms for at in risk.let_pass_ms), maxlen=risk.let_pass_ms.maxlen)
    risk.outcomes = deque(((at - back_ms, ok) for at, ok in risk.outcomes), maxlen=risk.outcomes.maxlen)
    risk.api = deque(((at - back_ms, calls, errors) for at, calls, errors in risk.api), maxlen=risk.api.maxlen)
    for pause in risk.pauses.values():
        pause.until_ms -= back_ms
    for trip in risk.tripped.values():
        trip.at_ms -= back_ms
        trip.shut_ms -= back_ms
    risk.over_ms = {name: at - back_ms for name, at in risk.over_ms.items()}
