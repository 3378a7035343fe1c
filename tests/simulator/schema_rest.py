"""The fields of every REST answer that COIN-SIM serves, written from the venue's published description."""

# ruff: noqa: E501  a table reads best in rows

from typing import Any

from tests.simulator.schema import (
    BOOL,
    DEC,
    DEC_OR_EMPTY,
    EMPTY,
    HEX64,
    INT,
    NUMBER,
    OBJECT,
    PERCENT,
    PRODUCT_ID,
    STEP,
    TEXT,
    TIME,
    UUID,
    UUID_OR_EMPTY,
    WHOLE,
    AnyKey,
    Either,
    Many,
    Null,
    OneOf,
    Opt,
)  # fmt: skip

MONEY = {"value": DEC, "currency": TEXT}
SIDE = OneOf("BUY", "SELL")
STATUS = OneOf("PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED")
TIME_IN_FORCE = OneOf("GOOD_UNTIL_DATE_TIME", "GOOD_UNTIL_CANCELLED", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL")
LEVEL = {"price": DEC, "size": DEC}
BOOK = {"product_id": PRODUCT_ID, "bids": Many(LEVEL, 1), "asks": Many(LEVEL, 1), "time": TIME}
PRODUCT = {
    "product_id": PRODUCT_ID, "price": DEC, "price_percentage_change_24h": DEC, "volume_24h": DEC,
    "volume_percentage_change_24h": DEC, "base_increment": STEP, "quote_increment": STEP, "quote_min_size": STEP,
    "quote_max_size": STEP, "base_min_size": STEP, "base_max_size": STEP, "base_name": TEXT, "quote_name": TEXT,
    "watched": BOOL, "is_disabled": BOOL, "new": BOOL, "status": OneOf("online", "offline", "delisted"),
    "cancel_only": BOOL, "limit_only": BOOL, "post_only": BOOL, "trading_disabled": BOOL, "auction_mode": BOOL,
    "product_type": OneOf("SPOT"), "quote_currency_id": TEXT, "base_currency_id": TEXT,
    "fcm_trading_session_details": Null(OBJECT), "mid_market_price": DEC_OR_EMPTY,
    "alias": Either(PRODUCT_ID, EMPTY), "alias_to": Many(PRODUCT_ID), "base_display_symbol": TEXT,
    "quote_display_symbol": TEXT, "view_only": BOOL, "price_increment": STEP, "display_name": TEXT,
    "product_venue": OneOf("CBE"), "approximate_quote_24h_volume": DEC, "new_at": TIME, "market_cap": DEC_OR_EMPTY,
    "base_cbrn": TEXT, "quote_cbrn": TEXT, "product_cbrn": TEXT, "icon_color": TEXT, "icon_url": TEXT,
    "display_name_overwrite": TEXT, "is_alpha_testing": BOOL, "about_description": TEXT,
    "best_bid_price": DEC_OR_EMPTY, "best_ask_price": DEC_OR_EMPTY, "high_24h": DEC, "low_24h": DEC,
    "hidden_from_discovery": BOOL,
}  # fmt: skip
PAGES = {"prev_cursor": TEXT, "next_cursor": TEXT, "has_next": BOOL, "has_prev": BOOL}
PRODUCTS = {"products": Many(PRODUCT, 1), "num_products": INT, "pagination": PAGES}
CANDLES = {"candles": Many({"start": WHOLE, "low": DEC, "high": DEC, "open": DEC, "close": DEC, "volume": DEC}, 1)}
TRADE = {
    "trade_id": WHOLE, "product_id": PRODUCT_ID, "price": DEC, "size": DEC, "time": TIME, "side": SIDE, "bid": EMPTY,
    "ask": EMPTY, "exchange": TEXT,
}  # fmt: skip
TICKER = {"trades": Many(TRADE, 1), "best_bid": DEC, "best_ask": DEC}
PRODUCT_BOOK = {"pricebook": BOOK, "last": DEC, "mid_market": DEC, "spread_bps": DEC, "spread_absolute": DEC}
ACCOUNT = {
    "uuid": UUID, "name": TEXT, "currency": TEXT, "available_balance": MONEY, "default": BOOL, "active": BOOL,
    "created_at": TIME, "updated_at": TIME, "deleted_at": Null(TIME),
    "type": OneOf("ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT"), "ready": BOOL, "hold": MONEY,
    "retail_portfolio_id": UUID, "platform": OneOf("ACCOUNT_PLATFORM_CONSUMER"),
}  # fmt: skip
COMMISSION = {
    "total_commission": DEC, "gst_commission": DEC, "withholding_commission": DEC, "client_commission": DEC,
    "venue_commission": DEC, "regulatory_commission": DEC, "clearing_commission": DEC,
}  # fmt: skip
SIZED = {"base_size": Opt(DEC), "quote_size": Opt(DEC), "rfq_disabled": Opt(BOOL)}
LIMIT = {**SIZED, "limit_price": DEC}
STOP = {
    "base_size": DEC,
    "limit_price": DEC,
    "stop_price": DEC,
    "stop_direction": OneOf("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"),
}
BRACKET = {"base_size": Opt(DEC), "limit_price": DEC, "stop_trigger_price": DEC}
CONFIGURATION = {
    "market_market_ioc": Opt(SIZED), "sor_limit_ioc": Opt(LIMIT), "limit_limit_fok": Opt(LIMIT),
    "limit_limit_gtc": Opt({**LIMIT, "post_only": Opt(BOOL)}),
    "limit_limit_gtd": Opt({**LIMIT, "end_time": TIME, "post_only": Opt(BOOL)}),
    "stop_limit_stop_limit_gtc": Opt(STOP), "stop_limit_stop_limit_gtd": Opt({**STOP, "end_time": TIME}),
    "trigger_bracket_gtc": Opt(BRACKET), "trigger_bracket_gtd": Opt({**BRACKET, "end_time": TIME}),
    "twap_limit_gtd": Opt({
        **LIMIT, "start_time": Opt(TIME), "end_time": TIME, "number_buckets": Opt(TEXT), "bucket_size": Opt(DEC),
        "bucket_duration": Opt(TEXT),
    }),
    "scaled_limit_gtc": Opt({
        **SIZED, "orders": Opt(Many(OBJECT)), "num_orders": INT, "min_price": DEC, "max_price": DEC,
        "price_distribution": TEXT, "size_distribution": TEXT, "size_diff": Opt(DEC), "size_ratio": Opt(DEC),
    }),
}  # fmt: skip
EDIT = {"price": DEC, "size": DEC, "replace_accept_timestamp": TIME}
ORDER = {
    "order_id": UUID, "product_id": PRODUCT_ID, "user_id": UUID, "order_configuration": CONFIGURATION, "side": SIDE,
    "client_order_id": TEXT, "status": STATUS, "time_in_force": TIME_IN_FORCE, "created_time": TIME,
    "completion_percentage": PERCENT, "filled_size": DEC, "average_filled_price": DEC, "fee": EMPTY,
    "number_of_fills": WHOLE, "filled_value": DEC, "pending_cancel": BOOL, "size_in_quote": BOOL, "total_fees": DEC,
    "size_inclusive_of_fees": BOOL, "total_value_after_fees": DEC,
    "trigger_status": OneOf("INVALID_ORDER_TYPE", "STOP_PENDING", "STOP_TRIGGERED"),
    "order_type": OneOf("MARKET", "LIMIT", "STOP_LIMIT", "BRACKET", "TWAP", "SCALED"),
    "reject_reason": TEXT, "settled": BOOL, "product_type": OneOf("SPOT"), "reject_message": TEXT,
    "cancel_message": TEXT, "order_placement_source": OneOf("RETAIL_ADVANCED"), "outstanding_hold_amount": DEC,
    "is_liquidation": BOOL, "last_fill_time": Null(TIME), "edit_history": Many(EDIT), "leverage": EMPTY,
    "margin_type": OneOf("UNKNOWN_MARGIN_TYPE"), "retail_portfolio_id": UUID, "originating_order_id": UUID_OR_EMPTY,
    "attached_order_id": UUID_OR_EMPTY, "attached_order_configuration": Null(CONFIGURATION),
    "current_pending_replace": Null(EDIT), "commission_detail_total": COMMISSION, "workable_size": DEC_OR_EMPTY,
    "workable_size_completion_pct": Either(PERCENT, EMPTY), "product_details": Null(OBJECT),
    "cost_basis_method": OneOf("COST_BASIS_METHOD_UNSPECIFIED"),
    "displayed_order_config": OneOf("UNKNOWN_DISPLAYED_ORDER_CONFIG"),
    "equity_trading_session": OneOf("UNKNOWN_EQUITY_TRADING_SESSION"),
    "prediction_side": OneOf("PREDICTION_SIDE_UNKNOWN"), "last_update_time": TIME,
}  # fmt: skip
FILL = {
    "entry_id": HEX64, "trade_id": UUID, "order_id": UUID, "trade_time": TIME, "trade_type": OneOf("FILL"), "price": DEC,
    "size": DEC, "commission": DEC, "product_id": PRODUCT_ID, "sequence_timestamp": TIME,
    "liquidity_indicator": OneOf("MAKER", "TAKER"), "size_in_quote": BOOL, "user_id": UUID, "side": SIDE,
    "retail_portfolio_id": UUID, "fillSource": OneOf("FILL_SOURCE_CLOB"), "commission_detail_total": COMMISSION,
    "order_data_source": OneOf("ORDER_DATA_SOURCE_TRADING_PROXY"), "future_legs": Many(OBJECT),
}  # fmt: skip
CREATED = {
    "success": BOOL, "failure_reason": OneOf("UNKNOWN_FAILURE_REASON"), "order_id": UUID,
    "success_response": {"order_id": UUID, "product_id": PRODUCT_ID, "side": SIDE, "client_order_id": TEXT,
                         "attached_order_id": UUID_OR_EMPTY},
    "order_configuration": CONFIGURATION,
}  # fmt: skip
REFUSED = {
    "success": BOOL, "failure_reason": OneOf("UNKNOWN_FAILURE_REASON"), "order_id": EMPTY,
    "error_response": {"error": TEXT, "message": TEXT, "error_details": TEXT, "preview_failure_reason": TEXT,
                       "new_order_failure_reason": TEXT},
    "order_configuration": OBJECT,
}  # fmt: skip
EDIT_ERRORS = Many({"edit_failure_reason": TEXT, "preview_failure_reason": TEXT})
TOTALS = {"order_total": DEC, "commission_total": DEC, "quote_size": DEC, "base_size": DEC, "best_bid": DEC_OR_EMPTY,
          "best_ask": DEC_OR_EMPTY, "slippage": DEC}  # fmt: skip
PREVIEW = {
    **TOTALS, "errs": Many(TEXT), "warning": Many(TEXT), "is_max": BOOL, "order_margin_total": DEC, "leverage": EMPTY,
    "long_leverage": EMPTY, "short_leverage": EMPTY, "preview_id": UUID, "current_liquidation_buffer": EMPTY,
    "projected_liquidation_buffer": EMPTY, "max_leverage": EMPTY,
    "pnl_configuration": Null({"trigger_bracket_pnl": {"take_profit_pnl": DEC, "stop_loss_pnl": DEC}}),
    "twap_bucket_metadata": Null({"bucket_duration": TEXT, "bucket_size": DEC, "number_buckets": WHOLE, "start_time": TIME, "end_time": TIME}),
    "position_notional_limit": EMPTY, "max_notional_at_requested_leverage": EMPTY,
    "margin_ratio_data": {"current_margin_ratio": DEC, "projected_margin_ratio": DEC},
    "commission_detail_total": COMMISSION,
    "scaled_metadata": Null({"scaled_order_distribution": Many({"size": DEC, "price": DEC, "errs": Many(TEXT), "warning": Many(TEXT)}, 2)}),
    "compliance_limit_data": Null(OBJECT), "est_average_filled_price": DEC, "prediction_order_metadata": Null(OBJECT),
    "predicted_liquidation_price": EMPTY,
}  # fmt: skip
SUMMARY = {
    "total_volume": NUMBER, "total_fees": NUMBER,
    "fee_tier": {"pricing_tier": TEXT, "usd_from": DEC, "usd_to": DEC_OR_EMPTY, "taker_fee_rate": DEC,
                 "maker_fee_rate": DEC, "aop_from": TEXT, "aop_to": TEXT, "volume_types_and_range": Many(OBJECT)},
    "margin_rate": Null(OBJECT), "goods_and_services_tax": Null(OBJECT), "advanced_trade_only_volume": NUMBER,
    "advanced_trade_only_fees": NUMBER, "coinbase_pro_volume": NUMBER, "coinbase_pro_fees": NUMBER,
    "total_balance": DEC, "has_promo_fee": BOOL, "volume_breakdown": Many({"volume_type": OneOf("VOLUME_TYPE_SPOT"), "volume": NUMBER}), "has_cost_plus_commission": BOOL,
}  # fmt: skip
PORTFOLIO = {"name": TEXT, "uuid": UUID, "type": OneOf("DEFAULT", "CONSUMER"), "deleted": BOOL}
BALANCES = dict.fromkeys(
    ("total_balance", "total_futures_balance", "total_cash_equivalent_balance", "total_crypto_balance",
     "futures_unrealized_pnl", "perp_unrealized_pnl"), MONEY)  # fmt: skip
POSITION = {
    "asset": TEXT, "account_uuid": UUID, "total_balance_fiat": NUMBER, "total_balance_crypto": NUMBER,
    "available_to_trade_fiat": NUMBER, "allocation": NUMBER, "cost_basis": MONEY, "asset_img_url": TEXT,
    "is_cash": BOOL, "average_entry_price": MONEY, "available_to_trade_crypto": NUMBER, "unrealized_pnl": NUMBER,
}  # fmt: skip
BREAKDOWN = {
    "portfolio": PORTFOLIO, "portfolio_balances": BALANCES, "spot_positions": Many(POSITION, 1),
    "perp_positions": Many(OBJECT), "futures_positions": Many(OBJECT),
}  # fmt: skip
CONVERT_FEE = {"title": TEXT, "description": TEXT, "amount": MONEY, "label": TEXT,
               "disclosure": {"title": TEXT, "description": TEXT, "link": {"text": TEXT, "url": TEXT}}}  # fmt: skip
LEDGER = {"type": TEXT, "network": TEXT}
CONVERSION = {"trade": {
    "id": UUID, "status": OneOf("TRADE_STATUS_CREATED", "TRADE_STATUS_COMPLETED"), "user_entered_amount": MONEY,
    "amount": MONEY, "subtotal": MONEY, "total": MONEY, "fees": Many(CONVERT_FEE), "total_fee": CONVERT_FEE,
    "source": LEDGER, "target": LEDGER, "unit_price": {"target_to_source": {"amount": MONEY, "scale": INT}},
    "user_warnings": Many(OBJECT), "user_reference": TEXT, "source_currency": TEXT, "target_currency": TEXT,
    "source_id": TEXT, "target_id": TEXT, "exchange_rate": MONEY, "tax_details": Many(OBJECT),
    "total_fee_without_tax": CONVERT_FEE, "fiat_denoted_total": MONEY,
}}  # fmt: skip
PAYMENT_METHOD = {
    "id": UUID, "type": TEXT, "name": TEXT, "currency": TEXT, "verified": BOOL, "allow_buy": BOOL, "allow_sell": BOOL,
    "allow_deposit": BOOL, "allow_withdraw": BOOL, "created_at": TIME, "updated_at": TIME,
}  # fmt: skip
WINDOW = {
    "margin_window_type": TEXT, "margin_level": OneOf("MARGIN_LEVEL_TYPE_BASE"), "initial_margin": DEC,
    "maintenance_margin": DEC, "liquidation_buffer": DEC, "total_hold": DEC, "futures_buying_power": DEC,
}  # fmt: skip
FUTURES_AMOUNTS = (
    "futures_buying_power", "total_usd_balance", "cbi_usd_balance", "cfm_usd_balance", "total_open_orders_hold_amount",
    "unrealized_pnl", "daily_realized_pnl", "initial_margin", "available_margin", "liquidation_threshold",
    "liquidation_buffer_amount",
)  # fmt: skip
FUTURES = {
    **dict.fromkeys(FUTURES_AMOUNTS, MONEY), "liquidation_buffer_percentage": DEC,
    "intraday_margin_window_measure": WINDOW, "overnight_margin_window_measure": WINDOW,
}  # fmt: skip
CURRENCY = {
    "code": TEXT, "name": TEXT, "color": TEXT, "sort_index": INT, "exponent": INT, "type": OneOf("fiat", "crypto"),
    "address_regex": TEXT, "asset_id": TEXT, "slug": Opt(TEXT),
}  # fmt: skip
V2_ACCOUNT = {
    "id": UUID, "name": TEXT, "primary": BOOL, "type": OneOf("fiat", "wallet"),
    "balance": {"amount": DEC, "currency": TEXT}, "created_at": TIME, "updated_at": TIME, "resource": OneOf("account"),
    "resource_path": TEXT, "currency": CURRENCY, "allow_deposits": BOOL, "allow_withdrawals": BOOL,
}  # fmt: skip
V2_PAGES = {
    **dict.fromkeys(("ending_before", "starting_after", "previous_ending_before", "next_starting_after",
                     "previous_uri", "next_uri"), Null(TEXT)), "limit": INT, "order": OneOf("desc"),
}  # fmt: skip
ERROR = {"error": TEXT, "error_details": TEXT, "message": TEXT}
TOO_MANY = {"errors": Many({"id": OneOf("rate_limit_exceeded"), "message": TEXT}, 1)}

API = "/api/v3/brokerage"
NO_FUTURES = [
    f"GET {API}/cfm/positions/{{name}}", f"DELETE {API}/cfm/sweeps", f"POST {API}/cfm/sweeps/schedule",
    f"GET {API}/cfm/intraday/margin_setting", f"POST {API}/cfm/intraday/margin_setting",
    f"GET {API}/cfm/intraday/current_margin_window", f"POST {API}/intx/allocate", f"GET {API}/intx/portfolio/{{name}}",
    f"GET {API}/intx/positions/{{name}}", f"GET {API}/intx/positions/{{name}}/{{symbol}}",
    f"GET {API}/intx/balances/{{name}}", f"POST {API}/intx/multi_asset_collateral",
]  # fmt: skip
# Every route that is served, with the shape of its answer.
ROUTES: dict[str, Any] = {
    f"GET {API}/time": {"iso": TIME, "epochSeconds": WHOLE, "epochMillis": WHOLE},
    **{f"GET {API}{base}": PRODUCTS for base in ("/products", "/market/products")},
    **{f"GET {API}{base}/{{product_id}}": PRODUCT for base in ("/products", "/market/products")},
    **{f"GET {API}{base}/{{product_id}}/candles": CANDLES for base in ("/products", "/market/products")},
    **{f"GET {API}{base}/{{product_id}}/ticker": TICKER for base in ("/products", "/market/products")},
    **{f"GET {API}{base}/product_book": PRODUCT_BOOK for base in ("", "/market")},
    f"GET {API}/best_bid_ask": {"pricebooks": Many(BOOK, 1)},
    f"GET {API}/accounts": {"accounts": Many(ACCOUNT, 1), "has_next": BOOL, "cursor": TEXT, "size": INT},
    f"GET {API}/accounts/{{uuid}}": {"account": ACCOUNT},
    f"GET {API}/transaction_summary": SUMMARY,
    f"GET {API}/key_permissions": {"can_view": BOOL, "can_trade": BOOL, "can_transfer": BOOL, "portfolio_uuid": UUID,
                                   "portfolio_type": OneOf("DEFAULT", "CONSUMER")},
    f"POST {API}/orders": Either(CREATED, REFUSED),
    f"POST {API}/orders/preview": PREVIEW,
    f"POST {API}/orders/edit": {"success": BOOL, "errors": EDIT_ERRORS},
    f"POST {API}/orders/edit_preview": {**TOTALS, "errors": EDIT_ERRORS, "average_filled_price": DEC},
    f"POST {API}/orders/batch_cancel": {"results": Many({"success": BOOL, "failure_reason": TEXT, "order_id": TEXT}, 1)},
    f"POST {API}/orders/close_position": REFUSED,
    f"GET {API}/orders/historical/{{order_id}}": {"order": ORDER},
    f"GET {API}/orders/historical/batch": {"orders": Many(ORDER, 1), "sequence": WHOLE, "has_next": BOOL, "cursor": TEXT, "proof_token_required": BOOL},
    f"GET {API}/orders/historical/fills": {"fills": Many(FILL, 1), "cursor": TEXT, "proof_token_required": BOOL},
    f"GET {API}/portfolios": {"portfolios": Many(PORTFOLIO, 1)},
    f"POST {API}/portfolios": {"portfolio": PORTFOLIO},
    f"GET {API}/portfolios/{{uuid}}": {"breakdown": BREAKDOWN},
    f"PUT {API}/portfolios/{{uuid}}": {"portfolio": PORTFOLIO},
    f"DELETE {API}/portfolios/{{uuid}}": {},
    f"POST {API}/portfolios/move_funds": {"source_portfolio_uuid": UUID, "target_portfolio_uuid": UUID},
    f"POST {API}/convert/quote": CONVERSION,
    f"GET {API}/convert/trade/{{trade_id}}": CONVERSION,
    f"POST {API}/convert/trade/{{trade_id}}": CONVERSION,
    f"GET {API}/payment_methods": {"payment_methods": Many(PAYMENT_METHOD, 1)},
    f"GET {API}/payment_methods/{{method_id}}": {"payment_method": PAYMENT_METHOD},
    f"GET {API}/cfm/balance_summary": {"balance_summary": FUTURES},
    f"GET {API}/cfm/positions": {"positions": Many(OBJECT)},
    f"GET {API}/cfm/sweeps": {"sweeps": Many(OBJECT)},
    **dict.fromkeys(NO_FUTURES, ERROR),
    "GET /v2/time": {"data": {"iso": TIME, "epoch": INT}},
    "GET /v2/currencies": {"data": Many({"id": TEXT, "name": TEXT, "min_size": STEP}, 1)},
    "GET /v2/currencies/crypto": {"data": Many(CURRENCY, 1)},
    "GET /v2/exchange-rates": {"data": {"currency": TEXT, "rates": AnyKey(DEC)}},
    "GET /v2/accounts": {"pagination": V2_PAGES, "data": Many(V2_ACCOUNT, 1)},
}  # fmt: skip

# The right that the venue's documents ask of a key: "" for public routes, `view` for what is not named here.
RIGHTS = {
    **dict.fromkeys((
        f"POST {API}/orders", f"POST {API}/orders/batch_cancel", f"POST {API}/orders/edit",
        f"POST {API}/orders/close_position", f"POST {API}/convert/quote", f"POST {API}/convert/trade/{{trade_id}}",
        f"PUT {API}/portfolios/{{uuid}}", f"DELETE {API}/portfolios/{{uuid}}", f"POST {API}/cfm/intraday/margin_setting",
        f"POST {API}/intx/multi_asset_collateral",
    ), "trade"),
    **dict.fromkeys((
        f"POST {API}/portfolios/move_funds", f"POST {API}/cfm/sweeps/schedule", f"DELETE {API}/cfm/sweeps",
        f"POST {API}/intx/allocate",
    ), "transfer"),
    **dict.fromkeys((route for route in ROUTES if "/market/" in route or route == f"GET {API}/time"), ""),
    **dict.fromkeys((route for route in ROUTES if route.startswith("GET /v2/") and route != "GET /v2/accounts"), ""),
}  # fmt: skip
