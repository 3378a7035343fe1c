# ruff: noqa: E501 (fixtures as they come over the wire)
"""Wire shapes in, the core's types out; and whatever else comes in, nothing but the declared errors comes out."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.bars import Bar
from bot.domain.kinds import Side
from bot.domain.orders import OrderStatus
from bot.venues.coinbase import parse
from shared.money import amount, plain

PRODUCT: dict[str, Any] = {
    "product_id": "BTC-USD", "price": "83261.5", "base_increment": "0.00000001", "quote_increment": "0.01",
    "price_increment": "0.01", "quote_min_size": "1", "quote_max_size": "150000000", "base_min_size": "0.00000001",
    "base_max_size": "3400", "status": "online", "is_disabled": False, "cancel_only": False, "limit_only": False,
    "post_only": False, "trading_disabled": False, "auction_mode": False, "view_only": False,
    "base_currency_id": "BTC", "quote_currency_id": "USD", "product_type": "SPOT", "mid_market_price": "",
    "approximate_quote_24h_volume": "512345678.9", "volume_24h": "6123.4",
}  # fmt: skip
ACCOUNT: dict[str, Any] = {
    "uuid": "8bfc20d7-f7c6-4422-bf07-8243ca4169fe", "name": "BTC Wallet", "currency": "BTC",
    "available_balance": {"value": "1.23", "currency": "BTC"}, "hold": {"value": "0.5", "currency": "BTC"},
    "deleted_at": None, "ready": True,
}  # fmt: skip
ORDER: dict[str, Any] = {
    "order_id": "0000-1", "client_order_id": "ct-main-x", "product_id": "BTC-USD", "side": "SELL",
    "status": "OPEN", "filled_size": "0.2", "average_filled_price": "86000", "created_time": "2026-11-20T12:00:00.123456Z",
    "order_type": "LIMIT", "order_configuration": {"limit_limit_gtd": {"base_size": "1", "limit_price": "86000", "post_only": True}},
    "reject_reason": "REJECT_REASON_UNSPECIFIED", "reject_message": "", "cancel_message": "", "last_fill_time": None,
}  # fmt: skip
USER_ORDER: dict[str, Any] = {
    "order_id": "0000-1", "client_order_id": "ct-main-x", "product_id": "BTC-USD", "order_side": "BUY",
    "status": "FILLED", "cumulative_quantity": "0.01", "leaves_quantity": "0", "avg_price": "50000",
    "limit_price": "0", "order_type": "Market", "creation_time": "2026-11-20T12:00:00.1Z", "post_only": "false",
    "reject_reason": "", "cancel_reason": "", "end_time": "0001-01-01T00:00:00Z",
}  # fmt: skip
FILL: dict[str, Any] = {
    "entry_id": "ab", "trade_id": "19fc", "order_id": "0000-1", "trade_time": "2026-11-20T12:00:00.504Z",
    "trade_type": "FILL", "price": "0.392", "size": "10", "commission": "0.03136", "product_id": "ADA-USD",
    "liquidity_indicator": "TAKER", "size_in_quote": False, "side": "SELL",
}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "total_volume": 0,
    "fee_tier": {"pricing_tier": "Intro 1", "taker_fee_rate": "0.009", "maker_fee_rate": "0.005"},
}
CANDLE: dict[str, Any] = {
    "start": "1795176000", "low": "1.0", "high": "3", "open": "1.5", "close": "2", "volume": "0"
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ({"cumulative_quantity": "0.01", "leaves_quantity": "0"}, "0.01"),
        # A buy for 500 USD of which 100 are spent: 400 USD are left, which is no size in base.
        ({"status": "OPEN", "cumulative_quantity": "0.002", "leaves_quantity": "400", "limit_price": "0"}, None),
        ({"status": "OPEN", "cumulative_quantity": "0", "leaves_quantity": "500", "limit_price": "49000",
          "outstanding_hold_amount": "500"}, None),
        ({"status": "OPEN", "cumulative_quantity": "0.002", "leaves_quantity": "0.008", "limit_price": "49000",
          "outstanding_hold_amount": "395.528"}, "0.010"),
        ({"status": "OPEN", "cumulative_quantity": "0.3", "leaves_quantity": "0.7", "limit_price": "0",
          "order_side": "SELL", "outstanding_hold_amount": "0.7"}, "1.0"),
        ({"status": "CANCELLED", "cumulative_quantity": "0.3", "leaves_quantity": "0", "limit_price": "49000"}, None),
        ({"status": "OPEN", "cumulative_quantity": "3", "leaves_quantity": "7", "limit_price": "1",
          "outstanding_hold_amount": "7.06"}, "10"),
    ],
)  # fmt: skip
def test_what_is_left_of_a_buy_by_quote_money_is_no_base_size(told: dict[str, Any], size: str | None) -> None:
    found = parse.user_order(USER_ORDER | told).base_size
    assert found == (None if size is None else Decimal(size))


def test_shapes() -> None:
    found = parse.product(PRODUCT)
    assert (found.base, found.quote, found.price, found.halted) == ("BTC", "USD", Decimal("83261.5"), None)
    assert parse.balance(ACCOUNT).total == Decimal("1.73")
    order = parse.venue_order(ORDER)
    assert (order.side, order.status, order.limit_price) == (Side.SELL, OrderStatus.WORKING, Decimal(86000))
    assert order.created_ms == 1795176000123 and order.reason is None
    user = parse.user_order(USER_ORDER)
    assert (user.side, user.status, user.filled_size) == (Side.BUY, OrderStatus.FILLED, Decimal("0.01"))
    assert user.limit_price is None and user.average_fill_price == 50000
    fill = parse.fill(FILL, "ct-main-x")
    assert (fill.base_size, fill.fee, fill.liquidity, fill.exchange_ms) == (
        10,
        Decimal("0.03136"),
        "taker",
        1795176000504,
    )
    for told in ({"commission": ""}, {"commission": None}):
        assert parse.fill(FILL | told, "x", Decimal("0.0075")).fee == fill.price * 10 * Decimal("0.0075")
    assert parse.fill(FILL | {"commission": "0"}, "x", Decimal("0.0075")).fee == 0, "a stated zero is none"
    assert parse.fill(FILL | {"size_in_quote": True, "size": "3.92"}, "x").base_size == 10
    exact = {"size_in_quote": True, "price": "2975.32", "size": "2.6399716828"}
    assert parse.fill(FILL | exact, "x").base_size == Decimal("0.00088729")
    between = {"size_in_quote": True, "price": "72956.05", "size": "1.4822134387351779"}
    assert parse.fill(FILL | between, "x").base_size == Decimal("0.0000203165253428"), "16 decimals, as the exchange"
    assert parse.fee_rates(SUMMARY).taker == Decimal("0.009")
    assert parse.bar(CANDLE) == Bar(1795176000, 1.5, 3.0, 1.0, 2.0, 0.0)


@pytest.mark.parametrize("flag", ["is_disabled", "trading_disabled", "cancel_only", "auction_mode", "view_only"])
def test_each_halt_is_told(flag: str) -> None:
    assert parse.product(PRODUCT | {flag: True}).halted == flag.replace("_", " ")


def test_a_status_that_nobody_knows_may_be_a_living_order() -> None:
    for word in ("HAUNTED", "", None, 7, ["OPEN"], {"a": 1}):
        assert parse.venue_order(ORDER | {"status": word}).status is OrderStatus.UNKNOWN


@pytest.mark.parametrize(
    ("which", "field", "value"),
    [
        ("product", "base_increment", "0"), ("product", "price_increment", "-0.01"), ("product", "quote_max_size", "NaN"),
        ("fill", "price", "0"), ("fill", "size", "-1"), ("fill", "side", "HOLD"), ("fill", "commission", "Infinity"),
        ("fill", "trade_time", "yesterday"), ("fill", "trade_time", "0001-01-01T00:00:00+10:00"), ("fill", "price", 0.392),
        ("fill", "price", True), ("fill", "size", "1e999999"), ("fill", "size", "1_0"), ("fill", "size", "\u0661\u0662"),
        ("bar", "open", "NaN"), ("bar", "close", "0"), ("bar", "high", "1e400"), ("bar", "volume", "NaN"),
        ("bar", "volume", "-1"), ("bar", "start", "99999999999999999999"), ("order", "created_time", None),
        ("order", "filled_size", "much"), ("balance", "hold", None), ("user", "order_side", "BOTH"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(which: str, field: str, value: object) -> None:
    read, raw = READERS[which]
    with pytest.raises((ValueError, KeyError, TypeError)):
        read(raw | {field: value})


READERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "product": (parse.product, PRODUCT),
    "balance": (parse.balance, ACCOUNT),
    "order": (parse.venue_order, ORDER),
    "user": (parse.user_order, USER_ORDER),
    "fill": (lambda raw: parse.fill(raw, "x"), FILL),
    "fees": (parse.fee_rates, SUMMARY),
    "bar": (parse.bar, CANDLE),
    "volume": (parse.volume_quote, PRODUCT),
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", "0", "-1", "NaN", "Infinity", "1e99999", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z"]),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=4), child, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("which", READERS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fuzz_raises_nothing_but_what_is_declared(which: str, data: st.DataObject) -> None:
    read, raw = READERS[which]
    mutated = copy.deepcopy(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(st.sampled_from(sorted(raw)))
        if data.draw(st.booleans()):
            mutated[key] = data.draw(JUNK)
        else:
            mutated.pop(key, None)
    try:
        read(json.loads(json.dumps(mutated)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return


@given(JUNK)
@settings(max_examples=300, deadline=None)
def test_an_amount_is_finite_and_small_enough_or_refused(junk: object) -> None:
    try:
        value = amount(junk)  # type: ignore[arg-type]
    except ValueError:
        return
    assert value.is_finite() and abs(value) < Decimal(10) ** 30


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e20", max_value="1e20", places=18))
def test_amounts_survive_their_text_exactly(value: Decimal) -> None:
    assert amount(plain(value)) == value
    assert "e" not in plain(value).lower()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("OPEN", OrderStatus.WORKING),
        ("PENDING", OrderStatus.WORKING),
        ("QUEUED", OrderStatus.WORKING),
        ("CANCEL_QUEUED", OrderStatus.WORKING),  # it waits in the engine's queue, and may fill until it is its turn
        ("EDIT_QUEUED", OrderStatus.WORKING),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("FAILED", OrderStatus.FAILED),
        ("UNKNOWN_ORDER_STATUS", OrderStatus.UNKNOWN),
        ("cancelled", OrderStatus.UNKNOWN),
        ("", OrderStatus.UNKNOWN),
        (None, OrderStatus.UNKNOWN),
    ],
)
def test_only_a_final_word_ends_an_order(word: Any, status: OrderStatus) -> None:
    """A queued cancel is no cancelled order: its size would be free, and sold once more, while it can still fill."""
    assert parse.venue_order(ORDER | {"status": word}).status is status
    assert parse.user_order(USER_ORDER | {"status": word}).status is status
