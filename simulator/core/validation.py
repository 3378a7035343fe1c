"""From a client's JSON to an order: every way in which it may be wrong, in the venue's words.

`Malformed` is a request that is none (HTTP 400); `lifecycle.Reject` is a well-formed order that is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from shared.times import epoch_ms, parse_time
from simulator.core.lifecycle import Reject
from simulator.core.orders import Kind, Order, TimeInForce
from simulator.core.products import Product
from simulator.core.triggers import bucket_us
from simulator.core.units import PPM, parse
from simulator.core.venue import Venue

MAX_CLIENT_ORDER_ID = 128
MAX_GTD_US = 366 * 86_400 * 1_000_000


class Malformed(Exception):
    """A request that is not one: HTTP 400 INVALID_ARGUMENT with this text."""


class Shape(NamedTuple):
    """What one order configuration is."""

    kind: Kind
    tif: TimeInForce
    needs: tuple[str, ...] = ()
    stop: str = ""
    quote_size: bool = True


CONFIGURATIONS: dict[str, Shape] = {
    "market_market_ioc": Shape(Kind.MARKET, TimeInForce.IOC),
    "sor_limit_ioc": Shape(Kind.LIMIT, TimeInForce.IOC, ("limit_price",)),
    "limit_limit_gtc": Shape(Kind.LIMIT, TimeInForce.GTC, ("limit_price",)),
    "limit_limit_gtd": Shape(Kind.LIMIT, TimeInForce.GTD, ("limit_price", "end_time")),
    "limit_limit_fok": Shape(Kind.LIMIT, TimeInForce.FOK, ("limit_price",)),
    "stop_limit_stop_limit_gtc": Shape(Kind.STOP_LIMIT, TimeInForce.GTC, ("limit_price",), "stop_price", False),
    "stop_limit_stop_limit_gtd": Shape(
        Kind.STOP_LIMIT, TimeInForce.GTD, ("limit_price", "end_time"), "stop_price", False
    ),
    "trigger_bracket_gtc": Shape(Kind.BRACKET, TimeInForce.GTC, ("limit_price",), "stop_trigger_price", False),
    "trigger_bracket_gtd": Shape(
        Kind.BRACKET, TimeInForce.GTD, ("limit_price", "end_time"), "stop_trigger_price", False
    ),
    "twap_limit_gtd": Shape(Kind.TWAP, TimeInForce.GTD, ("limit_price", "end_time")),
}
KNOWN_BUT_NOT_SPOT = frozenset({"market_market_fok", "scaled_limit_gtc", "sor_market_ioc"})


def need_text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is required")
    return value


def parse_side(value: object) -> bool:
    """True for BUY."""
    if value == "BUY":
        return True
    if value == "SELL":
        return False
    raise Malformed(f"invalid side: {str(value)[:40]}")


def parse_instant(value: object, name: str) -> int:
    """Microseconds of an RFC 3339 text."""
    if not isinstance(value, str):
        raise Malformed(f"{name} is required")
    try:
        at: datetime = parse_time(value)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} is not an RFC 3339 time") from None
    return epoch_ms(at) * 1000 + at.microsecond % 1000


def _configuration(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    configuration = body.get("order_configuration")
    if not isinstance(configuration, dict) or not configuration:
        raise Malformed("order_configuration is required")
    given = [(key, inner) for key, inner in configuration.items() if inner is not None]
    if len(given) != 1:
        raise Malformed("order_configuration must have exactly one configuration")
    key, inner = given[0]
    if not isinstance(inner, dict):
        raise Malformed("order_configuration is invalid")
    if key in KNOWN_BUT_NOT_SPOT:
        raise Reject("UNSUPPORTED_ORDER_CONFIGURATION", "source is not enabled for trading")
    if key not in CONFIGURATIONS:
        raise Malformed(f"unknown order configuration: {key[:60]}")
    return key, inner


def _number(inner: Mapping[str, Any], name: str) -> int | None:
    """Atoms of a number field; None = absent or empty."""
    value = inner.get(name)
    if value is None or value == "":
        return None
    atoms = parse(value)
    if atoms is None:
        raise Malformed(f"{name} is not a number")
    return atoms


def _price(product: Product, inner: Mapping[str, Any], name: str) -> int:
    atoms = _number(inner, name)
    if atoms is None:
        raise Malformed(f"{name} is required")
    if atoms <= 0:
        raise Reject("INVALID_LIMIT_PRICE", "Price must be positive", "PREVIEW_INVALID_LIMIT_PRICE")
    ticks, rest = divmod(atoms, product.tick)
    if rest:
        raise Reject("INVALID_PRICE_PRECISION", "Too many decimals in order price", "PREVIEW_INVALID_PRICE_PRECISION")
    return ticks


def _limit_atoms(text: str) -> int:
    atoms = parse(text)
    assert atoms is not None
    return atoms


def _base_steps(product: Product, atoms: int) -> int:
    steps, rest = divmod(atoms, product.step)
    if rest:
        raise Reject("INVALID_SIZE_PRECISION", "Too many decimals in order amount", "PREVIEW_INVALID_SIZE_PRECISION")
    if atoms < _limit_atoms(product.base_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")
    if atoms > _limit_atoms(product.base_max_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too large", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")
    return steps


def _quote_atoms(product: Product, atoms: int) -> int:
    if atoms % _limit_atoms(product.quote_increment):
        raise Reject(
            "INVALID_SIZE_PRECISION", "Too many decimals in order amount", "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"
        )
    check_notional(product, atoms)
    return atoms


def check_notional(product: Product, value: int) -> None:
    """Refuse an order whose worth in quote money is out of the product's bounds."""
    if value < _limit_atoms(product.quote_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")
    if value > _limit_atoms(product.quote_max_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too large", "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE")


def _sizes(product: Product, shape: Shape, buys: bool, inner: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """(steps, quote atoms): exactly one of the two."""
    base, quote = _number(inner, "base_size"), _number(inner, "quote_size")
    if base is None and quote is None:
        if shape.kind is Kind.MARKET:
            raise Reject(
                "INVALID_REQUEST", "Market orders cannot be placed with empty order sizes", "",
                "Market orders cannot be placed with empty order sizes",
            )  # fmt: skip
        raise Malformed("base_size is required")
    if base is not None and quote is not None:
        raise Malformed("only one of base_size and quote_size is allowed")
    if base is not None:
        if base <= 0:
            raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")
        return _base_steps(product, base), None
    assert quote is not None
    if not shape.quote_size or not buys:
        raise Reject("UNKNOWN_FAILURE_REASON", "Quote size is not allowed here", "PREVIEW_INVALID_ORDER_CONFIG")
    return None, _quote_atoms(product, max(0, quote))


def parse_order(venue: Venue, body: Mapping[str, Any], portfolio: str, now_us: int, *, preview: bool = False) -> Order:
    """The order that `body` asks for, not yet accepted. Raises Malformed or Reject."""
    client_order_id = "" if preview else need_text(body, "client_order_id")
    if len(client_order_id) > MAX_CLIENT_ORDER_ID:
        raise Malformed("client_order_id is too long")
    buys = parse_side(body.get("side"))
    product_id = need_text(body, "product_id")
    product = venue.listed.get(product_id)
    if product is None:
        raise Reject("INVALID_PRODUCT_ID", "Product not found", "PREVIEW_INVALID_PRODUCT_ID")
    _refuse_margin(body)
    key, inner = _configuration(body)
    shape = CONFIGURATIONS[key]
    order = Order(
        order_id="" if preview else venue.ids.uuid("order"),
        client_order_id=client_order_id, portfolio=portfolio, product=product, buys=buys,
        kind=shape.kind, tif=shape.tif, config_key=key, config={key: dict(inner)}, created_us=now_us,
        maker_ppm=venue.tier.maker_ppm, taker_ppm=venue.tier.taker_ppm,
    )  # fmt: skip
    order.attached = _attached(body, order)
    order.attached_id = venue.ids.uuid("order") if order.attached and not preview else ""
    order.preview_id = str(body.get("preview_id") or "")[:64]
    if "limit_price" in shape.needs:
        order.limit = _price(product, inner, "limit_price")
    if "end_time" in shape.needs:
        order.end_us = _end(inner, now_us)
    _stop(product, shape, order, inner)
    order.steps, order.quote = _sizes(product, shape, buys, inner)
    _quote_limit(order)
    order.post_only = _flag(inner.get("post_only"), "post_only")
    if order.post_only and shape.tif in (TimeInForce.FOK, TimeInForce.IOC):
        raise Reject("POST_ONLY_NOT_ALLOWED_WITH_FOK", "Post only is not allowed here", "PREVIEW_INVALID_ORDER_CONFIG")
    if order.steps is not None and order.limit is not None:
        check_notional(product, order.steps * order.limit * product.unit)
    if shape.kind is Kind.TWAP:
        _twap(order, inner, now_us)
    return order


def _flag(value: object, name: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false", ""):
        return value.lower() == "true"
    raise Malformed(f"{name} is not a boolean")


def _refuse_margin(body: Mapping[str, Any]) -> None:
    leverage = body.get("leverage")
    if leverage not in (None, "", "1", "1.0", 1):
        raise Reject("INVALID_LEVERAGE", "Leverage is not allowed on spot products")
    if body.get("margin_type") not in (None, "", "CROSS", "UNKNOWN_MARGIN_TYPE"):
        raise Reject("INVALID_MARGIN_TYPE", "Margin is not allowed on spot products")


def _attached(body: Mapping[str, Any], order: Order) -> dict[str, Any] | None:
    """A bracket that opens when the entry is filled; its size is the entry's."""
    attached = body.get("attached_order_configuration")
    if not attached:
        return None
    if not isinstance(attached, dict) or len(attached) != 1 or order.kind not in (Kind.MARKET, Kind.LIMIT):
        raise Malformed("attached_order_configuration is invalid")
    key, inner = next(iter(attached.items()))
    if key not in ("trigger_bracket_gtc", "trigger_bracket_gtd") or not isinstance(inner, dict):
        raise Malformed("attached_order_configuration is invalid")
    _price(order.product, inner, "limit_price")
    _price(order.product, inner, "stop_trigger_price")
    if key.endswith("_gtd"):
        parse_instant(inner.get("end_time"), "end_time")
    return {key: dict(inner)}


def _end(inner: Mapping[str, Any], now_us: int) -> int:
    if not inner.get("end_time"):
        raise Reject("GTD_ORDERS_MUST_HAVE_END_TIME", "Good-til-date orders must have an end time")
    end_us = parse_instant(inner["end_time"], "end_time")
    if end_us <= now_us:
        raise Reject("END_TIME_IS_IN_THE_PAST", "End time is in the past")
    if end_us > now_us + MAX_GTD_US:
        raise Reject("END_TIME_TOO_FAR_IN_FUTURE", "End time is too far in the future")
    return end_us


def _stop(product: Product, shape: Shape, order: Order, inner: Mapping[str, Any]) -> None:
    if not shape.stop:
        return
    order.stop = _price(product, inner, shape.stop)
    if shape.kind is not Kind.STOP_LIMIT:
        return
    direction = inner.get("stop_direction") or ("STOP_DIRECTION_STOP_UP" if order.buys else "STOP_DIRECTION_STOP_DOWN")
    if direction not in ("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"):
        raise Malformed("stop_direction is invalid")
    order.stop_up = direction == "STOP_DIRECTION_STOP_UP"
    assert order.limit is not None
    if order.buys and order.stop > order.limit and order.stop_up:
        raise Reject("UNKNOWN_FAILURE_REASON", "Invalid stop price", "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")
    if not order.buys and order.stop < order.limit and not order.stop_up:
        raise Reject("UNKNOWN_FAILURE_REASON", "Invalid stop price", "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")


def _quote_limit(order: Order) -> None:
    """A limit order by quote money is one of the base that this money buys at the limit, fee included."""
    if order.quote is None or order.limit is None or order.kind is not Kind.LIMIT:
        return
    price = order.limit * order.product.unit
    order.steps = order.quote * PPM // (PPM + order.taker_ppm) // price
    order.quote = None
    if order.steps * order.product.step < _limit_atoms(order.product.base_min_size):
        raise Reject("UNKNOWN_FAILURE_REASON", "Order size is too small", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")


def _twap(order: Order, inner: Mapping[str, Any], now_us: int) -> None:
    start = inner.get("start_time")
    order.start_us = max(now_us, parse_instant(start, "start_time")) if start else now_us
    assert order.end_us is not None
    if order.start_us >= order.end_us:
        raise Reject("INVALID_REQUEST", "TWAP must end after its start", "PREVIEW_INVALID_ORDER_CONFIG")
    try:
        length = bucket_us(order)
    except (ValueError, OverflowError):
        raise Malformed("bucket_duration is invalid") from None
    if not 1_000_000 <= length <= 86_400_000_000:
        raise Malformed("bucket_duration is invalid")


def attached_order(entry: Order, now_us: int) -> Order:
    """The bracket that an entry brought along, over what the entry filled."""
    assert entry.attached is not None
    key, inner = next(iter(entry.attached.items()))
    product = entry.product
    order = Order(
        order_id=entry.attached_id, client_order_id=entry.attached_id, portfolio=entry.portfolio, product=product,
        buys=not entry.buys, kind=Kind.BRACKET, tif=CONFIGURATIONS[key].tif, config_key=key,
        config={key: {**inner, "base_size": product.size_text(entry.filled)}}, created_us=now_us,
        maker_ppm=entry.maker_ppm, taker_ppm=entry.taker_ppm, steps=entry.filled, parent=entry.order_id,
    )  # fmt: skip
    order.limit = _price(product, inner, "limit_price")
    order.stop = _price(product, inner, "stop_trigger_price")
    if CONFIGURATIONS[key].tif is TimeInForce.GTD:
        order.end_us = max(now_us + 1, parse_instant(inner.get("end_time"), "end_time"))
    return order
