"""Wire shapes in, the domain's types out: the one place where Coinbase's field names stand.

Every function raises ValueError, KeyError or TypeError on a shape that does not hold; callers turn these into one
counted error. Nothing unknown is guessed: an unknown status fails closed as UNKNOWN.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.kinds import Side
from bot.domain.orders import OrderReport, OrderStatus
from shared.money import EXACT, ZERO, amount
from shared.times import epoch_ms, parse_time

Wire = Mapping[str, Any]
_LAST_DECIMAL = Decimal("1e-16")
WORKING = ("OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED")
_STATUS = dict.fromkeys(WORKING, OrderStatus.WORKING) | {
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.FAILED,
}
_HALTS = ("is_disabled", "trading_disabled", "cancel_only", "auction_mode", "view_only")


def positive(text: Any) -> Decimal:
    """A price or size that must be above zero."""
    value = amount(text)
    if value <= 0:
        raise ValueError(f"not above zero: {text!r}")
    return value


def optional(text: Any) -> Decimal | None:
    """An amount, or None for "" and null."""
    return None if text in (None, "") else amount(text)


def product(raw: Wire) -> Instrument:
    """From a product of the list or of `/products/{id}`."""
    halts = [word for word in _HALTS if raw.get(word) is True]
    status = str(raw.get("status") or "online")
    if status not in ("online", ""):
        halts.insert(0, status)
    price = optional(raw.get("price"))
    return Instrument(
        product_id=str(raw["product_id"]),
        base=str(raw["base_currency_id"]),
        quote=str(raw["quote_currency_id"]),
        base_increment=positive(raw["base_increment"]),
        quote_increment=positive(raw["quote_increment"]),
        price_increment=positive(raw.get("price_increment") or raw["quote_increment"]),
        base_min_size=amount(raw["base_min_size"]),
        base_max_size=positive(raw["base_max_size"]),
        quote_min_size=amount(raw["quote_min_size"]),
        quote_max_size=positive(raw["quote_max_size"]),
        price=price if price is not None and price > 0 else None,
        halted=", ".join(halts).replace("_", " ") or None,
        limit_only=raw.get("limit_only") is True,
        post_only=raw.get("post_only") is True,
    )


def volume_quote(raw: Wire) -> float:
    """What was traded of a product in 24 hours, in quote units."""
    stated = optional(raw.get("approximate_quote_24h_volume"))
    if stated is not None:
        return float(stated)
    base, price = optional(raw.get("volume_24h")), optional(raw.get("price"))
    return float(base * price) if base is not None and price is not None else 0.0


def spread_pct(raw: Wire) -> tuple[str, float] | None:
    """(product, spread in percent of the mid) of a price book; None where a side is empty or it is crossed."""
    bids, asks = raw["bids"], raw["asks"]
    if not bids or not asks:
        return None
    bid, ask = positive(bids[0]["price"]), positive(asks[0]["price"])
    return (str(raw["product_id"]), float((ask - bid) / (ask + bid) * 200)) if bid < ask else None


def balance(raw: Wire) -> Balance:
    """From an account."""
    return Balance(str(raw["currency"]), amount(raw["available_balance"]["value"]), amount(raw["hold"]["value"]))


def fee_rates(raw: Wire) -> FeeRates:
    """From the transaction summary."""
    tier = raw["fee_tier"]
    return FeeRates(amount(tier["maker_fee_rate"]), amount(tier["taker_fee_rate"]), str(tier["pricing_tier"]))


def bar(raw: Wire) -> Bar:
    """From a candle."""
    opened, high, low, close = (float(raw[name]) for name in ("open", "high", "low", "close"))
    if not all(0 < price < 1e15 for price in (opened, high, low, close)):
        raise ValueError(f"a candle with prices {opened}, {high}, {low}, {close}")
    start_s, volume = int(raw["start"]), float(raw["volume"])
    if not (0 <= start_s < 1e11 and 0 <= volume < 1e30):
        raise ValueError(f"a candle of {start_s} with volume {volume}")
    return Bar(start_s, opened, high, low, close, volume)


def _in_base(quote_size: Decimal, price: Decimal) -> Decimal:
    """What a fill told in quote units bought. The exchange's own figure ends at 16 decimals; ours must not go on."""
    size = EXACT.divide(quote_size, price)
    return positive(size.quantize(_LAST_DECIMAL)) if size != round(size, 16) else size


def fill(raw: Wire, client_order_id: str, fee_rate: Decimal = ZERO) -> Fill:
    """From a fill; it does not carry our id, so the caller adds it.

    `fee_rate`: of the notional, where no commission is stated; a stated zero is none.
    """
    price, size = positive(raw["price"]), positive(raw["size"])
    if raw.get("size_in_quote") is True:
        size = _in_base(size, price)
    stated = optional(raw.get("commission"))
    return Fill(
        order_id=str(raw["order_id"]),
        trade_id=str(raw["trade_id"]),
        client_order_id=client_order_id,
        product_id=str(raw["product_id"]),
        side=Side(raw["side"]),
        price=price,
        base_size=size,
        fee=stated if stated is not None else price * size * fee_rate,
        liquidity=str(raw.get("liquidity_indicator", "unknown")).lower().split("_")[0],
        exchange_ms=epoch_ms(parse_time(raw["trade_time"])),
    )


def status(word: Any) -> OrderStatus:
    """From the exchange's word; one that is not known may mean a living order."""
    return _STATUS.get(word, OrderStatus.UNKNOWN) if isinstance(word, str) else OrderStatus.UNKNOWN


def _limit_terms(raw: Wire) -> tuple[Decimal | None, Decimal | None]:
    """(base size, limit price) out of an order configuration, as far as it has them."""
    configuration = raw.get("order_configuration") or {}
    for terms in configuration.values():
        return optional(terms.get("base_size")), optional(terms.get("limit_price"))
    return None, None


def venue_order(raw: Wire) -> OrderReport:
    """From an order of REST."""
    base_size, limit_price = _limit_terms(raw)
    reasons = [str(raw.get(name) or "") for name in ("reject_message", "cancel_message", "reject_reason")]
    reason = next((r for r in reasons if r and r != "REJECT_REASON_UNSPECIFIED"), None)
    average = optional(raw.get("average_filled_price"))
    return OrderReport(
        order_id=str(raw["order_id"]),
        client_order_id=str(raw["client_order_id"]),
        product_id=str(raw["product_id"]),
        side=Side(raw["side"]),
        status=status(raw["status"]),
        filled_size=amount(raw.get("filled_size") or "0"),
        created_ms=epoch_ms(parse_time(raw["created_time"])),
        kind=str(raw.get("order_type") or "unknown").lower(),
        base_size=base_size,
        limit_price=limit_price,
        average_fill_price=average if average else None,
        reason=reason,
    )


def _user_size(raw: Wire, done: Decimal, limit: Decimal | None) -> Decimal | None:
    """The whole base size of an order of the user channel; None where it isn't told.

    What is left of a buy by quote money is quote money. The channel does not mark such an order; it has no limit, or
    what is left is what it holds. (A buy by base size holds as much only at a price of 1, where both are the same.)
    """
    if status(raw["status"]) is OrderStatus.FILLED:
        return done
    left = amount(raw.get("leaves_quantity") or "0")
    if not left:
        return None  # it ended before it was filled: nothing is left, whatever it asked for
    buys = str(raw["order_side"]).upper() == Side.BUY
    if buys and (limit is None or left == optional(raw.get("outstanding_hold_amount"))):
        return None
    return done + left


def user_order(raw: Wire) -> OrderReport:
    """From an order of the user channel, whose names differ from REST's."""
    average = optional(raw.get("avg_price"))
    limit = optional(raw.get("limit_price")) or None
    done = amount(raw.get("cumulative_quantity") or "0")
    return OrderReport(
        order_id=str(raw["order_id"]),
        client_order_id=str(raw["client_order_id"]),
        product_id=str(raw["product_id"]),
        side=Side(str(raw["order_side"]).upper()),
        status=status(raw["status"]),
        filled_size=done,
        created_ms=epoch_ms(parse_time(raw["creation_time"])),
        kind=str(raw.get("order_type") or "unknown").lower(),
        base_size=_user_size(raw, done, limit),
        limit_price=limit,
        average_fill_price=average if average else None,
        reason=str(raw.get("reject_reason") or raw.get("cancel_reason") or "") or None,
    )
