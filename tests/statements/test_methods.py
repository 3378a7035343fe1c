"""Gains by accounting method: known cases, sums that no method may change, and the second computation."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statements.methods import METHODS, account, cost_of
from statements.second_look import agrees, gains
from statements.tax_year import csv, tax_year, years
from statements.trades import Trade

DAY_MS = 86_400_000
NEW_YEAR_2026_MS = 1_767_225_600_000
D = Decimal


def buy(day: int, size: str, quote: str, fee: str = "0", lot: str | None = None, product: str = "BTC-USD") -> Trade:
    return Trade(NEW_YEAR_2026_MS + day * DAY_MS, f"b{day}", product, True, D(size), D(quote), D(fee), lot)


def sell(day: int, size: str, quote: str, fee: str = "0", lot: str | None = None, product: str = "BTC-USD") -> Trade:
    return Trade(NEW_YEAR_2026_MS + day * DAY_MS, f"s{day}", product, False, D(size), D(quote), D(fee), lot)


THREE = [buy(1, "1", "100", "1", "a"), buy(2, "1", "300", "3", "b"), buy(3, "1", "200", "2", "c")]


@pytest.mark.parametrize(
    ("method", "gain", "held"),
    [
        ("fifo", "247.5", ["b", "c"]),  # 350 less 1.5 for the sale, less 101
        ("lifo", "146.5", ["a", "b"]),
        ("hifo", "45.5", ["a", "c"]),
        ("specific", "146.5", ["a", "b"]),
    ],
)
def test_one_sale(method: str, gain: str, held: list[str]) -> None:
    found = account([*THREE, sell(4, "1", "350", "1.5", "c")], method)
    assert [one.gain for one in found.disposals] == [D(gain)]
    assert [one.lot_id for one in found.held] == held


def test_a_sale_over_several_purchases_is_one_row_for_each() -> None:
    found = account([*THREE, sell(4, "2.5", "1000", "10")], "fifo")
    assert [(one.size, one.bought_ms, one.cost) for one in found.disposals] == [
        (D(1), THREE[0].at_ms, D(101)), (D(1), THREE[1].at_ms, D(303)), (D("0.5"), THREE[2].at_ms, D(101)),
    ]  # fmt: skip
    assert sum(one.proceeds for one in found.disposals) == D(990)
    assert [(one.size, one.cost) for one in found.held] == [(D("0.5"), D(101))]


def test_what_was_sold_and_never_bought_has_no_cost() -> None:
    found = tax_year([buy(1, "1", "100"), sell(2, "3", "600", "6")], 2026, "fifo")
    assert [(one.size, one.cost, one.gain) for one in found.disposals] == [
        (D(1), D(100), D(98)), (D(2), None, None),
    ]  # fmt: skip
    assert found.gain == {"USD": D(98)} and [one.size for one in found.unknown] == [D(2)]
    assert csv(found).splitlines()[2].split(",")[6:8] == ["", ""]


def test_a_purchase_after_the_sale_is_not_sold() -> None:
    found = account([sell(1, "1", "100"), buy(2, "1", "50")], "lifo")
    assert found.disposals[0].cost is None and found.held[0].size == 1


def test_each_product_is_an_account_of_its_own() -> None:
    trades = [buy(1, "1", "100"), buy(1, "1", "90", product="BTC-EUR"), sell(2, "1", "120", product="BTC-EUR")]
    found = tax_year(trades, 2026, "fifo")
    assert found.gain == {"EUR": D(30)} and found.held_cost == {"USD": D(100)}


def test_years_are_utc_years_of_the_sale() -> None:
    last_ms = NEW_YEAR_2026_MS - 1
    trades = [
        Trade(last_ms - DAY_MS, "b", "BTC-USD", True, D(2), D(100), D(0), None),
        Trade(last_ms, "s1", "BTC-USD", False, D(1), D(60), D(0), None),
        Trade(NEW_YEAR_2026_MS, "s2", "BTC-USD", False, D(1), D(70), D(0), None),
    ]
    assert years(trades) == [2026, 2025]
    before, now = tax_year(trades, 2025, "fifo"), tax_year(trades, 2026, "fifo")
    assert (before.gain, before.other_years) == ({"USD": D(10)}, {"USD": D(20)})
    assert (now.gain, now.other_years) == ({"USD": D(20)}, {"USD": D(10)})


def test_the_file_adds_up_to_the_cent() -> None:
    found = tax_year([*THREE, sell(4, "0.333333", "100.005", "0.6"), sell(5, "1.9", "700", "4.2")], 2026, "hifo")
    rows = [line.split(",") for line in csv(found).splitlines()[1:]]
    assert all(D(row[5]) - D(row[6]) == D(row[7]) for row in rows)
    assert abs(sum(D(row[7]) for row in rows) - found.gain["USD"]) <= D("0.01") * len(rows)
    assert {row[9] for row in rows} == {"hifo"} and rows[0][3] == "2026-01-05T00:00:00Z"


def test_a_wrong_gain_is_noticed() -> None:
    trades = [*THREE, sell(4, "1", "350", "1.5", "c")]
    assert all(agrees(account(trades, method), trades) for method in METHODS)
    assert not agrees(account(trades, "fifo"), [*THREE, sell(4, "1", "350.01", "1.5", "c")])


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="average"):
        account([], "average")


amounts = st.decimals("0.00000001", "1000000", places=8)
sides = st.lists(
    st.tuples(st.booleans(), st.integers(0, 700), amounts, amounts, st.sampled_from(("a", "b", "c", None))),
    max_size=24,
)


@given(sides, st.sampled_from(sorted(METHODS)))
def test_no_method_makes_or_loses_anything(drawn: list[tuple[bool, int, D, D, str | None]], method: str) -> None:
    """Sizes and money are conserved, both computations agree, and what is sold is never more than was bought."""
    trades = [
        Trade(NEW_YEAR_2026_MS + day * DAY_MS, f"t{n}", "BTC-USD", buys, size, quote, quote / 200, lot)
        for n, (buys, day, size, quote, lot) in enumerate(drawn)
    ]
    found = account(trades, method)
    known = [one for one in found.disposals if one.cost is not None]
    assert sum(t.size for t in trades if not t.buys) == sum(one.size for one in found.disposals)
    assert sum(t.size for t in trades if t.buys) == sum(one.size for one in (*known, *found.held))
    close = D("1e-20")
    assert abs(sum(t.quote - t.fee for t in trades if not t.buys) - sum(o.proceeds for o in found.disposals)) < close
    paid, out = sum(t.quote + t.fee for t in trades if t.buys), sum(one.cost or D(0) for one in known)
    assert abs(paid - out - cost_of(found.held)) < close
    assert all(one.bought_ms is not None and one.bought_ms <= one.sold_ms for one in known)
    assert agrees(found, trades)
    if len(known) == len(found.disposals) and trades:
        total = sum(gains(trades, method).values(), D(0))
        flows = sum((t.quote - t.fee if not t.buys else -(t.quote + t.fee)) for t in trades)
        assert abs(total - flows - cost_of(found.held)) < D("0.000001")
