"""Purchases and sales for a target weight that the ledger lacks are taken up as holdings, whatever is missing."""

from dataclasses import replace

import pytest

from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.intents import SaveOrder
from bot.domain.kinds import LotKind, Purpose
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.engine.state.recovered import RecoveredState
from tests.core.harness import D, notes, of, one, places, sells
from tests.core.weights_rig import WeightRig

S = OrderStatus


class Past:
    """A weight was bought by two orders (one job, one lot), bought up by a third, and a part was sold again."""

    def __init__(self) -> None:
        self.rig = rig = WeightRig()
        self.before = rig.restored()
        self.reports: list[OrderReport] = []
        self.fills: list[Fill] = []
        first = one(places(rig.want(0.5)))
        rig.accept(first)
        rig.seen(first, S.WORKING, "20")
        rig.send(ev.FillReports((self.note(first, S.CANCELLED, "20", "99.99"),)))
        rig.price("101", after_ms=2000)
        rig.tick()
        rig.seen(first, S.CANCELLED, "20")
        self.buys(one(places(rig.tick(2))), "100.99")
        self.after_first_job = rig.restored()
        self.buys(one(places(rig.want(0.8))), "99.99")
        self.sale = one(sells(rig.want(0.6)))
        rig.accept(self.sale)
        size = str(self.sale.base_size)
        rig.send(ev.FillReports((self.note(self.sale, S.FILLED, size, "100.01"),)))
        rig.seen(self.sale, S.FILLED, size)

    def buys(self, spec: OrderSpec, price: str) -> None:
        self.rig.accept(spec)
        size = str(spec.base_size)
        self.rig.send(ev.FillReports((self.note(spec, S.FILLED, size, price),)))
        self.rig.seen(spec, S.FILLED, size)
        assert not places(self.rig.tick(3))

    def note(self, spec: OrderSpec, status: OrderStatus, filled: str, price: str) -> Fill:
        """The order and its fill, as the exchange will list them."""
        shown = replace(self.rig.shown(spec, status, filled), created_ms=self.rig.now_ms, kind=spec.kind.value)
        shown = replace(shown, base_size=spec.base_size, limit_price=spec.limit_price, average_fill_price=D(price))
        self.reports.append(shown)
        fill = self.rig.make_fill(spec, filled, price, fee="0.5", trade=f"t{len(self.fills)}")
        self.fills.append(replace(fill, client_order_id="", exchange_ms=self.rig.now_ms + 1))
        return fill

    def later(self, known: RecoveredState) -> WeightRig:
        return WeightRig(restored=known, now_ms=self.rig.now_ms + 60_000, ready=False)

    def history(self) -> ev.HistoryReport:
        return ev.HistoryReport(tuple(self.reports), tuple(self.fills))


@pytest.fixture(scope="module")
def past() -> Past:
    return Past()


@pytest.mark.parametrize("missing", ["everything", "the second job"])
def test_the_holdings_are_there_again(past: Past, missing: str) -> None:
    rig = past.later(past.before if missing == "everything" else past.after_first_job)
    found = rig.send(past.history())
    assert [(lot.lot_id, lot.base_left, lot.kind) for lot in rig.lots] == [
        (lot.lot_id, lot.base_left, LotKind.HOLDING) for lot in past.rig.lots
    ]
    assert len(rig.lots) == 2, "the oldest was sold in part"
    expected = 4 if missing == "everything" else 2
    assert f"{expected} orders missing from the ledger were fetched from the exchange" in " ".join(notes(found))
    purposes = [intent.order.spec.purpose for intent in of(found, SaveOrder)]
    assert purposes.count(Purpose.EXIT) >= 1 and set(purposes) == {Purpose.ENTRY, Purpose.EXIT}


def test_what_is_sold_next_has_an_id_of_its_own(past: Past) -> None:
    rig = past.later(past.before)
    rig.send(past.history())
    lot_id = past.sale.lot_id or ""
    here, there = rig.view.orders.attempts, past.rig.view.orders.attempts
    assert here[lot_id] == there[lot_id] == 1
