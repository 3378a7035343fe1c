"""The body of an order and what the answer to it means."""

from typing import Any

from bot.domain.kinds import OrderKind
from bot.domain.orders import OrderSpec
from bot.venues.errors import NoAnswerGot, Rejected
from shared.money import plain
from shared.times import from_epoch_ms, iso_ms

# Reasons that mean for certain that no order was made. Whatever is not listed is looked up, not believed.
DEFINITIVE = frozenset(
    {
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "INVALID_SIDE",
        "INVALID_PRODUCT_ID",
        "INVALID_SIZE_PRECISION",
        "INVALID_PRICE_PRECISION",
        "INSUFFICIENT_FUND",
        "INSUFFICIENT_FUNDS",
        "INVALID_LEDGER_BALANCE",
        "ORDER_ENTRY_DISABLED",
        "INELIGIBLE_PAIR",
        "INVALID_LIMIT_PRICE_POST_ONLY",
        "INVALID_LIMIT_PRICE",
        "INVALID_NO_LIQUIDITY",
        "INVALID_REQUEST",
        "UNTRADABLE_PRODUCT",
        "TRADING_DISABLED",
        "PRODUCT_TRADING_HALTED",
        "GEOFENCING_RESTRICTION",
        "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
        "POST_ONLY_NOT_ALLOWED_WITH_FOK",
        "FOK_DISABLED",
        "END_TIME_IS_IN_THE_PAST",
        "END_TIME_TOO_FAR_IN_FUTURE",
        "GTD_ORDERS_MUST_HAVE_END_TIME",
        "STOP_ALREADY_TRIGGERED",
        "COMMANDER_REJECTED_NEW_ORDER",
        "INVALID_ARGUMENT",
    }
)


def order_configuration(spec: OrderSpec) -> dict[str, dict[str, Any]]:
    """The exchange's name for the kind of order, with its terms as text."""
    if spec.kind is OrderKind.MARKET:
        if spec.quote_size is not None:
            return {"market_market_ioc": {"quote_size": plain(spec.quote_size)}}
        assert spec.base_size is not None
        return {"market_market_ioc": {"base_size": plain(spec.base_size)}}
    assert spec.base_size is not None and spec.limit_price is not None
    terms: dict[str, Any] = {
        "base_size": plain(spec.base_size),
        "limit_price": plain(spec.limit_price),
        "post_only": spec.post_only,
    }
    if spec.end_ms is None:
        return {"limit_limit_gtc": terms}
    return {"limit_limit_gtd": {**terms, "end_time": iso_ms(from_epoch_ms(spec.end_ms))}}


def created_id(raw: Any) -> str:
    """The order id in the answer to a create. Raises Rejected for a definitive no, else NoAnswerGot."""
    if not isinstance(raw, dict) or "success" not in raw:
        raise NoAnswerGot("an answer without success")
    if raw["success"] is True:
        success = raw.get("success_response") or {}
        order_id = raw.get("order_id") or success.get("order_id")
        if not order_id:
            raise NoAnswerGot("accepted without an order id")
        return str(order_id)
    error = raw.get("error_response") or {}
    names = ("error", "preview_failure_reason", "new_order_failure_reason")
    words = [str(error.get(name) or "") for name in names] + [str(raw.get("failure_reason") or "")]
    said = [word for word in words if word and not word.startswith("UNKNOWN_")]
    text = ", ".join([*dict.fromkeys(said), str(error.get("message") or "")]).strip(", ")
    definitive = any(word in DEFINITIVE or word.startswith("PREVIEW_") for word in said)
    if not definitive:
        raise NoAnswerGot(f"refused for an unknown reason: {text or 'no reason'}")
    raise Rejected(text, said[0], insufficient=any("INSUFFICIENT_FUND" in word for word in said))
