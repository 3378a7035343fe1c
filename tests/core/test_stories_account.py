"""Stories of the account: the day and its loss limit, transfers, orders that are not ours."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.intents import SaveDay, SaveKeyValue, SaveReceipt
from bot.domain.kinds import Purpose
from bot.domain.orders import OrderStatus
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import D, Rig, cancels, looks, notes, of, one, places, receipts, sells

DAY_MS = 86_400_000


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


@pytest.mark.parametrize(("take", "rate"), [("limit", "0.005"), ("market", "0.009")])
def test_what_is_not_realised_is_after_the_paid_fee_and_that_of_the_exit_it_waits_for(take: str, rate: str) -> None:
    """0.5 % and 0.9 %: the maker's and the taker's fee of the tier; half of the lot is sold, the rest pays its part."""
    rig = Rig(take_profit_order=take, stop_loss_pct=5.0)
    rig.open_runner(size="2", price="100", fee="1.80")
    rig.price("102")
    due = D(204) - D(204) * D(rate) - D(200) - D("1.80")
    position = one(rig.view.positions.documents())
    account = rig.view.account.document()
    assert account is not None
    assert position.unrealized_pnl == one(position.lots).unrealized_pnl == account.open_pnl == float(due)
    rig.tick()
    turned = rig.view.account.day
    assert turned is not None
    rig.send(ev.Tick(), DAY_MS // 2)
    day = rig.view.account.day
    assert day is not None and day.day != turned.day and day.start_unrealized == due
