"""Cancels and edits wait in the engine's queue: what is shown meanwhile, and what may come in between."""

import json

import pytest

from simulator.core.faults import parse_fault
from simulator.core.orders import SimOrder
from simulator.core.products import GATES
from simulator.core.times import rfc3339
from simulator.core.validation import parse_order
from simulator.core.venue import VenueRules
from tests.simulator.local import Local
from tests.simulator.markets import quiet_exchange
from tests.simulator.test_orders import after


@pytest.fixture
def x() -> Local:
    return Local()


def cancel(x: Local, order_id: str) -> str:
    """The reason, UNKNOWN_CANCEL_FAILURE_REASON where the cancel was taken."""
    (result,) = x.ok("POST", "/orders/batch_cancel", {"order_ids": [order_id]})["results"]
    assert result["success"] is (result["failure_reason"] == "UNKNOWN_CANCEL_FAILURE_REASON")
    return str(result["failure_reason"])


def edit(x: Local, order_id: str, price: str, size: str) -> str:
    answer = x.ok("POST", "/orders/edit", {"order_id": order_id, "price": price, "size": size})
    return "" if answer["success"] else str(answer["errors"][0]["edit_failure_reason"])


def statuses(x: Local, wanted: str) -> list[str]:
    return [o["order_id"] for o in x.ok("GET", f"/orders/historical/batch?order_status={wanted}")["orders"]]


def test_a_cancel_is_queued_for_a_moment_and_seen_everywhere(x: Local) -> None:
    stream = x.venue.connect()
    stream.send(json.dumps({"type": "subscribe", "channel": "user", "jwt": x.token()}))
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    cancel(x, order_id)
    order = x.order(order_id)
    assert (order["status"], order["pending_cancel"], order["completion_percentage"]) == ("CANCEL_QUEUED", True, "0")
    assert order["outstanding_hold_amount"] == "1008.4955" == x.balance("USD")[1]
    assert statuses(x, "CANCEL_QUEUED") == [order_id] and statuses(x, "OPEN") == []
    x.wait(0.024)
    assert x.order(order_id)["status"] == "CANCEL_QUEUED"
    x.wait(0.001)
    order = x.order(order_id)
    assert (order["status"], order["pending_cancel"]) == ("CANCELLED", False)
    assert x.balance("USD") == ("10000", "0")
    told = [json.loads(text) for text in stream.take()]
    assert [o["status"] for f in told if f["channel"] == "user" for o in f["events"][0]["orders"]] == [
        "OPEN", "CANCEL_QUEUED", "CANCELLED",
    ]  # fmt: skip


def test_a_fill_may_come_before_the_cancel(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    cancel(x, order_id)
    x.print_(9_995, 4_000)
    order = x.order(order_id)
    assert (order["status"], order["filled_size"]) == ("CANCEL_QUEUED", "4")
    x.wait(1)
    order = x.order(order_id)
    assert (order["status"], order["filled_size"]) == ("CANCELLED", "4")
    assert x.balance("ABC") == ("4", "0") and x.balance("USD")[1] == "0"


def test_a_cancel_may_come_too_late(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    cancel(x, order_id)
    x.print_(9_990)
    assert x.order(order_id)["status"] == "FILLED"
    x.wait(1)
    order = x.order(order_id)
    assert (order["status"], order["filled_size"], order["cancel_message"]) == ("FILLED", "10", "")
    assert cancel(x, order_id) == "ORDER_IS_FULLY_FILLED"


def test_a_dated_order_may_expire_before_its_cancel() -> None:
    x = Local(VenueRules(queue_us=10_000_000))
    order_id = x.placed("BUY", "limit_limit_gtd", base_size="1", limit_price="90.00", end_time=after(x, 5))
    cancel(x, order_id)
    x.wait(6)
    assert x.order(order_id)["status"] == "EXPIRED"
    x.wait(10)
    assert x.order(order_id)["status"] == "EXPIRED"


def test_asking_twice_is_refused(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="90")
    assert edit(x, order_id, "91", "1") == ""
    assert x.order(order_id)["status"] == "EDIT_QUEUED"
    assert edit(x, order_id, "92", "1") == "ORDER_IS_ALREADY_BEING_REPLACED"
    assert cancel(x, order_id) == "ORDER_IS_BEING_REPLACED"
    x.wait(0.03)
    assert cancel(x, order_id) == "UNKNOWN_CANCEL_FAILURE_REASON"
    assert cancel(x, order_id) == "DUPLICATE_CANCEL_REQUEST"
    assert edit(x, order_id, "92", "1") == "CANNOT_EDIT_ORDER_PENDING_CANCEL"
    x.wait(0.03)
    assert edit(x, order_id, "92", "1") == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    assert cancel(x, order_id) == "UNKNOWN_CANCEL_ORDER"


def test_an_edit_is_queued_and_the_old_terms_stand_until_then(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    assert edit(x, order_id, "99.00", "5") == ""
    order = x.order(order_id)
    assert (order["status"], order["edit_history"]) == ("EDIT_QUEUED", [])
    assert order["order_configuration"]["limit_limit_gtc"]["limit_price"] == "99.95"
    x.print_(9_995, 2_000)
    assert (x.order(order_id)["status"], x.order(order_id)["filled_size"]) == ("EDIT_QUEUED", "2")
    x.wait(0.03)
    order = x.order(order_id)
    assert (order["status"], order["edit_history"][0]["size"]) == ("OPEN", "5")
    assert order["outstanding_hold_amount"] == "299.673"  # the 3 that are left, at 99.00, with 0.9 %


def test_an_edit_to_less_than_was_filled_meanwhile_does_nothing(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="99.95")
    edit(x, order_id, "99.00", "3")
    x.print_(9_995, 4_000)
    x.wait(0.03)
    order = x.order(order_id)
    assert (order["status"], order["filled_size"], order["edit_history"]) == ("OPEN", "4", [])
    assert order["outstanding_hold_amount"] == "605.0973"


def test_an_edit_whose_money_is_gone_meanwhile_does_nothing(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="10", limit_price="90")
    assert edit(x, order_id, "90", "90") == ""
    x.placed("BUY", "limit_limit_gtc", base_size="90", limit_price="90")
    x.wait(0.03)
    assert x.order(order_id)["outstanding_hold_amount"] == "908.1"
    assert x.venue.exchange.venue.accounts.sum("USD") == 0


def test_an_edit_that_crosses_trades(x: Local) -> None:
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="2", limit_price="99")
    edit(x, order_id, "100.10", "2")
    x.wait(0.03)
    order = x.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "100.1")


def test_an_auctions_order_is_cancelled_but_not_edited(x: Local) -> None:
    x.venue.exchange.set_gate("ABC-USD", GATES["auction"])
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="100.10")
    assert edit(x, order_id, "99", "1") == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    cancel(x, order_id)
    x.venue.exchange.set_gate("ABC-USD", GATES["online"])
    x.wait(0.03)
    assert (x.order(order_id)["status"], x.order(order_id)["filled_size"]) == ("CANCELLED", "0")


def test_a_restart_carries_out_what_was_queued(x: Local) -> None:
    gone = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="90")
    moved = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="91")
    cancel(x, gone)
    edit(x, moved, "92", "2")
    x.venue.restart()
    x.wait(0.03)
    assert x.order(gone)["status"] == "CANCELLED"
    assert x.order(moved)["order_configuration"]["limit_limit_gtc"]["limit_price"] == "92"
    assert x.balance("USD")[1] == x.order(moved)["outstanding_hold_amount"] == "185.656"


def test_no_queue_at_all() -> None:
    x = Local(VenueRules(queue_us=0))
    order_id = x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price="90")
    edit(x, order_id, "91", "1")
    assert x.order(order_id)["edit_history"][0]["price"] == "91"
    cancel(x, order_id)
    assert x.order(order_id)["status"] == "CANCELLED"


def test_a_fault_makes_the_queue_long(x: Local) -> None:
    faults = x.venue.faults
    faults.arm(parse_fault("queue_delay", {"hits": [1], "ms": 3000, "match": "cancel"}))
    first, second = (x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price=p) for p in ("90", "91"))
    edit(x, second, "92", "1")
    x.wait(0.03)
    assert x.order(second)["status"] == "OPEN"
    for order_id in (first, second):
        cancel(x, order_id)
    x.wait(0.03)
    assert (x.order(first)["status"], x.order(second)["status"]) == ("CANCEL_QUEUED", "CANCELLED")
    x.wait(2.9)
    assert x.order(first)["status"] == "CANCEL_QUEUED"
    x.wait(0.2)
    assert x.order(first)["status"] == "CANCELLED"
    assert faults.counters()["queue_delay"] == 1


def test_dated_orders_that_end_early_leave_nothing_behind() -> None:
    exchange = quiet_exchange()

    def place(number: int, end_us: int) -> SimOrder:
        inner = {"base_size": "0.1", "limit_price": "50", "end_time": rfc3339(exchange.now_us + end_us)}
        body = {
            "client_order_id": str(number), "product_id": "ABC-USD", "side": "BUY",
            "order_configuration": {"limit_limit_gtd": inner},
        }  # fmt: skip
        return exchange.create(parse_order(exchange.venue, body, exchange.portfolio, exchange.now_us))

    waits = place(0, 3_600_000_000)
    for number in range(1, 1_500):
        exchange.cancel(place(number, 30 * 86_400_000_000))
        exchange.advance(exchange.now_us + 30_000)
    assert len(exchange.venue.timers) <= 1_010
    exchange.advance(exchange.now_us + 3_600_000_000)
    assert waits.status == "EXPIRED"
