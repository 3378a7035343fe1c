"""What a match does to orders, wallets and the tape."""

from simulator.core.book import Match
from simulator.core.orders import OrderType, SimFill, SimOrder, SimOrderStatus, Trigger
from simulator.core.units import PPM
from simulator.core.venue import ExchangeState, MarketState


def needed_hold(order: SimOrder) -> int:
    """Atoms that the unfilled rest of a resting order must hold: price, size and taker fee for a buy."""
    product = order.product
    if not order.buys:
        return order.leaves * product.step
    worst = order.limit_price
    if order.kind is OrderType.BRACKET and order.stop is not None and order.trigger is not Trigger.TRIGGERED:
        worst = max(worst, bracket_exit(order))
    value = order.leaves * worst * product.unit
    return value + value * order.taker_ppm // PPM


def bracket_exit(order: SimOrder) -> int:
    """The limit, in ticks, that a bracket's stop leg sends: five percent beyond its trigger."""
    assert order.stop is not None
    return order.stop * 105 // 100 if order.buys else max(1, order.stop * 95 // 100)


def set_hold(venue: ExchangeState, order: SimOrder, after: int, now_us: int) -> None:
    """Replace the order's hold. Raises Insufficient and changes nothing."""
    venue.accounts.set_hold(order.portfolio, order.held, order.hold, after, now_us)
    order.hold = after


def fill(
    venue: ExchangeState, order: SimOrder, match: Match, taker: bool, counterparty: str | None, now_us: int
) -> None:
    """Book one execution of `order`; its `leaves` were lowered by the caller or the book."""
    product = order.product
    value = match.tick * match.steps * product.unit
    fee = value * (order.taker_ppm if taker else order.maker_ppm) // PPM
    order.filled += match.steps
    order.filled_value += value
    order.fees += fee
    order.fills += 1
    order.last_fill_us = now_us
    spent = value + fee if order.buys else match.steps * product.step
    after = (
        max(0, order.hold - spent) if order.kind is OrderType.MARKET or order.quote is not None else needed_hold(order)
    )
    set_hold(venue, order, min(after, order.hold), now_us)
    venue.accounts.settle(
        order.portfolio, product.base, product.quote, order.buys, match.steps * product.step, value, fee, now_us,
        counterparty,
    )  # fmt: skip
    venue.fresh_fills.append(
        SimFill(venue.ids.uuid("fill"), venue.ids.hex64("entry"), order.order_id, order.portfolio, product.product_id,
             order.buys, match.tick, match.steps, value, fee, taker, now_us)
    )  # fmt: skip


def apply_matches(
    venue: ExchangeState, market: MarketState, taker: SimOrder | None, buys: bool, matches: list[Match], now_us: int
) -> None:
    """Book what `Book.take` matched; `taker` None is the crowd. Adjacent crowd prints of a price are one trade."""
    for match in matches:
        maker = match.maker
        if taker is not None and taker.steps is not None:
            taker.leaves -= match.steps
        if match.own:
            if maker is not None:
                _decrement(venue, market, maker, now_us)
            continue
        if taker is not None:
            fill(venue, taker, match, True, maker.portfolio if maker else None, now_us)
        if maker is not None:
            fill(venue, maker, match, False, taker.portfolio if taker else None, now_us)
            if not maker.leaves:
                finish(venue, market, maker, SimOrderStatus.FILLED, now_us)
            else:
                venue.changed(maker)
        venue.trade(market, match.tick, match.steps, not buys, now_us)


def _decrement(venue: ExchangeState, market: MarketState, maker: SimOrder, now_us: int) -> None:
    """Self-trade prevention, decrement and cancel: both orders lose the steps, none of them traded."""
    if maker.leaves:
        set_hold(venue, maker, needed_hold(maker), now_us)
        venue.changed(maker)
    else:
        finish(venue, market, maker, SimOrderStatus.CANCELLED, now_us, "Self trade prevention")


def finish(
    venue: ExchangeState, market: MarketState, order: SimOrder, status: SimOrderStatus, now_us: int, message: str = ""
) -> None:
    """End an order that is no longer in the book: hold released, status final."""
    order.leaves = 0
    if order.trigger is not Trigger.NONE and order in market.stops:
        market.stops = [other for other in market.stops if other is not order]
    if order.hold:
        set_hold(venue, order, 0, now_us)
    order.move(status)
    order.cancel_message = message
    order.done_us = now_us
    if order.order_id in venue.open:
        del venue.open[order.order_id]
        market.open_orders -= 1
    venue.changed(order)


def hit_at_limit(venue: ExchangeState, market: MarketState, order: SimOrder, now_us: int) -> None:
    """Fill the rest of a resting order at its own price, as its maker."""
    match = Match(order.limit_price, order.leaves, None)
    order.leaves = 0
    fill(venue, order, match, False, None, now_us)
    finish(venue, market, order, SimOrderStatus.FILLED, now_us)


def hit_if_crossed(venue: ExchangeState, market: MarketState, buys: bool, tick: int, now_us: int) -> None:
    """Fill the orders of a level that the other side's crowd has gone through."""
    side, other = market.book.side(buys), market.book.side(not buys)
    best = next((key * other.sign for key in reversed(other.keys) if key * other.sign in other.crowd), None)
    if best is None or (best > tick if buys else best < tick):
        return
    for place in list(side.orders.get(tick, ())):
        side.leave(place.order)
        hit_at_limit(venue, market, place.order, now_us)


def leave_book(market: MarketState, order: SimOrder) -> None:
    """Take a resting order out of the book or out of the waiting stops, wherever it is."""
    if order in market.stops:
        market.stops = [other for other in market.stops if other is not order]
    side = market.book.side(order.buys)
    if order.limit is not None and any(p.order is order for p in side.orders.get(order.limit, ())):
        side.leave(order)
