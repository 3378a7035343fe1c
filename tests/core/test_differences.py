"""What the account holds beyond our fills: seen, named, left out of the day's figure, adopted on command alone."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.fills import Fill
from bot.domain.intents import SaveKeyValue
from bot.domain.kinds import Side
from bot.domain.orders import OrderStatus
from bot.engine.state.portfolio import Portfolio, from_signed, signed_text
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from tests.core.harness import D, Rig, notes, of, one, places, receipts

WAIT_MS = 10_000


def told(rig: Rig, **totals: str) -> list[Any]:
    """The exchange tells the balances now."""
    balances = tuple(Balance(currency, D(total), D(0)) for currency, total in totals.items())
    return rig.send(ev.BalanceReport(balances, rig.now_ms), WAIT_MS)


def facts_of(rig: Rig) -> dict[str, str]:
    return {record.key: record.value for record in of(rig.intents, SaveKeyValue)}


def day_of(rig: Rig) -> Any:
    return rig.view.account.day


def restarted(rig: Rig, *, down_ms: int = 60_000, **balances: str) -> Rig:
    """A new life on what the ledger kept, the account as given."""
    restored = RecoveredState(key_values=facts_of(rig), day=day_of(rig), own_ids=frozenset(rig.view.orders.own_ids))
    cash = balances.pop("USD")
    return Rig(restored=restored, now_ms=rig.now_ms + down_ms, cash=cash, holdings=balances)


def adopt(rig: Rig, differences: str, command_id: str = "a1") -> Any:
    return receipts(rig.command(Cmd.ADOPT, command_id, differences=differences))[-1]


@given(st.dictionaries(st.sampled_from(["USD", "BTC", "ETH"]), st.decimals(-999, 999, places=8)))
def test_the_text_of_differences_is_read_back(amounts: dict[str, Decimal]) -> None:
    assert from_signed(signed_text(amounts)) == {c: a for c, a in amounts.items() if a}


def test_a_difference_is_believed_when_it_is_told_twice_and_waits_for_a_person() -> None:
    rig = Rig()
    told(rig, USD="10100")
    assert rig.view.control.entries_blocked is None, "news of a fill may be on its way"
    found = told(rig, USD="10100")
    assert any("a deposit: USD +100" in text for text in notes(found))
    assert not places(rig.bar("buy"))
    rig.level(TradingState.PAUSE)
    rig.level(TradingState.RUN)
    assert not places(rig.bar("buy")), "Start explains nothing"
    assert adopt(rig, "USD +99").state is ReceiptState.REJECTED, "only what was seen is adopted"
    assert adopt(rig, "USD +100").state is ReceiptState.DONE
    assert places(rig.bar("buy"))
    assert day_of(rig).transfers == 100 and rig.view.account.pnl_today == 0
    assert adopt(rig, "USD +100", "a2").state is ReceiptState.DONE, "twice is harmless"
    assert day_of(rig).transfers == 100


def test_since_when_something_differs_is_kept_through_growth_and_restart_and_begins_anew_after_adopt() -> None:
    rig = Rig()
    assert rig.view.account.differences_since_ms is None
    for _ in range(2):
        told(rig, USD="10100")
    began = rig.view.account.differences_since_ms
    assert began == rig.view.now_ms
    for _ in range(2):
        told(rig, USD="10150")
    assert rig.view.account.differences_since_ms == began, "more came; it differs since the first"
    after = restarted(rig, USD="10150")
    assert after.view.account.differences_since_ms == began
    assert adopt(after, "USD +150").state is ReceiptState.DONE
    assert after.view.account.differences_since_ms is None
    for _ in range(2):
        told(after, USD="10151")
    assert after.view.account.differences_since_ms == after.view.now_ms > began


def test_a_difference_that_goes_away_by_itself_needs_no_one() -> None:
    rig = Rig()
    for _ in range(2):
        told(rig, USD="10100")
    assert rig.view.control.entries_blocked
    for _ in range(2):
        found = told(rig, USD="10000")
    assert any("match our fills again" in text for text in notes(found))
    assert rig.view.control.entries_blocked is None and rig.view.account.pnl_today == 0


def test_an_unexplained_difference_outlives_a_restart_and_is_no_result() -> None:
    rig = Rig()
    for _ in range(2):
        told(rig, USD="9000")
    after = restarted(rig, USD="9000")
    assert after.view.control.entries_blocked == "the account differs by USD -1000"
    assert after.view.account.pnl_today == 0 and after.view.account.day.breaker_ms is None  # type: ignore[union-attr]
    assert not places(after.bar("buy"))
    assert adopt(after, "USD -1000").state is ReceiptState.DONE
    assert places(after.bar("buy"))


@pytest.mark.parametrize("change", [-3000, 3000])
def test_a_transfer_while_the_bot_was_down_is_no_result_of_the_day(change: int) -> None:
    rig = Rig(max_daily_loss_pct=2.0)
    rig.tick()
    after = restarted(rig, USD=str(10_000 + change))
    after.tick()
    assert after.view.account.equity == 10_000 + change, "what is there is shown"
    assert (
        after.view.account.pnl_today == 0
        and after.view.account.day is not None
        and after.view.account.day.breaker_ms is None
    )
    for _ in range(3):
        told(after, USD=str(10_000 + change))
        after.tick()
    assert after.view.control.entries_blocked is not None and not places(after.bar("buy"))
    adopt(after, f"USD {change:+d}")
    assert after.view.account.pnl_today == 0 and day_of(after).transfers == change and places(after.bar("buy"))


def test_a_crash_before_the_gap_is_sure_forgets_it_not() -> None:
    rig = Rig()
    rig.tick()
    first = restarted(rig, USD="10500")
    again = restarted(first, USD="10500")
    for _ in range(3):
        told(again, USD="10500")
    assert signed_text(again.view.account.differences) == "USD +500"


def test_late_news_of_a_fill_closes_the_gap_that_it_made() -> None:
    """An order filled while the bot was down: the balances tell it first, the list of fills later."""
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    order = rig.accept(entry) and rig.order(entry)
    fill_ms = rig.now_ms + 30_000
    restored = RecoveredState(
        key_values=facts_of(rig), day=day_of(rig), own_ids=frozenset({entry.client_order_id}), orders=(order,),
    )  # fmt: skip
    after = Rig(restored=restored, now_ms=rig.now_ms + 60_000, cash="9900", holdings={"BTC": "1"})
    assert after.view.account.gap == {"USD": D(-100), "BTC": D(1)}
    fill = Fill("v", "t", entry.client_order_id, "BTC-USD", Side.BUY, D(100), D(1), D(0), "taker", fill_ms)
    after.send(ev.FillReports((fill,)), 5000)
    assert not after.view.account.gap
    for _ in range(4):
        told(after, USD="9900", BTC="1")
    assert after.view.control.entries_blocked is None


def test_late_news_closes_a_gap_that_an_earlier_start_had_seen() -> None:
    """Two starts while the list of fills lags: the balances of the first hold the fill already."""
    before = Portfolio("USD", "1000|USD=10000|")
    held = [Balance("USD", D(9900), D(0)), Balance("BTC", D(1), D(0))]
    before.adopt(held, 5000, 5000)
    assert before.gap == {"USD": D(-100), "BTC": D(1)}
    again = Portfolio("USD", before.to_text())
    again.adopt(held, 20_000, 20_000)
    third = Portfolio("USD", again.to_text())
    third.adopt(held, 40_000, 40_000)
    fill = Fill("v", "t", "c", "BTC-USD", Side.BUY, D(100), D(1), D(0), "taker", 3000)
    assert third.learn(fill, "BTC", 3000, 41_000) == {} and not third.gap
    assert third.totals == {"USD": D(9900), "BTC": D(1)} and "," not in third.to_text()
    assert not third.close_gap(10**6)


@pytest.mark.parametrize("restart", [False, True])
def test_a_fill_that_the_first_answer_of_a_start_held_already_is_no_gap(restart: bool) -> None:
    """Filled while that answer was on its way, and told afterwards: it seems to come on top, until the next answer."""
    portfolio = Portfolio("USD", "1000|USD=10000|")
    held = [Balance("USD", D(9900), D(0)), Balance("BTC", D(1), D(0))]
    portfolio.adopt(held, 5000, 5020)
    assert portfolio.gap == {"USD": D(-100), "BTC": D(1)}
    fill = Fill("v", "t", "c", "BTC-USD", Side.BUY, D(100), D(1), D(0), "maker", 5004)
    assert portfolio.learn(fill, "BTC", 5004, 6000) == {}
    if restart:
        portfolio = Portfolio("USD", portfolio.to_text())
    assert portfolio.adopt(held, 15_000, 15_020) == {}
    assert not portfolio.gap and portfolio.totals == {"USD": D(9900), "BTC": D(1)}
    assert not portfolio.close_gap(10**6) and "," not in portfolio.to_text()


def test_a_deposit_while_the_bot_was_down_stays_a_gap_beside_such_a_fill() -> None:
    portfolio = Portfolio("USD", "1000|USD=10000|")
    held = [Balance("USD", D(10_400), D(0)), Balance("BTC", D(1), D(0))]
    portfolio.adopt(held, 5000, 5020)
    portfolio.learn(Fill("v", "t", "c", "BTC-USD", Side.BUY, D(100), D(1), D(0), "maker", 5004), "BTC", 5004, 6000)
    portfolio.adopt(held, 15_000, 15_020)
    assert portfolio.close_gap(10**6) == {"USD": D(500)}


def test_a_trade_that_is_not_ours_is_named_as_one() -> None:
    rig = Rig()
    fill = Fill("x", "t", "manual-1", "BTC-USD", Side.BUY, D(100), D(2), D("1.8"), "taker", rig.now_ms)
    rig.send(ev.FillReports((fill, fill)), 10)
    told(rig, USD="9798.2", BTC="2")
    found = told(rig, USD="9798.2", BTC="2")
    assert any("a trade that is not ours: BTC +2, USD -201.8" in text for text in notes(found))
    assert not rig.lots, "it is nobody's lot"


def test_coins_of_a_lot_that_somebody_else_sold_close_the_lot_when_they_are_adopted() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner("1")
    rig.bar("flat")
    for _ in range(3):  # the first answer comes too soon after a fill
        told(rig, USD="9999", BTC="0")
    assert len(rig.lots) == 1, "nobody has said so yet"
    assert adopt(rig, "BTC -1, USD +99").state is ReceiptState.DONE
    assert not rig.lots and rig.view.control.entries_blocked is None
    assert any("left the account without an order of ours" in text for text in notes(rig.intents))
    assert abs(rig.view.account.pnl_today) < 1 and places(rig.bar("buy"))


def test_adopting_something_else_closes_no_lot() -> None:
    rig = Rig(take_profit_order="market")
    rig.open_runner("1")
    for _ in range(3):
        told(rig, USD="9000", BTC="1")
    assert adopt(rig, "USD -900").state is ReceiptState.DONE
    assert len(rig.lots) == 1


def test_what_is_not_whole_is_named_so() -> None:
    rig = Rig()
    for _ in range(2):
        found = told(rig, USD="9000", BTC="1")
    assert any("not explained: BTC +1, USD -1000" in text for text in notes(found))


def test_a_day_that_turns_meanwhile_does_not_count_it_twice() -> None:
    rig = Rig()
    for _ in range(2):
        told(rig, USD="10100")
    rig.price("100")
    rig.send(ev.Tick(), 86_400_000 // 2)
    rig.price("100")
    rig.tick(3)
    assert rig.view.account.pnl_today == 0 and day_of(rig).day == "2026-11-21"
    adopt(rig, "USD +100")
    assert rig.view.account.pnl_today == 0


@given(
    st.dictionaries(st.sampled_from(["USD", "BTC"]), st.decimals(1, 999, places=4), min_size=1),
    st.integers(1, 10**12),
)
def test_balances_survive_as_text(totals: dict[str, Decimal], asked_ms: int) -> None:
    before = Portfolio("USD")
    before.adopt([Balance(c, t, D(0)) for c, t in totals.items()], asked_ms, asked_ms)
    after = Portfolio("USD", before.to_text())
    assert after.totals == before.totals and after.asked_ms == asked_ms and not after.known
    assert after.adopt([Balance(c, t, D(0)) for c, t in totals.items()], asked_ms + 1, asked_ms + 1) == {}
    assert not after.gap


@pytest.mark.parametrize("text", ["", "x", "1|USD=|", "1|USD=abc|", "|||"])
def test_a_damaged_memory_of_balances_is_none(text: str) -> None:
    portfolio = Portfolio("USD", text)
    portfolio.adopt([Balance("USD", D(5), D(0))], 1, 1)
    assert portfolio.known and portfolio.cash == 5 and not portfolio.gap


def test_a_bid_that_rests_hides_no_difference() -> None:
    rig = Rig(entry_order="maker", use_live_equity=False, usd_equity=5000.0)
    spec = one(places(rig.bar("buy", "100")))
    told(rig, USD="9900")
    assert rig.view.account.balances_overtaken, "nobody knows yet whether the bid reached the exchange"
    rig.accept(spec)
    rig.seen(spec, OrderStatus.WORKING, "0")
    told(rig, USD="9900")
    assert not rig.view.account.balances_overtaken
    found = told(rig, USD="9900")
    assert any("a withdrawal: USD -100" in text for text in notes(found))
    assert rig.view.control.entries_blocked is not None


def test_balances_that_a_fill_overtook_say_nothing_and_are_asked_for_again_soon() -> None:
    rig = Rig()
    spec = one(places(rig.bar("buy", "100")))
    told(rig, USD="9900")
    assert rig.view.account.balances_overtaken
    rig.fills_all(spec, "1", "100", "0")
    rig.tick(5)
    told(rig, USD="9900", BTC="1")
    assert not rig.view.account.balances_overtaken
