"""A fee that was not taken in the quote currency: counted at its value, and entries wait for a person."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain import events as ev
from bot.domain.intents import SaveFill
from bot.engine.state.portfolio import moved_by
from tests.core.harness import D, Rig, of, one, places


@pytest.mark.parametrize(
    ("currency", "kept", "latched"),
    [(None, "0.5", False), ("USD", "0.5", False), ("BTC", "50", True), ("BNB", "0", True)],
)
def test_the_ledger_keeps_fees_in_quote_units(currency: str | None, kept: str, latched: bool) -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    fill = replace(rig.make_fill(entry, "1", "100", fee="0.5"), fee_currency=currency)
    saved = one(of(rig.send(ev.FillReports((fill,))), SaveFill)).fill
    assert (saved.fee, saved.fee_currency) == (D(kept), None)
    assert one(rig.lots).entry_fee == D(kept)
    shut = rig.view.control.entries_latched
    assert (shut is not None and f"0.5 {currency} was taken in kind" in shut) is latched
    day = rig.view.account.day
    assert day is not None and day.fees == D(kept)


@pytest.mark.parametrize(
    ("currency", "moved"),
    [
        (None, {"BTC": 1, "USD": D("-100.5")}),
        ("BTC", {"BTC": D("0.5"), "USD": -100}),
        ("BNB", {"BTC": 1, "USD": -100, "BNB": D("-0.5")}),
    ],
)
def test_the_balance_moves_in_the_currency_of_the_fee(currency: str | None, moved: dict[str, Decimal]) -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    fill = replace(rig.make_fill(entry, "1", "100", fee="0.5"), fee_currency=currency)
    assert moved_by(fill, "BTC", "USD") == moved
