"""The JSON shapes of orders and fills, on REST and on the user channel."""

from typing import Any

from simulator.core.orders import OrderType, SimFill, SimOrder, SimOrderStatus
from simulator.core.products import SimProduct
from simulator.core.times import rfc3339
from simulator.core.units import ratio_text, text


def completion(order: SimOrder) -> str:
    """Percent filled, two digits, as the venue writes it."""
    if order.status is SimOrderStatus.FILLED:
        return "100.00"
    if order.quote is not None:
        done, whole = order.filled_value + order.fees, order.quote
    else:
        done, whole = order.filled, order.steps or 0
    hundredths = 10_000 * done // whole if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}" if hundredths else "0"


def average_price(order: SimOrder) -> str:
    if not order.filled:
        return "0"
    return ratio_text(order.filled_value, order.filled * order.product.step, 16)


def value_after_fees(order: SimOrder) -> int:
    return order.filled_value + order.fees if order.buys else order.filled_value - order.fees


def order_view(order: SimOrder, user_id: str) -> dict[str, Any]:
    """An order as the historical endpoints give it."""
    product = order.product
    attached = order.kind is OrderType.BRACKET and bool(order.parent)  # to an entry, whose filled size it works with
    return {
        "order_id": order.order_id,
        "product_id": product.product_id,
        "user_id": user_id,
        "order_configuration": order.config,
        "side": "BUY" if order.buys else "SELL",
        "client_order_id": order.client_order_id,
        "status": order.status.value,
        "time_in_force": order.tif.value,
        "created_time": rfc3339(order.created_us),
        "completion_percentage": completion(order),
        "filled_size": product.size_text(order.filled),
        "average_filled_price": average_price(order),
        "fee": "",
        "number_of_fills": str(order.fills),
        "filled_value": text(order.filled_value),
        "pending_cancel": order.status is SimOrderStatus.CANCEL_QUEUED,
        "size_in_quote": order.quote is not None,
        "total_fees": text(order.fees),
        "size_inclusive_of_fees": order.quote is not None,
        "total_value_after_fees": text(value_after_fees(order)),
        "trigger_status": order.trigger.value,
        "order_type": order.kind.value,
        "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
        "settled": order.status is SimOrderStatus.FILLED or (not order.open and order.filled > 0),
        "product_type": "SPOT",
        "reject_message": order.reject_message,
        "cancel_message": order.cancel_message,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": text(order.hold),
        "is_liquidation": False,
        "last_fill_time": rfc3339(order.last_fill_us) if order.last_fill_us is not None else None,
        "edit_history": order.edits,
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": order.portfolio,
        "originating_order_id": order.parent,
        "attached_order_id": order.attached_id,
        "attached_order_configuration": order.attached,
        "current_pending_replace": pending_replace(order),
        "commission_detail_total": commission_view(order.fees),
        "workable_size": product.size_text(order.steps) if attached and order.steps else "",
        "workable_size_completion_pct": completion(order) if attached else "",
        "product_details": None,
        "cost_basis_method": "COST_BASIS_METHOD_UNSPECIFIED",
        "displayed_order_config": "UNKNOWN_DISPLAYED_ORDER_CONFIG",
        "equity_trading_session": "UNKNOWN_EQUITY_TRADING_SESSION",
        "prediction_side": "PREDICTION_SIDE_UNKNOWN",
        "last_update_time": rfc3339(order.updated_us or order.created_us),
    }


def pending_replace(order: SimOrder) -> dict[str, str] | None:
    """The edit that waits in the engine."""
    if order.status is not SimOrderStatus.EDIT_QUEUED or order.wish is None:
        return None
    limit, steps = order.wish[0] or 0, order.wish[1] or 0
    return {
        "price": order.product.price_text(limit),
        "size": order.product.size_text(steps),
        "replace_accept_timestamp": rfc3339(order.updated_us or order.created_us),
    }


def commission_view(fees: int) -> dict[str, str]:
    """A commission by its parts; all of it is the broker's own here."""
    return {
        "total_commission": text(fees),
        "gst_commission": "0",
        "withholding_commission": "0",
        "client_commission": text(fees),
        "venue_commission": "0",
        "regulatory_commission": "0",
        "clearing_commission": "0",
    }


def fill_view(fill: SimFill, product: SimProduct, user_id: str) -> dict[str, Any]:
    return {
        "entry_id": fill.entry_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "trade_time": rfc3339(fill.time_us),
        "trade_type": "FILL",
        "price": product.price_text(fill.tick),
        "size": product.size_text(fill.steps),
        "commission": text(fill.fee),
        "product_id": fill.product_id,
        "sequence_timestamp": rfc3339(fill.time_us),
        "liquidity_indicator": "TAKER" if fill.taker else "MAKER",
        "size_in_quote": False,
        "user_id": user_id,
        "side": "BUY" if fill.buys else "SELL",
        "retail_portfolio_id": fill.portfolio,
        "fillSource": "FILL_SOURCE_CLOB",
        "commission_detail_total": commission_view(fill.fee),
        "order_data_source": "ORDER_DATA_SOURCE_TRADING_PROXY",
        "future_legs": [],
    }


_TYPES = {
    OrderType.MARKET: "Market", OrderType.LIMIT: "Limit", OrderType.STOP_LIMIT: "Stop Limit",
    OrderType.BRACKET: "Bracket", OrderType.TWAP: "TWAP",
    OrderType.SCALED: "Scaled",
}  # fmt: skip


def leaves_text(order: SimOrder) -> str:
    """What may still fill: base units, or quote money for an order sized by it."""
    if not order.open:
        return "0"
    if order.quote is not None:
        return text(max(0, order.quote - order.filled_value - order.fees))
    return order.product.size_text(order.leaves)


def user_order_view(order: SimOrder, *, capitals: bool) -> dict[str, Any]:
    """An order as the user channel gives it: cumulative, most numbers as text."""
    product = order.product
    never = "0001-01-01T00:00:00Z"
    return {
        "avg_price": average_price(order),
        "cancel_reason": order.cancel_message,
        "client_order_id": order.client_order_id,
        "completion_percentage": completion(order),
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": product.size_text(order.filled),
        "filled_value": text(order.filled_value),
        "leaves_quantity": leaves_text(order),
        "limit_price": product.price_text(order.limit) if order.limit is not None else "0",
        "number_of_fills": str(order.fills),
        "order_id": order.order_id,
        "order_side": "BUY" if order.buys else "SELL",
        "order_type": order.kind.value if capitals else _TYPES[order.kind],
        "outstanding_hold_amount": text(order.hold),
        "post_only": "true" if order.post_only else "false",
        "product_id": product.product_id,
        "product_type": "SPOT",
        "reject_reason": order.reject_reason,
        "retail_portfolio_id": order.portfolio,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": order.status.value,
        "stop_price": product.price_text(order.stop) if order.stop is not None else "",
        "time_in_force": order.tif.value,
        "total_fees": text(order.fees),
        "total_value_after_fees": text(value_after_fees(order)),
        "trigger_status": order.trigger.value,
        "creation_time": rfc3339(order.created_us),
        "end_time": rfc3339(order.end_us) if order.end_us is not None else never,
        "start_time": rfc3339(order.start_us) if order.start_us is not None else never,
    }
