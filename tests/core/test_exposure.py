"""What is held and in flight in base units: an entry by quote is turned at the mark, less what is counted."""

import pytest

from bot.engine.risk.exposure import exposure_base
from bot.engine.state.equity_curve import EquityCurve
from tests.core.harness import D, Rig, one, places

BTC = "BTC-USD"


def test_an_entry_in_quote_counts_what_is_left_of_it_at_the_mark() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    assert entry.base_size is None
    rig.price("125")
    assert rig.asked(exposure_base, BTC) == entry.notional / D("125")
    rig.accept(entry)
    rig.fill(entry, "0.1", "120")
    left = entry.notional - D("12")
    assert rig.asked(exposure_base, BTC) == pytest.approx(D("0.1") + left / D("125"))


def test_without_a_mark_it_is_turned_at_the_price_that_it_was_decided_at() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    market = rig.engine.state.markets.by_product[BTC]
    market.price = market.bid = market.ask = market.bar_price = None
    assert rig.asked(exposure_base, BTC) == entry.notional / entry.expected_price


def test_an_entry_filled_beyond_its_amount_takes_nothing_from_what_is_held() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    size = entry.notional / 100 + 1
    rig.fill(entry, f"{size:.8f}", "100")
    assert rig.asked(exposure_base, BTC) == D(f"{size:.8f}")


def test_an_entry_in_base_counts_what_is_left_of_it() -> None:
    rig = Rig(entry_order="maker")
    entry = one(places(rig.bar("buy")))
    assert entry.base_size is not None
    rig.accept(entry)
    rig.fill(entry, "0.3", "99.99")
    assert rig.asked(exposure_base, BTC) == entry.base_size
    assert rig.asked(exposure_base, BTC, entry.client_order_id) == D("0.3"), "its own rest is left out"


@pytest.mark.parametrize(("after", "base"), [("500", "500"), ("-5", "0")])
def test_new_money_after_all_was_lost_begins_the_curve_anew(after: str, base: str) -> None:
    curve = EquityCurve(base=D("100")).moved(D("0"), D(after))
    assert (curve.base, curve.index, curve.peak) == (D(base), EquityCurve().index, EquityCurve().peak)


def test_a_transfer_leaves_the_curve_where_it_stood_also_one_that_takes_all() -> None:
    curve = EquityCurve(base=D("100"))
    assert curve.moved(D("80"), D("180")).at(D("180")) == curve.at(D("80"))
    assert curve.moved(D("80"), D("-3")).base == 0
