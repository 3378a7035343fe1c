"""REST's answers field by field and type by type, against the list that we keep of Coinbase's own."""

# ruff: noqa: E501  a table reads best in rows

from typing import Any

import pytest

from tests.simulator.local import Local

T, B, N = "text", "boolean", "number"
MONEY = {"value": T, "currency": T}
LEVEL = [{"price": T, "size": T}]
PRODUCT = {
    **dict.fromkeys(
        ["product_id", "price", "price_percentage_change_24h", "volume_24h", "volume_percentage_change_24h",
         "base_increment", "quote_increment", "quote_min_size", "quote_max_size", "base_min_size", "base_max_size",
         "base_name", "quote_name", "status", "product_type", "quote_currency_id", "base_currency_id",
         "mid_market_price", "alias", "base_display_symbol", "quote_display_symbol", "price_increment",
         "display_name", "product_venue", "approximate_quote_24h_volume", "new_at", "market_cap", "base_cbrn",
         "quote_cbrn", "product_cbrn", "icon_color", "icon_url", "display_name_overwrite", "about_description",
         "best_bid_price", "best_ask_price", "high_24h", "low_24h"], T),
    **dict.fromkeys(
        ["watched", "is_disabled", "new", "cancel_only", "limit_only", "post_only", "trading_disabled", "auction_mode",
         "view_only", "is_alpha_testing", "hidden_from_discovery"], B),
    "fcm_trading_session_details": None, "alias_to": [],
}  # fmt: skip
ACCOUNT = {
    **dict.fromkeys(["uuid", "name", "currency", "created_at", "updated_at", "type", "retail_portfolio_id", "platform"], T),
    **dict.fromkeys(["default", "active", "ready"], B),
    "available_balance": MONEY, "hold": MONEY, "deleted_at": None,
}  # fmt: skip
ORDER = {
    **dict.fromkeys(
        ["order_id", "product_id", "user_id", "side", "client_order_id", "status", "time_in_force", "created_time",
         "completion_percentage", "filled_size", "average_filled_price", "fee", "number_of_fills", "filled_value",
         "total_fees", "total_value_after_fees", "trigger_status", "order_type", "reject_reason", "product_type",
         "reject_message", "cancel_message", "order_placement_source", "outstanding_hold_amount", "last_fill_time",
         "leverage", "margin_type", "retail_portfolio_id", "originating_order_id", "attached_order_id"], T),
    **dict.fromkeys(["pending_cancel", "size_in_quote", "size_inclusive_of_fees", "settled", "is_liquidation"], B),
    "order_configuration": {"market_market_ioc": {"quote_size": T}}, "edit_history": [],
    "attached_order_configuration": None,
}  # fmt: skip
FILL = {
    **dict.fromkeys(
        ["entry_id", "trade_id", "order_id", "trade_time", "trade_type", "price", "size", "commission", "product_id",
         "sequence_timestamp", "liquidity_indicator", "user_id", "side", "retail_portfolio_id", "fillSource"], T),
    "size_in_quote": B, "commission_detail_total": {"total_commission": T},
}  # fmt: skip
TRADE = dict.fromkeys(["trade_id", "product_id", "price", "size", "time", "side", "bid", "ask", "exchange"], T)
BOOK = {"product_id": T, "bids": LEVEL, "asks": LEVEL, "time": T}
PORTFOLIO = {"name": T, "uuid": T, "type": T, "deleted": B}
SUMMARY = {
    **dict.fromkeys(
        ["total_volume", "total_fees", "advanced_trade_only_volume", "advanced_trade_only_fees", "coinbase_pro_volume",
         "coinbase_pro_fees"], N),
    "fee_tier": {
        **dict.fromkeys(["pricing_tier", "usd_from", "usd_to", "taker_fee_rate", "maker_fee_rate", "aop_from", "aop_to"], T),
        "volume_types_and_range": [],
    },
    "margin_rate": None, "goods_and_services_tax": None, "total_balance": T, "has_promo_fee": B, "volume_breakdown": [],
    "has_cost_plus_commission": B,
}  # fmt: skip
PREVIEW = {
    **dict.fromkeys(
        ["order_total", "commission_total", "quote_size", "base_size", "best_bid", "best_ask", "order_margin_total",
         "leverage", "long_leverage", "short_leverage", "slippage", "preview_id", "current_liquidation_buffer",
         "projected_liquidation_buffer", "max_leverage"], T),
    "errs": [], "warning": [], "is_max": B, "pnl_configuration": None,
}  # fmt: skip
ANSWERS: list[tuple[str, str, Any]] = [
    ("GET", "/time", {"iso": T, "epochSeconds": T, "epochMillis": T}),
    ("GET", "/products/ABC-USD", PRODUCT),
    ("GET", "/market/products", {"products": [PRODUCT], "num_products": N, "pagination": None}),
    ("GET", "/products/ABC-USD/ticker?limit=5", {"trades": [TRADE], "best_bid": T, "best_ask": T}),
    ("GET", "/product_book?product_id=ABC-USD",
     {"pricebook": BOOK, "last": T, "mid_market": T, "spread_bps": T, "spread_absolute": T}),
    ("GET", "/best_bid_ask", {"pricebooks": [BOOK]}),
    ("GET", "/accounts", {"accounts": [ACCOUNT], "has_next": B, "cursor": T, "size": N}),
    ("GET", "/transaction_summary", SUMMARY),
    ("GET", "/key_permissions", {"can_view": B, "can_trade": B, "can_transfer": B, "portfolio_uuid": T, "portfolio_type": T}),
    ("GET", "/portfolios", {"portfolios": [PORTFOLIO]}),
    ("GET", "/orders/historical/{order}", {"order": ORDER}),
    ("GET", "/orders/historical/batch",
     {"orders": [ORDER], "sequence": T, "has_next": B, "cursor": T, "proof_token_required": B}),
    ("GET", "/orders/historical/fills", {"fills": [FILL], "cursor": T}),
    ("POST", "/orders/preview", PREVIEW),
    ("GET", "/v2/time", {"data": {"iso": T, "epoch": N}}),
]  # fmt: skip


def check(found: Any, wanted: Any, where: str) -> None:
    """Same keys, same types; a list in `wanted` describes every element, an empty one any."""
    if wanted is T:
        assert isinstance(found, str), where
    elif wanted is B:
        assert isinstance(found, bool), where
    elif wanted is N:
        assert isinstance(found, int | float) and not isinstance(found, bool), where
    elif wanted is None:
        assert found is None, where
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        for i, item in enumerate(found if wanted else []):
            check(item, wanted[0], f"{where}[{i}]")
    else:
        assert set(found) == set(wanted), f"{where}: {set(found) ^ set(wanted)}"
        for key in wanted:
            check(found[key], wanted[key], f"{where}.{key}")


@pytest.mark.parametrize(("method", "path", "wanted"), ANSWERS, ids=[path for _, path, _ in ANSWERS])
def test_answers_have_coinbases_fields_and_types(method: str, path: str, wanted: Any) -> None:
    x = Local()
    order_id = x.placed("BUY", "market_market_ioc", quote_size="100")
    body = {
        "product_id": "ABC-USD", "side": "BUY", "order_configuration": {"market_market_ioc": {"quote_size": "10"}},
    } if method == "POST" else None  # fmt: skip
    check(x.ok(method, path.replace("{order}", order_id), body), wanted, path)
