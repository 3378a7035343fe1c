"""A person moves a take or a stop: refused by name, kept over restarts, and a lot is never sold twice for it."""

import pytest

from bot.domain.intents import SaveKeyValue, SaveLot
from bot.domain.kinds import ExitReason, Purpose
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.state.moved_levels import KEY
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from tests.core.harness import D, Rig, cancels, notes, of, one, places, receipts, sells

OPEN = "100"


def held(fee: str = "0", **settings: object) -> tuple[Rig, OrderSpec]:
    """A runner of 1 BTC bought at 100, its take at rest."""
    rig = Rig(**settings)  # type: ignore[arg-type]
    _, take = rig.open_runner(fee=fee)
    assert take is not None
    rig.accept(take)
    return rig, take


def move(rig: Rig, cmd: Cmd, price: str, command_id: str = "m1", **more: str) -> list[object]:
    return list(rig.command(cmd, command_id, lot_id=one(rig.lots).lot_id, price=price, **more))


def ended(found: list[object]) -> tuple[ReceiptState, str | None]:
    receipt = one(receipts(found))  # type: ignore[arg-type]
    return receipt.state, receipt.reason


def test_a_moved_take_is_placed_when_the_one_before_is_seen_cancelled_and_is_done_when_it_rests() -> None:
    rig, take = held()
    found = move(rig, Cmd.MOVE_TAKE, "110.5")
    assert cancels(found) == [take.client_order_id] and not places(found) and not receipts(found)  # type: ignore[arg-type]
    assert one(rig.lots).take_price == D("110.5")
    assert not places(rig.tick(3)), "the former take may still fill"
    again = one(places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick()))
    assert (again.purpose, again.limit_price, again.base_size) == (Purpose.TAKE_PROFIT, D("110.5"), D(1))
    rig.accept(again)
    receipt = one(receipts(rig.tick()))
    assert receipt.state is ReceiptState.DONE
    assert receipt.result == {"take": "110.5", "order": again.client_order_id}
    shown = one(one(rig.view.positions.documents()).lots)
    assert shown.take_moved_by == "unknown" and shown.take_moved_ms and shown.stop_moved_by is None


def test_a_take_that_fills_while_it_is_cancelled_leaves_nothing_to_be_sold() -> None:
    rig, take = held()
    move(rig, Cmd.MOVE_TAKE, "120")
    found = rig.seen(take, OrderStatus.FILLED, "1") + rig.fill(take, "1", "103.8") + rig.tick(3)
    assert not sells(found) and not rig.lots
    assert ended(list(found)) == (ReceiptState.FAILED, "the lot was sold before its moved take rested")
    kept = [pair.value for pair in of(found, SaveKeyValue) if pair.key == KEY]
    assert kept == [""], "nothing is remembered of a closed lot"


def test_a_part_that_fills_meanwhile_leaves_a_take_of_the_rest_alone() -> None:
    rig, take = held()
    move(rig, Cmd.MOVE_TAKE, "120")
    rig.fill(take, "0.4", "103.8")
    again = one(places(rig.seen(take, OrderStatus.CANCELLED, "0.4") + rig.tick()))
    assert (again.base_size, again.limit_price) == (D("0.6"), D(120))


@pytest.mark.parametrize(
    ("price", "why"),
    [
        ("99", "above the price"),
        ("100", "above the price"),
        ("105.001", "whole steps of 0.01"),
        ("100.5", "below break-even"),
        ("-1", "above zero"),
        ("1e400", "not a number"),
        ("nan", "not a number"),
        ("much", "not a number"),
    ],
)
def test_a_take_that_makes_no_sense_is_refused_by_name_and_nothing_moves(price: str, why: str) -> None:
    rig, take = held(fee="0.9")
    found = move(rig, Cmd.MOVE_TAKE, price)
    state, reason = ended(found)
    assert state is ReceiptState.REJECTED and why in (reason or "")
    assert not cancels(found) and not of(found, SaveLot) and one(rig.lots).take_price == take.limit_price  # type: ignore[arg-type]


def test_a_take_below_break_even_goes_where_a_person_confirms_the_loss() -> None:
    rig, take = held(fee="0.9")
    assert cancels(move(rig, Cmd.MOVE_TAKE, "100.5", at_a_loss="yes")) == [take.client_order_id]  # type: ignore[arg-type]


def test_what_is_being_sold_is_left_alone() -> None:
    rig, take = held(stop_loss_pct=5.0)
    rig.price("94")
    for cmd in (Cmd.MOVE_TAKE, Cmd.MOVE_STOP):
        assert ended(move(rig, cmd, "110")) == (ReceiptState.REJECTED, "it is being sold")
    rig.seen(take, OrderStatus.CANCELLED)
    assert ended(list(rig.command(Cmd.MOVE_TAKE, lot_id="ct-none", price="1"))) == (
        ReceiptState.REJECTED, "no such open lot",
    )  # fmt: skip


def test_a_later_move_takes_the_place_of_one_that_is_not_done() -> None:
    rig, take = held()
    move(rig, Cmd.MOVE_TAKE, "110")
    assert ended(move(rig, Cmd.MOVE_TAKE, "111", "m2")) == (ReceiptState.FAILED, "superseded by a later move")
    again = one(places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick()))
    assert again.limit_price == D(111)
    rig.accept(again)
    assert one(receipts(rig.tick())).command_id == "m2"


def test_a_stop_that_is_pressed_meanwhile_ends_it_and_start_places_the_take_where_it_was_moved() -> None:
    rig, take = held()
    move(rig, Cmd.MOVE_TAKE, "110")
    rig.level(TradingState.STOP)
    assert ended(list(rig.tick()))[0] is ReceiptState.FAILED
    assert not places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick(3))
    assert one(places(rig.level(TradingState.RUN) + rig.tick())).limit_price == D(110)


def test_the_next_process_finds_the_level_and_resumes_the_command_without_moving_twice() -> None:
    rig, _take = held()
    move(rig, Cmd.MOVE_TAKE, "110")
    after = Rig(restored=rig.restored(), holdings={"BTC": "1"}, now_ms=rig.now_ms + 5000)
    assert one(after.lots).take_price == D(110)
    assert one(one(after.view.positions.documents()).lots).take_moved_by == "unknown"
    after.price("115")  # the price is beyond it by now: what was recorded is not judged again
    found = move(after, Cmd.MOVE_TAKE, "110")
    assert not of(found, SaveLot) and not receipts(found)  # type: ignore[arg-type]


def test_where_takes_are_judged_by_the_bot_a_move_is_done_at_once() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner()
    found = move(rig, Cmd.MOVE_TAKE, "102")
    assert ended(found) == (ReceiptState.DONE, None) and not places(found)  # type: ignore[arg-type]
    assert one(places(rig.price("102"))).purpose is Purpose.EXIT
    assert one(rig.lots).exit_reason is ExitReason.TAKE_PROFIT


def test_a_moved_stop_sells_there_and_says_who_moved_it() -> None:
    rig, take = held()
    found = move(rig, Cmd.MOVE_STOP, "97.5")
    assert ended(found) == (ReceiptState.DONE, None)
    assert "stop moved from none to 97.50 by unknown" in notes(found)[0]  # type: ignore[arg-type]
    assert not cancels(rig.price("97.51"))
    assert cancels(rig.price("97.5")) == [take.client_order_id]
    assert one(rig.lots).exit_reason is ExitReason.STOP


@pytest.mark.parametrize(("price", "why"), [("100", "below the price"), ("101", "below the price"), ("9.001", "steps")])
def test_a_stop_at_or_above_the_price_is_refused(price: str, why: str) -> None:
    rig, _ = held()
    state, reason = ended(move(rig, Cmd.MOVE_STOP, price))
    assert state is ReceiptState.REJECTED and why in (reason or "") and one(rig.lots).stop_price is None


def test_a_stop_can_be_turned_off() -> None:
    rig, _ = held(stop_loss_pct=5.0)
    assert ended(move(rig, Cmd.MOVE_STOP, "none")) == (ReceiptState.DONE, None)
    assert not cancels(rig.price("50"))


def test_trailing_goes_on_from_a_moved_stop_only_upwards() -> None:
    rig, _ = held(take_profit_pct=50.0, trail_activate_pct=1.0, trail_distance_pct=1.0)
    rig.price("102")  # trails at 100.98
    assert ended(move(rig, Cmd.MOVE_STOP, "101.5"))[0] is ReceiptState.DONE
    rig.price("102.2")  # the trail is at 101.17, below the stop that a person set
    rig.price("101.5")
    assert one(rig.lots).exit_reason is ExitReason.STOP
    rig, _ = held(take_profit_pct=50.0, trail_activate_pct=1.0, trail_distance_pct=1.0)
    rig.price("102")
    move(rig, Cmd.MOVE_STOP, "99")  # below the trail, which stays
    rig.price("100.9")
    assert one(rig.lots).exit_reason is ExitReason.TRAIL


def test_an_unreadable_memory_of_moves_stops_no_start() -> None:
    rig, _ = held()
    restored = rig.restored()
    broken = type(restored)(lots=restored.lots, key_values={KEY: "{"}, orders=restored.orders)
    assert one(one(Rig(restored=broken).view.positions.documents()).lots).take_moved_by is None
