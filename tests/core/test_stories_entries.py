"""Stories of entries: one lot for each BUY bar, funds, gates, orders whose outcome is unknown."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import LookUpOrder, SaveKeyValue
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderStatus
from bot.domain.timeframe import Timeframe
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import Gate
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from shared.documents.risk import GateVerdict
from shared.settings import Mode
from tests.core.harness import D, Rig, fetches, looks, notes, of, one, places, product

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
    seen = ev.PriceUpdate("BTC-USD", D(price), D(bid), D(ask))
    rig.send(seen, 60_000)
    rig.strategy.word = "buy"
    closed = Bar(rig.bar_s + 60, 100.0, 100.0, 100.0, 100.0, 1.0)
    assert not places(rig.send(ev.BarsClosed("BTC-USD", Timeframe.MINUTE, (closed,))) + rig.send(seen, 1000))
    assert rig.market().signal == "buy"
    assert places(rig.price("100")), "it is the prices that were in the way"


def test_the_live_lock_shuts_live_entries() -> None:
    rig = Rig(coin_mode=Mode.LIVE, coinbase_key_file="x")
    assert not places(rig.bar("buy"))
