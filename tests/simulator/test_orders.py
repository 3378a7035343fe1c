"""Every kind of order through REST: what it does, what it holds, how it ends, how it is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.simulator.local import Local


@pytest.fixture
def x() -> Local:
    return Local()


def after(local: Local, seconds: float) -> str:
    at = datetime.fromtimestamp(local.venue.now_us / 1e6, UTC) + timedelta(seconds=seconds)
    return at.isoformat().replace("+00:00", "Z")


def test_market_buy_by_quote_spends_at_most_that_with_the_fee(x: Local) -> None:
    order = x.order(x.placed("BUY", "market_market_ioc", quote_size="100"))
    assert order["status"] == "FILLED" and order["size_in_quote"] and order["size_inclusive_of_fees"]
    assert order["filled_size"] == "0.99"  # 100 / 1.009 / 100.10 = 0.990 steps of 0.001
    assert order["filled_value"] == "99.099"
    assert order["total_fees"] == "0.891891"
    assert order["total_value_after_fees"] == "99.990891"
    assert x.balance("USD") == ("9900.009109", "0")
    assert x.balance("ABC") == ("0.99", "0")


def test_market_order_walks_the_book_and_pays_each_level(x: Local) -> None:
    order = x.order(x.placed("BUY", "market_market_ioc", base_size="7"))
    assert order["filled_value"] == "700.9"  # 5 at 100.10, 2 at 100.20
    assert order["number_of_fills"] == "2"
    assert order["average_filled_price"] == "100.1285714285714286"
    fills = x.ok("GET", f"/orders/historical/fills?order_ids={order['order_id']}")["fills"]
    assert [(f["price"], f["size"], f["liquidity_indicator"]) for f in fills] == [
        ("100.2", "2", "TAKER"), ("100.1", "5", "TAKER"),
    ]  # fmt: skip


def test_market_order_stops_at_the_price_protection(x: Local) -> None:
    market = x.venue.exchange.venue.markets["ABC-USD"]
    market.book.asks.set_crowd(12_000, 5_000)
    order = x.order(x.placed("BUY", "market_market_ioc", base_size="26"))
    assert order["status"] == "CANCELLED" and order["filled_size"] == "25"
    assert x.balance("USD")[1] == "0"


def test_limit_rests_with_its_hold_fills_in_part_and_is_cancelled(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95", post_only=True)
    assert x.balance("USD") == ("8991.5045", "1008.4955")  # 999.50 and 0.9 % of it
    x.print_(9_995, 4_000)
    order = x.order(order_id)
    assert (order["status"], order["filled_size"], order["total_fees"]) == ("OPEN", "4", "1.999")  # maker, 0.5 %
    assert order["outstanding_hold_amount"] == "605.0973"
    results = x.ok("POST", "/orders/batch_cancel", {"order_ids": [order_id]})["results"]
    assert results == [{"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}]
    x.wait(0.03)
    order = x.order(order_id)
    assert (order["status"], order["cancel_message"]) == ("CANCELLED", "User requested cancel")
    assert x.balance("USD") == ("9598.201", "0")  # 10,000 less 399.80 and 1.999


def test_a_resting_order_waits_behind_who_was_there(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="99.90")
    x.print_(9_990, 5_000)
    assert x.order(order_id)["filled_size"] == "0"
    x.print_(9_990, 1_000)
    assert x.order(order_id)["status"] == "FILLED"


def test_a_price_that_goes_through_fills_at_the_orders_own_price(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="99.50")
    x.print_(9_900)
    order = x.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "99.5")


def test_ioc_takes_what_is_there(x: Local) -> None:
    order = x.order(x.placed("BUY", "sor_limit_ioc", base_size="8", limit_price="100.10"))
    assert (order["status"], order["filled_size"], order["time_in_force"]) == ("CANCELLED", "5", "IMMEDIATE_OR_CANCEL")


@pytest.mark.parametrize(("size", "status", "filled"), [("10", "FILLED", "10"), ("10.001", "CANCELLED", "0")])
def test_fok_is_all_or_nothing(x: Local, size: str, status: str, filled: str) -> None:
    order = x.order(x.placed("BUY", "limit_limit_fok", base_size=size, limit_price="100.20"))
    assert (order["status"], order["filled_size"]) == (status, filled)
    assert x.balance("USD")[1] == "0"


def test_gtd_expires_on_time(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtd", base_size="1", limit_price="90.00", end_time=after(x, 60))
    x.wait(59)
    assert x.order(order_id)["status"] == "OPEN"
    x.wait(2)
    assert x.order(order_id)["status"] == "EXPIRED"
    assert x.balance("USD") == ("10000", "0")


def test_stop_limit_waits_for_a_trade_and_then_is_the_limit(x: Local) -> None:
    x.buy_base()
    order_id = x.placed(
        "SELL", "stop_limit_stop_limit_gtc", base_size="2", limit_price="98.00", stop_price="99.00",
        stop_direction="STOP_DIRECTION_STOP_DOWN",
    )  # fmt: skip
    assert x.order(order_id)["trigger_status"] == "STOP_PENDING"
    assert x.balance("ABC") == ("8", "2")
    x.print_(9_901)
    assert x.order(order_id)["trigger_status"] == "STOP_PENDING"
    x.print_(9_900)
    order = x.order(order_id)
    assert (order["trigger_status"], order["status"], order["order_type"]) == ("STOP_TRIGGERED", "FILLED", "STOP_LIMIT")


def test_a_brackets_take_profit_ends_its_stop(x: Local) -> None:
    x.buy_base()
    order_id = x.placed("SELL", "trigger_bracket_gtc", base_size="2", limit_price="105.00", stop_trigger_price="95.00")
    x.print_(10_600, maker_buys=False)
    order = x.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "105")
    assert x.venue.exchange.venue.markets["ABC-USD"].stops == []


def test_a_brackets_stop_sells_up_to_five_percent_beyond_its_trigger(x: Local) -> None:
    x.buy_base()
    order_id = x.placed("SELL", "trigger_bracket_gtc", base_size="2", limit_price="105.00", stop_trigger_price="99.00")
    x.print_(9_890)
    order = x.order(order_id)
    assert (order["status"], order["trigger_status"]) == ("FILLED", "STOP_TRIGGERED")
    assert 94.05 <= float(order["average_filled_price"]) <= 99


def test_a_bracket_attached_to_an_entry_opens_when_it_fills(x: Local) -> None:
    body = {
        "client_order_id": "entry", "product_id": "ABC-USD", "side": "BUY",
        "order_configuration": {"market_market_ioc": {"quote_size": "200"}},
        "attached_order_configuration": {"trigger_bracket_gtc": {"limit_price": "105", "stop_trigger_price": "95"}},
    }  # fmt: skip
    attached = x.ok("POST", "/orders", body)["success_response"]["attached_order_id"]
    bracket = x.order(attached)
    assert (bracket["side"], bracket["status"], bracket["order_type"]) == ("SELL", "OPEN", "BRACKET")
    entry = x.order(bracket["originating_order_id"])
    assert bracket["order_configuration"]["trigger_bracket_gtc"]["base_size"] == entry["filled_size"]
    assert x.balance("ABC") == ("0", entry["filled_size"])


@pytest.mark.parametrize(
    ("kind", "inner", "error"),
    [
        ("trigger_bracket_gtd", {"limit_price": "105", "stop_trigger_price": "95"}, "UNSUPPORTED_ORDER_CONFIGURATION"),
        ("limit_limit_gtc", {"limit_price": "105"}, "UNSUPPORTED_ORDER_CONFIGURATION"),
        (
            "trigger_bracket_gtc",
            {"limit_price": "98", "stop_trigger_price": "95"},
            "INVALID_ATTACHED_TAKE_PROFIT_PRICE",
        ),
        (
            "trigger_bracket_gtc",
            {"limit_price": "105", "stop_trigger_price": "99.50"},
            "INVALID_ATTACHED_STOP_LOSS_PRICE",
        ),
    ],
)
def test_attachments_that_are_refused(x: Local, kind: str, inner: dict[str, str], error: str) -> None:
    body = {
        "client_order_id": "entry", "product_id": "ABC-USD", "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "99"}},
        "attached_order_configuration": {kind: inner},
    }  # fmt: skip
    answer = x.ok("POST", "/orders", body)
    assert not answer["success"] and answer["error_response"]["error"] == error
    assert x.balance("USD") == ("10000", "0")


def test_an_attachment_has_no_size_of_its_own(x: Local) -> None:
    body = {
        "client_order_id": "entry", "product_id": "ABC-USD", "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "99"}},
        "attached_order_configuration": {
            "trigger_bracket_gtc": {"limit_price": "105", "stop_trigger_price": "95", "base_size": "1"}
        },
    }  # fmt: skip
    assert x.call("POST", "/orders", body)[0] == 400


@pytest.mark.parametrize(("size", "filled"), [({"base_size": "4"}, "1.5"), ({"quote_size": "400"}, "1.485")])
def test_twap_by_the_size_of_its_parts(x: Local, size: dict[str, str], filled: str) -> None:
    bucket = "1.5" if "base_size" in size else "150"
    order_id = x.placed(
        "BUY", "twap_limit_gtd", limit_price="101.00", start_time=after(x, 0), end_time=after(x, 40),
        bucket_duration="10s", bucket_size=bucket, **size,
    )  # fmt: skip
    x.wait(0.001)
    assert x.order(order_id)["filled_size"] == filled
    x.wait(31)
    assert x.order(order_id)["status"] == ("FILLED" if "base_size" in size else "OPEN")  # odd cents wait for the end
    x.wait(10)
    assert x.balance("USD")[1] == "0"


def test_twap_by_the_number_of_its_parts(x: Local) -> None:
    order_id = x.placed(
        "BUY", "twap_limit_gtd", base_size="4", limit_price="101.00", start_time=after(x, 0), end_time=after(x, 40),
        number_buckets="4",
    )  # fmt: skip
    x.wait(10.001)
    assert x.order(order_id)["filled_size"] == "2"
    x.wait(30)
    assert x.order(order_id)["status"] == "FILLED"


def test_twap_buys_in_slices_until_it_is_done(x: Local) -> None:
    order_id = x.placed(
        "BUY", "twap_limit_gtd", base_size="4", limit_price="101.00", start_time=after(x, 0), end_time=after(x, 40),
        bucket_duration="10s",
    )  # fmt: skip
    seen = []
    for _ in range(4):
        x.wait(0.001)
        seen.append(x.order(order_id)["filled_size"])
        x.wait(9.999)
    assert seen == ["1", "2", "3", "4"]
    assert x.order(order_id)["status"] == "FILLED"
    assert x.balance("USD")[1] == "0"


def test_twap_that_the_price_outran_expires_with_what_it_got(x: Local) -> None:
    order_id = x.placed(
        "BUY", "twap_limit_gtd", base_size="4", limit_price="99.00", end_time=after(x, 40), bucket_duration="10s"
    )
    x.wait(50)
    assert (x.order(order_id)["status"], x.balance("USD")) == ("EXPIRED", ("10000", "0"))


def test_an_order_never_trades_with_its_own(x: Local) -> None:
    x.buy_base("20")
    sell = x.placed("SELL", "limit_limit_gtc", base_size="3", limit_price="100.05")
    buy = x.order(x.placed("BUY", "limit_limit_gtc", base_size="2", limit_price="100.05"))
    assert (buy["status"], buy["filled_size"]) == ("CANCELLED", "0")  # decremented to nothing
    assert x.venue.exchange.venue.open[sell].leaves == 1_000
    assert x.balance("ABC") == ("19", "1")
