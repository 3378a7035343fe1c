"""A fill for an order that was settled long ago is money that moved: it is kept, counted once, and a person looks."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain import events as ev
from bot.domain.intents import SaveFill
from bot.domain.orders import OrderSpec, OrderStatus
from tests.core.harness import D, Rig, of, one, places


@pytest.fixture
def forgotten() -> tuple[Rig, OrderSpec]:
    """An entry that was cancelled without a fill, and forgotten since."""
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.CANCELLED)
    rig.strategy.word = "flat"
    rig.tick(70)
    assert rig.view.orders.get(entry.client_order_id) is None
    return rig, entry


def test_it_is_in_the_ledger_without_a_lot_and_in_the_account(forgotten: tuple[Rig, OrderSpec]) -> None:
    rig, entry = forgotten
    cash, day = rig.view.account.cash, rig.view.account.day
    assert day is not None
    found = rig.fill(entry, "0.5", "100", fee="0.25")
    kept = one(of(found, SaveFill))
    assert (kept.lot_id, kept.fill.base_size, kept.fill.fee) == (None, D("0.5"), D("0.25"))
    assert not rig.lots
    assert rig.view.account.cash == cash - D("50.25")
    after = rig.view.account.day
    assert after is not None and after.fees == day.fees + D("0.25")


def test_no_entry_follows_until_a_person_looked(forgotten: tuple[Rig, OrderSpec]) -> None:
    rig, entry = forgotten
    rig.fill(entry, "0.5", "100")
    latched = rig.engine.state.control.entries_latched
    assert latched is not None and "a fill of 0.5 came for an order that was settled" in latched
    assert not places(rig.bar("buy", after_ms=60_000))


def test_told_twice_it_counts_once(forgotten: tuple[Rig, OrderSpec]) -> None:
    rig, entry = forgotten
    rig.fill(entry, "0.5", "100", trade="late")
    cash = rig.view.account.cash
    assert not of(rig.fill(entry, "0.5", "100", trade="late"), SaveFill)
    assert rig.view.account.cash == cash


def test_a_fee_in_kind_is_kept_in_quote(forgotten: tuple[Rig, OrderSpec]) -> None:
    rig, entry = forgotten
    fill = replace(rig.make_fill(entry, "0.5", "100", fee="0.01"), fee_currency="BTC")
    kept = one(of(rig.send(ev.FillReports((fill,)), 10), SaveFill))
    assert kept.fill.fee == Decimal(1) and kept.fill.fee_currency is None
