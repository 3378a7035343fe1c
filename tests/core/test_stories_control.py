"""Stories of control: levels, kill, safe, commands with receipts, gates, UNKNOWN, the day, orders that are not ours."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.intents import Intent, LookUpOrder, Note, SaveDay, SaveKeyValue, SaveLot, SaveReceipt
from bot.domain.kinds import Purpose, Side
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderStatus
from bot.domain.targets import Signal, SignalSide
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import Gate
from bot.engine.state.control import Latch
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.recovered import RecoveredState
from shared.control import Cmd, TradingState
from shared.documents.control import ReceiptState
from shared.documents.risk import GateVerdict
from shared.documents.status import Phase, Status
from shared.settings import Mode
from tests.core.harness import D, Rig, cancels, fetches, looks, notes, of, one, places, product, receipts, sells

DAY_MS = 86_400_000


# One lot for each BUY bar.


def test_one_buy_bar_opens_at_most_one_lot() -> None:
    rig = Rig(pyramid_min_adverse_pct=0.1, pyramid_decay_min_pct=0.1)
    rig.open_runner()
    rig.strategy.word = "buy"
    assert not places(rig.price("90") + rig.tick(10) + rig.price("80")), "the bar was used"
    assert places(rig.bar("buy", "80"))


def test_one_buy_bar_opens_at_most_one_lot_across_a_restart() -> None:
    before = Rig()
    found = before.bar("buy")
    entry = one(places(found))
    facts = {i.key: i.value for i in of(before.intents, SaveKeyValue)}
    # The answer was no; the bot restarts and is told of the same bar again.
    restored = RecoveredState(key_values=facts, own_ids=frozenset({entry.client_order_id}))
    after = Rig(restored=restored, now_ms=before.now_ms)
    after.bar_s = before.bar_s - 60
    assert not places(after.bar("buy") + after.price("100") + after.tick(5))
    # Even if the fact had been lost, the order's id would be the same one.
    again = Rig(restored=replace(restored, key_values={}), now_ms=before.now_ms)
    again.bar_s = before.bar_s - 60
    assert not places(again.bar("buy") + again.price("100"))
    assert places(after.bar("buy")), "the next bar is free"


# Funds.


def test_insufficient_funds_are_retried_once_at_the_least_size_with_the_exact_line() -> None:
    rig = Rig(low_funds="retry")
    entry = one(places(rig.bar("buy")))
    found = rig.send(
        ev.VenueRejected(entry.client_order_id, "Insufficient balance in source account", insufficient=True)
    )
    line = (
        "[WARN] open order 2000.00 USD failed (Insufficient balance in source account); "
        "retrying with ORDER_MIN_USD=5.00"
    )
    assert line in notes(found)
    retry = one(places(found))
    assert (retry.quote_size, retry.retry_of) == (D(5), entry.client_order_id)
    assert retry.client_order_id != entry.client_order_id
    found = rig.send(ev.VenueRejected(retry.client_order_id, "Insufficient balance", insufficient=True))
    assert not places(found + rig.price("100") + rig.tick(5)), "no third try"


def test_our_own_check_of_funds_retries_at_the_least_size_too() -> None:
    rig = Rig(cash="50", use_live_equity=False, usd_equity=1000.0, low_funds="retry")
    found = rig.bar("buy")
    assert "[WARN] open order 200.00 USD failed (not enough funds); retrying with ORDER_MIN_USD=5.00" in notes(found)
    entry = one(places(found))
    assert entry.quote_size == 5
    found = rig.send(ev.VenueRejected(entry.client_order_id, "no", insufficient=True))
    assert not places(found), "that was the second try already"


@pytest.mark.parametrize("cash", ["49.99", "5.01", "0"])
def test_a_crumb_of_an_entry_is_refused_by_the_funds_gate_with_the_reason(cash: str) -> None:
    """An entry of 200 USD: less than a quarter of it is not worth its fees, and would flatter the count of wins."""
    rig = Rig(cash=cash, use_live_equity=False, usd_equity=1000.0)
    assert not places(rig.bar("buy") + rig.price("100") + rig.tick(5))
    gate = next(g for g in rig.view.gates.all("BTC-USD") if g.name == "funds")
    assert (gate.verdict, gate.value, gate.limit) == (GateVerdict.SHUT, cash if cash != "0" else "0.00", "≥ 50.00")
    assert "a quarter of an entry of 200.00" in (gate.opens or "")


def test_what_is_left_is_used_where_it_is_a_useful_part() -> None:
    rig = Rig(cash="50", use_live_equity=False, usd_equity=1000.0)
    found = rig.bar("buy")
    assert one(places(found)).quote_size == 50
    assert any("50.00 instead of 200.00" in text for text in notes(found))
    assert not any("ORDER_MIN_USD" in text for text in notes(found))


def test_short_funds_said_by_the_exchange_are_not_retried_unless_asked_for() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    found = rig.send(
        ev.VenueRejected(entry.client_order_id, "Insufficient balance in source account", insufficient=True)
    )
    assert not places(found + rig.price("100") + rig.tick(5))
    assert any("buy refused: Insufficient balance" in text for text in notes(found))


def test_other_refusals_are_not_retried_and_five_in_a_row_shut_the_product() -> None:
    rig = Rig()
    for _ in range(5):
        entry = one(places(rig.bar("buy")))
        assert not places(rig.send(ev.VenueRejected(entry.client_order_id, "INVALID_SIZE_PRECISION")))
    assert not places(rig.bar("buy"))
    assert places(rig.level(TradingState.RUN) + rig.bar("buy")), "Start, by a person, opens it again"


def test_an_accepted_entry_ends_the_row_of_refusals() -> None:
    rig = Rig()
    for _ in range(4):
        rig.send(ev.VenueRejected(one(places(rig.bar("buy"))).client_order_id, "no"))
    rig.open_runner()
    assert rig.engine.state.risk.refused_in_a_row == {}


# UNKNOWN.


def test_an_unknown_entry_blocks_its_product_and_holds_its_capital_until_it_was_looked_up() -> None:
    rig = Rig(products=("BTC-USD", "ETH-USD"), risk_per_trade_pct=60.0, low_funds="retry")
    entry = one(places(rig.bar("buy")))
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
    assert rig.order(entry).state is OrderState.UNKNOWN
    assert rig.view.account.cash_available == D(10_000) - D(6000)
    assert entry.client_order_id in looks(rig.tick(2)), "it is looked up"
    assert not places(rig.bar("buy") + rig.price("90") + rig.tick(30))
    other = one(places(rig.send(ev.Tick()) + rig.bar("buy", product_id="ETH-USD")))
    assert other.quote_size == 5, "what UNKNOWN may take is not there for others"


def test_absent_needs_three_complete_searches_over_at_least_a_minute() -> None:
    for complete, gaps_ms, ends in [
        ([True, True, True], [1000, 30_000, 30_001], True),
        ([True, True, True], [1000, 29_000, 29_000], False),
        ([True, True], [1000, 120_000], False),
        ([True, False, False, True], [1000, 40_000, 40_000, 40_000], False),
        ([True, True, True, True], [1000, 10, 10, 60_000], True),
    ]:
        rig = Rig()
        entry = one(places(rig.bar("buy")))
        rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
        for whole, gap_ms in zip(complete, gaps_ms, strict=True):
            rig.send(ev.LookupResult(entry.client_order_id, None, complete=whole), gap_ms)
        assert (rig.order(entry).state is OrderState.ABSENT) is ends, (complete, gaps_ms)
        assert bool(rig.view.orders.entries_in_flight()) is not ends


def test_an_unknown_entry_that_was_filled_becomes_its_lot() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
    found = rig.send(ev.LookupResult(entry.client_order_id, rig.shown(entry, OrderStatus.FILLED, "1"), complete=True))
    assert fetches(found)
    rig.fill(entry, "1", "100")
    assert one(rig.lots).lot_id == entry.client_order_id


def test_the_search_begins_before_the_orders_birth_by_the_exchanges_clock() -> None:
    rig = Rig()
    rig.send(ev.ClockChecked(-4000))  # ours is 4 s ahead
    entry = one(places(rig.bar("buy")))
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
    look = one(of(rig.tick(), LookUpOrder))
    assert look.since_ms <= rig.order(entry).created_ms - 4000 - 60_000


def test_a_refusal_of_an_order_that_is_seen_open_is_not_believed() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.seen(entry, OrderStatus.WORKING)
    rig.send(ev.VenueRejected(entry.client_order_id, "403"))
    assert rig.order(entry).state is OrderState.OPEN
    rig.seen(entry, OrderStatus.FILLED, "1")
    rig.fill(entry, "1", "100")
    assert one(rig.lots).base_left == 1


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


# Gates.


@pytest.mark.parametrize("code", [policy.code for policy in registry.POLICIES.deciding])
def test_a_gate_that_raises_refuses(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_state: EngineState, _market: Market) -> Gate:
        raise ZeroDivisionError("planted")

    rig = Rig()
    rig.price("100")
    broken_list = [replace(p, judge=broken) if p.code == code else p for p in registry.POLICIES.all]
    monkeypatch.setattr(registry, "POLICIES", registry.RiskPolicies(broken_list))
    found = rig.bar("buy")
    assert not places(found)
    shut = rig.view.gates.first_shut("BTC-USD")
    assert shut is not None and shut.verdict is GateVerdict.FAULT and "planted" in (shut.value or "")


def _stale(rig: Rig) -> None:
    rig.now_ms += 31_000


GATE_CASES: dict[str, Any] = {
    "feed down": lambda rig: rig.send(ev.FeedChanged(False, "silent")),
    "clock off": lambda rig: rig.send(ev.ClockChecked(5001)),
    "clock off, behind": lambda rig: rig.send(ev.ClockChecked(-5001)),
    "ledger": lambda rig: rig.send(ev.LedgerChanged(ok=False, note="disk full")),
    "halted": lambda rig: rig.send(ev.InstrumentList((product(halted="cancel only"),))),
    "limit only": lambda rig: rig.send(ev.InstrumentList((product(limit_only=True),))),
    "entries latch": lambda rig: rig.send(ev.KeyRightsReport("the key may transfer")),
    "paused": lambda rig: rig.level(TradingState.PAUSE),
}


@pytest.mark.parametrize("case", GATE_CASES)
def test_a_shut_gate_lets_no_entry_pass(case: str) -> None:
    rig = Rig()
    GATE_CASES[case](rig)
    assert not places(rig.bar("buy") + rig.price("100"))


@pytest.mark.parametrize(
    ("price", "bid", "ask"),
    [("100", "90", "90.1"), ("100", "110", "110.1"), ("100", "101", "99"), ("100", "100", "100"), ("100", "0", "200")],
)
def test_crossed_or_far_apart_prices_open_nothing(price: str, bid: str, ask: str) -> None:
    rig = Rig()
    rig.bar("flat")
    rig.engine.state.markets.by_product["BTC-USD"].target = Signal(SignalSide.BUY, None, {})
    rig.engine.state.markets.by_product["BTC-USD"].used_bar_s = None
    assert not places(rig.send(ev.PriceUpdate("BTC-USD", D(price), D(bid), D(ask)), 1000))


def test_the_live_lock_shuts_live_entries() -> None:
    rig = Rig(coin_mode=Mode.LIVE, coinbase_key_file="x")
    assert not places(rig.bar("buy"))


# The day.


def test_the_day_turns_once_and_starts_at_equity() -> None:
    rig = Rig()
    rig.price("100")
    rig.send(ev.Tick(), DAY_MS // 2 - 2000)  # a second before midnight
    days = [i.day.day for i in of(rig.price("100") + rig.tick(4), SaveDay)]
    assert set(days) == {"2026-11-21"}
    rig.tick(5)
    assert rig.view.account.day is not None and rig.view.account.day.start_equity == 10_000


def test_the_breaker_trips_at_the_limit_holds_across_a_restart_and_ends_with_the_day() -> None:
    rig = Rig(max_daily_loss_pct=2.0, take_profit_order="market", risk_per_trade_pct=100.0)
    rig.open_runner(size="99")
    rig.price("98")
    rig.tick()
    assert rig.view.account.day is not None and rig.view.account.day.breaker_ms is None
    rig.price("97.97")
    found = rig.tick()
    day = rig.view.account.day
    assert day is not None and day.breaker_ms == rig.now_ms
    assert any("day loss limit" in text for text in notes(found))
    assert not places(rig.bar("buy", "90"))
    after = Rig(restored=RecoveredState(day=day), now_ms=rig.now_ms, max_daily_loss_pct=2.0)
    assert not places(after.bar("buy")), "a restart does not forget it"
    tomorrow = Rig(restored=RecoveredState(day=day), now_ms=rig.now_ms + DAY_MS, max_daily_loss_pct=2.0)
    assert places(tomorrow.bar("buy"))


def test_the_breaker_lets_exits_go_on() -> None:
    rig = Rig(max_daily_loss_pct=0.5, take_profit_order="market", risk_per_trade_pct=100.0, stop_loss_pct=5.0)
    rig.open_runner(size="99")
    rig.price("97")
    rig.tick()
    assert rig.view.account.day is not None and rig.view.account.day.breaker_ms is not None
    assert one(places(rig.price("94"))).purpose is Purpose.EXIT


def test_a_withdrawal_is_no_loss_and_a_deposit_no_gain() -> None:
    for change in (-3000, 3000):
        rig = Rig(max_daily_loss_pct=2.0)
        rig.price("100")
        rig.tick()
        for _ in range(2):  # one answer may be ahead of the news of a fill; the second one is believed
            rig.send(ev.BalanceReport((Balance("USD", D(10_000 + change), D(0)),), rig.now_ms), 10_000)
            rig.tick()
        assert rig.view.control.entries_blocked is not None, "nobody has explained it yet"
        assert (
            rig.view.account.day is not None
            and rig.view.account.day.transfers == 0
            and rig.view.account.day.breaker_ms is None
        )
        assert rig.view.account.pnl_today == 0 and rig.view.account.equity == 10_000 + change
        rig.level(TradingState.PAUSE)
        rig.level(TradingState.RUN)
        assert not places(rig.bar("buy")), "Start explains nothing"
        shown = f"USD {change:+d}"
        done = receipts(rig.command(Cmd.ADOPT, differences=shown))[0]
        assert done.result is not None and done.result["adopted"] == shown
        assert (
            rig.view.account.day.transfers == change
            and rig.view.account.pnl_today == 0
            and rig.view.control.entries_blocked is None
        )
        assert places(rig.bar("buy"))


def test_balances_asked_for_before_a_fill_are_not_believed() -> None:
    rig = Rig()
    asked_ms = rig.now_ms
    rig.open_runner(size="1")
    rig.send(ev.BalanceReport((Balance("USD", D(10_000), D(0)),), asked_ms))
    assert rig.view.account.cash == 9900


# Orders that are not ours, and ours that nobody knows.


def _foreign(client_order_id: str, rig: Rig) -> Any:
    entry = one(places(rig.bar("buy")))
    shown = rig.shown(entry, OrderStatus.WORKING)
    rig.send(ev.VenueRejected(entry.client_order_id, "no"))
    rig.strategy.word = "flat"
    return replace(shown, client_order_id=client_order_id, order_id="foreign-1")


def test_a_foreign_order_is_listed_and_never_touched() -> None:
    rig = Rig()
    shown = _foreign("somebody-elses", rig)
    found = rig.send(ev.OrderReports((shown,), complete=True, asked_ms=rig.now_ms)) + rig.tick(40)
    assert not cancels(found) and not places(found)
    assert [order.order_id for order in rig.view.orders.foreign()] == ["foreign-1"]
    assert places(rig.bar("buy")), "it does not keep us from trading"
    rig.send(ev.OrderReports((), complete=True, asked_ms=rig.now_ms))
    assert not rig.view.orders.foreign()


def test_an_order_with_our_mark_that_the_ledger_does_not_know_latches_entries() -> None:
    rig = Rig()
    shown = _foreign("ct-main-" + "0" * 32, rig)
    found = rig.send(ev.OrderReports((shown,), complete=True, asked_ms=rig.now_ms))
    assert any("not in the ledger" in text for text in notes(found))
    assert not places(rig.bar("buy"))
    kept = {i.key: i.value for i in of(rig.intents, SaveKeyValue)}
    assert not places(Rig(restored=RecoveredState(key_values=kept)).bar("buy")), "also after a restart"
    rig.level(TradingState.RUN)
    assert places(rig.bar("buy"))


def test_another_bots_order_is_foreign() -> None:
    rig = Rig()
    shown = _foreign("ct-other-" + "0" * 32, rig)
    rig.send(ev.OrderReports((shown,), complete=True, asked_ms=rig.now_ms))
    assert rig.view.control.entries_latched is None


def test_an_own_order_that_was_over_and_is_open_at_the_exchange_is_cancelled() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.VenueRejected(entry.client_order_id, "no"))
    found = rig.send(ev.OrderReports((rig.shown(entry, OrderStatus.WORKING),), complete=True, asked_ms=rig.now_ms))
    assert cancels(found) == [entry.client_order_id]
    assert rig.view.control.entries_latched


def test_a_take_missing_from_a_complete_list_is_looked_up() -> None:
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    found = rig.send(ev.OrderReports((), complete=True, asked_ms=rig.now_ms + 10_000))
    assert take.client_order_id in looks(found)
    assert not sells(found), "not listed is not cancelled"


def test_a_denied_order_was_never_sent_and_its_receiptless_end_frees_the_product() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.RiskRejected(entry.client_order_id, "the ledger cannot be written"))
    assert not rig.view.orders.entries_in_flight()
    assert rig.view.account.cash_available == 10_000
    assert not of(rig.intents, SaveReceipt)
