"""From a target weight to what is bought or sold, each rule as a table (docs/trading-rules.md §10)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rulebook import r


@pytest.mark.parametrize(
    ("weight", "held", "share", "band", "least", "change"),
    [
        (0.5, 0.0, 1000.0, 5.0, 5.0, 500.0),
        (0.5, 449.0, 1000.0, 5.0, 5.0, 51.0),  # outside: the whole way to the target
        (0.5, 450.0, 1000.0, 5.0, 5.0, 0.0),  # exactly at the edge is inside
        (0.5, 550.0, 1000.0, 5.0, 5.0, 0.0),
        (0.5, 551.0, 1000.0, 5.0, 5.0, -51.0),
        (0.55, 600.0, 1000.0, 5.0, 5.0, 0.0),  # 0.6 - 0.55 is a hair above 0.05 in binary
        (0.03, 20.0, 1000.0, 5.0, 5.0, 0.0),
        (0.0, 20.0, 1000.0, 5.0, 5.0, -20.0),  # nothing is wanted: whatever the band, all of it
        (0.0, 2.0, 1000.0, 5.0, 5.0, -2.0),  # and whatever the least change
        (0.0, 0.0, 1000.0, 5.0, 5.0, 0.0),
        (-0.3, 20.0, 1000.0, 5.0, 5.0, -20.0),
        (1.7, 0.0, 1000.0, 5.0, 5.0, 1000.0),
        (1.0, 2000.0, 1000.0, 5.0, 5.0, -1000.0),
        (0.5, 440.0, 1000.0, 0.0, 60.1, 0.0),  # a small change waits
        (0.5, 440.0, 1000.0, 0.0, 60.0, 60.0),
        (0.5, 440.0, 0.0, 0.0, 5.0, 0.0),  # no equity: nothing to measure the holding with
        (0.0, 440.0, 0.0, 0.0, 5.0, -440.0),
        (math.nan, 440.0, 1000.0, 0.0, 5.0, 0.0),
        (0.0, math.nan, 1000.0, 0.0, 5.0, 0.0),
        (0.0, 440.0, math.nan, 0.0, 5.0, 0.0),
    ],
)
def test_rebalance(weight: float, held: float, share: float, band: float, least: float, change: float) -> None:
    assert r.rebalance_quote(weight, held, share, band, least) == pytest.approx(change, abs=1e-9)


@given(
    weight=st.floats(0.0, 1.0),
    held=st.floats(0.0, 1e6),
    share=st.floats(1.0, 1e6),
    band=st.floats(0.0, 100.0),
    least=st.floats(0.0, 100.0),
)
def test_a_rebalance_ends_at_the_target_and_needs_no_other(
    weight: float, held: float, share: float, band: float, least: float
) -> None:
    change = r.rebalance_quote(weight, held, share, band, least)
    assert change >= -held
    if change:
        after = max(held + change, 0.0)
        assert after == pytest.approx(weight * share, rel=1e-9, abs=1e-6)
        assert abs(r.rebalance_quote(weight, after, share, band, 1e-3 + least)) <= 1e-6


@pytest.mark.parametrize(
    ("equity", "pct", "products", "share"),
    [(1000.0, 95.0, 1, 950.0), (900.0, 100.0, 3, 300.0), (1000.0, 95.0, 0, 0.0), (-5.0, 95.0, 1, 0.0)],
)
def test_the_share_of_a_product(equity: float, pct: float, products: int, share: float) -> None:
    assert r.product_share_quote(equity, pct, products) == pytest.approx(share)


UNIT = 1e-8  # a step of 1e-6 at a tick of 0.01
PRICE, MIN_STEPS, MIN_UNITS = 10_000, 100, 50_000_000  # 100.00; at least 0.0001 base and 0.50


@pytest.mark.parametrize(
    ("quote", "held", "steps"),
    [
        (10.0, 1_000_000, 100_000),
        (10.00009, 1_000_000, 100_000),  # down to the step
        (1e9, 1_000_000, 1_000_000),  # never more than is held
        (0.4, 1_000_000, 0),  # less than the exchange takes
        (99.8, 1_000_000, 1_000_000),  # what would stay behind (0.20) could never be sold
        (99.4, 1_000_000, 994_000),
        (10.0, 4_000, 0),  # all of it is dust
        (0.0, 1_000_000, 0),
        (math.nan, 1_000_000, 0),
    ],
)
def test_steps_of_a_sale(quote: float, held: int, steps: int) -> None:
    assert r.sale_steps(quote, held, PRICE, MIN_STEPS, MIN_UNITS, UNIT) == steps


def test_steps_of_a_purchase() -> None:
    assert r.purchase_steps(10.0, PRICE, 0.0, MIN_STEPS, MIN_UNITS, UNIT) == 100_000
    assert r.purchase_steps(10.1, PRICE, 1.0, MIN_STEPS, MIN_UNITS, UNIT) == 100_000  # the fee is within
    assert r.purchase_steps(0.4, PRICE, 0.0, MIN_STEPS, MIN_UNITS, UNIT) == 0
    assert r.purchase_steps(math.nan, PRICE, 0.0, MIN_STEPS, MIN_UNITS, UNIT) == 0
    assert r.purchase_steps(10.0, 0, 0.0, MIN_STEPS, MIN_UNITS, UNIT) == 0


@pytest.mark.parametrize(
    ("wanted", "cash", "asked"),
    [
        (100.0, 1000.0, 101.0),  # the fee on top
        (100.0, 100.5, 100.5),  # as much of it as there is
        (100.0, 100.0, 100.0),
        (100.0, 60.0, 100.0),  # short of cash: what is to be done about that is LOW_FUNDS' matter
        (0.0, 1000.0, 0.0),
    ],
)
def test_a_purchase_asks_for_its_fee_too(wanted: float, cash: float, asked: float) -> None:
    assert r.asked_quote(wanted, 1.0, cash) == pytest.approx(asked)
