"""Risk: guards and their bands, what latches and who lifts it, pauses after refusals, what survives a restart."""

from dataclasses import asdict
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.intents import SaveKeyValue
from bot.domain.orders import OrderStatus
from bot.engine.risk import losses, rate
from bot.engine.risk.exposure import exposure_quote
from bot.engine.risk.guard import Band, Guard, Reading
from bot.engine.risk.policies import registry
from bot.engine.state.recovered import RecoveredState
from bot.engine.state.risk import Results, RiskMemory
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import D, Rig, notes, of, one, places, product

BTC = "BTC-USD"


def guard(name: str) -> Guard:
    return next(g for g in registry.POLICIES.guards if g.name == name)


def reading(rig: Rig, made: Guard) -> Reading:
    return rig.asked(made.read, BTC)


def plain(limit: float, value: float | None, **terms: Any) -> Reading:
    made = Guard("g", "G", "x", lambda _s: limit, lambda _w, _m: value, "later", **terms)
    return reading(Rig(), made)


@pytest.mark.parametrize(
    ("limit", "value", "terms", "band"),
    [
        (0.0, 99.0, {}, Band.OFF),
        (10.0, 0.0, {}, Band.OK),
        (10.0, 7.99, {}, Band.OK),
        (10.0, 8.0, {}, Band.WARN),
        (10.0, 9.999, {}, Band.WARN),
        (10.0, 10.0, {}, Band.TRIPPED),
        (10.0, 10.0, {"reaching_is_fine": True}, Band.WARN),
        (10.0, 10.001, {"reaching_is_fine": True}, Band.TRIPPED),
        (10.0, 9.999, {"at_least": True}, Band.TRIPPED),
        (10.0, 10.0, {"at_least": True}, Band.WARN),
        (10.0, 12.5, {"at_least": True}, Band.OK),
        (10.0, None, {}, Band.UNKNOWN),
        (10.0, float("nan"), {}, Band.TRIPPED),
        (10.0, float("-inf"), {}, Band.TRIPPED),
    ],
)
def test_a_guards_band(limit: float, value: float | None, terms: dict[str, Any], band: Band) -> None:
    found = plain(limit, value, **terms)
    assert found.band is band
    assert found.approved == (band is not Band.TRIPPED)


def test_unknown_shuts_only_where_it_must() -> None:
    assert plain(1.0, None).approved
    assert not plain(1.0, None, unknown_shuts=True).approved


def test_every_guard_shows_its_state_with_value_and_limit() -> None:
    rig = Rig(products=(BTC, "ETH-USD"))
    rig.price("100")
    rig.price("50", "ETH-USD")
    docs = {doc.name: doc for doc in rig.view.risk.document().limits}
    assert set(docs) >= {g.name for g in registry.POLICIES.guards} | {
        "day_loss",
        "lots",
        "orders_per_min",
        "clock",
        "stale",
    }
    assert docs["spread"].note == "ETH-USD" and docs["spread"].value == pytest.approx(0.04)
    assert docs["depth"].state == "off" and docs["depth"].limit is None
    assert docs["drawdown"].state == "ok" and docs["drawdown"].limit == 10.0
    assert all(doc.state in ("ok", "warn", "tripped", "off", "unknown") for doc in docs.values())


# Drawdown.


def test_drawdown_warns_then_latches_and_start_counts_from_there() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    rig.tick()
    rig.lose("0.09")
    rig.tick()
    assert reading(rig, guard("drawdown")).band is Band.WARN and rig.view.control.entries_latched is None
    rig.lose("0.02")
    said = notes(rig.tick())
    assert rig.view.control.entries_latched is not None and "drawdown" in rig.view.control.entries_latched
    assert any("Start" in text for text in said)
    assert not places(rig.bar("buy"))
    rig.level(TradingState.RUN)
    assert rig.view.control.entries_latched is None and rig.view.account.peak_equity == rig.view.account.equity
    assert places(rig.bar("buy"))


def test_the_drawdown_latch_and_the_peak_survive_a_restart() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    rig.tick()
    rig.lose("0.2")
    rig.tick()
    again = Rig(
        cash="8000",
        restored=RecoveredState(key_values=dict(rig.view.records.values)),
        max_daily_loss_pct=100.0,
    )
    assert again.view.account.peak_equity == 10_000
    assert not places(again.bar("buy"))


def test_money_taken_out_is_no_drawdown() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    rig.tick()
    for _ in range(2):  # what our fills do not explain is believed the second time
        rig.now_ms += 60_000
        rig.send(ev.BalanceReport((Balance("USD", D(5000), D(0)),), rig.now_ms))
    rig.tick()
    assert reading(rig, guard("drawdown")).value == 0
    rig.command(Cmd.ADOPT, differences="USD -5000")
    rig.tick()
    assert rig.view.account.peak_equity == 5000 and reading(rig, guard("drawdown")).value == 0
    assert "drawdown" not in (rig.view.control.entries_latched or "")


# Losses in a row.


def sell_at(rig: Rig, price: str) -> None:
    """Buy one at 100 and have its take filled at `price`."""
    _, take = rig.open_runner()
    assert take is not None
    rig.fills_all(take, "1", price)


def test_losses_in_a_row_shut_entries_until_the_day_turns() -> None:
    rig = Rig(max_consecutive_losses=3, max_daily_loss_pct=100.0)
    for _ in range(3):
        sell_at(rig, "99")
    assert rig.view.risk.loss_streak == 3
    assert not places(rig.bar("buy"))
    rig.now_ms += 86_400_000
    rig.price("100")
    rig.tick()
    assert rig.view.risk.loss_streak == 0 and places(rig.bar("buy"))


def test_a_gain_ends_the_row_and_start_does_too() -> None:
    rig = Rig(max_consecutive_losses=3, max_daily_loss_pct=100.0)
    for price in ("99", "99", "101", "99", "99"):
        sell_at(rig, price)
    assert rig.view.risk.loss_streak == 2
    rig.level(TradingState.RUN)
    assert rig.view.risk.loss_streak == 0


def test_results_survive_a_restart() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    for price in ("99", "103", "98"):
        sell_at(rig, price)
    kept = RiskMemory.restored(rig.view.records.values)
    seen = Results()
    for result_pct in (-1.0, 3.0, -2.0):
        seen.add(result_pct)
    assert kept.loss_streak == 1 and asdict(kept.results) == pytest.approx(asdict(seen))
    assert kept.results.wins + kept.results.losses == pytest.approx(1 + 0.99 + 0.99**2)
    assert RiskMemory.restored({"loss_streak": "x", "results": "1 2"}).loss_streak == 0


# Errors.


def ends(rig: Rig, ok: bool) -> None:
    """One more entry, which the exchange takes but never fills, or refuses."""
    rig.lose("0.0001")  # each of another size: none is the same again
    entry = one(places(rig.bar("buy")))
    if ok:
        rig.accept(entry)
        rig.seen(entry, OrderStatus.EXPIRED)
    else:
        rig.send(ev.VenueRejected(entry.client_order_id, "no"))


def test_more_than_half_of_the_orders_failing_shuts_entries_until_they_are_old() -> None:
    rig = Rig()
    for ok in (True, True, False, False, False):
        ends(rig, ok)
    assert reading(rig, guard("order_errors")).band is Band.UNKNOWN, "five say nothing yet"
    ends(rig, False)
    assert not reading(rig, guard("order_errors")).approved
    assert not places(rig.bar("buy"))
    rig.now_ms += 601_000
    assert places(rig.bar("buy"))


@pytest.mark.parametrize(("errors", "approved"), [(0, True), (4, True), (5, False), (10, False)])
def test_failed_requests_in_a_minute(errors: int, approved: bool) -> None:
    rig = Rig()
    rig.send(ev.RequestCounts(1000, 900))
    rig.send(ev.RequestCounts(1010, 900 + errors), 30_000)
    rig.price("100")
    found = reading(rig, guard("api_errors"))
    assert found.value == errors * 10 and found.approved is approved


def test_old_requests_are_forgotten() -> None:
    rig = Rig()
    rig.send(ev.RequestCounts(0, 0))
    rig.send(ev.RequestCounts(100, 100), 1000)
    rig.send(ev.RequestCounts(110, 100), 61_000)
    assert reading(rig, guard("api_errors")).band is Band.UNKNOWN, "none in the last minute"
    rig.send(ev.RequestCounts(120, 101), 1000)
    assert reading(rig, guard("api_errors")).value == 10


# Refusals (A10): at most five in a row, then a pause, each twice as long.


def refuse(rig: Rig) -> bool:
    sent = places(rig.bar("buy"))
    for spec in sent:
        rig.send(ev.VenueRejected(spec.client_order_id, "INVALID_SIZE_PRECISION"))
    return bool(sent)


def test_five_refusals_pause_the_product_and_each_pause_is_twice_as_long() -> None:
    rig = Rig(products=(BTC, "ETH-USD"), max_error_rate_pct=0.0)
    assert [refuse(rig) for _ in range(7)] == [True] * 5 + [False] * 2
    assert places(rig.bar("buy", product_id="ETH-USD")), "the other product trades on"
    for pause_s in (60, 120, 240):
        begin = rig.now_ms
        for _ in range(1000):
            if refuse(rig):
                break
            rig.now_ms += 1000
        assert pause_s - 15 <= (rig.now_ms - begin) / 1000 <= pause_s + 15, pause_s
        assert not refuse(rig), "one try after the pause"


def test_an_accepted_entry_ends_the_pauses() -> None:
    rig = Rig(max_error_rate_pct=0.0)
    for _ in range(5):
        refuse(rig)
    rig.now_ms += 61_000
    accepted = one(places(rig.bar("buy")))
    rig.accept(accepted)
    rig.seen(accepted, OrderStatus.CANCELLED)
    tried = []
    for _ in range(6):
        rig.now_ms += 15_000  # not the same entry again and again within a minute
        tried.append(refuse(rig))
    assert tried == [True] * 5 + [False], "the row of refusals and the length of its pause begin anew"
    rig.now_ms += 61_000
    assert refuse(rig)


# Orders in a minute (H7).


def test_a_runaway_strategy_is_latched_within_a_second_and_only_start_lifts_it() -> None:
    """An entry at every bar, a bar at every tick, each of another size; nothing else stands in the way."""
    rig = Rig(max_orders_per_min=10, max_consecutive_losses=0, max_daily_loss_pct=100.0, take_profit_order="market")
    sent = 0
    for _ in range(50):
        for spec in places(rig.bar("buy")):
            sent += 1
            rig.send(ev.VenueRejected(spec.client_order_id, "no"))
            rig.forget_refusals()
            rig.lose("0.0001")
        rig.send(ev.Tick(), 100)
    assert (
        sent == 10
        and rig.view.control.entries_latched is not None
        and "in a minute" in rig.view.control.entries_latched
    )
    rig.now_ms += 3_600_000
    assert not places(rig.bar("buy")), "time does not lift it"
    rig.level(TradingState.RUN)
    assert places(rig.bar("buy"))


def test_the_same_entry_six_times_in_a_minute_is_refused() -> None:
    rig = Rig(max_error_rate_pct=0.0)
    sent = 0
    for _ in range(10):
        for spec in places(rig.bar("buy")):
            sent += 1
            rig.send(ev.VenueRejected(spec.client_order_id, "no"))
            rig.forget_refusals()
    assert sent == 5
    rig.now_ms += 60_000
    assert places(rig.bar("buy"))


def test_a_flatten_and_resting_takes_do_not_count() -> None:
    rig = Rig()
    rig.open_runner()
    assert rig.asked(rate.orders_per_minute) == 1, "the entry, not its take"


# Market.


@pytest.mark.parametrize(("bid", "ask", "approved"), [("99.6", "100.4", True), ("99.4", "100.6", False)])
def test_the_spread(bid: str, ask: str, approved: bool) -> None:
    rig = Rig()
    rig.send(ev.PriceUpdate(BTC, D(100), D(bid), D(ask)))
    assert reading(rig, guard("spread")).approved is approved


@pytest.mark.parametrize(("size", "approved"), [(None, False), ("9.99", False), ("10", True)])
def test_the_depth(size: str | None, approved: bool) -> None:
    rig = Rig(min_depth_usd=1000.0)
    rig.send(ev.PriceUpdate(BTC, D(100), D("99.99"), D(100), D(size) if size else None))
    assert reading(rig, guard("depth")).approved is approved


# Exposure.


def test_exposure_counts_lots_at_mark_what_is_in_flight_and_what_has_no_answer() -> None:
    rig = Rig(products=(BTC, "ETH-USD"), max_total_usd=5000.0, max_product_usd=0.0)
    rig.price("50", "ETH-USD")
    entry = one(places(rig.bar("buy")))  # 2,000 in flight
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "timeout"))
    second = one(places(rig.bar("buy", "50", "ETH-USD")))  # 2,000 more
    rig.fills_all(second, "39", "50")
    assert rig.asked(exposure_quote) == D(2000) + 39 * 50
    rig.price("60", "ETH-USD")
    assert rig.asked(exposure_quote) == D(2000) + 39 * 60, "held at mark"
    rig.now_ms += 60_000
    found = rig.bar("buy", "45", "ETH-USD")
    assert not [spec for spec in places(found) if spec.purpose.value == "entry"], "2,000 + 1,755 + 2,000 is above 5,000"


def test_exposure_counts_an_entry_until_its_fills_are_told() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.FILLED, "19.8")
    assert rig.asked(exposure_quote) == 2000
    rig.fill(entry, "19.8", "100")
    assert rig.asked(exposure_quote) == 1980


def test_base_units_are_capped() -> None:
    rig = Rig(max_base="BTC:30,ETH:1", products=(BTC,))
    rig.open_runner(size="12")
    rig.strategy.word = "buy"
    rig.now_ms += 3_600_000
    assert not [s for s in places(rig.bar("buy", "90")) if s.purpose.value == "entry"], "12 + 22.2 is above 30"


def test_reduce_only_sells_and_never_buys() -> None:
    rig = Rig()
    rig.open_runner()
    left = RecoveredState(
        lots=tuple(rig.lots), next_lot_seq=9, key_values=dict(rig.view.records.values),
        own_ids=frozenset(rig.view.orders.own_ids),
    )  # fmt: skip
    again = Rig(restored=left, reduce_only=True, holdings={"BTC": "1"}, take_profit_order="market")
    assert not places(again.bar("buy", "90"))
    assert one(places(again.price("104"))).side.value == "SELL"


def test_the_day_and_the_streak_begin_anew_together() -> None:
    rig = Rig(max_daily_loss_pct=100.0)
    sell_at(rig, "99")
    assert rig.view.risk.loss_streak == 1
    rig.asked(losses.forgive)
    assert rig.view.records.values["loss_streak"] == "0"


def test_a_dropped_product_leaves_and_one_with_a_lot_stays_for_its_exits() -> None:
    rig = Rig(products=(BTC, "ETH-USD"), scanner_max_products=1)
    rig.price("100", "ETH-USD")
    rig.open_runner()
    rig.send(ev.InstrumentList((product("SOL-USD"),)))
    said = notes(rig.send(ev.ScannerSelection(("SOL-USD",))))
    assert set(rig.view.markets.product_ids) == {BTC, "SOL-USD"} and any("SOL-USD" in text for text in said)
    assert not [s for s in places(rig.bar("buy", "90")) if s.side.value == "BUY"], "exits only"
    rig.price("50", "SOL-USD")
    assert places(rig.bar("buy", "50", "SOL-USD")), "what joined trades at once"
    rig.send(ev.ScannerSelection(()))
    assert "SOL-USD" in rig.view.markets.product_ids, "a scan that finds nothing changes nothing"
    assert rig.view.records.values["picked"] == "SOL-USD"


# ---- the last trip outlives a restart ----


def _last_trips(rig: Rig) -> dict[str, str | None]:
    return {limit.name: limit.tripped_at for limit in rig.view.risk.document().limits}


def test_the_last_trip_of_a_limit_outlives_a_restart() -> None:
    before = Rig(max_spread_pct=0.5, max_total_lots=1, take_profit_order="market")
    before.tick(2)
    assert _last_trips(before)["spread"] is None and _last_trips(before)["lots"] is None
    before.open_runner()
    before.send(ev.PriceUpdate("BTC-USD", D("100"), D("99"), D("101")))
    before.tick(3)
    known = _last_trips(before)
    assert known["spread"] is not None and known["lots"] is not None
    facts = {i.key: i.value for i in of(before.intents, SaveKeyValue)}

    after = Rig(
        max_spread_pct=0.5,
        max_total_lots=1,
        restored=RecoveredState(key_values=facts),
        now_ms=before.now_ms + 3_600_000,
    )
    after.tick(2)
    told = _last_trips(after)
    assert (told["spread"], told["lots"]) == (known["spread"], known["lots"]), "not never"
    since = after.view.risk.document().trips_since
    assert since is not None and since <= str(known["spread"]), "of the first run, not of this one"


def test_a_day_breaker_of_yesterday_is_still_the_last_trip() -> None:
    rig = Rig(max_daily_loss_pct=1.0, take_profit_order="market")
    rig.open_runner(size="50")
    rig.price("60")
    rig.tick(2)
    tripped = _last_trips(rig)["day_loss"]
    assert tripped is not None
    rig.now_ms += 86_400_000
    rig.tick()
    assert rig.view.account.day is not None and rig.view.account.day.breaker_ms is None, "a new day"
    assert _last_trips(rig)["day_loss"] == tripped


def test_a_limit_that_is_not_measured_yet_is_not_called_ok() -> None:
    """With fewer bars than a day's the spike is not known: entries pass, and the page says so."""
    rig = Rig()
    rig.price("100")
    limit = next(doc for doc in rig.view.risk.document().limits if doc.name == "vol_spike")
    assert (limit.value, limit.state) == (None, "unknown")
    needed = Rig(vol_band_low_pct=1.0)
    needed.price("100")
    assert next(doc for doc in needed.view.risk.document().limits if doc.name == "vol_low").state == "warn"
