"""Create and expire orders; `changes` cancels and edits them."""

from simulator.core.accounts import Insufficient
from simulator.core.book import Demand
from simulator.core.execution import apply_matches, finish, leave_book, needed_hold, set_hold
from simulator.core.orders import OrderType, SimOrder, SimOrderStatus, TimeInForce, Trigger
from simulator.core.units import PPM
from simulator.core.venue import ExchangeState, MarketState

MAX_OPEN_ORDERS = 500  # of one product


class Reject(Exception):
    """A refused order: the venue's own words, in the fields that clients read."""

    def __init__(self, error: str, message: str = "", preview: str = "", details: str = "") -> None:
        super().__init__(f"{error} {preview} {message}")
        self.error = error
        self.message = message
        self.preview = preview or "UNKNOWN_PREVIEW_FAILURE_REASON"
        self.details = details


def insufficient() -> Reject:
    return Reject("INSUFFICIENT_FUND", "Insufficient balance in source account", "PREVIEW_INSUFFICIENT_FUND")


def check_gate(market: MarketState, order: SimOrder) -> None:
    """Refuse what the product does not let through now."""
    gate = market.gate
    if gate.is_disabled or gate.trading_disabled:
        raise Reject("TRADING_DISABLED", "Trading is disabled for this product")
    if gate.cancel_only:
        raise Reject("PRODUCT_TRADING_HALTED", "Orderbook is in cancel only mode")
    if gate.limit_only and order.kind is OrderType.MARKET:
        raise Reject("ORDER_ENTRY_DISABLED", "Orderbook is in limit only mode")
    if gate.post_only and not order.post_only:
        raise Reject("ORDER_ENTRY_DISABLED", "Orderbook is in post only mode")
    if market.open_orders >= MAX_OPEN_ORDERS:
        raise Reject("INVALID_REQUEST", "Too many open orders for this product")


def protection(venue: ExchangeState, market: MarketState, buys: bool) -> int | None:
    """The furthest tick that a market order may reach; None = the other side is empty."""
    best = market.book.side(not buys).best()
    if best is None:
        return None
    reach = best * venue.rules.protection_ppm // PPM
    return best + reach if buys else max(1, best - reach)


def initial_hold(venue: ExchangeState, market: MarketState, order: SimOrder) -> int:
    """Atoms to hold before the order does anything."""
    if order.buys and order.quote is not None:
        return order.quote
    if order.buys and order.kind is OrderType.MARKET:
        demand = Demand(order.steps, None, order.product.unit)
        reach = market.book.reachable(True, protection(venue, market, True), demand, order.portfolio)
        value = sum(match.tick * match.steps for match in reach) * order.product.unit
        return value + value * order.taker_ppm // PPM
    return needed_hold(order)


def check_price(venue: ExchangeState, market: MarketState, order: SimOrder) -> None:
    """Refuse prices that the book or the last trade contradicts."""
    last = market.last
    if order.limit is not None:
        check_band(venue, market, order.limit)
    if order.post_only and order.limit is not None and market.book.crosses(order.buys, order.limit):
        raise Reject(
            "INVALID_LIMIT_PRICE_POST_ONLY",
            "Post only order would match immediately",
            "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
        )
    if order.kind is OrderType.STOP_LIMIT and order.stop is not None and last is not None:
        if order.stop_up and order.stop <= last:
            raise _stop_reject("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")
        if not order.stop_up and order.stop >= last:
            raise _stop_reject("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
    if order.kind is OrderType.BRACKET and order.stop is not None and last is not None:
        profit, stop = order.limit_price, order.stop
        _check_bracket(order, profit, stop, last)
    if order.kind is OrderType.MARKET and market.book.side(not order.buys).best() is None:
        raise Reject("INVALID_NO_LIQUIDITY", "No liquidity on the other side of the book")


def check_band(venue: ExchangeState, market: MarketState, limit: int) -> None:
    """Refuse a limit price that is out of all proportion to the last trade's."""
    last, band = market.last, venue.rules.band
    if last is not None and band and not last <= limit * band <= last * band * band:
        raise Reject(
            "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
            "Limit price is too far from the market",
            "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET",
        )


def _check_bracket(order: SimOrder, profit: int, stop: int, last: int) -> None:
    """The last price lies between a bracket's take profit and its stop."""
    if order.buys and stop <= last:
        raise _stop_reject("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")
    if not order.buys and stop >= last:
        raise _stop_reject("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
    if (profit >= last) if order.buys else (profit <= last):
        raise Reject("INVALID_LIMIT_PRICE", "Take profit is on the wrong side", "PREVIEW_INVALID_LIMIT_PRICE")


def _stop_reject(preview: str) -> Reject:
    return Reject("UNKNOWN_FAILURE_REASON", "Invalid stop price", preview)


def create(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """Accept `order` and let it do what it does at once. Raises Reject and changes nothing."""
    market = venue.market(order.product.product_id)
    assert market is not None
    check_gate(market, order)
    check_price(venue, market, order)
    order.held = order.product.quote if order.buys else order.product.base
    order.leaves = order.steps or 0
    try:
        set_hold(venue, order, initial_hold(venue, market, order), now_us)
    except Insufficient:
        raise insufficient() from None
    venue.open[order.order_id] = order
    market.open_orders += 1
    if market.gate.auction_mode:
        order.move(SimOrderStatus.QUEUED)
        venue.changed(order)
        return
    activate(venue, market, order, now_us)


def activate(venue: ExchangeState, market: MarketState, order: SimOrder, now_us: int) -> None:
    """From accepted to where it waits, or to its end."""
    order.move(SimOrderStatus.OPEN)
    venue.changed(order)
    if order.end_us is not None:
        venue.add_timer(order.end_us, order.order_id)
    if order.kind is OrderType.STOP_LIMIT:
        order.trigger = Trigger.PENDING
        market.stops.append(order)
    elif order.kind is OrderType.TWAP:
        venue.add_timer(max(order.start_us or now_us, now_us), order.order_id)
    else:
        if order.kind is OrderType.BRACKET:
            order.trigger = Trigger.PENDING
            market.stops.append(order)
        work(venue, market, order, now_us)


def work(venue: ExchangeState, market: MarketState, order: SimOrder, now_us: int) -> None:
    """Match what crosses; rest, fill or cancel what is left."""
    limit = order.limit
    if order.kind is OrderType.MARKET:
        limit = protection(venue, market, order.buys)
    budget = None
    if order.quote is not None and order.steps is None:
        budget = order.quote * PPM // (PPM + order.taker_ppm)
    if order.tif is TimeInForce.FOK and not _whole(market, order, limit, budget):
        finish(venue, market, order, SimOrderStatus.CANCELLED, now_us, "Fill or kill order could not be filled")
        return
    demand = Demand(order.leaves if order.steps is not None else None, budget, order.product.unit)
    matches = market.book.take(order.buys, limit, demand, order.portfolio)
    apply_matches(venue, market, order, order.buys, matches, now_us)
    _after_work(venue, market, order, demand, bool(matches), now_us)


def _after_work(
    venue: ExchangeState, market: MarketState, order: SimOrder, demand: Demand, matched: bool, now_us: int
) -> None:
    best = market.book.side(not order.buys).best()
    done = (
        not order.leaves if order.steps is not None else order.filled > 0 and best is not None and not demand.at(best)
    )
    if done and order.filled:
        leave_book(market, order)
        finish(venue, market, order, SimOrderStatus.FILLED, now_us)
    elif done:
        leave_book(market, order)
        finish(venue, market, order, SimOrderStatus.CANCELLED, now_us, "Self trade prevention")
    elif order.kind is OrderType.MARKET or order.tif in (TimeInForce.IOC, TimeInForce.FOK):
        finish(venue, market, order, SimOrderStatus.CANCELLED, now_us, "Immediate or cancel")
    else:
        market.book.side(order.buys).join(order)
        set_hold(venue, order, min(order.hold, needed_hold(order)), now_us)
        if matched:
            venue.changed(order)


def _whole(market: MarketState, order: SimOrder, limit: int | None, budget: int | None) -> bool:
    demand = Demand(order.leaves if order.steps is not None else None, budget, order.product.unit)
    reach = market.book.reachable(order.buys, limit, demand, order.portfolio)
    if reach and market.book.meets_own(order.buys, reach[-1].tick, order.portfolio):
        return False  # self-trade prevention would take a part of it away
    if order.steps is not None:
        return sum(match.steps for match in reach) == order.leaves
    return bool(reach) and not demand.at(reach[-1].tick)


def expire(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """End a dated order at its time."""
    market = venue.market(order.product.product_id)
    assert market is not None
    leave_book(market, order)
    finish(venue, market, order, SimOrderStatus.EXPIRED, now_us, "Order expired")
