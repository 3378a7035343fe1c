"""The engine: a function of its past. `handle(event, now)` returns what should be done, in order.

It owns no socket, file, clock, random source or thread. Records among the intents are committed by the shell in
one transaction before any of the actions is carried out.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.core import (
    account,
    audit,
    clock_step,
    commands,
    edge,
    entries,
    exits,
    fence,
    flow,
    maker,
    past,
    universe,
    view,
)  # fmt: skip
from bot.core import events as ev
from bot.core.book import Book
from bot.core.intents import Intent
from bot.core.market import DOUBT_TOLD_MS, Market
from bot.core.risk import guards, last_trips
from bot.core.rules.day import utc_day
from bot.core.world import Latch, Restored, StrategyPort, World
from shared.control import TradingState
from shared.documents import Phase, Status
from shared.money import from_units, plain
from shared.settings import Mode, Settings
from shared.times import epoch_ms


class Engine:
    """Everything that decides. One event in, its intents out."""

    def __init__(
        self, settings: Settings, strategy: StrategyPort, restored: Restored, level: TradingState, now: datetime
    ) -> None:
        quote = settings.products[0].partition("-")[2]
        self._handled_ms = epoch_ms(now)
        self.world = World(settings, strategy, quote, restored, level, self._handled_ms)
        self._day = utc_day(self._handled_ms)
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.Priced: self._priced,
            ev.BookSeen: self._book_seen,
            ev.BarsClosed: self._bars_closed,
            ev.Tick: self._tick,
            ev.Accepted: lambda e: flow.accepted(self.world, e),
            ev.Refused: lambda e: flow.refused(self.world, e),
            ev.Denied: lambda e: flow.denied(self.world, e),
            ev.NoAnswer: lambda e: flow.no_answer(self.world, e),
            ev.OrdersSeen: lambda e: flow.list_seen(self.world, e),
            ev.PastSeen: lambda e: past.seen(self.world, e),
            ev.FillsSeen: lambda e: flow.fills_seen(self.world, e),
            ev.LookedUp: lambda e: flow.looked_up(self.world, e),
            ev.BalancesSeen: lambda e: account.balances_seen(self.world, e),
            ev.ProductsSeen: lambda e: universe.products_seen(self.world, e),
            ev.FeesSeen: self._fees_seen,
            ev.LevelSet: self._level_set,
            ev.CommandSeen: lambda e: commands.run(self.world, e.command),
            ev.KillLatched: self._kill_latched,
            ev.KillLifted: self._kill_lifted,
            ev.FeedChanged: self._feed_changed,
            ev.ClockStepped: _seen_before,
            ev.ClockChecked: _seen_before,
            ev.LedgerChanged: self._ledger_changed,
            ev.ApiSeen: lambda e: self.world.risk.api_seen(e.calls, e.errors, self.world.now_ms),
            ev.LiveLockSeen: self._live_lock_seen,
            ev.RightsSeen: self._rights_seen,
            ev.Audited: lambda e: audit.seen(self.world, e),
            ev.KillNamed: self._kill_named,
            ev.Picked: lambda e: universe.picked(self.world, e),
            ev.TradingReady: self._trading_ready,
            ev.SafeMode: self._safe_mode,
        }

    def handle(self, event: ev.Event, now: datetime) -> list[Intent]:
        """Let one event happen at `now` (aware UTC) and return the intents it leads to, in order."""
        world = self.world
        world.out = []
        before_ms, self._handled_ms = self._handled_ms, epoch_ms(now)
        world.now_ms = self._handled_ms
        clock_step.follow(world, before_ms, self._handled_ms)
        if isinstance(event, ev.ClockStepped):
            clock_step.stepped(world, event)
        elif isinstance(event, ev.ClockChecked):
            world.clock_offset_ms, world.clock_doubt = event.offset_ms, False
        if (day := utc_day(world.exchange_ms)) != self._day:
            self._day = day
            account.turn(world)  # before a fill of the new day is booked
        self._handlers[type(event)](event)
        return world.out

    @property
    def status(self) -> Status:
        """What the bot may call itself once its boot is over."""
        world = self.world
        if world.safe is not None:
            return Status.SAFE
        if world.latch is not None:
            return Status.KILLED
        if world.level is TradingState.STOP:
            done = exits.stop_is_done(world) and not world.flattens
            return Status.STOPPED if done else Status.STOPPING
        return Status.PAUSED if world.level is TradingState.PAUSE else Status.RUNNING

    @property
    def phase(self) -> Phase:
        """The phase that goes with `status`."""
        status = self.status
        return Phase.TRADING if status in (Status.RUNNING, Status.PAUSED, Status.STOPPING) else Phase.STOPPED

    def _priced(self, event: ev.Priced) -> None:
        world = self.world
        market = world.markets.get(event.product_id)
        if market is None or event.price <= 0:
            return
        if not market.believes(event.price):
            self._doubt(market, event.price)
            return
        market.price, market.bid, market.ask = event.price, event.bid, event.ask
        market.ask_size = event.ask_size
        market.priced_ms = world.now_ms
        if not world.settings.use_tick_price:
            return
        if world.now_ms - market.judged_ms < world.settings.tick_interval_sec * 1000:
            return
        self._judge(market)

    def _book_seen(self, event: ev.BookSeen) -> None:
        market = self.world.markets.get(event.product_id)
        if market is not None:
            market.book = Book(event.bids, event.asks, self.world.now_ms)

    def _doubt(self, market: Market, price: Decimal) -> None:
        """Tell people, at most once a minute. The price itself moves nothing, not even the feed's age."""
        world, told = self.world, market.doubt_told_ms
        if told is None or world.now_ms - told >= DOUBT_TOLD_MS:
            market.doubt_told_ms = world.now_ms
            product_id = market.product.product_id
            text = f"{product_id}: a price of {plain(price)}, far from the last, must come twice"
            world.note("feed", text, "warn", product_id)

    def _judge(self, market: Market) -> None:
        market.judged_ms = self.world.now_ms
        exits.judge(self.world, market)
        if self.world.may_enter:
            entries.consider(self.world, market)

    def _bars_closed(self, event: ev.BarsClosed) -> None:
        market = self.world.markets.get(event.product_id)
        if market is None:
            return
        if event.granularity == "ONE_MINUTE":
            market.add_minutes(event.bars)
        if event.granularity != self.world.settings.granularity or not market.add_bars(event.bars):
            return
        if not self.world.settings.use_tick_price:
            step = market.product.price_increment
            market.bar_price = from_units(round(market.bars[-1].close / float(step)), step)
        entries.decide(self.world, market)
        if self.world.ready:
            self._judge(market)

    def _tick(self, _event: ev.Tick) -> None:
        world = self.world
        account.tick(world)
        guards.tick(world)
        if world.ready:
            last_trips.follow(world, view.plain_limits(world))
        flow.chase(world)
        maker.chase(world)
        if world.level is TradingState.STOP and world.latch is None:
            exits.cancel_entries(world)
        exits.lapse_exits(world)
        exits.chase(world)
        exits.rest_takes(world)
        commands.chase(world)
        world.forget_settled()

    def _fees_seen(self, event: ev.FeesSeen) -> None:
        before = self.world.portfolio.rates
        self.world.portfolio.rates = event.rates
        if before is not None and before != event.rates:
            maker, taker = float(event.rates.maker * 100), float(event.rates.taker * 100)
            self.world.note("account", f"fee tier {event.rates.tier}: maker {maker:.3f} %, taker {taker:.3f} %")
        if self.world.ready:
            edge.say_adjusted(self.world)

    def _level_set(self, event: ev.LevelSet) -> None:
        world = self.world
        if event.level is TradingState.RUN and event.source != "boot":
            if world.safe is not None:
                world.safe = None
                world.note("command", "SAFE is left by start", "warn")
            if world.entries_latched:
                world.note("command", f"entries latch lifted: {world.entries_latched}", "warn")
                world.entries_latched = None
                world.save_fact("entries_latched", "")
            fence.lift(world)
            guards.started(world)
        if event.level is world.level:
            return
        world.note("command", f"level {event.level.word} ({event.source})")
        world.level = event.level
        if event.level is TradingState.STOP:
            exits.cancel_entries(world)
        exits.lapse_exits(world)
        exits.rest_takes(world)

    def _kill_latched(self, event: ev.KillLatched) -> None:
        world = self.world
        if world.latch is None:
            world.latch = Latch(event.latch_id, event.source, event.at_ms)
            world.note("command", f"KILL latched ({event.source}): nothing is sent any more", "bad", ref=event.latch_id)
        exits.lapse_exits(world)

    def _kill_named(self, event: ev.KillNamed) -> None:
        latch = self.world.latch
        if latch is not None and latch.latch_id == event.latch_id:
            self.world.latch = replace(latch, source=event.source)
            self.world.save_fact("kill_by", f"{event.latch_id} {event.source}")
            self.world.note("command", f"the kill is a {event.source}", "bad", ref=event.latch_id)

    def _rights_seen(self, event: ev.RightsSeen) -> None:
        if event.problem is not None and self.world.entries_latched != event.problem:
            self.world.latch_entries(event.problem)
            self.world.note("risk", f"no entry until Start is pressed: {event.problem}", "bad")

    def _kill_lifted(self, event: ev.KillLifted) -> None:
        self.world.latch = None
        self.world.level = TradingState.STOP
        self.world.note("command", f"kill latch lifted by {event.by}; the bot is stopped", "warn", ref=event.latch_id)

    def _feed_changed(self, event: ev.FeedChanged) -> None:
        world = self.world
        if world.feed_up != event.up and world.ready:
            word = "stream is back" if event.up else f"stream is down: {event.note}"
            world.note("feed", word, "info" if event.up else "warn")
        world.feed_up, world.feed_note = event.up, event.note

    def _ledger_changed(self, event: ev.LedgerChanged) -> None:
        world = self.world
        if world.ledger_ok != event.ok:
            word = "ledger is written again" if event.ok else f"ledger cannot be written: {event.note}; nothing is sent"
            world.note("ledger", word, "info" if event.ok else "bad")
        world.ledger_ok, world.ledger_note = event.ok, event.note

    def _live_lock_seen(self, event: ev.LiveLockSeen) -> None:
        world, risk = self.world, self.world.risk
        if event.sales != world.sale_lock:
            world.sale_lock = event.sales
            if event.sales:
                world.note("risk", f"nothing is sent, exits included: {event.sales}", "bad")
        if event.reason == risk.live_lock:
            return
        risk.live_lock = event.reason
        if world.settings.coin_mode is not Mode.LIVE:
            return
        word = f"live entries are locked: {event.reason}" if event.reason else "live entries are allowed"
        lots = sum(1 for _ in world.book)
        if event.reason and lots and not event.sales:
            word += f"; the exits of {lots} open {'lot' if lots == 1 else 'lots'} go on"
        world.note("risk", word, "warn")

    def _trading_ready(self, _event: ev.TradingReady) -> None:
        self.world.ready, self.world.ready_ms = True, self.world.now_ms
        edge.say_adjusted(self.world)
        maker.adopt(self.world)
        exits.lapse_exits(self.world)
        exits.rest_takes(self.world)

    def _safe_mode(self, event: ev.SafeMode) -> None:
        self.world.safe = event.note
        self.world.note("boot", event.note, "bad")


def _seen_before(_event: object) -> None:
    """What the clock says is taken in before anything else of the event."""
