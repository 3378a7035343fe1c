"""Live: what an ended permission, a copied folder and DRY_RUN keep back, and what they must not."""

from collections.abc import Sequence

from bot.domain import events as ev
from bot.domain.intents import CancelOrder, Intent, PlaceOrder, SaveReceipt
from bot.domain.kinds import Purpose
from bot.domain.orders import OrderStatus
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from shared.documents.risk import GateVerdict
from shared.settings import Mode
from tests.core.harness import Rig, of


def rig() -> Rig:
    """Live, with one lot and its take resting."""
    made = Rig(coin_mode=Mode.LIVE, dry_run=False, coinbase_key_file="x", stop_loss_pct=5.0)
    made.send(ev.LivePermissionUpdate(None))
    made.open_runner()
    made.tick()
    (take,) = [order.spec for order in made.view.orders.all() if order.spec.purpose is Purpose.TAKE_PROFIT]
    made.accept(take)
    return made


def sold(intents: Sequence[Intent]) -> list[Purpose]:
    return [intent.spec.purpose for intent in of(intents, PlaceOrder)]


def test_without_a_permission_the_stop_still_sells() -> None:
    r = rig()
    r.send(ev.LivePermissionUpdate("no permission"))
    (cancel,) = of(r.price("94"), CancelOrder)
    found = r.seen(r.order(cancel.client_order_id).spec, OrderStatus.CANCELLED)
    assert sold(found) == [Purpose.EXIT]


def test_without_a_permission_a_flatten_sells() -> None:
    r = rig()
    r.send(ev.LivePermissionUpdate("no permission"))
    (cancel,) = of(r.command(Cmd.FLATTEN), CancelOrder)
    found = r.seen(r.order(cancel.client_order_id).spec, OrderStatus.CANCELLED)
    assert sold(found) == [Purpose.FLATTEN]
    assert r.view.control.level is TradingState.STOP


def test_where_nothing_may_be_sold_a_flatten_is_refused_before_it_touches_a_take() -> None:
    for cmd, args in ((Cmd.FLATTEN, {}), (Cmd.CLOSE_PRODUCT, {"product_id": "BTC-USD"}), (Cmd.CLOSE_LOT, None)):
        r = rig()
        given = {"lot_id": r.lots[0].lot_id} if args is None else args
        r.send(ev.LivePermissionUpdate("a copy", "a copy; ./coin adopt-folder"))
        found = r.command(cmd, **given)
        assert not of(found, CancelOrder) and not sold(found)
        (receipt,) = of(found, SaveReceipt)
        assert (receipt.state, receipt.reason) == (
            ReceiptState.REJECTED,
            "nothing is sent: a copy; ./coin adopt-folder",
        )
        assert r.view.control.level is TradingState.RUN and r.lots[0].exit_reason is None
        found = r.price("90") + r.tick(120)
        assert not of(found, CancelOrder) and not sold(found), "nor does a stop"
        assert r.view.orders.resting_take(r.lots[0]) is not None


def test_a_take_rests_on_while_the_ledger_cannot_be_written() -> None:
    """A sale is refused then, so the take is all that the lot has."""
    r = rig()
    r.send(ev.LedgerChanged(ok=False, note="disk full"))
    assert not of(r.price("94") + r.tick(3), CancelOrder)
    r.send(ev.LedgerChanged(ok=True, note=""))
    assert of(r.tick(2), CancelOrder)


def test_a_folder_that_is_not_its_own_is_a_fault_on_the_page() -> None:
    r = rig()
    r.send(ev.LivePermissionUpdate("a copy", "the data folder is not adopted: a copy; ./coin adopt-folder"))
    gate = next(gate for gate in r.view.gates.all("BTC-USD") if gate.name == "live_lock")
    assert (gate.verdict, gate.opens) == (GateVerdict.FAULT, "./coin adopt-folder")
    assert gate.value is not None and "not adopted" in gate.value


def test_the_journal_says_that_exits_go_on() -> None:
    r = rig()
    r.send(ev.LivePermissionUpdate("no permission"))
    last = r.view.records.events[-1]
    assert last.text == "live entries are locked: no permission; the exits of 1 open lot go on"
