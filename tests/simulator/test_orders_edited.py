"""Orders after they are made: edits, refusals, repeated ids, cancels, pages of orders and fills, clocks that leap."""

# ruff: noqa: E501  a table reads best in rows

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.core.products import DEFAULT_PRODUCTS, GATES
from simulator.core.units import to_atoms
from simulator.core.validation import parse_order
from simulator.core.venue import VenueRules
from simulator.inprocess import LocalExchange
from tests.simulator.local import Local
from tests.simulator.markets import quiet_exchange


@pytest.fixture
def x() -> Local:
    return Local()


def after(local: Local, seconds: float) -> str:
    at = datetime.fromtimestamp(local.venue.now_us / 1e6, UTC) + timedelta(seconds=seconds)
    return at.isoformat().replace("+00:00", "Z")


def test_edit_changes_price_and_size_and_keeps_the_id(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.00")
    assert x.ok("POST", "/orders/edit", {"order_id": order_id, "price": "98.00", "size": "5"}) == {
        "success": True, "errors": [],
    }  # fmt: skip
    x.wait(0.03)
    order = x.order(order_id)
    assert order["outstanding_hold_amount"] == "494.41"
    assert [edit["price"] for edit in order["edit_history"]] == ["98"]


def test_editing_smaller_keeps_the_place_in_the_queue(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    x.venue.exchange.venue.markets["ABC-USD"].book.bids.set_crowd(9_995, 3_000)
    x.ok("POST", "/orders/edit", {"order_id": order_id, "price": "99.95", "size": "1"})
    x.wait(0.03)
    x.print_(9_995, 1_000)
    assert x.order(order_id)["status"] == "FILLED"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": "99.00", "size": "10"}, "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
        ({"price": "98.00"}, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
        ({"price": "98.001", "size": "10"}, "INVALID_EDITED_PRICE"),
        ({"price": "98.00", "size": "10.0001"}, "INVALID_EDITED_SIZE"),
        ({"price": "99.00", "size": "1000"}, "COMMANDER_REJECTED_EDIT_ORDER"),
    ],
)
def test_edits_that_are_refused(x: Local, change: dict[str, str], reason: str) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.00")
    answer = x.ok("POST", "/orders/edit", {"order_id": order_id, **change})
    assert not answer["success"] and answer["errors"][0]["edit_failure_reason"] == reason
    assert x.order(order_id)["outstanding_hold_amount"] == "998.91"


def test_edits_of_unknown_and_of_done_orders(x: Local) -> None:
    done = x.placed("BUY", "market_market_ioc", quote_size="10")
    for order_id, reason in (("nope", "ORDER_NOT_FOUND"), (done, "ONLY_OPEN_ORDERS_CAN_BE_EDITED")):
        answer = x.ok("POST", "/orders/edit", {"order_id": order_id, "price": "1", "size": "1"})
        assert answer["errors"][0]["edit_failure_reason"] == reason


REJECTS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("BUY", "limit_limit_gtc", {"base_size": "1000", "limit_price": "99"}, "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    ("SELL", "market_market_ioc", {"base_size": "1"}, "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "100.10", "post_only": True},
     "INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "99.001"},
     "INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
    ("BUY", "limit_limit_gtc", {"base_size": "1.0001", "limit_price": "99"},
     "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION"),
    ("BUY", "market_market_ioc", {"quote_size": "10.001"}, "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"),
    ("BUY", "market_market_ioc", {"quote_size": "0.5"}, "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    ("BUY", "limit_limit_gtc", {"base_size": "0.001", "limit_price": "99"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    ("BUY", "limit_limit_gtc", {"base_size": "200000", "limit_price": "99"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
    ("BUY", "limit_limit_gtc", {"base_size": "-1", "limit_price": "99"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    ("SELL", "market_market_ioc", {"quote_size": "10"}, "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_ORDER_CONFIG"),
    ("BUY", "limit_limit_gtd", {"base_size": "1", "limit_price": "99", "end_time": "2020-01-01T00:00:00Z"},
     "END_TIME_IS_IN_THE_PAST", "UNKNOWN_PREVIEW_FAILURE_REASON"),
    ("SELL", "stop_limit_stop_limit_gtc",
     {"base_size": "1", "limit_price": "100", "stop_price": "101", "stop_direction": "STOP_DIRECTION_STOP_DOWN"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"),
    ("BUY", "stop_limit_stop_limit_gtc",
     {"base_size": "1", "limit_price": "100", "stop_price": "99", "stop_direction": "STOP_DIRECTION_STOP_UP"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"),
    ("BUY", "market_market_fok", {"quote_size": "10"}, "UNSUPPORTED_ORDER_CONFIGURATION", "UNKNOWN_PREVIEW_FAILURE_REASON"),
    ("BUY", "limit_limit_fok", {"base_size": "1", "limit_price": "99", "post_only": True},
     "POST_ONLY_NOT_ALLOWED_WITH_FOK", "PREVIEW_INVALID_ORDER_CONFIG"),
    ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "9.99"},
     "LIMIT_PRICE_TOO_FAR_FROM_MARKET", "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"),
    ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "1000.01"},
     "LIMIT_PRICE_TOO_FAR_FROM_MARKET", "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"),
    ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "99", "reduce_only": True},
     "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS", "UNKNOWN_PREVIEW_FAILURE_REASON"),
    ("BUY", "scaled_limit_gtc", {"base_size": "200", "num_orders": 2, "min_price": "90", "max_price": "99"},
     "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    ("BUY", "scaled_limit_gtc", {"base_size": "2", "num_orders": 2, "min_price": "99", "max_price": "90"},
     "INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
    ("BUY", "scaled_limit_gtc", {"base_size": "0.02", "num_orders": 4, "min_price": "90", "max_price": "99"},
     "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
]  # fmt: skip


@pytest.mark.parametrize(("side", "kind", "inner", "error", "preview"), REJECTS)
def test_refusals_name_their_reason_in_both_fields(
    x: Local, side: str, kind: str, inner: dict[str, Any], error: str, preview: str
) -> None:
    answer = x.place(side, kind, **inner)
    assert not answer["success"] and answer["order_id"] == ""
    assert (answer["error_response"]["error"], answer["error_response"]["preview_failure_reason"]) == (error, preview)
    assert answer["order_configuration"] == {kind: inner}
    assert x.balance("USD") == ("10000", "0")
    previewed = x.ok(
        "POST", "/orders/preview", {"product_id": "ABC-USD", "side": side, "order_configuration": {kind: inner}}
    )
    assert previewed["errs"] == [preview]


@pytest.mark.parametrize(
    ("gate", "limit", "market", "post_only", "cancel"),
    [
        ("online", True, True, True, True),
        ("cancel_only", False, False, False, True),
        ("limit_only", True, False, True, True),
        ("post_only", False, False, True, True),
        ("offline", False, False, False, True),
        ("delisted", False, False, False, True),
    ],
)
def test_gates_let_through_what_they_say(
    x: Local, gate: str, limit: bool, market: bool, post_only: bool, cancel: bool
) -> None:
    resting = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="90")
    x.venue.exchange.set_gate("ABC-USD", GATES[gate])
    assert x.place("BUY", "limit_limit_gtc", base_size="1", limit_price="90")["success"] is limit
    assert x.place("BUY", "market_market_ioc", quote_size="10")["success"] is market
    assert x.place("BUY", "limit_limit_gtc", base_size="1", limit_price="90", post_only=True)["success"] is post_only
    assert x.ok("POST", "/orders/batch_cancel", {"order_ids": [resting]})["results"][0]["success"] is cancel


def test_an_auction_queues_and_then_lets_go(x: Local) -> None:
    x.venue.exchange.set_gate("ABC-USD", GATES["auction"])
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="100.10")
    assert x.order(order_id)["status"] == "QUEUED"
    x.venue.exchange.set_gate("ABC-USD", GATES["online"])
    assert x.order(order_id)["status"] == "FILLED"


def test_a_client_order_id_makes_one_order_ever() -> None:
    x = Local(VenueRules(idempotency="return_existing"))
    first = x.place("BUY", "limit_limit_gtc", "once", base_size="1", limit_price="90")
    again = x.place("SELL", "market_market_ioc", "once", base_size="5")
    assert again["success"] and again["order_id"] == first["order_id"]
    x.ok("POST", "/orders/batch_cancel", {"order_ids": [first["order_id"]]})
    x.venue.restart()
    third = x.place("BUY", "limit_limit_gtc", "once", base_size="1", limit_price="90")
    assert third["order_id"] == first["order_id"]
    assert len(x.ok("GET", "/orders/historical/batch")["orders"]) == 1


def test_a_repeated_client_order_id_may_be_refused() -> None:
    x = Local(VenueRules(idempotency="reject"))
    x.place("BUY", "limit_limit_gtc", "once", base_size="1", limit_price="90")
    again = x.place("BUY", "limit_limit_gtc", "once", base_size="1", limit_price="90")
    assert not again["success"] and again["error_response"]["error"] == "DUPLICATE_CLIENT_ORDER_ID"


def test_a_client_order_id_may_mean_nothing() -> None:
    x = Local(VenueRules(idempotency="not_enforced"))
    ids = {x.place("BUY", "limit_limit_gtc", "once", base_size="1", limit_price="90")["order_id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_refused_order_does_not_use_its_client_order_id_up(x: Local) -> None:
    assert not x.place("BUY", "market_market_ioc", "again", quote_size="99999")["success"]
    assert x.place("BUY", "market_market_ioc", "again", quote_size="10")["success"]


def test_cancels_that_fail_say_why(x: Local) -> None:
    filled = x.placed("BUY", "market_market_ioc", quote_size="10")
    resting = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="90")
    results = x.ok("POST", "/orders/batch_cancel", {"order_ids": ["nope", filled, resting, resting]})["results"]
    assert [r["failure_reason"] for r in results] == [
        "UNKNOWN_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED", "UNKNOWN_CANCEL_FAILURE_REASON", "DUPLICATE_CANCEL_REQUEST",
    ]  # fmt: skip
    assert x.call("POST", "/orders/batch_cancel", {"order_ids": ["x"] * 101})[0] == 400


def test_five_hundred_open_orders_are_enough(x: Local) -> None:
    for i in range(500):
        x.placed("BUY", "limit_limit_gtc", base_size="0.1", limit_price=f"{50 + i / 100:.2f}")
    assert not x.place("BUY", "limit_limit_gtc", base_size="0.1", limit_price="50")["success"]


def test_orders_page_without_overlap_under_every_filter(x: Local) -> None:
    ids = [x.placed("BUY", "limit_limit_gtc", base_size="0.1", limit_price=f"{60 + i}") for i in range(12)]
    ids += [x.placed("BUY", "market_market_ioc", quote_size="10") for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = x.ok("GET", f"/orders/historical/batch?limit=5&cursor={cursor}")
        seen += [order["order_id"] for order in page["orders"]]
        cursor = page["cursor"]
        if not page["has_next"]:
            break
    assert seen == ids[::-1]

    def count(query: str) -> int:
        return len(x.ok("GET", f"/orders/historical/batch?{query}")["orders"])

    assert count("order_status=OPEN") == 12 and count("order_status=OPEN&order_status=FILLED") == 17
    assert count("order_types=MARKET") == 5 and count("order_side=SELL") == 0
    assert count("product_id=ABC-USD") == 17 and count("product_ids=XYZ-USD") == 0
    assert count(f"order_ids={ids[0]}&order_ids={ids[-1]}") == 2
    assert count("time_in_forces=GOOD_UNTIL_CANCELLED") == 12 and count("asset_filters=ABC") == 17
    assert count("end_date=2020-01-01T00:00:00Z") == 0
    by_price = x.ok("GET", "/orders/historical/batch?sort_by=LIMIT_PRICE&order_status=OPEN&limit=3")
    assert [o["order_configuration"]["limit_limit_gtc"]["limit_price"] for o in by_price["orders"]] == [
        "71",
        "70",
        "69",
    ]


def test_fills_page_without_overlap(x: Local) -> None:
    for _ in range(7):
        x.placed("BUY", "market_market_ioc", quote_size="10")
    seen: list[str] = []
    cursor = ""
    while True:
        page = x.ok("GET", f"/orders/historical/fills?limit=3&cursor={cursor}")
        seen += [fill["trade_id"] for fill in page["fills"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7


def test_the_alias_shares_the_book_and_settles_in_its_own_money() -> None:
    exchange = quiet_exchange(VenueRules(), "1000", DEFAULT_PRODUCTS[0])
    exchange.venue.accounts.deposit(exchange.portfolio, "USDC", to_atoms("500"), exchange.now_us)
    exchange.venue.markets["BTC-USD"].book.asks.set_crowd(6_000_000, 10**8)
    body = {
        "client_order_id": "a", "product_id": "BTC-USDC", "side": "BUY",
        "order_configuration": {"market_market_ioc": {"quote_size": "100"}},
    }  # fmt: skip
    order = exchange.create(parse_order(exchange.venue, body, exchange.portfolio, exchange.now_us))
    assert order.status == "FILLED"
    assert exchange.venue.accounts.available(exchange.portfolio, "USD") == to_atoms("1000")
    assert exchange.venue.accounts.available(exchange.portfolio, "USDC") < to_atoms("401")


def test_the_fee_tier_falls_with_the_volume() -> None:
    x = Local(VenueRules(maker_ppm=5000, taker_ppm=9000))
    x.venue.exchange.venue.accounts.deposit(x.venue.exchange.portfolio, "USD", 10**6 * 10**20, x.venue.now_us)
    market = x.venue.exchange.venue.markets["ABC-USD"]
    market.book.asks.set_crowd(10_010, 10**6)
    x.buy_base("200")
    assert x.ok("GET", "/transaction_summary")["fee_tier"]["pricing_tier"] == "Intro 1"
    x.wait(3601)
    summary = x.ok("GET", "/transaction_summary")
    assert summary["fee_tier"]["pricing_tier"] == "Advanced 1" and summary["total_volume"] == 20_020
    x.wait(31 * 86_400)
    assert x.ok("GET", "/transaction_summary")["fee_tier"]["pricing_tier"] == "Intro 1"


def test_a_leap_of_the_clock_ends_dated_orders_and_fills_what_the_price_came_by() -> None:
    exchange = LocalExchange(market="lively").exchange
    market = exchange.venue.markets["BTC-USD"]
    assert market.last is not None

    def place(number: int, kind: str, factor: float, **more: str) -> Any:
        inner = {"base_size": "0.01", "limit_price": f"{market.last * factor / 100:.2f}", **more}  # type: ignore[operator]
        body = {
            "client_order_id": str(number),
            "product_id": "BTC-USD",
            "side": "BUY",
            "order_configuration": {kind: inner},
        }
        return exchange.create(parse_order(exchange.venue, body, exchange.portfolio, exchange.now_us))

    start = exchange.now_us
    later = start + 9 * 3_600_000_000
    tape = exchange.tape
    target = tape.minute("BTC-USD", later // 60_000_000)
    assert target is not None
    near = place(1, "limit_limit_gtc", target.high / market.last * 1.02) if target.high < market.last else None
    far = place(2, "limit_limit_gtc", 0.3)
    end = datetime.fromtimestamp(start / 1e6 + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    dated = place(3, "limit_limit_gtd", 0.3, end_time=end)
    exchange.leap(later)
    assert dated.status == "EXPIRED" and far.status == "OPEN"
    assert near is None or near.status == "FILLED"
    bid, ask = market.book.bids.best(), market.book.asks.best()
    assert bid is not None and ask is not None and bid < ask
    candles = exchange.candles["BTC-USD"]
    for minute in range(start // 60_000_000 + 1, later // 60_000_000):
        assert candles.minute(minute) == tape.minute("BTC-USD", minute)
    exchange.advance(later + 120_000_000)
    assert candles.minute(later // 60_000_000 + 1) == tape.minute("BTC-USD", later // 60_000_000 + 1)
    assert exchange.venue.accounts.sum("USD") == exchange.venue.accounts.sum("BTC") == 0
    exchange.leap(start)  # the clock was put back
    exchange.advance(start + 120_000_000)
    assert candles.minute(start // 60_000_000 + 1) == tape.minute("BTC-USD", start // 60_000_000 + 1)
