"""Orders that the ledger lacks are taken up as what they were: the engine stands where the one that made them stood."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.intents import SaveFill, SaveOrder
from bot.domain.kinds import Purpose
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.engine.orders.history import KNOWN_MISSING
from bot.engine.state.recovered import RecoveredState
from tests.core.harness import D, Rig, looks, notes, of, one, places, venue_id


def shown(rig: Rig, spec: OrderSpec, status: OrderStatus, filled: str, made_ms: int) -> OrderReport:
    """The order as the exchange lists it, with its terms."""
    report = replace(rig.shown(spec, status, filled), created_ms=made_ms, kind=spec.kind.value)
    return replace(report, base_size=spec.base_size, limit_price=spec.limit_price, average_fill_price=D("100"))


class Past:
    """What an engine did that nobody remembers but the exchange: it bought, and its take profit rests."""

    def __init__(self) -> None:
        self.rig = Rig(take_profit_order="limit")
        at_ms = self.rig.now_ms
        self.entry = one(places(self.rig.bar("buy")))
        self.made_ms = self.rig.now_ms
        assert self.made_ms > at_ms
        found = self.rig.fills_all(self.entry, "1", "100", fee="0.5")
        self.take = one(places(found))
        self.rig.accept(self.take)

    def orders(self, take: OrderStatus = OrderStatus.WORKING, sold: str = "0") -> tuple[OrderReport, ...]:
        return (
            shown(self.rig, self.take, take, sold, self.made_ms + 2000),
            shown(self.rig, self.entry, OrderStatus.FILLED, "1", self.made_ms),
        )

    def fill(self, spec: OrderSpec, price: str, after_ms: int) -> Fill:
        """As a list of fills tells it: without our id."""
        made = self.rig.make_fill(spec, "1", price, fee="0.5", trade=f"{spec.purpose}")
        return replace(made, client_order_id="", exchange_ms=self.made_ms + after_ms)

    def later(self, orders: tuple[Order, ...] = (), **kept: str) -> Rig:
        """An engine on a ledger that knows nothing of it but these orders, not ready yet."""
        own = frozenset(order.spec.client_order_id for order in orders)
        known = RecoveredState(orders=orders, own_ids=own, key_values=kept)
        return Rig(take_profit_order="limit", restored=known, now_ms=self.rig.now_ms + 60_000, ready=False)


@pytest.fixture(scope="module")
def past() -> Past:
    return Past()


def test_the_lot_and_its_resting_take_are_there_again(past: Past) -> None:
    rig = past.later()
    found = rig.send(ev.HistoryReport(past.orders(), (past.fill(past.entry, "100", 500),)))
    before, lot = one(past.rig.lots), one(rig.lots)
    assert (lot.lot_id, lot.base_left, lot.entry_fee) == (before.lot_id, before.base_left, before.entry_fee)
    assert lot.exit_client_order_id == past.take.client_order_id
    kept = {intent.order.spec.client_order_id: intent.order.spec.purpose for intent in of(found, SaveOrder)}
    assert kept == {
        past.entry.client_order_id: Purpose.ENTRY, past.take.client_order_id: Purpose.TAKE_PROFIT,
    }  # fmt: skip
    assert one(of(found, SaveFill)).lot_id == lot.lot_id
    assert "2 orders missing from the ledger were fetched from the exchange, with 1 fill" in notes(found)
    here, there = rig.engine.state.orders, past.rig.engine.state.orders
    assert past.take.client_order_id in here.own_ids
    assert here.attempts[lot.lot_id] == there.attempts[lot.lot_id]


def test_what_is_not_over_is_looked_up_at_once(past: Past) -> None:
    rig = past.later()
    rig.send(ev.HistoryReport(past.orders(), (past.fill(past.entry, "100", 500),)))
    assert rig.order(past.take).next_look_ms == rig.now_ms
    assert past.take.client_order_id in looks(rig.tick(1))


def test_a_sale_of_before_closes_its_lot(past: Past) -> None:
    rig = past.later()
    fills = (past.fill(past.take, "104", 3000), past.fill(past.entry, "100", 500))
    rig.send(ev.HistoryReport(past.orders(OrderStatus.FILLED, "1"), fills))
    assert not rig.lots, "in the order in which it happened"
    day = rig.view.account.day
    assert day is not None and day.realized == D("3")
    assert not rig.view.orders.working()


def test_a_sale_of_a_lot_whose_entry_the_ledger_knew_without_its_fill(past: Past) -> None:
    """The backup was made while the bid stood: its lot is there only once its fill is counted, and then was sold."""
    standing = Order(past.entry, OrderState.OPEN, past.made_ms, past.made_ms, order_id=venue_id(past.entry))
    rig = past.later((standing,))
    fills = (past.fill(past.take, "104", 3000), past.fill(past.entry, "100", 500))
    found = rig.send(ev.HistoryReport(past.orders(OrderStatus.FILLED, "1"), fills))
    assert not rig.lots
    assert {intent.fill.trade_id for intent in of(found, SaveFill)} == {fill.trade_id for fill in fills}


def test_told_again_it_changes_nothing(past: Past) -> None:
    rig = past.later()
    report = ev.HistoryReport(past.orders(), (past.fill(past.entry, "100", 500),))
    rig.send(report)
    found = rig.send(report)
    assert not of(found, SaveFill) and one(rig.lots).base_left == D(1)
    assert not [text for text in notes(found) if "missing" in text]


def test_a_product_that_is_not_traded_is_nobodys_order_of_ours(past: Past) -> None:
    rig = past.later()
    orders = tuple(replace(order, product_id="DOGE-USD") for order in past.orders())
    found = rig.send(ev.HistoryReport(orders, ()))
    assert not of(found, SaveOrder) and not rig.lots
    assert "no order of ours is missing from the ledger" in notes(found)


def test_what_cannot_be_proven_stays_foreign(past: Past) -> None:
    rig = past.later()
    long_ago = replace(past.orders()[1], created_ms=past.made_ms - 10**10)
    found = rig.send(ev.HistoryReport((long_ago,), ()))
    assert not of(found, SaveOrder)
    assert past.entry.client_order_id not in rig.engine.state.orders.by_id


@pytest.mark.parametrize(("missing", "streak"), [("", 1), ("1", 0)])
def test_losses_that_the_ledger_counted_before_are_not_counted_again(past: Past, missing: str, streak: int) -> None:
    rig = past.later(**{KNOWN_MISSING: missing} if missing else {})
    fills = (past.fill(past.take, "90", 3000), past.fill(past.entry, "100", 500))
    rig.send(ev.HistoryReport(past.orders(OrderStatus.FILLED, "1"), fills))
    assert rig.engine.state.risk.loss_streak == streak


def test_a_flattens_sale_is_known_by_the_lot_that_it_sold(past: Past) -> None:
    rig = past.later()
    sale = replace(
        past.orders(OrderStatus.FILLED, "1")[0], client_order_id=past.take.client_order_id[:-8] + "ffffffff",
        order_id="v-flatten", kind="market", base_size=None, limit_price=None,
    )  # fmt: skip
    sold = replace(past.fill(past.take, "104", 3000), order_id="v-flatten")
    found = rig.send(ev.HistoryReport((past.orders()[1], sale), (sold, past.fill(past.entry, "100", 500))))
    purposes = {intent.order.spec.purpose for intent in of(found, SaveOrder)}
    assert purposes == {Purpose.ENTRY, Purpose.FLATTEN} and not rig.lots


def test_a_limit_order_that_is_no_exit_of_ours_is_no_flatten(past: Past) -> None:
    rig = past.later()
    stray = replace(
        past.orders(OrderStatus.FILLED, "1")[0], client_order_id=past.take.client_order_id[:-8] + "ffffffff",
        order_id="v-stray", kind="limit", base_size=Decimal(1),
    )  # fmt: skip
    rig.send(ev.HistoryReport((past.orders()[1], stray), (past.fill(past.entry, "100", 500),)))
    assert one(rig.lots).base_left == D(1)
    assert venue_id(past.entry) != "v-stray"
