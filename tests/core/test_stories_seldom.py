"""Stories of what seldom happens: increments that change, clocks that go back, news of what was held to be over."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.intents import Intent, LookUpOrder, SaveLot
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderStatus
from bot.engine.state.engine_state import EngineState
from bot.engine.views.orders import ORDERS_SHOWN
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.documents.risk import GateVerdict
from tests.core.harness import D, Rig, cancels, fetches, notes, of, one, places, product, receipts, sells


@pytest.mark.parametrize("increment", ["0.001", "0.1"])
def test_a_price_increment_that_changes_moves_no_level_and_sells_nothing(increment: str) -> None:
    rig = Rig(take_profit_order="market", stop_loss_pct=5.0)
    rig.open_runner(size="1", price="100.03")
    rig.price("102.9")  # the runner trails: 102.9 x (1 - 0.4 %) = 102.48
    before = one(rig.lots)
    saved = rig.send(ev.InstrumentList((product(price_increment=D(increment)),)))
    after = one(rig.lots)
    assert one(of(saved, SaveLot)).lot == after
    step = D(increment)
    assert after.stop_price is not None and before.stop_price is not None
    assert after.take_price % step == after.stop_price % step == 0
    assert 0 <= after.take_price - before.take_price < step, "never sold below its target"
    assert 0 <= before.stop_price - after.stop_price < step
    assert after.trail_active
    assert not places(rig.price("103")) and not places(rig.price("102.95")), "it was judged as what it is not"
    assert places(rig.price("101")), "and at its trailing stop it is sold"


def test_the_next_take_rests_on_the_new_price_increment() -> None:
    rig = Rig()
    _, take = rig.open_runner(size="1", price="100.03")
    assert take is not None and take.limit_price == D("103.84")
    rig.accept(take)
    rig.send(ev.InstrumentList((product(price_increment=D("0.1")),)))
    rig.seen(take, OrderStatus.EXPIRED)
    assert one(sells(rig.tick(40))).limit_price == D("103.9")


def test_lots_of_an_earlier_run_follow_the_price_increment_of_today() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner(size="1", price="100")
    again = Rig(take_profit_order="market", restored=rig.restored(), ready=False)
    again.send(ev.InstrumentList((product(price_increment=D("0.001")),)))
    again.send(ev.TradingReady())
    assert again.lots[0].take_price == D("103.8")
    assert not places(again.price("100.1")) and not places(again.price("100"))


def test_a_scalp_waits_for_the_adverse_move_also_on_a_coarser_grid() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner(size="1", price="100")
    rig.send(ev.InstrumentList((product(price_increment=D("0.1")),)))
    assert not places(rig.bar("buy", "100"))
    assert places(rig.bar("buy", "98"))


def test_the_retry_of_an_entry_asks_again_whether_entries_are_allowed() -> None:
    rig = Rig(take_profit_order="market", low_funds="retry")
    rig.open_runner(size="19", price="100")
    entry = one(places(rig.bar("buy", "99", after_ms=3_600_000)))
    rig.price("80")
    rig.tick()  # the day's loss limit is reached while the entry waits for its answer
    found = rig.send(ev.VenueRejected(entry.client_order_id, "INSUFFICIENT_FUND", insufficient=True))
    assert not places(found), "no exposure after the breach"
    assert any("day_loss" in text for text in notes(found))
    assert not cancels(found)


BACK_MS = 600_000


def test_exits_are_judged_at_once_after_the_clock_was_set_back() -> None:
    rig = Rig(take_profit_order="market", stop_loss_pct=5.0)
    rig.open_runner(size="1", price="100")
    rig.now_ms -= BACK_MS
    assert one(sells(rig.price("90"))).base_size == 1
    rig.send(ev.VenueRejected(rig.exit_id(), "TRADING_DISABLED"))
    rig.now_ms -= BACK_MS
    assert sells(rig.tick(7)), "and again after its pause of five seconds"


def test_an_order_without_an_answer_is_looked_up_also_after_the_clock_was_set_back() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    born_ms = rig.order(entry).created_ms
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "no answer"))
    rig.now_ms -= 4 * BACK_MS
    look = of(rig.tick(2), LookUpOrder)[0]
    assert look.since_ms < born_ms - 4 * BACK_MS, "else the search begins after the order's birth, and finds nothing"


def test_a_lost_cancel_is_sent_again_also_after_the_clock_was_set_back() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner(size="1", price="100")
    assert take is not None
    rig.accept(take)
    assert cancels(rig.price("90")) == [take.client_order_id]
    rig.now_ms -= BACK_MS
    assert cancels(rig.tick(3)) == [take.client_order_id]


def test_balances_and_freshness_follow_the_clock() -> None:
    rig = Rig()
    rig.open_runner(size="1", price="100")
    rig.tick(4)
    rig.now_ms -= BACK_MS
    rig.tick(4)
    age_ms = rig.view.markets.price_age_ms("BTC-USD", rig.now_ms)
    assert age_ms is not None and 7_000 < age_ms < 9_000, "a price of before is as old as it is"
    rig.send(ev.BalanceReport((Balance("USD", D("9900"), D(0)), Balance("BTC", D(1), D(0))), rig.now_ms))
    assert rig.view.account.synced_ms == rig.now_ms


def test_a_clock_that_jitters_is_not_set_back() -> None:
    rig = Rig()
    rig.now_ms -= 900
    assert not notes(rig.price("100", after_ms=0))


@pytest.mark.parametrize("told_first", ["status", "fills"])
@pytest.mark.parametrize("off", ["0.0000000000000001", "-0.0000000000000001", "0"])
def test_an_entry_by_quote_size_that_is_filled_between_increments_is_whole(told_first: str, off: str) -> None:
    # As the exchange told such orders: 16 decimals of the base, fills told in quote units.
    size = D("0.0000203165253428")
    rig = Rig()
    entry = one(places(rig.bar("buy", "72956.05")))
    rig.accept(entry)
    first = D("0.0000137069375600")
    found = rig.seen(entry, OrderStatus.FILLED, str(size + D(off))) if told_first == "status" else []
    for part in (first, size - first):
        found += rig.fill(entry, str(part), "72956.05", fee="0.00889")
    if told_first == "fills":
        found += rig.seen(entry, OrderStatus.FILLED, str(size + D(off)))
    assert rig.order(entry).settled, "else its lot waits for ever, without stop or take"
    take = one(sells(found))
    assert take.base_size == D("0.00002031")

    rig.tick(4)
    cash = rig.view.account.cash + D("0.0000000000004")
    before = len(rig.view.records.events)
    for _ in range(3):
        there = (Balance("USD", cash, D(0)), Balance("BTC", size - D("0.0000000000000002"), D(0)))
        rig.send(ev.BalanceReport(there, rig.now_ms))
        assert rig.view.account.synced_ms == rig.now_ms
        rig.tick(30)
    assert rig.view.control.entries_blocked is None and len(rig.view.records.events) == before

    rig.accept(take)
    rig.seen(take, OrderStatus.FILLED, "0.00002031")
    rig.fill(take, "0.00002031", str(take.limit_price))
    assert rig.lots == [], "what is left between increments is dust"


def test_a_fill_of_an_entry_by_quote_size_that_is_missing_is_still_missing() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.FILLED, "0.00002031")
    rig.fill(entry, "0.00002030", "100")
    assert not rig.order(entry).settled


def test_a_flatten_waits_for_the_rest_of_an_entry_that_is_still_being_told() -> None:
    rig = Rig(take_profit_order="market")
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.fill(entry, "5", "100")
    assert not sells(rig.command(Cmd.FLATTEN)), "the lot would close, and what is still bought would find none"
    rig.fill(entry, "6", "100")
    rig.seen(entry, OrderStatus.FILLED, "11")
    sale = one(sells(rig.tick(2)))
    assert sale.base_size == 11
    rig.fills_all(sale, "11", "101")
    assert one(receipts(rig.tick(2))).state is ReceiptState.DONE


def test_a_fill_for_a_lot_that_is_closed_takes_no_other_lots_place() -> None:
    rig = Rig(take_profit_order="market")
    entry, _ = rig.open_runner(size="1", price="100")
    lot_id = one(rig.lots).lot_id
    rig.fills_all(one(sells(rig.price("104"))), "1", "104")
    found = rig.fill(entry, "1", "100")
    assert rig.lots == [] and not [record for record in of(found, SaveLot) if record.lot.lot_id == lot_id]
    assert rig.view.control.entries_blocked is not None, "a person must look"


def test_an_order_that_was_not_sent_yet_lives_at_the_exchange_is_cancelled_or_counted() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.RiskRejected(entry.client_order_id, "nothing was sent, it seemed"))
    assert cancels(rig.seen(entry, OrderStatus.WORKING)) == [entry.client_order_id]
    assert fetches(rig.seen(entry, OrderStatus.FILLED, "1"))
    rig.fill(entry, "1", "100")
    assert one(rig.lots).base_left == 1 and rig.view.control.entries_blocked is not None


def test_a_watched_product_without_a_price_keeps_neither_the_day_nor_its_loss_limit_waiting() -> None:
    rig = Rig(take_profit_order="market", products=("BTC-USD", "NEW-USD"))
    rig.send(ev.InstrumentList((product("NEW-USD", price=None),)))
    rig.tick(86_400 // 3_600)
    rig.open_runner(size="19", price="100")
    rig.price("50")
    rig.tick()
    assert rig.view.account.day is not None and rig.view.account.day.breaker_ms is not None
    rig.send(ev.Tick(), after_ms=86_400_000)
    assert rig.view.account.day.day == "2026-11-21" and rig.view.account.day.breaker_ms is None


def test_a_product_that_is_held_and_has_no_price_shuts_entries() -> None:
    rig = Rig(products=("BTC-USD", "NEW-USD"), holdings={"NEW": "5"})
    rig.send(ev.InstrumentList((product("NEW-USD", price=None),)))
    assert not places(rig.bar("buy"))
    gate = next(gate for gate in rig.view.gates.all("BTC-USD") if gate.name == "breaker")
    assert gate.verdict is GateVerdict.FAULT and gate.value == "NEW-USD has no price"
    rig.price("2", product_id="NEW-USD")
    assert places(rig.price("100"))


def test_a_buy_signal_of_bars_that_stopped_coming_opens_nothing() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner(size="1", price="100")
    assert not places(rig.bar("buy", "100")), "not low enough"
    for _ in range(10):
        rig.price("99.99", after_ms=12_000)
    found = rig.price("97", after_ms=120_000)
    assert not places(found), "what an old bar said is no signal for the price of now"
    gate = next(g for g in rig.view.gates.all("BTC-USD") if g.name == "signal")
    assert gate.verdict is GateVerdict.FAULT and "late" in (gate.value or "")
    assert places(rig.bar("buy", "97"))


def test_cash_that_orders_of_others_hold_is_not_available() -> None:
    rig = Rig(low_funds="retry")
    rig.tick(4)
    rig.send(ev.BalanceReport((Balance("USD", D(1500), D(8500)),), rig.now_ms))
    assert rig.view.account.cash_available == 1500
    account = rig.view.account.document()
    assert account is not None and account.held_in_orders == 8500
    found = rig.bar("buy")
    assert any("ORDER_MIN_USD" in text for text in notes(found)), "20 % of 10,000 are not there"


@pytest.mark.parametrize("at_marks", [True, False])
def test_the_page_shows_the_loss_that_the_limit_judges(at_marks: bool) -> None:
    rig = Rig(take_profit_order="market", daily_breaker_mark_to_market=at_marks, max_daily_loss_usd=300.0)
    rig.open_runner(size="19", price="100")
    rig.price("50")
    rig.tick(2)
    assert rig.view.account.day is not None and (rig.view.account.day.breaker_ms is not None) is at_marks
    limits = {limit.name: limit for limit in rig.view.risk.document().limits}
    for name in ("day_loss", "day_loss_usd"):
        assert (limits[name].state == "tripped") is at_marks
        assert limits[name].value == pytest.approx({"day_loss": 9.5, "day_loss_usd": 950}[name] if at_marks else 0)


def test_money_taken_out_is_no_fall_from_the_days_peak_and_the_drawdown_has_its_own_limit() -> None:
    rig = Rig(max_daily_loss_pct=2.0, max_drawdown_pct=7.0)
    for _ in range(3):
        rig.tick(31)
        rig.send(ev.BalanceReport((Balance("USD", D(4000), D(0)),), rig.now_ms))
    account = rig.view.account.document()
    assert account is not None
    assert (account.equity, account.day_peak_equity, account.peak_equity) == (4000, 4000, 4000)
    assert (account.day_pnl, account.drawdown_pct, account.drawdown_limit_pct) == (0, 0, 7)


def test_what_the_account_holds_besides_is_named_as_long_as_no_stream_tells_its_price() -> None:
    rig = Rig(holdings={"ETH": "2", "BTC": "1", "SOL": "0"})
    assert rig.view.account.held_besides == ("ETH-USD",)
    rig.send(ev.InstrumentList((product("ETH-USD", price=D(50)),)))
    before = rig.view.account.equity
    rig.send(ev.InstrumentList((product("ETH-USD", price=D(60)),)))
    assert rig.view.account.equity - before == 20


def test_the_page_shows_orders_in_flight_before_those_that_are_over() -> None:
    rig = Rig(max_orders_per_min=1000, max_consecutive_losses=0)
    _, take = rig.open_runner(size="1", price="100")
    assert take is not None
    rig.accept(take)
    for _ in range(ORDERS_SHOWN + 3):
        for spec in places(rig.bar("buy", "90")):
            rig.send(ev.VenueRejected(spec.client_order_id, "no"))
        rig.forget_refusals()
        rig.now_ms += 60_000  # not the same entry again and again within a minute
    shown = rig.view.orders.documents()
    assert len(shown) == ORDERS_SHOWN and shown[0].client_order_id == take.client_order_id


def test_a_stop_does_not_wait_for_the_pause_after_a_refused_take() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner(size="1", price="100")
    assert take is not None
    rig.send(ev.VenueRejected(take.client_order_id, "PREVIEW_POST_ONLY_WOULD_CROSS", insufficient=False))
    sale = one(sells(rig.price("94")))
    assert sale.limit_price is None


def test_a_price_far_from_the_last_must_come_twice() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner(size="1", price="100")
    peak = rig.view.account.peak_equity
    assert not places(rig.price("1000000000000"))
    rig.tick(1)
    assert rig.view.account.peak_equity == peak, "one mangled frame became the peak"
    assert not places(rig.price("100")), "the lot was judged at it"
    assert not places(rig.price("10"))
    assert places(rig.price("1000")) == [], "two that disagree are no confirmation"
    assert one(sells(rig.price("990")))


def test_a_sale_that_is_refused_again_and_again_is_tried_less_and_less() -> None:
    rig = Rig(stop_loss_pct=5.0, take_profit_order="market")
    rig.open_runner(size="1", price="100")
    sold_ms = []
    found = sells(rig.price("94"))
    for _ in range(600):
        for spec in found:
            sold_ms.append(rig.now_ms)
            rig.send(ev.VenueRejected(spec.client_order_id, "INSUFFICIENT_FUND", insufficient=True))
        found = sells(rig.tick(1)) + sells(rig.price("94"))
    gaps_s = [round((after - before) / 1000) for before, after in itertools.pairwise(sold_ms)]
    assert gaps_s[0] <= 8 and gaps_s[1] <= 8, "a refusal may be over soon"
    assert all(60 <= gap <= 64 for gap in gaps_s[6:]), gaps_s
    assert len(gaps_s) >= 10


def test_an_id_that_the_exchange_has_from_a_newer_ledger_is_looked_up_never_sent_again() -> None:
    """An older copy of the ledger was put in place: the sale that it decides was made already."""
    terms: dict[str, Any] = {"take_profit_order": "market", "stop_loss_pct": 1.0}
    rig = Rig(**terms)
    rig.price("100")
    (entry,) = places(rig.bar("buy"))
    rig.fills_all(entry, "1", "100")
    lot = rig.lots[0]
    # As the exchange's list of orders showed it at the start.
    made = rig.asked(EngineState.intent_id, "exit", lot.lot_id, rig.view.orders.attempts.get(lot.lot_id, 0) + 1)
    kept = rig.restored()
    kept = replace(kept, own_ids=kept.own_ids | {made})
    rig = Rig(restored=kept, now_ms=rig.now_ms + 1000, cash="9900", holdings={"BTC": "1"}, **terms)
    intents = rig.price("90")
    assert not places(intents)
    assert rig.order(made).state is OrderState.UNKNOWN
    looked: list[Intent] = []
    for _ in range(3):
        looked += rig.send(ev.Tick(), 1000)
    assert any(isinstance(intent, LookUpOrder) and intent.client_order_id == made for intent in looked)
