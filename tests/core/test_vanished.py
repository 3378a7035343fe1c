"""An order that the exchange had and shows no more: looked for, named, blocked, ended by a person alone."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderStatus
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from tests.core.harness import D, Rig, cancels, looks, notes, one, places, receipts, venue_id


def vanished(rig: Rig, spec: Any, times: int = 4, every_ms: int = 30_000) -> list[Any]:
    """So many complete searches that do not show it."""
    found: list[Any] = []
    for _ in range(times):
        found += rig.send(ev.LookupResult(spec.client_order_id, None, complete=True), every_ms)
    return found


def resting(rig: Rig) -> Any:
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.seen(take, OrderStatus.WORKING)
    return take


def test_it_takes_three_complete_searches_over_a_minute() -> None:
    rig = Rig()
    take = resting(rig)
    vanished(rig, take, 30, 1_000)
    assert rig.order(take).state is OrderState.OPEN, "many at once are not a minute"
    rig.seen(take, OrderStatus.WORKING)
    vanished(rig, take, 2, 60_000)
    assert rig.order(take).state is OrderState.OPEN, "seen in between, it begins anew"
    found = vanished(rig, take, 1)
    assert rig.order(take).state is OrderState.LOST
    assert any("no longer shows the order" in text for text in notes(found))


def test_an_incomplete_search_is_none() -> None:
    rig = Rig()
    take = resting(rig)
    for _ in range(10):
        rig.send(ev.LookupResult(take.client_order_id, None, complete=False), 30_000)
    assert rig.order(take).state is OrderState.OPEN


def test_a_lost_order_blocks_its_lot_and_every_entry_and_is_looked_for() -> None:
    rig = Rig(stop_loss_pct=1.0)
    take = resting(rig)
    vanished(rig, take)
    assert not places(rig.bar("buy", "97")), "no entry, and no second exit while the first may live"
    found = [intent for _ in range(120) for intent in rig.tick()]
    assert not places(found) and take.client_order_id in looks(found)
    assert len(cancels(found)) < 10, "it is not asked to be cancelled every second"
    kept = Rig(restored=RecoveredState(orders=(rig.order(take),), own_ids=frozenset({take.client_order_id})))
    assert kept.order(take).state is OrderState.LOST, "also after a restart"


SEEN = {
    OrderStatus.WORKING: OrderState.OPEN,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELLED: OrderState.CANCELLED,
}


@pytest.mark.parametrize("status", SEEN)
def test_seen_again_it_is_what_it_is(status: OrderStatus) -> None:
    rig = Rig()
    take = resting(rig)
    vanished(rig, take)
    filled = "1" if status is OrderStatus.FILLED else "0"
    rig.seen(take, status, filled)
    assert rig.order(take).state is SEEN[status]


def test_a_person_ends_it_and_the_lot_goes_on() -> None:
    rig = Rig()
    take = resting(rig)
    vanished(rig, take)
    found = rig.command(Cmd.CANCEL, client_order_id=take.client_order_id)
    assert one(receipts(found)).state is ReceiptState.DONE
    assert rig.order(take).state is OrderState.ABSENT
    again = one(places(rig.level(TradingState.PAUSE) + rig.level(TradingState.RUN)))
    assert again.lot_id == take.lot_id and again.client_order_id != take.client_order_id
    # It turns up after all: the lot has another exit, so this one must not sell as well.
    assert cancels(rig.seen(take, OrderStatus.WORKING)) == [take.client_order_id]


def test_while_the_exchange_holds_the_funds_it_is_not_gone() -> None:
    rig = Rig()
    take = resting(rig)
    balances = (Balance("USD", D(9900), D(0)), Balance("BTC", D(0), D(1)))
    rig.send(ev.BalanceReport(balances, rig.now_ms + 20_000), 20_000)
    vanished(rig, take)
    receipt = one(receipts(rig.command(Cmd.CANCEL, client_order_id=take.client_order_id)))
    assert receipt.state is ReceiptState.FAILED and "still holds" in (receipt.reason or "")
    assert rig.order(take).state is OrderState.LOST
    free = (Balance("USD", D(9900), D(0)), Balance("BTC", D(1), D(0)))
    rig.send(ev.BalanceReport(free, rig.now_ms + 20_000), 20_000)
    receipt = one(receipts(rig.command(Cmd.CANCEL, "c2", client_order_id=take.client_order_id)))
    assert receipt.state is ReceiptState.DONE


def test_its_late_fill_is_counted_whatever_was_said_of_it() -> None:
    rig = Rig()
    take = resting(rig)
    vanished(rig, take)
    rig.command(Cmd.CANCEL, client_order_id=take.client_order_id)
    rig.seen(take, OrderStatus.FILLED, "1")
    rig.fill(take, "1", "103.8")
    assert not rig.lots and venue_id(take) == rig.order(take).order_id
