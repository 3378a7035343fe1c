"""News of own orders: answers, looks and lists move them through their life; foreign ones are listed, never touched."""

from dataclasses import replace

from bot.domain.events import (
    FillReports,
    LookupResult,
    OrderAccepted,
    OrderReports,
    OutcomeUnknown,
    RiskRejected,
    VenueRejected,
)
from bot.domain.intents import CancelOrder, FetchFills, LookUpOrder
from bot.domain.kinds import OrderKind, Purpose
from bot.domain.order_life import SEEN_INPUT, Order, OrderInput, OrderState
from bot.domain.orders import FINAL_STATUSES, OrderReport
from bot.engine.execution import entries, exits, maker
from bot.engine.orders import fills, missing_orders, second_writer
from bot.engine.risk import errors
from bot.engine.state.engine_state import EngineState

ABSENCES_NEEDED = 3
ABSENCE_SPAN_MS = 60_000
LOOK_BACK_MS = 600_000
FILLS_LOOK_MS = 1_000
PURSUE_CANCEL_MS = 10_000
CURSOR_SAVE_MS = 600_000
LOOK_BACKOFF_MS = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000)


def accepted(state: EngineState, event: OrderAccepted) -> None:
    order = state.orders.by_id.get(event.client_order_id)
    if order is None:
        return
    order = replace(order, order_id=event.order_id)
    errors.entry_accepted(state, order.spec.product_id)
    state.risk.outcome(True, state.clock.now_ms)
    if order.spec.purpose is not Purpose.TAKE_PROFIT:
        state.positions.exits_refused.pop(order.spec.lot_id or "", None)
    # A market order is over at once: ask soon, in case the stream does not tell.
    wait_ms = 700 if order.spec.kind is OrderKind.MARKET else 5_000
    state.orders.by_id[event.client_order_id] = replace(order, next_look_ms=state.clock.now_ms + wait_ms)
    state.step_order(state.orders.by_id[event.client_order_id], OrderInput.ACCEPTED)


def refused(state: EngineState, event: VenueRejected) -> None:
    order = state.orders.by_id.get(event.client_order_id)
    if order is None or order.done:
        return
    if order.state in (OrderState.OPEN, OrderState.CANCELLING):
        # The stream showed it alive before this answer came: what was seen outweighs what was said.
        text = f"{order.spec.product_id}: refused ({event.reason}), yet it is open; it is looked up"
        state.note("order", text, "bad", order.spec.product_id, event.client_order_id)
        state.orders.by_id[event.client_order_id] = replace(order, next_look_ms=state.clock.now_ms, looks=0)
        return
    order = state.step_order(order, OrderInput.REFUSED, event.reason)
    state.count("orders_refused")
    state.risk.outcome(False, state.clock.now_ms)
    if order.spec.purpose is Purpose.ENTRY:
        errors.entry_refused(state, order.spec.product_id)
        entries.refused(state, order, event.reason, event.insufficient)
    else:
        lot = order.spec.lot_id
        text = f"{order.spec.product_id} {order.spec.purpose.value} refused: {event.reason}"
        state.note("order", text, "warn", order.spec.product_id, lot)
        _hold(state, order, _refused_again(state, order))
        exits.order_over(state, order)


def _refused_again(state: EngineState, order: Order) -> int:
    """How often the exchange refused the lot's sale before, in a row."""
    lot_id = order.spec.lot_id or ""
    before = state.positions.exits_refused.get(lot_id, 0)
    if order.spec.purpose is not Purpose.TAKE_PROFIT:
        state.positions.exits_refused[lot_id] = before + 1
    return before


def _hold(state: EngineState, order: Order, refused: int = 0) -> None:
    """After a sale that was not taken, wait: longer and longer where the exchange refuses it again and again.

    A take has a pause of its own, for which no stop must wait.
    """
    if order.spec.purpose is not Purpose.TAKE_PROFIT:
        doublings = min(max(refused - exits.REFUSED_SOON + 1, 0), 8)
        wait_ms = min(exits.REFUSED_RETRY_MS << doublings, exits.REFUSED_RETRY_MOST_MS)
        state.positions.exit_hold_ms[order.spec.lot_id or ""] = state.clock.now_ms + wait_ms


def denied(state: EngineState, event: RiskRejected) -> None:
    order = state.orders.by_id.get(event.client_order_id)
    if order is None or order.done:
        return
    order = state.step_order(order, OrderInput.DENY, event.reason)
    text = f"{order.spec.product_id} {order.spec.purpose.value} not sent: {event.reason}"
    state.note("order", text, "warn", order.spec.product_id, event.client_order_id)
    if order.spec.purpose is not Purpose.ENTRY:
        _hold(state, order)
        exits.order_over(state, order)
    elif order.spec.kind is OrderKind.LIMIT:
        maker.order_over(state, order)


def no_answer(state: EngineState, event: OutcomeUnknown) -> None:
    order = state.orders.by_id.get(event.client_order_id)
    if order is None:
        return
    was = order.state
    order = state.step_order(order, OrderInput.NO_ANSWER, event.reason)
    if order.state is OrderState.UNKNOWN and was is not OrderState.UNKNOWN:
        state.risk.outcome(False, state.clock.now_ms)
        what = f"{order.spec.product_id} {order.spec.purpose.value}"
        text = f"{what}: no answer ({event.reason}); it is looked up, never sent again"
        state.note("order", text, "warn", order.spec.product_id, event.client_order_id)
        state.orders.by_id[event.client_order_id] = replace(order, next_look_ms=state.clock.now_ms + 500, looks=0)


def seen(state: EngineState, shown: OrderReport) -> None:
    """One order as the exchange shows it."""
    order = state.orders.by_id.get(shown.client_order_id)
    if order is None:
        _not_in_memory(state, shown)
        return
    event = SEEN_INPUT[shown.status]
    if (order.state, event) in ((OrderState.ABSENT, OrderInput.SEEN_WORKING), (OrderState.DENIED, event)):
        state.note("order", f"{order.spec.product_id}: order {order.state} shows up as {shown.status}", "bad")
    if order.state in (OrderState.DENIED, OrderState.REFUSED) and shown.status not in FINAL_STATUSES:
        _open_after_all(state, shown)
        return
    if order.state is OrderState.DENIED:
        if shown.filled_size > order.counted_size:
            state.latch_entries(f"{order.spec.product_id}: an order that was not sent is filled at the exchange")
            state.emit(FetchFills(shown.order_id))
        return
    filled = order.told(shown.filled_size)
    news = replace(
        order, order_id=order.order_id or shown.order_id, filled_size=filled, absences=0, first_absence_ms=None
    )
    after = news.after(event, state.clock.now_ms, reason=shown.reason)
    changed = (after.state, after.order_id, after.filled_size) != (order.state, order.order_id, order.filled_size)
    owed = after.counted_size < after.filled_size or (after.done and not after.settled)
    if changed and owed:
        # Its fills are asked for below; where that answer is not whole yet, it is looked after every second again.
        after = replace(after, next_look_ms=min(after.next_look_ms, state.clock.now_ms + FILLS_LOOK_MS), looks=0)
    if changed:
        state.save_order(after)
    else:
        state.orders.by_id[shown.client_order_id] = replace(order, absences=0, first_absence_ms=None)
        after = state.orders.by_id[shown.client_order_id]
    if after.order_id and owed:
        state.emit(FetchFills(after.order_id))
    if after.settled and not order.settled:
        over(state, after)
    elif order.done and not after.done:
        exits.revived(state, after)


def _not_in_memory(state: EngineState, shown: OrderReport) -> None:
    ours = state.orders.ids.is_ours(shown.client_order_id)
    if shown.client_order_id in state.orders.own_ids:
        if shown.status not in FINAL_STATUSES:
            _open_after_all(state, shown)
        return  # settled long ago
    second = ours and second_writer.is_foreign(state, shown)
    if ours:
        state.orders.own_ids.shown(shown.client_order_id)
    if shown.status in FINAL_STATUSES:
        state.orders.foreign.pop(shown.order_id, None)
        if ours and not second:
            # Made with a ledger that is gone. Its id is used up, and what it bought or sold nobody here knows.
            state.orders.own_ids.add(shown.client_order_id)
            state.orders.own_ids.unrecorded.add(shown.client_order_id)
            if shown.filled_size:
                state.latch_entries("the exchange knows fills of ours that the ledger does not: was it lost?")
        return
    if shown.order_id not in state.orders.foreign:
        word = "has this bot's id prefix but is not in the ledger" if ours else "is not ours"
        word = "is a second writer's" if second else word
        text = f"{shown.product_id}: an open order {word}; it is listed and not touched"
        state.note("order", text, "bad" if ours and not second else "warn", shown.product_id, shown.order_id)
        if ours and not second:
            state.latch_entries(text)
    state.orders.foreign[shown.order_id] = shown


def _open_after_all(state: EngineState, shown: OrderReport) -> None:
    """Over for us, open for the exchange: it may still trade, so it is cancelled, and a person must look."""
    if shown.order_id in state.orders.foreign:
        return
    text = f"{shown.product_id}: an own order that was over is open at the exchange; it is cancelled"
    state.note("order", text, "bad", shown.product_id, shown.client_order_id)
    state.latch_entries(text)
    state.orders.foreign[shown.order_id] = shown
    state.emit(CancelOrder(shown.client_order_id, shown.order_id))


def list_seen(state: EngineState, event: OrderReports) -> None:
    """A list answer. With `complete`, own orders that are open here and not in it are looked up one by one."""
    for shown in event.orders:
        seen(state, shown)
    if not event.complete:
        return
    listed = {shown.client_order_id for shown in event.orders}
    listed_ids = {shown.order_id for shown in event.orders}
    for order_id in list(state.orders.foreign):
        if order_id not in listed_ids:
            del state.orders.foreign[order_id]
    for coid, order in list(state.orders.by_id.items()):
        if not order.done and order.order_id and coid not in listed and order.created_ms < event.asked_ms - 2000:
            _look(state, order)


def fills_seen(state: EngineState, event: FillReports) -> None:
    for fill in sorted(event.fills, key=lambda item: item.exchange_ms):
        before = state.orders.by_id.get(fill.client_order_id)
        order = fills.count(state, fill)
        if order is None:
            continue
        order = state.orders.by_id.get(order.spec.client_order_id, order)
        if order.settled and not (before is not None and before.settled):
            over(state, order)
    _move_cursor(state, event.through_ms)


def _move_cursor(state: EngineState, through_ms: int | None) -> None:
    """Every fill up to there is known. Kept now and then: what is read twice is counted once."""
    if through_ms is None:
        return
    kept = state.records.key_values.get("fills_through_ms")
    if kept is None or through_ms - int(kept) >= CURSOR_SAVE_MS:
        state.save_value("fills_through_ms", str(through_ms))


def over(state: EngineState, order: Order) -> None:
    """An order is over and every fill of it is counted."""
    spec = order.spec
    if spec.purpose is Purpose.ENTRY and spec.kind is OrderKind.LIMIT:
        maker.order_over(state, order)
        return
    if spec.purpose is Purpose.ENTRY:
        lot_id = fills.lot_of(order) or spec.client_order_id
        if state.positions.lots.get(lot_id) is not None:
            maker.lot_is_whole(state, lot_id)
        elif order.state is not OrderState.REFUSED:
            text = f"{spec.product_id} buy ended without a fill ({order.state.value})"
            state.note("order", text, "warn", spec.product_id, spec.client_order_id)
        return
    exits.order_over(state, order)


def looked_up(state: EngineState, event: LookupResult) -> None:
    """A search for one order ended. Absent = not in three complete searches over at least a minute."""
    order = state.orders.by_id.get(event.client_order_id)
    if order is None:
        return
    if event.found is not None:
        seen(state, event.found)
        return
    if event.complete and order.state in (OrderState.OPEN, OrderState.CANCELLING, OrderState.LOST):
        missing_orders.not_found(state, order)
    if not event.complete or order.state is not OrderState.UNKNOWN:
        return
    first = order.first_absence_ms if order.first_absence_ms is not None else state.clock.now_ms
    order = replace(order, absences=order.absences + 1, first_absence_ms=first)
    state.orders.by_id[event.client_order_id] = order
    if order.absences >= ABSENCES_NEEDED and state.clock.now_ms - first >= ABSENCE_SPAN_MS:
        order = state.step_order(order, OrderInput.ABSENT, "not found in complete searches")
        text = f"{order.spec.product_id} {order.spec.purpose.value}: the exchange never received it"
        state.note("order", text, "warn", order.spec.product_id, event.client_order_id)
        over(state, order)


def chase(state: EngineState) -> None:
    """Once a second: look after every order whose end is not known yet, less and less often."""
    for order in list(state.orders.by_id.values()):
        if order.state is OrderState.CANCELLING and state.clock.now_ms - order.updated_ms >= PURSUE_CANCEL_MS:
            # Whoever asked for it may be gone with an earlier run; a cancel that was asked for is carried through.
            exits.cancel(state, order)
        if order.settled or order.state is OrderState.NEW or order.next_look_ms > state.clock.now_ms:
            continue
        if order.done and order.order_id:
            state.emit(FetchFills(order.order_id))
            _postpone(state, order)
        elif order.state is OrderState.UNKNOWN or order.order_id:
            _look(state, order)


def _look(state: EngineState, order: Order) -> None:
    # The search begins well before the order's birth: our clock may be ahead of the exchange's.
    since_ms = order.created_ms + min(state.clock.offset_ms or 0, 0) - LOOK_BACK_MS
    state.emit(LookUpOrder(order.spec.client_order_id, order.order_id, order.spec.product_id, since_ms))
    _postpone(state, order)


def _postpone(state: EngineState, order: Order) -> None:
    # A resting take may rest for days; the list every half minute sees to it.
    at_rest = order.state is OrderState.OPEN and order.spec.kind is OrderKind.LIMIT
    quiet = at_rest and order.counted_size >= order.filled_size
    wait_ms = LOOK_BACKOFF_MS[min(order.looks, len(LOOK_BACKOFF_MS) - 1)] if not quiet else 600_000
    coid = order.spec.client_order_id
    state.orders.by_id[coid] = replace(order, looks=order.looks + 1, next_look_ms=state.clock.now_ms + wait_ms)
