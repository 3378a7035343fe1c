"""Cancels and edits: asked for, queued in the matching engine for a moment, then carried out.

Between the two the order stays where it is and may fill: the status says CANCEL_QUEUED or EDIT_QUEUED, a cancel may
come too late, and an edit may find an order of which more is filled than the wished size leaves.
"""

from typing import NamedTuple

from simulator.core.accounts import Insufficient
from simulator.core.execution import finish, leave_book, needed_hold, set_hold
from simulator.core.lifecycle import Reject, check_band, insufficient, work
from simulator.core.orders import OrderType, SimOrder, SimOrderStatus, TimeInForce, Trigger
from simulator.core.times import rfc3339
from simulator.core.venue import ExchangeState, MarketState

MAX_EDITS = 500  # of one order


class Edit(NamedTuple):
    """A wished change of a resting limit order: price, total size, and a stop price or None to leave it."""

    limit: int
    steps: int
    stop: int | None = None


def ask_cancel(
    venue: ExchangeState, order: SimOrder, now_us: int, wait_us: int, message: str = "User requested cancel"
) -> None:
    """Queue the cancel of an open order; it is carried out `wait_us` later, at once for 0."""
    for leg in open_legs(venue, order):
        if leg.status is not SimOrderStatus.CANCEL_QUEUED:
            ask_cancel(venue, leg, now_us, wait_us, message)
    order.wish = None  # a cancel overtakes an edit that waits
    order.move(SimOrderStatus.CANCEL_QUEUED)
    order.cancel_message = message
    if order.legs:
        venue.changed(order)  # ends with its last leg
    else:
        _queue(venue, order, now_us, wait_us)


def open_legs(venue: ExchangeState, order: SimOrder) -> list[SimOrder]:
    """The orders of a scaled order that are still open."""
    return [leg for leg in map(venue.open.get, order.legs) if leg is not None]


def ask_edit(venue: ExchangeState, order: SimOrder, wish: Edit, now_us: int, wait_us: int) -> None:
    """Queue a wish that `check_edit` let pass. Raises Reject when money or price forbid it now."""
    market = venue.market(order.product.product_id)
    assert market is not None
    _check_affordable(venue, market, order, wish)
    order.wish = list(wish)
    order.move(SimOrderStatus.EDIT_QUEUED)
    _queue(venue, order, now_us, wait_us)


def _queue(venue: ExchangeState, order: SimOrder, now_us: int, wait_us: int) -> None:
    order.queued_us = now_us + wait_us
    venue.changed(order)
    if wait_us > 0:
        venue.add_timer(order.queued_us, order.order_id)
    else:
        carry_out(venue, order, now_us)


def carry_out(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """Do what waited in the engine's queue."""
    market = venue.market(order.product.product_id)
    assert market is not None
    order.queued_us = None
    if order.status is SimOrderStatus.CANCEL_QUEUED:
        leave_book(market, order)
        finish(venue, market, order, SimOrderStatus.CANCELLED, now_us, order.cancel_message)
        return
    wish, order.wish = Edit(*order.wish or (0, 0)), None
    order.move(SimOrderStatus.OPEN)
    try:
        if check_edit(order, wish) is None:  # else a fill came in between
            edit(venue, order, wish, now_us)
            return
    except Reject:
        pass  # the order stays as it was
    venue.changed(order)


def check_edit(order: SimOrder, wish: Edit) -> str | None:
    """The venue's reason to refuse, or None."""
    if order.status is SimOrderStatus.CANCEL_QUEUED:
        return "CANNOT_EDIT_ORDER_PENDING_CANCEL"
    if order.status is SimOrderStatus.EDIT_QUEUED:
        return "ORDER_IS_ALREADY_BEING_REPLACED"
    if order.status is not SimOrderStatus.OPEN:
        return "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    if order.tif is not TimeInForce.GTC or order.kind not in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.BRACKET):
        return "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
    if order.quote is not None:
        return "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED"
    if len(order.edits) >= MAX_EDITS:
        return "EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT"
    if wish.limit <= 0:
        return "INVALID_EDITED_PRICE"
    if wish.steps <= order.filled:
        return "CANNOT_EDIT_TO_BELOW_FILLED_SIZE" if order.filled or not wish.steps else "INVALID_EDITED_SIZE"
    if wish.limit == order.limit and wish.steps == order.steps and wish.stop in (None, order.stop):
        return "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"
    return None


def _check_affordable(venue: ExchangeState, market: MarketState, order: SimOrder, wish: Edit) -> None:
    """Raises the Reject that carrying out the wish at once would raise."""
    if order.post_only and market.book.crosses(order.buys, wish.limit):
        raise Reject("INVALID_LIMIT_PRICE_POST_ONLY", "", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
    check_band(venue, market, wish.limit)
    before = _put(order, wish)
    needed = needed_hold(order)
    order.limit, order.leaves, order.steps, order.stop = before
    if needed - order.hold > venue.accounts.available(order.portfolio, order.held):
        raise insufficient()


def _put(order: SimOrder, wish: Edit) -> tuple[int | None, int, int | None, int | None]:
    """Give the order its wished terms; returns those it had."""
    before = (order.limit, order.leaves, order.steps, order.stop)
    order.limit, order.leaves, order.steps = wish.limit, wish.steps - order.filled, wish.steps
    order.stop = wish.stop if wish.stop is not None else order.stop
    return before


def edit(venue: ExchangeState, order: SimOrder, wish: Edit, now_us: int) -> None:
    """Change price and total size. The place in the queue is kept only when the size alone shrinks.

    Raises Reject when the money does not suffice or a post-only order would cross; then nothing is changed.
    """
    market = venue.market(order.product.product_id)
    assert market is not None and order.steps is not None
    _check_affordable(venue, market, order, wish)
    resting = order.trigger is not Trigger.PENDING or order.kind is OrderType.BRACKET
    stays = resting and wish.limit == order.limit and wish.steps - order.filled <= order.leaves
    if resting and not stays:
        market.book.side(order.buys).leave(order)
    before = _put(order, wish)
    try:
        set_hold(venue, order, needed_hold(order), now_us)
    except Insufficient:
        order.limit, order.leaves, order.steps, order.stop = before
        if resting and not stays:
            market.book.side(order.buys).join(order)
        raise insufficient() from None
    _note_edit(order, wish, now_us)
    if stays:
        market.book.side(order.buys).changed.add(wish.limit)
    elif resting:
        work(venue, market, order, now_us)
    if order.open:
        venue.changed(order)


def _note_edit(order: SimOrder, wish: Edit, now_us: int) -> None:
    """The new terms in the order's configuration, and in its history."""
    price, size = order.product.price_text(wish.limit), order.product.size_text(wish.steps)
    inner = {**order.config[order.config_key], "base_size": size, "limit_price": price}
    if wish.stop is not None:
        name = "stop_trigger_price" if order.kind is OrderType.BRACKET else "stop_price"
        inner[name] = order.product.price_text(wish.stop)
    order.config = {order.config_key: inner}
    order.edits = [*order.edits, {"price": price, "size": size, "replace_accept_timestamp": rfc3339(now_us)}]
