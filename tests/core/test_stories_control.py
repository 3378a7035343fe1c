"""Stories of control: levels, kill, safe, commands with receipts."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.intents import Intent, Note, SaveLot
from bot.domain.kinds import Purpose, Side
from bot.domain.orders import OrderStatus
from bot.engine.state.control import Latch
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from shared.documents.status import Phase, Status
from tests.core.harness import D, Rig, cancels, one, places, product, receipts

DAY_MS = 86_400_000


# Levels: what is sent in each.


@pytest.mark.parametrize("level", [TradingState.PAUSE, TradingState.STOP])
def test_no_level_but_run_adds_exposure(level: TradingState) -> None:
    rig = Rig()
    rig.level(level)
    assert not places(rig.bar("buy") + rig.price("90") + rig.tick(40))


def test_a_retry_does_not_slip_through_a_pause() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.level(TradingState.PAUSE)
    assert not places(rig.send(ev.VenueRejected(entry.client_order_id, "x", insufficient=True)) + rig.tick(5))


def test_pause_judges_exits_and_lays_takes() -> None:
    rig = Rig(stop_loss_pct=5.0)
    entry = one(places(rig.bar("buy")))
    rig.level(TradingState.PAUSE)
    take = one(places(rig.fills_all(entry, "1", "100")))
    assert take.purpose is Purpose.TAKE_PROFIT
    rig.accept(take)
    assert cancels(rig.price("94"))
    assert one(places(rig.seen(take, OrderStatus.CANCELLED))).purpose is Purpose.EXIT


def test_stop_cancels_open_entries_leaves_takes_and_judges_no_exit() -> None:
    rig = Rig(stop_loss_pct=5.0, pyramid_min_adverse_pct=0.5, pyramid_decay_min_pct=0.1)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    entry = one(places(rig.bar("buy", "99")))
    rig.accept(entry)
    found = rig.level(TradingState.STOP)
    assert cancels(found) == [entry.client_order_id]
    assert rig.view.control.status is Status.STOPPING and rig.view.control.phase is Phase.TRADING
    rig.seen(entry, OrderStatus.CANCELLED)
    assert rig.view.control.status is Status.STOPPED and rig.view.control.phase is Phase.STOPPED
    found = rig.price("50") + rig.tick(40)
    assert not places(found) and not cancels(found)
    assert rig.view.orders.resting_take(one(rig.lots)) is not None


def test_an_exit_that_was_decided_but_not_sent_lapses_with_stop_and_is_made_anew() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.price("94")
    rig.level(TradingState.STOP)
    assert not places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick(5))
    assert one(rig.lots).exit_reason is None
    rig.level(TradingState.RUN)
    assert one(places(rig.price("94") + rig.tick(2))).purpose is Purpose.EXIT


@pytest.mark.parametrize("how", ["kill", "safe"])
def test_killed_and_safe_send_nothing(how: str) -> None:
    rig = Rig(stop_loss_pct=5.0, take_profit_order="market")
    rig.open_runner()
    event = ev.KillLatched("kill-1", "KILL file", rig.now_ms) if how == "kill" else ev.SafeMode("5 unclean ends")
    rig.send(event)
    found = rig.bar("buy", "50") + rig.price("40") + rig.tick(40) + rig.level(TradingState.PAUSE) + rig.price("30")
    assert not places(found)
    assert rig.view.control.status is (Status.KILLED if how == "kill" else Status.SAFE)


def test_after_a_reset_the_level_is_stop_and_start_trades_again() -> None:
    rig = Rig()
    rig.send(ev.KillLatched("kill-1", "command", rig.now_ms))
    rig.level(TradingState.RUN)
    assert not places(rig.bar("buy"))
    rig.send(ev.KillLifted("kill-1", "operator"))
    assert rig.view.control.status is Status.STOPPED
    assert not places(rig.bar("buy"))
    rig.level(TradingState.RUN)
    assert places(rig.bar("buy"))


def test_the_latch_of_the_ledger_holds_from_the_first_event() -> None:
    rig = Rig(restored=RecoveredState(latch=Latch("kill-1", "KILL file", 1)))
    assert rig.view.control.status is Status.KILLED
    assert not places(rig.bar("buy") + rig.tick(5))


def test_safe_is_left_by_start_even_where_the_wish_was_start_all_along() -> None:
    rig = Rig()
    rig.send(ev.SafeMode("5 unclean ends"))
    rig.send(ev.TradingStateSet(TradingState.RUN, "boot"))
    assert rig.view.control.status is Status.SAFE
    rig.level(TradingState.RUN)
    assert rig.view.control.status is Status.RUNNING


def test_in_safe_no_strategy_is_asked_so_that_one_that_hung_does_not_hang_again() -> None:
    rig = Rig()
    rig.bar("buy")
    asked: list[int] = []
    latest = rig.strategy.latest
    rig.strategy.latest = lambda product, bars: asked.append(1) or latest(product, bars)
    rig.send(ev.SafeMode("5 unclean ends"))
    rig.bar("buy")
    assert not asked
    rig.level(TradingState.RUN)
    rig.bar("buy")
    assert asked


# Commands with receipts.


def _holding(**settings: Any) -> tuple[Rig, list[Any]]:
    """Three lots of BTC-USD with their takes at rest."""
    rig = Rig(pyramid_min_adverse_pct=0.5, pyramid_decay_min_pct=0.1, **settings)
    takes = [rig.open_runner()[1]]
    for price in ("99", "98"):
        entry = one(places(rig.bar("buy", price)))
        takes.append(one(places(rig.fills_all(entry, "1", price))))
    rig.strategy.word = "flat"
    for take in takes:
        assert take is not None
        rig.accept(take)
    return rig, takes


def test_flatten_cancels_takes_sells_every_lot_and_says_what_it_got() -> None:
    rig, takes = _holding()
    found = rig.command(Cmd.FLATTEN, "flat-1")
    assert sorted(cancels(found)) == sorted(take.client_order_id for take in takes)
    assert rig.view.control.level is TradingState.STOP
    assert not receipts(found)
    exits = [one(places(rig.seen(take, OrderStatus.CANCELLED) + rig.tick())) for take in takes]
    assert {(e.purpose, e.side, e.command_id) for e in exits} == {(Purpose.FLATTEN, Side.SELL, "flat-1")}
    for spec in exits:
        rig.fills_all(spec, "1", "97", fee="0.8")
    done = one(receipts(rig.tick()))
    assert (done.command_id, done.state) == ("flat-1", ReceiptState.DONE)
    assert done.result is not None
    assert (done.result["fills"], done.result["fees"], done.result["proceeds"]) == ("3", "2.40", "291.00")
    assert done.result["residue"] == "none"
    assert rig.lots == []


def test_flatten_waits_for_an_entry_in_flight_and_sells_what_it_buys() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
    assert not receipts(rig.command(Cmd.FLATTEN) + rig.tick(5)), "an entry may still fill: it is not flat"
    rig.send(ev.LookupResult(entry.client_order_id, rig.shown(entry, OrderStatus.FILLED, "1"), complete=True))
    found = rig.fill(entry, "1", "100") + rig.tick(2)
    exit_spec = one(places(found))
    assert exit_spec.purpose is Purpose.FLATTEN
    rig.fills_all(exit_spec, "1", "99")
    assert one(receipts(rig.tick())).state is ReceiptState.DONE


def test_flatten_gives_up_in_words_and_sells_no_more() -> None:
    rig, takes = _holding()
    rig.command(Cmd.FLATTEN, "flat-1")
    found = [i for _ in range(95) for i in rig.tick()]
    failed = one(receipts(found))
    assert failed.state is ReceiptState.FAILED and failed.reason == "3 lots are still open"
    found = [i for take in takes for i in rig.seen(take, OrderStatus.CANCELLED)] + rig.tick(10)
    assert not places(found), "nobody asks for it any more"


def test_flatten_of_nothing_is_done_at_once() -> None:
    assert one(receipts(Rig().command(Cmd.FLATTEN))).state is ReceiptState.DONE


def test_flatten_passes_the_kill_latch() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner()
    rig.send(ev.KillLatched("kill-1", "command", rig.now_ms))
    exit_spec = one(places(rig.command(Cmd.FLATTEN)))
    assert exit_spec.purpose is Purpose.FLATTEN


def test_flatten_books_what_cannot_be_sold_as_dust() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner(size="0.05")
    rig.send(ev.InstrumentList((product(base_min_size=D("0.1")),)))
    done = one(receipts(rig.command(Cmd.FLATTEN) + rig.tick(2)))
    assert done.state is ReceiptState.DONE and done.result is not None
    assert done.result["residue"] == "0.05 BTC-USD"
    assert rig.lots == []


def test_close_lot_closes_that_lot_alone() -> None:
    rig, takes = _holding()
    target = rig.lots[1]
    found = rig.command(Cmd.CLOSE_LOT, "close-1", lot_id=target.lot_id)
    assert cancels(found) == [takes[1].client_order_id]
    exit_spec = one(places(rig.seen(takes[1], OrderStatus.CANCELLED)))
    assert (exit_spec.lot_id, exit_spec.command_id) == (target.lot_id, "close-1")
    assert exit_spec.purpose is Purpose.FLATTEN, "it passes a gate that pause has shut"
    found = rig.fills_all(exit_spec, "1", "97")
    assert _reasons(found) == ["command"], "a person closed one lot: that is no flatten"
    assert any("closed by hand" in intent.text for intent in found if isinstance(intent, Note))
    assert one(receipts(rig.tick())).state is ReceiptState.DONE
    assert len(rig.lots) == 2 and rig.view.control.level is TradingState.RUN


def _reasons(found: list[Intent]) -> list[str]:
    """Of the lots that were closed."""
    closed = [intent.lot for intent in found if isinstance(intent, SaveLot) and intent.lot.closed_ms is not None]
    return [lot.exit_reason.value for lot in closed if lot.exit_reason is not None]


def test_lots_that_a_flatten_sells_are_booked_as_flatten() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner()
    assert _reasons(rig.fills_all(one(places(rig.command(Cmd.FLATTEN))), "1", "99")) == ["flatten"]


def test_a_flatten_over_a_lot_that_is_being_closed_by_hand_leaves_its_reason_and_writes_it_once() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner()
    sold = one(places(rig.command(Cmd.CLOSE_LOT, "close-1", lot_id=rig.lots[0].lot_id)))
    found = rig.command(Cmd.FLATTEN, "flat-1") + rig.tick(3)
    assert not places(found) and not [i for i in found if isinstance(i, SaveLot) and i.lot.exit_reason is None]
    assert _reasons(rig.fills_all(sold, "1", "99")) == ["command"]


def test_close_product_leaves_the_other_products_alone() -> None:
    rig = Rig(products=("BTC-USD", "ETH-USD"), take_profit_order="market")
    for product_id in ("BTC-USD", "ETH-USD"):
        rig.fills_all(one(places(rig.bar("buy", product_id=product_id))), "1", "100")
    rig.strategy.word = "flat"
    exit_spec = one(places(rig.command(Cmd.CLOSE_PRODUCT, product_id="ETH-USD")))
    assert exit_spec.product_id == "ETH-USD"


@pytest.mark.parametrize(
    ("cmd", "args"), [(Cmd.CLOSE_LOT, {"lot_id": "none"}), (Cmd.CLOSE_PRODUCT, {"product_id": "DOGE-USD"})]
)
def test_what_is_not_there_fails_in_words(cmd: Cmd, args: dict[str, str]) -> None:
    failed = one(receipts(Rig().command(cmd, **args)))
    assert failed.state is ReceiptState.FAILED and failed.reason


def test_the_same_command_again_sells_nothing_twice() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner()
    first = one(places(rig.command(Cmd.FLATTEN, "flat-1")))
    assert not places(rig.command(Cmd.FLATTEN, "flat-1"))
    rig.fills_all(first, "1", "99")
    assert not places(rig.tick(3) + rig.command(Cmd.FLATTEN, "flat-1"))
    assert rig.lots == []


def test_cancel_is_done_when_the_order_is_seen_to_be_over() -> None:
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    found = rig.command(Cmd.CANCEL, "x-1", client_order_id=take.client_order_id)
    assert cancels(found) == [take.client_order_id]
    assert not receipts(found + rig.tick(2))
    rig.seen(take, OrderStatus.CANCELLED)
    found = rig.tick()
    assert one(receipts(found)).state is ReceiptState.DONE
    assert not places(found + rig.tick(60)), "a person wanted it gone: it is not laid again at once"


def test_cancel_of_what_the_exchange_keeps_showing_fails() -> None:
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.command(Cmd.CANCEL, "x-1", client_order_id=take.client_order_id)
    found = rig.tick(35)
    assert one(receipts(found)).state is ReceiptState.FAILED
    assert len(cancels(found)) > 3, "asked again and again"
