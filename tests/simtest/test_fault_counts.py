"""What the rig records of its faults: when they struck, and which order's request or frame they hit."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from simtest.faults import MERGED_US, FaultInjector
from simtest.plan import Window


@pytest.fixture
def clock() -> Iterator[list[int]]:
    yield [0]


def injector(clock: list[int]) -> FaultInjector:
    windows = [Window(0, "refused", "", 0, 1000, 1.0), Window(1, "ws_late", "user", 0, 1000, 1.0)]
    made = FaultInjector(7, windows, lambda: clock[0])
    made.order_states = lambda: ["open", "open", "sent"]
    return made


def test_a_strike_counts_for_the_order_whose_request_it_hit_and_for_no_other(clock: list[int]) -> None:
    faults = injector(clock)
    with faults.about("POST /orders", lambda: ["sent"]):
        assert faults.strike("refused", "POST /orders")
        assert faults.strike("ws_late", "user"), "a frame that the request set off is not the request"
    assert faults.strike("refused", "POST /orders"), "a request about no order"
    assert dict(faults.own_cells) == {"refused sent": 1}
    assert dict(faults.cells) == {"refused sent": 2, "refused open": 2, "ws_late sent": 1, "ws_late open": 1}


def test_a_frame_within_a_request_is_about_its_own_orders(clock: list[int]) -> None:
    faults = injector(clock)
    with faults.about("POST /orders", lambda: ["sent"]):
        with faults.about("user", lambda: ["open", "cancelling"]):
            assert faults.strike("ws_late", "user")
        assert faults.strike("refused", "POST /orders")
    assert dict(faults.own_cells) == {"ws_late open": 1, "ws_late cancelling": 1, "refused sent": 1}


def test_strikes_in_a_row_are_one_interval_for_each_place(clock: list[int]) -> None:
    faults, ids = injector(clock), "0123456789abcdef0123456789abcdef"
    times = [0, 400_000, 1_400_000, 5_000_000, 5_000_001]
    for at in times:
        clock[0] = at
        faults.strike("refused", f"GET /orders/historical/{ids}")
    faults.strike("refused", "GET /accounts")
    kept = sorted(faults.intervals())
    assert kept == [
        ["refused", "GET /accounts", 5_000_001, 5_000_001],
        ["refused", "GET /orders/historical/ID", 0, 1_400_000],
        ["refused", "GET /orders/historical/ID", 5_000_000, 5_000_001],
    ]
    assert sum(b - a > MERGED_US for a, b in pairwise(times)) == 1
