"""The engine: a function of its past. `handle(event, now)` returns what should be done, in order.

It owns no socket, file, clock, random source or thread. Records among the intents are committed by the shell in
one transaction before any of the actions is carried out.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.domain import events as ev
from bot.domain.instrument import currencies_of
from bot.domain.intents import Intent
from bot.domain.orders import OrderSpec
from bot.domain.price_book import PriceBook
from bot.domain.timeframe import Timeframe
from bot.engine import clock_jumps, commands, universe
from bot.engine.account import equity, reconciliation
from bot.engine.execution import edge, executors, exits, maker, questions, rebalance
from bot.engine.orders import history, order_events
from bot.engine.ports import StrategyPort
from bot.engine.risk import guards, last_trips, pretrade, rate
from bot.engine.risk.policy import Moment
from bot.engine.state.control import Latch
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import DOUBT_TOLD_MS, Market
from bot.engine.state.recovered import RecoveredState
from bot.engine.views.engine_view import EngineView
from bot.rules.day import utc_day
from shared.control import TradingState
from shared.money import from_units, plain
from shared.settings import Mode, Settings
from shared.times import epoch_ms


class Engine:
    """Everything that decides. One event in, its intents out."""

    def __init__(
        self, settings: Settings, strategy: StrategyPort, restored: RecoveredState, level: TradingState, now: datetime
    ) -> None:
        executors.require(strategy)
        _, quote = currencies_of(settings.products[0])
        self._handled_ms = epoch_ms(now)
        self.state = EngineState(settings, strategy, quote, restored, level, self._handled_ms)
        self.view = EngineView(self.state)
        self._day = utc_day(self._handled_ms)
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.PriceUpdate: self._priced,
            ev.BookUpdate: self._book_seen,
            ev.BarsClosed: self._bars_closed,
            ev.TargetReady: self._target_ready,
            ev.Tick: self._tick,
            ev.OrderAccepted: lambda e: order_events.accepted(self.state, e),
            ev.VenueRejected: lambda e: order_events.refused(self.state, e),
            ev.RiskRejected: lambda e: order_events.denied(self.state, e),
            ev.OutcomeUnknown: lambda e: order_events.no_answer(self.state, e),
            ev.OrderReports: lambda e: order_events.list_seen(self.state, e),
            ev.HistoryReport: lambda e: history.seen(self.state, e),
            ev.FillReports: lambda e: order_events.fills_seen(self.state, e),
            ev.LookupResult: lambda e: order_events.looked_up(self.state, e),
            ev.BalanceReport: lambda e: equity.balances_seen(self.state, e),
            ev.InstrumentList: lambda e: universe.products_seen(self.state, e),
            ev.FeeUpdate: self._fees_seen,
            ev.TradingStateSet: self._level_set,
            ev.CommandReceived: lambda e: commands.run(self.state, e.command),
            ev.KillLatched: self._kill_latched,
            ev.KillLifted: self._kill_lifted,
            ev.FeedChanged: self._feed_changed,
            ev.ClockStepped: _seen_before,
            ev.ClockChecked: _seen_before,
            ev.LedgerChanged: self._ledger_changed,
            ev.PortfolioBound: lambda e: self.state.save_value("portfolio", e.portfolio_id),
            ev.EquitySampled: self._equity_sampled,
            ev.RequestCounts: lambda e: self.state.risk.api_seen(e.calls, e.errors, self.state.clock.now_ms),
            ev.LivePermissionUpdate: self._live_lock_seen,
            ev.KeyRightsReport: self._rights_seen,
            ev.ReconciliationReport: lambda e: reconciliation.seen(self.state, e),
            ev.KillSourceKnown: self._kill_named,
            ev.ScannerSelection: lambda e: universe.picked(self.state, e),
            ev.SettingsReloaded: self._settings_reloaded,
            ev.TradingReady: self._trading_ready,
            ev.SafeMode: self._safe_mode,
        }

    def handle(self, event: ev.Event, now: datetime) -> list[Intent]:
        """Let one event happen at `now` (aware UTC) and return the intents it leads to, in order."""
        state = self.state
        state.records.intents = []
        before_ms, self._handled_ms = self._handled_ms, epoch_ms(now)
        state.clock.now_ms = self._handled_ms
        clock_jumps.follow(state, before_ms, self._handled_ms)
        if isinstance(event, ev.ClockStepped):
            clock_jumps.stepped(state, event)
        elif isinstance(event, ev.ClockChecked):
            state.clock.offset_ms, state.clock.in_doubt = event.offset_ms, False
        if (day := utc_day(state.clock.exchange_ms)) != self._day:
            self._day = day
            equity.turn(state)  # before a fill of the new day is booked
        self._handlers[type(event)](event)
        return state.records.intents

    def refusal(self, spec: OrderSpec, now: datetime) -> str | None:
        """Why a recorded order must not be sent after all: the risk policies at `now`, right before the socket.

        None = it goes, and counts as sent in this minute.
        """
        self.state.clock.now_ms = epoch_ms(now)  # only `handle` judges whether the clock jumped
        found = pretrade.refusal(self.state, spec, Moment.SOCKET)
        if found is None:
            rate.let_pass(self.state, spec)
        return found.text if found is not None else None

    def seen_at(self, now: datetime) -> EngineView:
        """What is shown at `now`: ages are counted to it, nothing else happens."""
        self.state.clock.now_ms = epoch_ms(now)
        return self.view

    def _priced(self, event: ev.PriceUpdate) -> None:
        state = self.state
        market = state.markets.by_product.get(event.product_id)
        if market is None or event.price <= 0:
            return
        if not market.believes(event.price):
            self._doubt(market, event.price)
            return
        market.price, market.bid, market.ask = event.price, event.bid, event.ask
        market.ask_size = event.ask_size
        market.priced_ms = state.clock.now_ms
        if not state.settings.use_tick_price:
            return
        if state.clock.now_ms - market.judged_ms < state.settings.tick_interval_sec * 1000:
            return
        self._judge(market)

    def _book_seen(self, event: ev.BookUpdate) -> None:
        market = self.state.markets.by_product.get(event.product_id)
        if market is not None:
            market.book = PriceBook(event.bids, event.asks, self.state.clock.now_ms)

    def _doubt(self, market: Market, price: Decimal) -> None:
        """Tell people, at most once a minute. The price itself moves nothing, not even the feed's age."""
        state, told = self.state, market.doubt_told_ms
        if told is None or state.clock.now_ms - told >= DOUBT_TOLD_MS:
            market.doubt_told_ms = state.clock.now_ms
            product_id = market.instrument.product_id
            text = f"{product_id}: a price of {plain(price)} is far from the last: ignored until a second confirms it"
            state.note("feed", text, "warn", product_id)

    def _judge(self, market: Market) -> None:
        market.judged_ms = self.state.clock.now_ms
        exits.judge(self.state, market)
        executors.consider(self.state, market)

    def _bars_closed(self, event: ev.BarsClosed) -> None:
        market = self.state.markets.by_product.get(event.product_id)
        if market is None:
            return
        if event.granularity == Timeframe.MINUTE:
            market.add_minutes(event.bars)
        if event.granularity != self.state.settings.granularity or not market.add_bars(event.bars):
            return
        market.bars_ms = self.state.clock.now_ms
        if not self.state.settings.use_tick_price:
            step = market.instrument.price_increment
            market.bar_price = from_units(round(market.bars[-1].close / float(step)), step)
        if self.state.strategy.needs_peers:
            questions.ask_when_all_closed(self.state)
        else:
            questions.ask(self.state, market)
        if self.state.control.ready:
            self._judge(market)

    def _target_ready(self, event: ev.TargetReady) -> None:
        market = self.state.markets.by_product.get(event.product_id)
        if market is not None and questions.answered(self.state, market, event) and self.state.control.ready:
            self._judge(market)

    def _tick(self, _event: ev.Tick) -> None:
        state = self.state
        equity.tick(state)
        guards.tick(state)
        if state.control.ready:
            last_trips.follow(state, guards.plain_limits(state))
        questions.tick(state)
        order_events.chase(state)
        rebalance.chase(state)
        maker.chase(state)
        if state.control.level is TradingState.STOP and state.control.latch is None:
            exits.cancel_entries(state)
        exits.lapse_exits(state)
        exits.chase(state)
        exits.rest_takes(state)
        commands.chase(state)
        state.orders.forget_settled(state.positions.lots, state.clock.now_ms)

    def _fees_seen(self, event: ev.FeeUpdate) -> None:
        before = self.state.account.portfolio.rates
        self.state.account.portfolio.rates = event.rates
        if before is not None and before != event.rates:
            maker, taker = float(event.rates.maker * 100), float(event.rates.taker * 100)
            self.state.note("account", f"fee tier {event.rates.tier}: maker {maker:.3f} %, taker {taker:.3f} %")
        if self.state.control.ready:
            edge.say_adjusted(self.state)

    def _level_set(self, event: ev.TradingStateSet) -> None:
        state = self.state
        if event.level is TradingState.RUN and event.source != "boot":
            if state.control.safe is not None:
                state.control.safe = None
                state.note("command", "SAFE mode ended by Start", "warn")
            if state.control.entries_latched:
                state.note("command", f"entries latch lifted: {state.control.entries_latched}", "warn")
                state.control.entries_latched = None
                state.save_value("entries_latched", "")
            guards.started(state)
        if event.level is state.control.level:
            return
        state.note("command", f"level {event.level.word} ({event.source})")
        state.control.level = event.level
        if event.level is TradingState.STOP:
            exits.cancel_entries(state)
        exits.lapse_exits(state)
        exits.rest_takes(state)

    def _kill_latched(self, event: ev.KillLatched) -> None:
        state = self.state
        if state.control.latch is None:
            state.control.latch = Latch(event.latch_id, event.source, event.at_ms)
            state.note("command", f"KILL latched ({event.source}): nothing is sent any more", "bad", ref=event.latch_id)
        exits.lapse_exits(state)

    def _kill_named(self, event: ev.KillSourceKnown) -> None:
        latch = self.state.control.latch
        if latch is not None and latch.latch_id == event.latch_id:
            self.state.control.latch = replace(latch, source=event.source)
            self.state.save_value("kill_by", f"{event.latch_id} {event.source}")
            self.state.note("command", f"kill source: {event.source}", "bad", ref=event.latch_id)

    def _settings_reloaded(self, event: ev.SettingsReloaded) -> None:
        """What was decided stays decided: open lots, resting orders and limits that have tripped."""
        state = self.state
        state.settings = event.settings
        for key, change in event.changes.items():
            state.note("settings", f"{key} {change}, by {event.by}", "info", key=key)

    def _rights_seen(self, event: ev.KeyRightsReport) -> None:
        if event.problem is not None and self.state.control.entries_latched != event.problem:
            self.state.latch_entries(event.problem)
            self.state.note("risk", f"no entry until Start is pressed: {event.problem}", "bad")

    def _kill_lifted(self, event: ev.KillLifted) -> None:
        self.state.control.latch = None
        self.state.control.level = TradingState.STOP
        self.state.note("command", f"kill latch lifted by {event.by}; the bot is stopped", "warn", ref=event.latch_id)

    def _feed_changed(self, event: ev.FeedChanged) -> None:
        state = self.state
        if state.markets.feed_up != event.up and state.control.ready:
            word = "stream is back" if event.up else f"stream is down: {event.note}"
            state.note("feed", word, "info" if event.up else "warn")
        state.markets.feed_up, state.markets.feed_note = event.up, event.note

    def _ledger_changed(self, event: ev.LedgerChanged) -> None:
        state = self.state
        if state.control.ledger_ok != event.ok:
            word = "ledger is written again" if event.ok else f"ledger cannot be written: {event.note}; nothing is sent"
            state.note("ledger", word, "info" if event.ok else "bad")
        state.control.ledger_ok, state.control.ledger_note = event.ok, event.note

    def _equity_sampled(self, _event: ev.EquitySampled) -> None:
        self.state.account.deepest_drawdown_pct = 0.0

    def _live_lock_seen(self, event: ev.LivePermissionUpdate) -> None:
        state, risk = self.state, self.state.risk
        if event.sales != state.control.sale_lock:
            state.control.sale_lock = event.sales
            if event.sales:
                state.note("risk", f"nothing is sent, exits included: {event.sales}", "bad")
        if event.reason == risk.live_lock:
            return
        risk.live_lock = event.reason
        if state.settings.coin_mode is not Mode.LIVE:
            return
        word = f"live entries are locked: {event.reason}" if event.reason else "live entries are allowed"
        lots = sum(1 for _ in state.positions.lots)
        if event.reason and lots and not event.sales:
            word += f"; the exits of {lots} open {'lot' if lots == 1 else 'lots'} go on"
        state.note("risk", word, "warn")

    def _trading_ready(self, _event: ev.TradingReady) -> None:
        self.state.control.ready, self.state.control.ready_ms = True, self.state.clock.now_ms
        edge.say_adjusted(self.state)
        maker.adopt(self.state)
        exits.lapse_exits(self.state)
        exits.rest_takes(self.state)

    def _safe_mode(self, event: ev.SafeMode) -> None:
        self.state.control.safe = event.note
        self.state.note("boot", event.note, "bad")


def _seen_before(_event: object) -> None:
    """What the clock says is taken in before anything else of the event."""
