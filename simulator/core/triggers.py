"""What happens by itself: stops and brackets on a trade's price, dated orders and TWAP slices on time."""

import heapq

from simulator.core.book import Demand
from simulator.core.changes import carry_out
from simulator.core.execution import apply_matches, bracket_exit, finish, needed_hold, set_hold
from simulator.core.lifecycle import expire, work
from simulator.core.orders import OrderType, SimOrder, SimOrderStatus, Trigger
from simulator.core.units import PPM, parse
from simulator.core.venue import ExchangeState, MarketState


def on_trade_price(venue: ExchangeState, market: MarketState, now_us: int) -> None:
    """Fire every stop that the last trade's price reached. A fired stop may trade and fire others."""
    while market.stops and market.last is not None:
        due = next((order for order in market.stops if _reached(order, market.last)), None)
        if due is None:
            return
        market.stops = [other for other in market.stops if other is not due]
        due.trigger = Trigger.TRIGGERED
        if due.kind is OrderType.BRACKET:
            market.book.side(due.buys).leave(due)
            due.limit = bracket_exit(due)
        set_hold(venue, due, min(due.hold, needed_hold(due)), now_us)
        venue.changed(due)
        work(venue, market, due, now_us)


def _reached(order: SimOrder, last: int) -> bool:
    assert order.stop is not None
    up = order.stop_up if order.kind is OrderType.STOP_LIMIT else order.buys
    return last >= order.stop if up else last <= order.stop


def next_due_us(venue: ExchangeState) -> int | None:
    """When the next timer is due."""
    return venue.timers[0][0] if venue.timers else None


def run_timers(venue: ExchangeState, now_us: int) -> None:
    """Expire dated orders, carry out cancels and edits that waited, send the TWAP slices that are due."""
    while venue.timers and venue.timers[0][0] <= now_us:
        due_us, order_id = heapq.heappop(venue.timers)
        order = venue.open.get(order_id)
        if order is None:
            continue
        if order.end_us is not None and order.end_us <= due_us:
            if order.kind is OrderType.TWAP and order.filled:
                _end_twap(venue, order, due_us)
            else:
                expire(venue, order, due_us)
        elif order.queued_us is not None and order.queued_us <= due_us:
            carry_out(venue, order, due_us)
        elif order.kind is OrderType.TWAP:
            _slice(venue, order, due_us)


def bucket_us(order: SimOrder) -> int:
    """Length of a TWAP's bucket: as given, or its whole time in `number_buckets` parts. Raises ValueError."""
    inner = order.config[order.config_key]
    count = inner.get("number_buckets")
    if not inner.get("bucket_duration") and count:
        assert order.start_us is not None and order.end_us is not None
        return (order.end_us - order.start_us) // int(str(count))
    return int(float(str(inner.get("bucket_duration") or "300s").rstrip("s")) * 1_000_000)


def _slice(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """One bucket: `bucket_size`, or what is due by time, taken at the limit or better; the rest is left for later."""
    market = venue.market(order.product.product_id)
    assert market is not None and order.end_us is not None
    length = bucket_us(order)
    left = max(1, -(-(order.end_us - now_us) // length))
    bucket = parse(order.config[order.config_key].get("bucket_size") or "")
    if order.steps is not None:
        part = -(-order.leaves // left) if bucket is None else min(order.leaves, bucket // order.product.step)
        demand = Demand(part, None, order.product.unit)
    else:
        assert order.quote is not None
        budget = order.quote * PPM // (PPM + order.taker_ppm) - order.filled_value
        part = budget // left if bucket is None else min(budget, bucket * PPM // (PPM + order.taker_ppm))
        demand = Demand(None, part, order.product.unit)
    matches = market.book.take(order.buys, order.limit, demand, order.portfolio)
    apply_matches(venue, market, order, order.buys, matches, now_us)
    if order.steps is not None and not order.leaves:
        finish(venue, market, order, SimOrderStatus.FILLED, now_us)
        return
    if matches:
        venue.changed(order)
    heapq.heappush(venue.timers, (min(now_us + length, order.end_us), order.order_id))


def _end_twap(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """A TWAP by quote money is filled when less than a step is left to spend; else it expired with fills."""
    market = venue.market(order.product.product_id)
    assert market is not None
    spent = order.quote is not None and order.hold < order.filled_value // 1000
    if spent:
        finish(venue, market, order, SimOrderStatus.FILLED, now_us)
    else:
        expire(venue, order, now_us)
