"""The JSON shapes of REST's answers."""

from typing import Any

from simulator.core.accounts import Wallet
from simulator.core.bars import Bar
from simulator.core.orders import Fill, Kind, Order, Status, TimeInForce
from simulator.core.products import FIAT, Product
from simulator.core.times import rfc3339
from simulator.core.units import ONE, ratio_text, text
from simulator.core.venue import Market, Trade
from simulator.exchange import Exchange


def percent_change(now: int, before: int) -> str:
    return ratio_text((now - before) * 100, before) if before else "0"


def product_view(exchange: Exchange, product: Product, *, tradability: bool = False) -> dict[str, Any]:
    """One product, as `GET /products/{id}` gives it."""
    market = exchange.venue.market(product.product_id)
    assert market is not None
    figures = exchange.candles[market.product.product_id].figures(exchange.now_us)
    last = market.last or figures.open
    gate = market.gate
    volume = figures.volume * product.step
    return {
        "product_id": product.product_id,
        "price": product.price_text(last),
        "price_percentage_change_24h": percent_change(last, figures.open),
        "volume_24h": text(volume),
        "volume_percentage_change_24h": percent_change(figures.volume, figures.previous_volume),
        "base_increment": product.base_increment,
        "quote_increment": product.quote_increment,
        "quote_min_size": product.quote_min_size,
        "quote_max_size": product.quote_max_size,
        "base_min_size": product.base_min_size,
        "base_max_size": product.base_max_size,
        "base_name": product.base_name,
        "quote_name": product.quote_name,
        "watched": False,
        "is_disabled": gate.is_disabled,
        "new": False,
        "status": gate.status,
        "cancel_only": gate.cancel_only,
        "limit_only": gate.limit_only,
        "post_only": gate.post_only,
        "trading_disabled": gate.trading_disabled,
        "auction_mode": gate.auction_mode,
        "product_type": "SPOT",
        "quote_currency_id": product.quote,
        "base_currency_id": product.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": product.alias,
        "alias_to": list(product.alias_to),
        "base_display_symbol": product.base,
        "quote_display_symbol": product.quote,
        "view_only": gate.view_only if tradability else False,
        "price_increment": product.price_increment,
        "display_name": product.product_id,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": text(volume * last * product.tick // ONE // (ONE // 100) * (ONE // 100)),
        "new_at": "2023-01-01T00:00:00Z",
        "market_cap": "",
        "base_cbrn": "",
        "quote_cbrn": "",
        "product_cbrn": "",
        "icon_color": "",
        "icon_url": "",
        "display_name_overwrite": "",
        "is_alpha_testing": False,
        "about_description": "",
        "best_bid_price": "",
        "best_ask_price": "",
        "high_24h": product.price_text(figures.high),
        "low_24h": product.price_text(figures.low),
        "hidden_from_discovery": False,
    }


def candle_view(product: Product, start_s: int, bar: Bar) -> dict[str, str]:
    return {
        "start": str(start_s),
        "low": product.price_text(bar.low),
        "high": product.price_text(bar.high),
        "open": product.price_text(bar.open),
        "close": product.price_text(bar.close),
        "volume": product.size_text(bar.volume),
    }


def trade_view(product: Product, trade: Trade) -> dict[str, str]:
    return {
        "trade_id": str(trade.trade_id),
        "product_id": product.product_id,
        "price": product.price_text(trade.tick),
        "size": product.size_text(trade.steps),
        "time": rfc3339(trade.time_us),
        "side": "BUY" if trade.maker_buys else "SELL",
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def levels_view(product: Product, levels: list[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"price": product.price_text(tick), "size": product.size_text(steps)} for tick, steps in levels]


def book_view(exchange: Exchange, product: Product, market: Market, limit: int | None) -> dict[str, Any]:
    """`pricebook`."""
    return {
        "product_id": product.product_id,
        "bids": levels_view(product, market.book.bids.levels(limit)),
        "asks": levels_view(product, market.book.asks.levels(limit)),
        "time": rfc3339(exchange.now_us),
    }


def money(atoms: int, currency: str) -> dict[str, str]:
    return {"value": text(atoms), "currency": currency}


def account_view(wallet: Wallet) -> dict[str, Any]:
    fiat = wallet.currency in FIAT
    return {
        "uuid": wallet.uuid,
        "name": "Cash (USD)" if wallet.currency == "USD" else f"{wallet.currency} Wallet",
        "currency": wallet.currency,
        "available_balance": money(wallet.available, wallet.currency),
        "default": wallet.currency == "USD",
        "active": True,
        "created_at": rfc3339(wallet.created_us),
        "updated_at": rfc3339(wallet.updated_us),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if fiat else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": money(wallet.held, wallet.currency),
        "retail_portfolio_id": wallet.portfolio,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def completion(order: Order) -> str:
    """Percent filled, two digits, as the venue writes it."""
    if order.status is Status.FILLED:
        return "100.00"
    if order.quote is not None:
        done, whole = order.filled_value + order.fees, order.quote
    else:
        done, whole = order.filled, order.steps or 0
    hundredths = 10_000 * done // whole if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}" if hundredths else "0"


def average_price(order: Order) -> str:
    if not order.filled:
        return "0"
    return ratio_text(order.filled_value, order.filled * order.product.step, 16)


def value_after_fees(order: Order) -> int:
    return order.filled_value + order.fees if order.buys else order.filled_value - order.fees


def order_view(order: Order, user_id: str) -> dict[str, Any]:
    """An order as the historical endpoints give it."""
    product = order.product
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
        "pending_cancel": order.status is Status.CANCEL_QUEUED,
        "size_in_quote": order.quote is not None,
        "total_fees": text(order.fees),
        "size_inclusive_of_fees": order.quote is not None,
        "total_value_after_fees": text(value_after_fees(order)),
        "trigger_status": order.trigger.value,
        "order_type": order.kind.value,
        "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
        "settled": order.status is Status.FILLED or (not order.open and order.filled > 0),
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
    }


def fill_view(fill: Fill, product: Product, user_id: str) -> dict[str, Any]:
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
        "commission_detail_total": {"total_commission": text(fill.fee)},
    }


_TYPES = {
    Kind.MARKET: "Market", Kind.LIMIT: "Limit", Kind.STOP_LIMIT: "Stop Limit", Kind.BRACKET: "Bracket",
    Kind.TWAP: "TWAP", Kind.SCALED: "Scaled",
}  # fmt: skip


def leaves_text(order: Order) -> str:
    """What may still fill: base units, or quote money for an order sized by it."""
    if not order.open:
        return "0"
    if order.quote is not None:
        return text(max(0, order.quote - order.filled_value - order.fees))
    return order.product.size_text(order.leaves)


def user_order_view(order: Order, *, capitals: bool) -> dict[str, Any]:
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


__all__ = [name for name in dir() if name.endswith("_view")] + ["TimeInForce", "average_price", "completion"]
