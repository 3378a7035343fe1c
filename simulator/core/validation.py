"""From a client's JSON to an order: every way in which it may be wrong, in the venue's words.

`amounts` reads its numbers; `MalformedRequest` is a request that is none, `lifecycle.Reject` an order that is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from shared.times import epoch_ms, parse_time
from simulator.core import amounts, scaled
from simulator.core.amounts import MalformedRequest
from simulator.core.lifecycle import Reject
from simulator.core.orders import OrderType, SimOrder, TimeInForce
from simulator.core.products import SimProduct
from simulator.core.triggers import bucket_us
from simulator.core.units import PPM
from simulator.core.venue import ExchangeState

MAX_CLIENT_ORDER_ID = 128
MAX_GTD_US = 366 * 86_400 * 1_000_000


class Shape(NamedTuple):
    """What one order configuration is."""

    kind: OrderType
    tif: TimeInForce
    needs: tuple[str, ...] = ()
    stop: str = ""
    quote_size: bool = True


CONFIGURATIONS: dict[str, Shape] = {
    "market_market_ioc": Shape(OrderType.MARKET, TimeInForce.IOC),
    "sor_limit_ioc": Shape(OrderType.LIMIT, TimeInForce.IOC, ("limit_price",)),
    "limit_limit_gtc": Shape(OrderType.LIMIT, TimeInForce.GTC, ("limit_price",)),
    "limit_limit_gtd": Shape(OrderType.LIMIT, TimeInForce.GTD, ("limit_price", "end_time")),
    "limit_limit_fok": Shape(OrderType.LIMIT, TimeInForce.FOK, ("limit_price",)),
    "stop_limit_stop_limit_gtc": Shape(OrderType.STOP_LIMIT, TimeInForce.GTC, ("limit_price",), "stop_price", False),
    "stop_limit_stop_limit_gtd": Shape(
        OrderType.STOP_LIMIT, TimeInForce.GTD, ("limit_price", "end_time"), "stop_price", False
    ),
    "trigger_bracket_gtc": Shape(OrderType.BRACKET, TimeInForce.GTC, ("limit_price",), "stop_trigger_price", False),
    "trigger_bracket_gtd": Shape(
        OrderType.BRACKET, TimeInForce.GTD, ("limit_price", "end_time"), "stop_trigger_price", False
    ),
    "twap_limit_gtd": Shape(OrderType.TWAP, TimeInForce.GTD, ("limit_price", "end_time")),
    "scaled_limit_gtc": Shape(OrderType.SCALED, TimeInForce.GTC),
}
KNOWN_BUT_NOT_SPOT = frozenset({"market_market_fok", "sor_market_ioc"})  # perpetuals only, and of old


def need_text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedRequest(f"{name} is required")
    return value


def parse_side(value: object) -> bool:
    """True for BUY."""
    if value == "BUY":
        return True
    if value == "SELL":
        return False
    raise MalformedRequest(f"invalid side: {str(value)[:40]}")


def parse_instant(value: object, name: str) -> int:
    """Microseconds of an RFC 3339 text."""
    if not isinstance(value, str):
        raise MalformedRequest(f"{name} is required")
    try:
        at: datetime = parse_time(value)
    except (ValueError, OverflowError):
        raise MalformedRequest(f"{name} is not an RFC 3339 time") from None
    return epoch_ms(at) * 1000 + at.microsecond % 1000


def _configuration(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    configuration = body.get("order_configuration")
    if not isinstance(configuration, dict) or not configuration:
        raise MalformedRequest("order_configuration is required")
    given = [(key, inner) for key, inner in configuration.items() if inner is not None]
    if len(given) != 1:
        raise MalformedRequest("order_configuration must have exactly one configuration")
    key, inner = given[0]
    if not isinstance(inner, dict):
        raise MalformedRequest("order_configuration is invalid")
    if key in KNOWN_BUT_NOT_SPOT:
        raise Reject("UNSUPPORTED_ORDER_CONFIGURATION", "source is not enabled for trading")
    if key not in CONFIGURATIONS:
        raise MalformedRequest(f"unknown order configuration: {key[:60]}")
    return key, inner


def parse_order(
    venue: ExchangeState, body: Mapping[str, Any], portfolio: str, now_us: int, *, preview: bool = False
) -> SimOrder:
    """The order that `body` asks for, not yet accepted. Raises MalformedRequest or Reject."""
    client_order_id = "" if preview else need_text(body, "client_order_id")
    if len(client_order_id) > MAX_CLIENT_ORDER_ID:
        raise MalformedRequest("client_order_id is too long")
    buys = parse_side(body.get("side"))
    product_id = need_text(body, "product_id")
    product = venue.listed.get(product_id)
    if product is None:
        raise Reject("INVALID_PRODUCT_ID", "Product not found", "PREVIEW_INVALID_PRODUCT_ID")
    _refuse_margin(body)
    key, inner = _configuration(body)
    shape = CONFIGURATIONS[key]
    order = SimOrder(
        order_id="" if preview else venue.ids.uuid("order"),
        client_order_id=client_order_id, portfolio=portfolio, product=product, buys=buys,
        kind=shape.kind, tif=shape.tif, config_key=key, config={key: dict(inner)}, created_us=now_us,
        maker_ppm=venue.tier.maker_ppm, taker_ppm=venue.tier.taker_ppm,
    )  # fmt: skip
    order.attached = _attached(body, order)
    order.attached_id = venue.ids.uuid("order") if order.attached and not preview else ""
    order.preview_id = str(body.get("preview_id") or "")[:64]
    if "limit_price" in shape.needs:
        order.limit = amounts.price(product, inner, "limit_price")
    if "end_time" in shape.needs:
        order.end_us = _end(inner, now_us)
    _stop(product, shape, order, inner)
    _size(order, shape, inner)
    order.post_only = amounts.flag(inner.get("post_only"), "post_only")
    if order.post_only and shape.tif in (TimeInForce.FOK, TimeInForce.IOC):
        raise Reject("POST_ONLY_NOT_ALLOWED_WITH_FOK", "Post only is not allowed here", "PREVIEW_INVALID_ORDER_CONFIG")
    if order.steps is not None and order.limit is not None:
        amounts.check_notional(product, order.steps * order.limit * product.unit)
    if shape.kind is OrderType.TWAP:
        _twap(order, inner, now_us)
    _check_attached(order)
    return order


def _size(order: SimOrder, shape: Shape, inner: Mapping[str, Any]) -> None:
    """By base or by quote money; of a scaled order, the sum of its legs."""
    if amounts.flag(inner.get("reduce_only"), "reduce_only"):
        raise Reject("REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS", "Reduce only is not allowed on spot products")
    if shape.kind is OrderType.SCALED:
        order.steps = sum(rung.steps for rung in scaled.rungs_of(order))
        return
    order.steps, order.quote = amounts.sizes(
        order.product, inner, buys=order.buys, market=shape.kind is OrderType.MARKET, by_quote=shape.quote_size
    )
    _quote_limit(order)


def _refuse_margin(body: Mapping[str, Any]) -> None:
    leverage = body.get("leverage")
    if leverage not in (None, "", "1", "1.0", 1):
        raise Reject("INVALID_LEVERAGE", "Leverage is not allowed on spot products")
    if body.get("margin_type") not in (None, "", "CROSS", "UNKNOWN_MARGIN_TYPE"):
        raise Reject("INVALID_MARGIN_TYPE", "Margin is not allowed on spot products")


def _attached(body: Mapping[str, Any], order: SimOrder) -> dict[str, Any] | None:
    """A bracket that opens when the entry is filled; its size is the entry's."""
    attached = body.get("attached_order_configuration")
    if not attached:
        return None
    if not isinstance(attached, dict) or len(attached) != 1:
        raise MalformedRequest("attached_order_configuration is invalid")
    key, inner = next(iter(attached.items()))
    if key not in CONFIGURATIONS or not isinstance(inner, dict):
        raise MalformedRequest("attached_order_configuration is invalid")
    if key != "trigger_bracket_gtc" or order.kind not in (OrderType.MARKET, OrderType.LIMIT):
        raise Reject(
            "UNSUPPORTED_ORDER_CONFIGURATION",
            "Only trigger_bracket_gtc can be attached, to a market or limit order",
            "PREVIEW_INVALID_ORDER_CONFIG",
        )
    if inner.get("base_size") or inner.get("quote_size"):
        raise MalformedRequest("an attached order has the size of its entry: base_size must be left out")
    return {key: dict(inner)}


def _check_attached(order: SimOrder) -> None:
    """Take profit and stop lie on the two sides of the entry's price, where it has one."""
    if order.attached is None:
        return
    inner = order.attached["trigger_bracket_gtc"]
    profit = amounts.price(order.product, inner, "limit_price")
    stop = amounts.price(order.product, inner, "stop_trigger_price")
    sign = 1 if order.buys else -1
    entry = order.limit
    if (entry is not None and (profit - entry) * sign <= 0) or (profit - stop) * sign <= 0:
        raise Reject(
            "INVALID_ATTACHED_TAKE_PROFIT_PRICE", "Take profit is on the wrong side",
            "PREVIEW_INVALID_ATTACHED_TAKE_PROFIT_PRICE",
        )  # fmt: skip
    if entry is not None and (entry - stop) * sign <= 0:
        raise Reject(
            "INVALID_ATTACHED_STOP_LOSS_PRICE", "Stop loss is on the wrong side",
            "PREVIEW_INVALID_ATTACHED_STOP_LOSS_PRICE",
        )  # fmt: skip


def _end(inner: Mapping[str, Any], now_us: int) -> int:
    if not inner.get("end_time"):
        raise Reject("GTD_ORDERS_MUST_HAVE_END_TIME", "Good-til-date orders must have an end time")
    end_us = parse_instant(inner["end_time"], "end_time")
    if end_us <= now_us:
        raise Reject("END_TIME_IS_IN_THE_PAST", "End time is in the past")
    if end_us > now_us + MAX_GTD_US:
        raise Reject("END_TIME_TOO_FAR_IN_FUTURE", "End time is too far in the future")
    return end_us


def _stop(product: SimProduct, shape: Shape, order: SimOrder, inner: Mapping[str, Any]) -> None:
    if not shape.stop:
        return
    order.stop = amounts.price(product, inner, shape.stop)
    if shape.kind is not OrderType.STOP_LIMIT:
        return
    direction = inner.get("stop_direction") or ("STOP_DIRECTION_STOP_UP" if order.buys else "STOP_DIRECTION_STOP_DOWN")
    if direction not in ("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"):
        raise MalformedRequest("stop_direction is invalid")
    order.stop_up = direction == "STOP_DIRECTION_STOP_UP"
    assert order.limit is not None
    if order.buys and order.stop > order.limit and order.stop_up:
        raise Reject("UNKNOWN_FAILURE_REASON", "Invalid stop price", "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")
    if not order.buys and order.stop < order.limit and not order.stop_up:
        raise Reject("UNKNOWN_FAILURE_REASON", "Invalid stop price", "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")


def _quote_limit(order: SimOrder) -> None:
    """A limit order by quote money is one of the base that this money buys at the limit, fee included."""
    if order.quote is None or order.limit is None or order.kind is not OrderType.LIMIT:
        return
    price = order.limit * order.product.unit
    order.steps = order.quote * PPM // (PPM + order.taker_ppm) // price
    order.quote = None
    if order.steps * order.product.step < amounts.limit_atoms(order.product.base_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")


def _twap(order: SimOrder, inner: Mapping[str, Any], now_us: int) -> None:
    start = inner.get("start_time")
    order.start_us = max(now_us, parse_instant(start, "start_time")) if start else now_us
    assert order.end_us is not None
    if order.start_us >= order.end_us:
        raise Reject("INVALID_REQUEST", "TWAP must end after its start", "PREVIEW_INVALID_ORDER_CONFIG")
    try:
        length = bucket_us(order)
    except (ValueError, ArithmeticError):
        raise MalformedRequest("bucket_duration is invalid") from None
    if not 1_000_000 <= length <= 86_400_000_000:
        raise MalformedRequest("bucket_duration is invalid")
    bucket = amounts.number(inner, "bucket_size")
    grid = order.product.step if order.steps is not None else amounts.limit_atoms(order.product.quote_increment)
    if bucket is not None and (bucket <= 0 or bucket % grid):
        raise MalformedRequest("bucket_size is invalid")


def attached_order(entry: SimOrder, now_us: int) -> SimOrder:
    """The bracket that an entry brought along, over what the entry filled."""
    assert entry.attached is not None
    key, inner = next(iter(entry.attached.items()))
    product = entry.product
    order = SimOrder(
        order_id=entry.attached_id, client_order_id=entry.attached_id, portfolio=entry.portfolio, product=product,
        buys=not entry.buys, kind=OrderType.BRACKET, tif=CONFIGURATIONS[key].tif, config_key=key,
        config={key: {**inner, "base_size": product.size_text(entry.filled)}}, created_us=now_us,
        maker_ppm=entry.maker_ppm, taker_ppm=entry.taker_ppm, steps=entry.filled, parent=entry.order_id,
    )  # fmt: skip
    order.limit = amounts.price(product, inner, "limit_price")
    order.stop = amounts.price(product, inner, "stop_trigger_price")
    return order
