"""The fields of every stream message that COIN-SIM serves, by channel."""

from typing import Any

from tests.simulator.schema import (
    DEC,
    DEC_OR_EMPTY,
    EMPTY,
    INT,
    OBJECT,
    PERCENT,
    PRODUCT_ID,
    STEP,
    TEXT,
    TIME,
    UUID,
    WHOLE,
    AnyKey,
    Many,
    OneOf,
    Opt,
    Word,
    matches,
)  # fmt: skip
from tests.simulator.schema_rest import FUTURES_AMOUNTS, SIDE, STATUS, TIME_IN_FORCE

KIND = OneOf("snapshot", "update")
GO_TIME = Word("a time as Go prints it", matches(r"\d{4}(-\d\d){2} \d\d(:\d\d){2}\.\d+ \+0000 UTC m=\+\d+\.\d+"))
TICKER = {
    "type": OneOf("ticker"), "product_id": PRODUCT_ID, "price": DEC, "volume_24_h": DEC, "low_24_h": DEC,
    "high_24_h": DEC, "low_52_w": DEC, "high_52_w": DEC, "price_percent_chg_24_h": DEC,
}  # fmt: skip
BEST = dict.fromkeys(("best_bid", "best_ask", "best_bid_quantity", "best_ask_quantity"), DEC_OR_EMPTY)
LEVEL = {"side": OneOf("bid", "offer"), "event_time": TIME, "price_level": DEC, "new_quantity": DEC}
TRADE = {"product_id": PRODUCT_ID, "trade_id": WHOLE, "price": DEC, "size": DEC, "time": TIME, "side": SIDE}
CANDLE = {"start": WHOLE, "high": DEC, "low": DEC, "open": DEC, "close": DEC, "volume": DEC, "product_id": PRODUCT_ID}
STATUS_ROW = {
    "product_type": OneOf("SPOT"), "id": PRODUCT_ID, "base_currency": TEXT, "quote_currency": TEXT,
    "base_increment": STEP, "quote_increment": STEP, "display_name": TEXT,
    "status": OneOf("online", "offline", "delisted"), "status_message": TEXT, "min_market_funds": STEP,
}  # fmt: skip
ORDER = {
    "avg_price": DEC, "cancel_reason": TEXT, "client_order_id": TEXT, "completion_percentage": PERCENT,
    "contract_expiry_type": OneOf("UNKNOWN_CONTRACT_EXPIRY_TYPE"), "cumulative_quantity": DEC, "filled_value": DEC,
    "leaves_quantity": DEC, "limit_price": DEC, "number_of_fills": WHOLE, "order_id": UUID, "order_side": SIDE,
    "order_type": OneOf("Market", "Limit", "Stop Limit", "Bracket", "TWAP", "Scaled"), "outstanding_hold_amount": DEC,
    "post_only": OneOf("true", "false"), "product_id": PRODUCT_ID, "product_type": OneOf("SPOT"), "reject_reason": TEXT,
    "retail_portfolio_id": UUID, "risk_managed_by": OneOf("UNKNOWN_RISK_MANAGEMENT_TYPE"), "status": STATUS,
    "stop_price": DEC_OR_EMPTY, "time_in_force": TIME_IN_FORCE, "total_fees": DEC, "total_value_after_fees": DEC,
    "trigger_status": OneOf("INVALID_ORDER_TYPE", "STOP_PENDING", "STOP_TRIGGERED"), "creation_time": TIME,
    "end_time": TIME, "start_time": TIME,
}  # fmt: skip
POSITIONS = dict.fromkeys(
    ("perpetual_futures_positions", "expiring_futures_positions", "prediction_market_positions"), Many(OBJECT)
)
WINDOW = {
    "margin_window_type": TEXT, "margin_level": OneOf("MARGIN_LEVEL_TYPE_BASE"), "initial_margin": DEC,
    "maintenance_margin": DEC, "liquidation_buffer_percentage": DEC, "total_hold": DEC, "futures_buying_power": DEC,
}  # fmt: skip
FUTURES = {
    **dict.fromkeys(FUTURES_AMOUNTS, DEC), "liquidation_buffer_percentage": DEC,
    "intraday_margin_window_measure": WINDOW, "overnight_margin_window_measure": WINDOW,
}  # fmt: skip
# What one event of each channel holds, by the name that messages carry.
EVENTS: dict[str, Any] = {
    "heartbeats": {"current_time": GO_TIME, "heartbeat_counter": INT},
    "ticker": {"type": KIND, "tickers": Many({**TICKER, **BEST}, 1)},
    "ticker_batch": {"type": KIND, "tickers": Many(TICKER, 1)},
    "l2_data": {"type": KIND, "product_id": PRODUCT_ID, "updates": Many(LEVEL, 1)},
    "market_trades": {"type": KIND, "trades": Many(TRADE, 1)},
    "candles": {"type": KIND, "candles": Many(CANDLE, 1)},
    "status": {"type": KIND, "products": Many(STATUS_ROW, 1)},
    "user": {"type": KIND, "orders": Many(ORDER), "positions": POSITIONS},
    "futures_balance_summary": {"type": KIND, "fcm_balance_summary": FUTURES},
    "subscriptions": {"subscriptions": AnyKey(Many(TEXT, 1))},
}
ERROR = {"type": OneOf("error"), "message": TEXT}


def message(channel: str) -> dict[str, Any]:
    """The shape of one message."""
    return {
        "channel": OneOf(channel), "client_id": Opt(EMPTY), "timestamp": TIME, "sequence_num": INT,
        "events": Many(EVENTS[channel], 1),
    }  # fmt: skip
