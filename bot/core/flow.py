"""News of own orders: answers, looks and lists move them through their life; foreign ones are listed, never touched."""

from dataclasses import replace

from bot.core import entries, exits, fence, fills, maker, vanished
from bot.core.events import Accepted, Denied, FillsSeen, LookedUp, NoAnswer, OrdersSeen, Refused
from bot.core.ids import is_ours
from bot.core.intents import CancelOrder, FetchFills, LookUpOrder
from bot.core.model import VENUE_DONE, Kind, Purpose, VenueOrder
from bot.core.orders import SEEN_INPUT, Order, OrderInput, OrderState
from bot.core.risk import errors
from bot.core.world import World

ABSENCES_NEEDED = 3
ABSENCE_SPAN_MS = 60_000
LOOK_BACK_MS = 600_000
FILLS_LOOK_MS = 1_000
PURSUE_CANCEL_MS = 10_000
CURSOR_SAVE_MS = 600_000
LOOK_BACKOFF_MS = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000)


def accepted(world: World, event: Accepted) -> None:
    order = world.orders.get(event.client_order_id)
    if order is None:
        return
    order = replace(order, order_id=event.order_id)
    errors.entry_accepted(world, order.spec.product_id)
    world.risk.outcome(True, world.now_ms)
    if order.spec.purpose is not Purpose.TAKE:
        world.exits_refused.pop(order.spec.lot_id or "", None)
    # A market order is over at once: ask soon, in case the stream does not tell.
    wait_ms = 700 if order.spec.kind is Kind.MARKET else 5_000
    world.orders[event.client_order_id] = replace(order, next_look_ms=world.now_ms + wait_ms)
    world.step_order(world.orders[event.client_order_id], OrderInput.ACCEPTED)


def refused(world: World, event: Refused) -> None:
    order = world.orders.get(event.client_order_id)
    if order is None or order.done:
        return
    if order.state in (OrderState.OPEN, OrderState.CANCELLING):
        # The stream showed it alive before this answer came: what was seen outweighs what was said.
        text = f"{order.spec.product_id}: refused ({event.reason}), yet it is open; it is looked up"
        world.note("order", text, "bad", order.spec.product_id, event.client_order_id)
        world.orders[event.client_order_id] = replace(order, next_look_ms=world.now_ms, looks=0)
        return
    order = world.step_order(order, OrderInput.REFUSED, event.reason)
    world.count("orders_refused")
    world.risk.outcome(False, world.now_ms)
    if order.spec.purpose is Purpose.ENTRY:
        errors.entry_refused(world, order.spec.product_id)
        entries.refused(world, order, event.reason, event.insufficient)
    else:
        lot = order.spec.lot_id
        text = f"{order.spec.product_id} {order.spec.purpose.value} refused: {event.reason}"
        world.note("order", text, "warn", order.spec.product_id, lot)
        _hold(world, order, _refused_again(world, order))
        exits.order_over(world, order)


def _refused_again(world: World, order: Order) -> int:
    """How often the exchange refused the lot's sale before, in a row."""
    lot_id = order.spec.lot_id or ""
    before = world.exits_refused.get(lot_id, 0)
    if order.spec.purpose is not Purpose.TAKE:
        world.exits_refused[lot_id] = before + 1
    return before


def _hold(world: World, order: Order, refused: int = 0) -> None:
    """After a sale that was not taken, wait: longer and longer where the exchange refuses it again and again.

    A take has a pause of its own, for which no stop must wait.
    """
    if order.spec.purpose is not Purpose.TAKE:
        doublings = min(max(refused - exits.REFUSED_SOON + 1, 0), 8)
        wait_ms = min(exits.REFUSED_RETRY_MS << doublings, exits.REFUSED_RETRY_MOST_MS)
        world.exit_hold_ms[order.spec.lot_id or ""] = world.now_ms + wait_ms


def denied(world: World, event: Denied) -> None:
    order = world.orders.get(event.client_order_id)
    if order is None or order.done:
        return
    order = world.step_order(order, OrderInput.DENY, event.reason)
    text = f"{order.spec.product_id} {order.spec.purpose.value} not sent: {event.reason}"
    world.note("order", text, "warn", order.spec.product_id, event.client_order_id)
    if order.spec.purpose is not Purpose.ENTRY:
        _hold(world, order)
        exits.order_over(world, order)
    elif order.spec.kind is Kind.LIMIT:
        maker.order_over(world, order)


def no_answer(world: World, event: NoAnswer) -> None:
    order = world.orders.get(event.client_order_id)
    if order is None:
        return
    was = order.state
    order = world.step_order(order, OrderInput.NO_ANSWER, event.reason)
    if order.state is OrderState.UNKNOWN and was is not OrderState.UNKNOWN:
        world.risk.outcome(False, world.now_ms)
        what = f"{order.spec.product_id} {order.spec.purpose.value}"
        text = f"{what}: no answer ({event.reason}); it is looked up, never sent again"
        world.note("order", text, "warn", order.spec.product_id, event.client_order_id)
        world.orders[event.client_order_id] = replace(order, next_look_ms=world.now_ms + 500, looks=0)


def seen(world: World, shown: VenueOrder) -> None:
    """One order as the exchange shows it."""
    order = world.orders.get(shown.client_order_id)
    if order is None:
        _not_in_memory(world, shown)
        return
    event = SEEN_INPUT[shown.status]
    if (order.state, event) in ((OrderState.ABSENT, OrderInput.SEEN_WORKING), (OrderState.DENIED, event)):
        world.note("order", f"{order.spec.product_id}: order {order.state} shows up as {shown.status}", "bad")
    if order.state in (OrderState.DENIED, OrderState.REFUSED) and shown.status not in VENUE_DONE:
        _open_after_all(world, shown)
        return
    if order.state is OrderState.DENIED:
        if shown.filled_size > order.counted_size:
            world.latch_entries(f"{order.spec.product_id}: an order that was not sent is filled at the exchange")
            world.emit(FetchFills(shown.order_id))
        return
    filled = order.told(shown.filled_size)
    news = replace(
        order, order_id=order.order_id or shown.order_id, filled_size=filled, absences=0, first_absence_ms=None
    )
    after = news.after(event, world.now_ms, reason=shown.reason)
    changed = (after.state, after.order_id, after.filled_size) != (order.state, order.order_id, order.filled_size)
    owed = after.counted_size < after.filled_size or (after.done and not after.settled)
    if changed and owed:
        # Its fills are asked for below; where that answer is not whole yet, it is looked after every second again.
        after = replace(after, next_look_ms=min(after.next_look_ms, world.now_ms + FILLS_LOOK_MS), looks=0)
    if changed:
        world.save_order(after)
    else:
        world.orders[shown.client_order_id] = replace(order, absences=0, first_absence_ms=None)
        after = world.orders[shown.client_order_id]
    if after.order_id and owed:
        world.emit(FetchFills(after.order_id))
    if after.settled and not order.settled:
        over(world, after)
    elif order.done and not after.done:
        exits.revived(world, after)


def _not_in_memory(world: World, shown: VenueOrder) -> None:
    ours = is_ours(shown.client_order_id, world.settings.bot_name)
    if shown.client_order_id in world.own_ids:
        if shown.status not in VENUE_DONE:
            _open_after_all(world, shown)
        return  # settled long ago
    second = ours and fence.is_foreign(world, shown)
    if ours:
        world.own_ids.shown(shown.client_order_id)
    if shown.status in VENUE_DONE:
        world.foreign.pop(shown.order_id, None)
        if ours and not second:
            # Made with a ledger that is gone. Its id is used up, and what it bought or sold nobody here knows.
            world.own_ids.add(shown.client_order_id)
            world.own_ids.unrecorded.add(shown.client_order_id)
            if shown.filled_size:
                world.latch_entries("the exchange knows fills of ours that the ledger does not: was it lost?")
        return
    if shown.order_id not in world.foreign:
        word = "carries our mark but is not in the ledger" if ours else "is not ours"
        word = "is a second writer's" if second else word
        text = f"{shown.product_id}: an open order {word}; it is listed and not touched"
        world.note("order", text, "bad" if ours and not second else "warn", shown.product_id, shown.order_id)
        if ours and not second:
            world.latch_entries(text)
    world.foreign[shown.order_id] = shown


def _open_after_all(world: World, shown: VenueOrder) -> None:
    """Over for us, open for the exchange: it may still trade, so it is cancelled, and a person must look."""
    if shown.order_id in world.foreign:
        return
    text = f"{shown.product_id}: an own order that was over is open at the exchange; it is cancelled"
    world.note("order", text, "bad", shown.product_id, shown.client_order_id)
    world.latch_entries(text)
    world.foreign[shown.order_id] = shown
    world.emit(CancelOrder(shown.client_order_id, shown.order_id))


def list_seen(world: World, event: OrdersSeen) -> None:
    """A list answer. With `complete`, own orders that are open here and not in it are looked up one by one."""
    for shown in event.orders:
        seen(world, shown)
    if not event.complete:
        return
    listed = {shown.client_order_id for shown in event.orders}
    listed_ids = {shown.order_id for shown in event.orders}
    for order_id in list(world.foreign):
        if order_id not in listed_ids:
            del world.foreign[order_id]
    for coid, order in list(world.orders.items()):
        if not order.done and order.order_id and coid not in listed and order.created_ms < event.asked_ms - 2000:
            _look(world, order)


def fills_seen(world: World, event: FillsSeen) -> None:
    for fill in sorted(event.fills, key=lambda item: item.exchange_ms):
        before = world.orders.get(fill.client_order_id)
        order = fills.count(world, fill)
        if order is None:
            continue
        order = world.orders.get(order.spec.client_order_id, order)
        if order.settled and not (before is not None and before.settled):
            over(world, order)
    _move_cursor(world, event.through_ms)


def _move_cursor(world: World, through_ms: int | None) -> None:
    """Every fill up to there is known. Kept now and then: what is read twice is counted once."""
    if through_ms is None:
        return
    kept = world.facts.get("fills_through_ms")
    if kept is None or through_ms - int(kept) >= CURSOR_SAVE_MS:
        world.save_fact("fills_through_ms", str(through_ms))


def over(world: World, order: Order) -> None:
    """An order is over and every fill of it is counted."""
    spec = order.spec
    if spec.purpose is Purpose.ENTRY and spec.kind is Kind.LIMIT:
        maker.order_over(world, order)
        return
    if spec.purpose is Purpose.ENTRY:
        if world.book.get(spec.client_order_id) is not None:
            maker.lot_is_whole(world, spec.client_order_id)
        elif order.state is not OrderState.REFUSED:
            text = f"{spec.product_id} buy ended without a fill ({order.state.value})"
            world.note("order", text, "warn", spec.product_id, spec.client_order_id)
        return
    exits.order_over(world, order)


def looked_up(world: World, event: LookedUp) -> None:
    """A search for one order ended. Absent = not in three complete searches over at least a minute."""
    order = world.orders.get(event.client_order_id)
    if order is None:
        return
    if event.found is not None:
        seen(world, event.found)
        return
    if event.complete and order.state in (OrderState.OPEN, OrderState.CANCELLING, OrderState.LOST):
        vanished.not_found(world, order)
    if not event.complete or order.state is not OrderState.UNKNOWN:
        return
    first = order.first_absence_ms if order.first_absence_ms is not None else world.now_ms
    order = replace(order, absences=order.absences + 1, first_absence_ms=first)
    world.orders[event.client_order_id] = order
    if order.absences >= ABSENCES_NEEDED and world.now_ms - first >= ABSENCE_SPAN_MS:
        order = world.step_order(order, OrderInput.ABSENT, "not found in complete searches")
        text = f"{order.spec.product_id} {order.spec.purpose.value}: the exchange never had it"
        world.note("order", text, "warn", order.spec.product_id, event.client_order_id)
        over(world, order)


def chase(world: World) -> None:
    """Once a second: look after every order whose end is not known yet, less and less often."""
    for order in list(world.orders.values()):
        if order.state is OrderState.CANCELLING and world.now_ms - order.updated_ms >= PURSUE_CANCEL_MS:
            # Whoever asked for it may be gone with an earlier run; a cancel that was asked for is carried through.
            exits.cancel(world, order)
        if order.settled or order.state is OrderState.NEW or order.next_look_ms > world.now_ms:
            continue
        if order.done and order.order_id:
            world.emit(FetchFills(order.order_id))
            _postpone(world, order)
        elif order.state is OrderState.UNKNOWN or order.order_id:
            _look(world, order)


def _look(world: World, order: Order) -> None:
    # The search begins well before the order's birth: our clock may be ahead of the exchange's.
    since_ms = order.created_ms + min(world.clock_offset_ms or 0, 0) - LOOK_BACK_MS
    world.emit(LookUpOrder(order.spec.client_order_id, order.order_id, order.spec.product_id, since_ms))
    _postpone(world, order)


def _postpone(world: World, order: Order) -> None:
    # A resting take may rest for days; the list every half minute sees to it.
    at_rest = order.state is OrderState.OPEN and order.spec.kind is Kind.LIMIT
    quiet = at_rest and order.counted_size >= order.filled_size
    wait_ms = LOOK_BACKOFF_MS[min(order.looks, len(LOOK_BACKOFF_MS) - 1)] if not quiet else 600_000
    coid = order.spec.client_order_id
    world.orders[coid] = replace(order, looks=order.looks + 1, next_look_ms=world.now_ms + wait_ms)
