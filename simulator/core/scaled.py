"""Scaled orders: a ladder of limit orders across a range of prices, placed and watched as one order.

The parent holds no money and stands in no book: its legs do. What it shows is the sum of them, and it ends when the
last of them has ended. The venue's documents name the distributions without their formulas; these are ours.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from simulator.core import amounts
from simulator.core.amounts import MalformedRequest
from simulator.core.execution import finish, needed_hold
from simulator.core.lifecycle import MAX_OPEN_ORDERS, Reject, check_gate, check_price, create, insufficient
from simulator.core.orders import OrderType, SimOrder, SimOrderStatus, TimeInForce
from simulator.core.products import SimProduct
from simulator.core.units import ONE, PPM
from simulator.core.venue import ExchangeState

MIN_LEGS, MAX_LEGS = 2, 50
CUSTOM_PRICE, CUSTOM_SIZE = "CUSTOM_PRICE_DISTRIBUTION", "CUSTOM_SIZE_DISTRIBUTION"
PRICES = ("FLAT", "LINEAR_INCREASING", "LINEAR_DECREASING", CUSTOM_PRICE)
SIZES = ("EVENLY_SPLIT", "INCREASING", "DECREASING", CUSTOM_SIZE)


class Rung(NamedTuple):
    """One leg: its limit in ticks, its size in steps."""

    tick: int
    steps: int
    post_only: bool


def ladder(product: SimProduct, inner: Mapping[str, Any], taker_ppm: int, *, buys: bool) -> list[Rung]:
    """The legs that a `scaled_limit_gtc` asks for, lowest price first. Raises MalformedRequest or Reject."""
    count = _count(inner.get("num_orders"))
    price_kind, size_kind = _choice(inner, "price_distribution", PRICES), _choice(inner, "size_distribution", SIZES)
    own = _own_legs(inner, count) if price_kind == CUSTOM_PRICE or size_kind == CUSTOM_SIZE else []
    if price_kind == CUSTOM_PRICE:
        ticks = [amounts.price(product, leg, "limit_price") for leg in own]
    else:
        ticks = _ticks(product, inner, count, price_kind)
    if size_kind == CUSTOM_SIZE:
        sizes = [_leg_steps(product, amounts.sizes(product, leg, buys=buys), tick, taker_ppm)
                 for leg, tick in zip(own, ticks, strict=True)]  # fmt: skip
    else:
        sizes = _sizes(product, inner, ticks, size_kind, taker_ppm, buys=buys)
    posts = [amounts.flag(leg.get("post_only"), "post_only") for leg in own] or [False] * count
    rungs = [Rung(*row) for row in zip(ticks, sizes, posts, strict=True)]
    for rung in rungs:
        amounts.check_base(product, rung.steps * product.step)
        amounts.check_notional(product, rung.steps * rung.tick * product.unit)
    return sorted(rungs)


def _count(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_LEGS <= value <= MAX_LEGS:
        raise MalformedRequest(f"num_orders is a whole number from {MIN_LEGS} to {MAX_LEGS}")
    return value


def _choice(inner: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = inner.get(name, "")
    if value is None or value == "":
        return known[0]
    if not isinstance(value, str) or value not in known:
        raise MalformedRequest(f"{name} is invalid")
    return value


def _own_legs(inner: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    orders = inner.get("orders")
    if not isinstance(orders, list) or len(orders) != count or not all(isinstance(leg, dict) for leg in orders):
        raise MalformedRequest("orders must list num_orders legs")
    return orders


def _ticks(product: SimProduct, inner: Mapping[str, Any], count: int, kind: str) -> list[int]:
    """Prices from the lowest to the highest: equal gaps, or gaps that grow or shrink evenly."""
    low, high = amounts.price(product, inner, "min_price"), amounts.price(product, inner, "max_price")
    if low >= high:
        raise Reject("INVALID_LIMIT_PRICE", "min_price must be below max_price", "PREVIEW_INVALID_LIMIT_PRICE")
    last = count - 1
    if kind == "LINEAR_INCREASING":
        places = [i * (i + 1) for i in range(count)]
    elif kind == "LINEAR_DECREASING":
        places = [last * (last + 1) - (last - i) * (last - i + 1) for i in range(count)]
    else:
        places = list(range(count))
    return [low + (high - low) * place // places[-1] for place in places]


def _weights(inner: Mapping[str, Any], total: int, count: int, kind: str, unit: int) -> list[Fraction]:
    """Each leg's share of `total`, in the currency's atoms; `unit` scales `size_diff`."""
    if kind == "EVENLY_SPLIT":
        return [Fraction(1)] * count
    ratio, diff = amounts.number(inner, "size_ratio"), amounts.number(inner, "size_diff")
    if ratio is not None:
        if not PPM < ratio * PPM // ONE <= 100 * PPM:
            raise MalformedRequest("size_ratio is a number above 1, at most 100")
        step = Fraction(ratio, ONE)
        shares = [step**i for i in range(count)]
    elif diff is not None:
        first = Fraction(total - diff * count * (count - 1) // 2, count)
        if diff < 0 or first <= 0 or diff % unit:
            raise MalformedRequest("size_diff does not fit the total size")
        shares = [first + diff * i for i in range(count)]
    else:
        shares = [Fraction(i + 1) for i in range(count)]
    return shares if kind == "INCREASING" else shares[::-1]


def _sizes(
    product: SimProduct, inner: Mapping[str, Any], ticks: list[int], kind: str, taker_ppm: int, *, buys: bool
) -> list[int]:
    """The total in whole steps by weight; nothing is lost by rounding but what is finer than a step of quote money."""
    steps, quote = amounts.sizes(product, inner, buys=buys)
    if steps is not None:
        weights = _weights(inner, steps * product.step, len(ticks), kind, product.step)
        return _shares(steps, weights)
    assert quote is not None
    weights = _weights(inner, quote, len(ticks), kind, 1)
    parts = zip(_shares(quote, weights), ticks, strict=True)
    return [_leg_steps(product, (None, part), tick, taker_ppm) for part, tick in parts]


def _shares(total: int, weights: list[Fraction]) -> list[int]:
    whole, run, given, parts = sum(weights), Fraction(0), 0, []
    for weight in weights:
        run += weight
        upto = int(total * run / whole)
        parts.append(upto - given)
        given = upto
    return parts


def _leg_steps(product: SimProduct, size: tuple[int | None, int | None], tick: int, taker_ppm: int) -> int:
    """Steps of a leg by base size, or what its quote money buys at its limit with the fee."""
    steps, quote = size
    if steps is not None:
        return steps
    assert quote is not None
    return quote * PPM // (PPM + taker_ppm) // (tick * product.unit)


def rungs_of(order: SimOrder) -> list[Rung]:
    """The ladder of a parsed scaled order."""
    return ladder(order.product, order.config[order.config_key], order.taker_ppm, buys=order.buys)


def _leg(parent: SimOrder, rung: Rung, order_id: str) -> SimOrder:
    product = parent.product
    inner = {
        "base_size": product.size_text(rung.steps), "limit_price": product.price_text(rung.tick),
        "post_only": rung.post_only,
    }  # fmt: skip
    return SimOrder(
        order_id=order_id, client_order_id=order_id, portfolio=parent.portfolio, product=product, buys=parent.buys,
        kind=OrderType.LIMIT, tif=TimeInForce.GTC, config_key="limit_limit_gtc", config={"limit_limit_gtc": inner},
        created_us=parent.created_us, maker_ppm=parent.maker_ppm, taker_ppm=parent.taker_ppm, steps=rung.steps,
        leaves=rung.steps, limit=rung.tick, post_only=rung.post_only, parent=parent.order_id,
    )  # fmt: skip


def check_ladder(venue: ExchangeState, order: SimOrder) -> list[SimOrder]:
    """The legs, as drafts, all of which can be placed. Raises the Reject that creating them would raise."""
    market = venue.market(order.product.product_id)
    assert market is not None
    legs = [_leg(order, rung, "") for rung in rungs_of(order)]
    for leg in legs:
        check_gate(market, leg)
        check_price(venue, market, leg)
    if market.open_orders + len(legs) + 1 > MAX_OPEN_ORDERS:
        raise Reject("INVALID_REQUEST", "Too many open orders for this product")
    currency = order.product.quote if order.buys else order.product.base
    if sum(map(needed_hold, legs)) > venue.accounts.available(order.portfolio, currency):
        raise insufficient()
    return legs


def create_scaled(venue: ExchangeState, order: SimOrder, now_us: int) -> None:
    """Accept a scaled order and place its ladder. Raises Reject and changes nothing."""
    legs = check_ladder(venue, order)
    market = venue.market(order.product.product_id)
    assert market is not None
    for leg in legs:
        leg.order_id = leg.client_order_id = venue.ids.uuid("order")
    order.held = order.product.quote if order.buys else order.product.base
    order.legs = [leg.order_id for leg in legs]
    order.leaves = order.steps = sum(leg.steps or 0 for leg in legs)
    venue.open[order.order_id] = order
    market.open_orders += 1
    order.move(SimOrderStatus.OPEN)
    venue.changed(order)
    for leg in legs:
        create(venue, leg, now_us)


def gather(venue: ExchangeState, now_us: int) -> None:
    """Bring every scaled order up to date of which a leg has changed."""
    changed = {order.parent for order in venue.dirty.values() if order.parent in venue.open}
    for order_id in sorted(changed):
        parent = venue.open[order_id]
        if parent.kind is OrderType.SCALED:
            _sum_up(venue, parent, now_us)


def _sum_up(venue: ExchangeState, parent: SimOrder, now_us: int) -> None:
    legs = [leg for leg in (_find(venue, order_id) for order_id in parent.legs) if leg is not None]
    before = (parent.filled, parent.filled_value, parent.fees, parent.fills, parent.leaves)
    parent.filled = sum(leg.filled for leg in legs)
    parent.filled_value = sum(leg.filled_value for leg in legs)
    parent.fees = sum(leg.fees for leg in legs)
    parent.fills = sum(leg.fills for leg in legs)
    parent.leaves = sum(leg.leaves for leg in legs if leg.open)
    parent.last_fill_us = max((leg.last_fill_us for leg in legs if leg.last_fill_us is not None), default=None)
    if not any(leg.open for leg in legs):
        market = venue.market(parent.product.product_id)
        assert market is not None
        filled = all(leg.status is SimOrderStatus.FILLED for leg in legs)
        finish(venue, market, parent, SimOrderStatus.FILLED if filled else SimOrderStatus.CANCELLED, now_us,
               "" if filled else parent.cancel_message or "All legs have ended")  # fmt: skip
    elif before != (parent.filled, parent.filled_value, parent.fees, parent.fills, parent.leaves):
        venue.changed(parent)


def _find(venue: ExchangeState, order_id: str) -> SimOrder | None:
    return venue.open.get(order_id) or venue.dirty.get(order_id) or venue.archive.order(order_id)
