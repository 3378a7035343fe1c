"""Scaled orders: the ladder, and the parent that is the sum of its legs."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.core.scaled import ladder
from tests.simulator.local import Local
from tests.simulator.markets import PRODUCT


def rungs(**inner: Any) -> list[tuple[str, str]]:
    """(price, size) of each leg, lowest first."""
    inner = {"num_orders": 4, "min_price": "90", "max_price": "96", "base_size": "10"} | inner
    found = ladder(PRODUCT, inner, 9_000, buys=True)
    return [(PRODUCT.price_text(r.tick), PRODUCT.size_text(r.steps)) for r in found]


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ({}, [("90", "2.5"), ("92", "2.5"), ("94", "2.5"), ("96", "2.5")]),
        ({"size_distribution": "INCREASING"}, [("90", "1"), ("92", "2"), ("94", "3"), ("96", "4")]),
        ({"size_distribution": "DECREASING"}, [("90", "4"), ("92", "3"), ("94", "2"), ("96", "1")]),
        ({"size_distribution": "INCREASING", "size_diff": "0.5"},
         [("90", "1.75"), ("92", "2.25"), ("94", "2.75"), ("96", "3.25")]),
        ({"size_distribution": "DECREASING", "size_ratio": "2", "base_size": "15"},
         [("90", "8"), ("92", "4"), ("94", "2"), ("96", "1")]),
        ({"price_distribution": "LINEAR_INCREASING"}, [("90", "2.5"), ("91", "2.5"), ("93", "2.5"), ("96", "2.5")]),
        ({"price_distribution": "LINEAR_DECREASING"}, [("90", "2.5"), ("93", "2.5"), ("95", "2.5"), ("96", "2.5")]),
        ({"num_orders": 2, "base_size": None, "quote_size": "400"}, [("90", "2.202"), ("96", "2.064")]),
        ({"num_orders": 2, "price_distribution": "CUSTOM_PRICE_DISTRIBUTION",
          "orders": [{"limit_price": "95"}, {"limit_price": "91"}]}, [("91", "5"), ("95", "5")]),
        ({"num_orders": 2, "price_distribution": "CUSTOM_PRICE_DISTRIBUTION",
          "size_distribution": "CUSTOM_SIZE_DISTRIBUTION",
          "orders": [{"limit_price": "95", "base_size": "1"}, {"limit_price": "91", "quote_size": "100"}]},
         [("91", "1.089"), ("95", "1")]),
    ],
)  # fmt: skip
def test_ladders(inner: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    assert rungs(**inner) == wanted


@pytest.mark.parametrize(
    "inner",
    [
        {"num_orders": 1}, {"num_orders": 51}, {"num_orders": True}, {"num_orders": "many"}, {"num_orders": None},
        {"price_distribution": "ROUND"}, {"size_distribution": "UNKNOWN_DISTRIBUTION"}, {"size_distribution": []},
        {"size_distribution": "INCREASING", "size_ratio": "1"}, {"size_distribution": "INCREASING", "size_diff": "9"},
        {"price_distribution": "CUSTOM_PRICE_DISTRIBUTION"},
        {"price_distribution": "CUSTOM_PRICE_DISTRIBUTION", "orders": [{}, {}, {}, 5]}, {"base_size": None},
        {"min_price": None}, {"max_price": "high"},
    ],
)  # fmt: skip
def test_ladders_that_are_none_are_400(inner: dict[str, Any]) -> None:
    x = Local()
    given = {"num_orders": 4, "min_price": "90", "max_price": "96", "base_size": "10"} | inner
    body = {"client_order_id": "a", "product_id": "ABC-USD", "side": "BUY", "order_configuration": {
        "scaled_limit_gtc": given}}  # fmt: skip
    status, answer = x.call("POST", "/orders", body)
    assert (status, answer["error"]) == (400, "INVALID_ARGUMENT")


@settings(max_examples=400, deadline=None)
@given(
    st.integers(2, 50), st.integers(5_000, 9_000), st.integers(100, 4_000), st.integers(100_000, 10**8),
    st.sampled_from(["EVENLY_SPLIT", "INCREASING", "DECREASING"]),
    st.sampled_from(["FLAT", "LINEAR_INCREASING", "LINEAR_DECREASING"]),
)  # fmt: skip
def test_a_ladder_loses_nothing(count: int, low: int, span: int, steps: int, size: str, price: str) -> None:
    found = ladder(
        PRODUCT,
        {"num_orders": count, "min_price": PRODUCT.price_text(low), "max_price": PRODUCT.price_text(low + span),
         "base_size": PRODUCT.size_text(steps), "size_distribution": size, "price_distribution": price},
        9_000, buys=True,
    )  # fmt: skip
    assert sum(r.steps for r in found) == steps and len(found) == count
    assert (found[0].tick, found[-1].tick) == (low, low + span)
    assert [r.tick for r in found] == sorted(r.tick for r in found)


def place(x: Local, **inner: Any) -> tuple[str, list[dict[str, Any]]]:
    """The parent's id and its legs, lowest first."""
    inner = {"num_orders": 3, "min_price": "97", "max_price": "99", "base_size": "6"} | inner
    parent = x.placed("BUY", "scaled_limit_gtc", **inner)
    return parent, legs_of(x, parent)


def legs_of(x: Local, parent: str) -> list[dict[str, Any]]:
    found = [o for o in x.ok("GET", "/orders/historical/batch")["orders"] if o["originating_order_id"] == parent]
    return sorted(found, key=lambda o: float(o["order_configuration"]["limit_limit_gtc"]["limit_price"]))


def test_its_legs_rest_fill_and_end_it() -> None:
    x = Local()
    parent, legs = place(x)
    assert [leg["order_configuration"]["limit_limit_gtc"]["limit_price"] for leg in legs] == ["97", "98", "99"]
    assert {leg["status"] for leg in legs} == {"OPEN"} and {leg["order_type"] for leg in legs} == {"LIMIT"}
    assert x.balance("USD")[1] == "593.292"  # 2 at each price, with 0.9 %
    x.print_(9_850)
    order = x.order(parent)
    assert (order["order_type"], order["status"], order["filled_size"]) == ("SCALED", "OPEN", "2")
    assert order["average_filled_price"] == "99" and order["completion_percentage"] == "33.33"
    x.print_(9_600)
    order = x.order(parent)
    assert (order["status"], order["filled_size"], order["average_filled_price"]) == ("FILLED", "6", "98")
    assert order["total_fees"] == "2.94" and order["number_of_fills"] == "3"
    assert x.balance("USD") == ("9409.06", "0") and x.balance("ABC") == ("6", "0")


def test_cancelling_it_cancels_its_legs() -> None:
    x = Local()
    parent, _ = place(x)
    x.print_(9_850)
    x.ok("POST", "/orders/batch_cancel", {"order_ids": [parent]})
    assert x.order(parent)["status"] == "CANCEL_QUEUED"
    x.wait(0.03)
    assert [leg["status"] for leg in legs_of(x, parent)] == ["CANCELLED", "CANCELLED", "FILLED"]
    order = x.order(parent)
    assert (order["status"], order["filled_size"], order["cancel_message"]) == (
        "CANCELLED",
        "2",
        "User requested cancel",
    )
    assert x.balance("USD")[1] == "0" and not x.venue.exchange.venue.open
    assert x.venue.exchange.venue.markets["ABC-USD"].open_orders == 0


def test_it_survives_a_restart_and_legs_may_go_alone() -> None:
    x = Local()
    parent, legs = place(x)
    x.venue.restart()
    x.ok("POST", "/orders/batch_cancel", {"order_ids": [legs[0]["order_id"]]})
    x.wait(0.03)
    assert x.order(parent)["status"] == "OPEN"
    x.ok("POST", "/orders/batch_cancel", {"order_ids": [leg["order_id"] for leg in legs[1:]]})
    x.wait(0.03)
    assert (x.order(parent)["status"], x.order(parent)["cancel_message"]) == ("CANCELLED", "All legs have ended")


def test_legs_that_cross_trade_at_once() -> None:
    x = Local()
    parent, _ = place(x, min_price="99", max_price="100.10")
    assert (x.order(parent)["status"], x.order(parent)["filled_size"]) == ("OPEN", "2")


def test_its_preview_is_the_sum_of_its_legs() -> None:
    x = Local()
    inner = {"num_orders": 3, "min_price": "97", "max_price": "99", "base_size": "6"}
    body = {"product_id": "ABC-USD", "side": "BUY", "order_configuration": {"scaled_limit_gtc": inner}}
    shown = x.ok("POST", "/orders/preview", body)
    assert (shown["errs"], shown["base_size"], shown["quote_size"]) == ([], "6", "588")
    assert shown["commission_total"] == "2.94"
