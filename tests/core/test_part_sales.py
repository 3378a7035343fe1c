"""A person sells a part of a lot or a product: never more than asked for, whatever fills, ends or starts meanwhile."""

import pytest

from bot.domain.kinds import ExitReason, Purpose
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.state.part_sale import KEY
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from tests.core.harness import D, Rig, cancels, one, places, receipts, sells


def held(**settings: object) -> tuple[Rig, OrderSpec]:
    rig = Rig(**settings)  # type: ignore[arg-type]
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    return rig, take


def part(rig: Rig, size: str, command_id: str = "p1", **more: str) -> list[object]:
    target = more or {"lot_id": one(rig.lots).lot_id}
    return list(rig.command(Cmd.SELL_PART, command_id, base_size=size, **target))


def begun(**settings: object) -> tuple[Rig, OrderSpec]:
    """A part of 0.3 on its way: the take is gone, the sale is sent."""
    rig, take = held(**settings)
    assert cancels(part(rig, "0.3")) == [take.client_order_id]  # type: ignore[arg-type]
    return rig, one(places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick()))


def test_the_part_is_sold_when_the_take_is_seen_cancelled_and_a_take_rests_for_the_rest() -> None:
    rig, sale = begun()
    assert (sale.purpose, sale.base_size, sale.command_id, sale.reduce_only) == (Purpose.EXIT, D("0.3"), "p1", True)
    found = rig.fills_all(sale, "0.3", "100", fee="0.27") + rig.tick()
    receipt = one(receipts(found))
    assert receipt.state is ReceiptState.DONE and receipt.result is not None
    assert (receipt.result["fills"], receipt.result["proceeds"], receipt.result["fees"]) == ("1", "30.00", "0.27")
    rest = one(places(found + rig.tick()))
    assert (rest.purpose, rest.base_size) == (Purpose.TAKE_PROFIT, D("0.7"))
    assert one(rig.lots).base_left == D("0.7") and not sells(rig.tick(5))
    assert rig.view.records.values[KEY] == ""


def test_a_take_that_fills_a_part_while_it_is_cancelled_counts_as_sold() -> None:
    rig, take = held()
    part(rig, "0.3")
    rig.fill(take, "0.2", "103.8")
    assert one(places(rig.seen(take, OrderStatus.CANCELLED, "0.2") + rig.tick())).base_size == D("0.1")


def test_a_take_that_fills_more_than_the_part_leaves_nothing_to_be_sold() -> None:
    rig, take = held()
    part(rig, "0.3")
    rig.fill(take, "0.4", "103.8")
    found = rig.seen(take, OrderStatus.CANCELLED, "0.4") + rig.tick()
    assert one(receipts(found)).state is ReceiptState.DONE
    assert [s.purpose for s in sells(found + rig.tick())] == [Purpose.TAKE_PROFIT]


def test_a_restart_between_the_fill_and_the_receipt_sells_nothing_again() -> None:
    rig, sale = begun()
    rig.accept(sale)
    rig.fill(sale, "0.1", "100")
    after = Rig(restored=rig.restored(), holdings={"BTC": "0.9"}, now_ms=rig.now_ms + 5000)
    assert not sells(part(after, "0.3") + after.tick())  # type: ignore[operator]
    found = after.fill(sale, "0.2", "100") + after.seen(sale, OrderStatus.FILLED, "0.3") + after.tick(2)
    assert one(receipts(found)).state is ReceiptState.DONE
    assert one(after.lots).base_left == D("0.7")


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ("1", "close it instead"),
        ("1.5", "more than is held"),
        ("0.000000001", "whole steps"),
        ("0.001", "too small to sell: the exchange takes 0.01 or more"),
        ("0.995", "could not be sold any more: leave 0.01 or more"),
        ("0", "above zero"),
        ("all", "not a number"),
    ],
)
def test_a_part_or_rest_that_the_exchange_does_not_take_is_refused(size: str, why: str) -> None:
    rig, _ = held()
    found = part(rig, size)
    receipt = one(receipts(found))  # type: ignore[arg-type]
    assert receipt.state is ReceiptState.REJECTED and why in (receipt.reason or "")
    assert not cancels(found)  # type: ignore[arg-type]


def test_one_at_a_time_and_nothing_is_moved_meanwhile() -> None:
    rig, _ = begun()
    for again in (part(rig, "0.1", "p2"), rig.command(Cmd.MOVE_STOP, "m1", lot_id=one(rig.lots).lot_id, price="90")):
        assert one(receipts(again)).reason == "a part of it is being sold"  # type: ignore[arg-type]


def test_of_a_product_the_oldest_lots_go_first_and_a_whole_one_is_closed_by_hand() -> None:
    rig = Rig(pyramid_min_adverse_pct=0.5, pyramid_decay_min_pct=0.1, take_profit_order="market")
    rig.open_runner()
    entry = one(places(rig.bar("buy", "99")))
    rig.fills_all(entry, "1", "99")
    rig.strategy.word = "flat"
    first, second = rig.lots
    sales = sells(part(rig, "1.25", product_id="BTC-USD"))  # type: ignore[arg-type]
    assert [(s.lot_id, s.base_size) for s in sales] == [(first.lot_id, D(1)), (second.lot_id, D("0.25"))]
    for sale in sales:
        rig.fills_all(sale, str(sale.base_size), "99")
    assert one(receipts(rig.tick())).state is ReceiptState.DONE
    assert one(rig.lots).base_left == D("0.75")
    closed = [i.lot for i in rig.intents if getattr(i, "lot", None) is not None and i.lot.closed_ms]  # type: ignore[union-attr]
    assert closed[-1].exit_reason is ExitReason.COMMAND


@pytest.mark.parametrize("target", [{}, {"lot_id": "x", "product_id": "BTC-USD"}])
def test_either_a_lot_or_a_product(target: dict[str, str]) -> None:
    rig, _ = held()
    found = rig.command(Cmd.SELL_PART, "p1", base_size="0.1", **target)
    assert one(receipts(found)).reason == "name either a lot or a product"


def test_a_stop_loss_meanwhile_sells_all_and_the_command_says_so() -> None:
    rig, take = held(stop_loss_pct=5.0)
    part(rig, "0.3")
    rig.price("90")
    found = rig.seen(take, OrderStatus.CANCELLED) + rig.tick()
    assert one(sells(found)).base_size == D(1)
    receipt = one(receipts(found))
    assert receipt.state is ReceiptState.FAILED and "all of the lot" in (receipt.reason or "")


def test_a_stop_of_the_bot_meanwhile_sells_nothing() -> None:
    rig, take = held()
    part(rig, "0.3")
    rig.level(TradingState.STOP)
    found = rig.seen(take, OrderStatus.CANCELLED) + rig.tick(3)
    assert not sells(found)
    assert one([r for r in receipts(rig.intents) if r.command_id == "p1"]).state is ReceiptState.FAILED
