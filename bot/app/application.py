"""One bot, put together: engine, ledger, exchange, control, writers. `Application` holds them and passes events."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.app import debug_lines, reload
from bot.app.boot_state import BootState
from bot.app.commands import Commands
from bot.app.event_recorder import EventRecorder
from bot.app.kill_path import KillPath
from bot.app.ledger import LedgerWriter
from bot.app.ledger_files import LedgerGone
from bot.app.ledger_rescue import LedgerRescue
from bot.app.live_lock import LiveLock
from bot.app.market_recorder import Recorder
from bot.app.metrics import Samples
from bot.app.minute_bars import Minutes
from bot.app.offload import Offload
from bot.app.order_executor import OrderExecutor
from bot.app.order_gate import OrderGate
from bot.app.ports import ControlPlane, RunIdentity
from bot.app.state_copy import StateCopy
from bot.app.state_documents import positions_file, state
from bot.app.state_writer import StateWriter
from bot.app.strategy_port import StrategyAdapter
from bot.app.strategy_worker import StrategyWorker
from bot.app.watchdog import NoWatchdog, Watchdog
from bot.domain import events as ev
from bot.domain.intents import AskStrategy, Intent, Note, PlaceOrder, Record, SaveLot, SaveReceipt, ShutForKill
from bot.domain.kinds import Purpose
from bot.domain.orders import OrderSpec
from bot.engine.clock_jumps import STEP_MS
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from bot.venues import registry
from bot.venues.limiter import Limiter
from bot.venues.net import Net
from bot.venues.port import ORDER_STREAM, Access, ApiKey, BookStream, TradingClient, Venue, VenueStream, ids_of
from shared.documents.status import Phase
from shared.errors import first_line
from shared.ledger.db import LedgerError
from shared.ports import Clock, Fs, Rng
from shared.settings import Loaded, Settings, config_hash
from shared.times import epoch_ms

log = logging.getLogger("bot")
_LEVELS = {"info": logging.INFO, "good": logging.INFO, "warn": logging.WARNING, "bad": logging.ERROR}
GAP_S = 5.0
BACKLOG_MAX = 20_000


class Application:
    """The parts and the one way of an event: engine → ledger → exchange."""

    def __init__(
        self,
        settings: Settings,
        identity: RunIdentity,
        *,
        clock: Clock,
        rng: Rng,
        fs: Fs,
        net: Net,
        offload: Offload,
        market_offload: Offload,
        strategy_offload: Offload,
        venue: Venue | None = None,
    ) -> None:
        """`venue`: None = the registry's default."""
        # As they hold, and as they were read: the boot of a replay leaves products out.
        self.settings, self.read_settings, self.identity = settings, settings, identity
        self.clock, self.rng, self.fs, self.net, self.offload = clock, rng, fs, net, offload
        self.paths = settings.paths
        self.venue: Venue = venue if venue is not None else registry.load()
        self.ids, self.endpoints = (
            ids_of(self.venue, settings),
            self.venue.where(settings),
        )  # opaque
        self.boot = BootState()
        self.engine: Engine | None = None
        self.restored = RecoveredState()
        self.ledger: LedgerWriter | None = None
        self.ledger_error: str | None = None
        self.key: ApiKey | None = None
        self.rest: TradingClient | None = None
        self.desk: OrderExecutor | None = None
        self.streams: list[VenueStream] = []
        self.strategy: StrategyAdapter | None = None
        self.answers = StrategyWorker(strategy_offload, clock, self.dispatch)
        self.minutes = Minutes()  # for people
        self.depth: BookStream | None = None  # for people and for MAX_IMPACT_BP
        self.limiter: Limiter = self.venue.budget(clock)
        self.live_lock = LiveLock(settings, clock, fs, lambda: self.key, lambda: self.clock_offset_ms)
        self.gate = OrderGate(settings, self.paths, fs, self._risk, self.live_lock.refusal)
        self.commands = Commands(self)
        self.kill_path = KillPath(self.kill_rest, self.ids, clock, rng, self._remembered, self.live_lock.sales)
        self.rescue = LedgerRescue(self.paths, clock, market_offload)
        self.recorder = Recorder(self.paths.market_db, market_offload)
        about = {"boot_id": identity.boot_id, "build": identity.build, "mode": settings.coin_mode.value}
        self.debug = debug_lines.wanted()
        self.tape = EventRecorder(settings, clock, market_offload, about) if settings.record else None
        self.writer = StateWriter(
            self.paths, fs, clock, offload, lambda: state(self), self._positions, StateCopy.of(settings.state_copy, fs)
        )
        self.watchdog: Watchdog = NoWatchdog()
        self.error: str | None = None
        self.fatal_code: str | None = None  # why it may not run, for the reader of alerts
        self.clock_offset_ms: int | None = None
        self.clock_doubt = False  # the wall clock jumped, and was not compared since
        self.synced = False
        self.past_fetched = False  # in this run: the audit looks for what the lists did not show then
        self.ended = False
        self.supervised = False
        self.seq = 0
        self.failure: asyncio.Future[None] | None = None
        self.loop_lag_ms, self.commit_ms, self.tick_to_order_ms = Samples(1200), Samples(), Samples()
        self.sync_wanted = asyncio.Event()
        self._kill_client: TradingClient | None = None
        self._backlog: list[Record] = []
        self._up: dict[str, bool] = {}
        # Why a stream is down; None = it is up.
        self._prices_note: str | None = "not connected yet"
        self._order_news: str | None = "order news: not connected yet"
        self._beat_s = clock.monotonic_s()
        self._wall_ahead_ms = epoch_ms(clock.utc()) - round(self._beat_s * 1000)  # of the monotonic clock

    # The way of an event.

    def dispatch(self, event: ev.Event) -> None:
        """Engine, then ledger, then exchange. Nothing is sent whose record was not committed."""
        if self.engine is None:
            return
        self.follow_wall_clock()
        self._dispatch(event)

    def _dispatch(self, event: ev.Event) -> None:
        assert self.engine is not None
        began_s = self.clock.monotonic_s()
        try:
            intents = self.engine.handle(event, self.clock.utc())
        except Exception as error:
            # The caller may swallow it (a stream just reconnects), but the engine's memory is in doubt now.
            log.critical("the engine failed on %s", type(event).__name__, exc_info=error)
            self.fail(error)
            raise
        if self.tape is not None:
            self.tape.heard(event, intents, self.engine.view)
        if self.debug:
            debug_lines.heard(event, intents, self.engine.view)
        if isinstance(event, ev.PriceUpdate):
            self._note_price(event.product_id)
        if intents:
            self._carry_out(intents, event, began_s)

    def follow_wall_clock(self) -> None:
        """Notice a wall clock that jumps against the monotonic one, before anything is judged by it.

        The monotonic clock may stand still while a machine sleeps: what waited in sockets is then as old as the jump.
        """
        wall_ms, now_s = epoch_ms(self.clock.utc()), self.clock.monotonic_s()
        ahead_ms = wall_ms - round(now_s * 1000)
        step_ms, self._wall_ahead_ms = ahead_ms - self._wall_ahead_ms, ahead_ms
        if abs(step_ms) < STEP_MS:
            return
        log.warning("this machine's clock jumped by %+.1f s: no day turns until it is compared", step_ms / 1000)
        if self.clock_offset_ms is not None:
            self.clock_offset_ms -= step_ms
        self.clock_doubt = True
        self.sync_wanted.set()
        if self.engine is not None:
            self._dispatch(ev.ClockStepped(step_ms, self.clock_offset_ms))
        if step_ms > GAP_S * 1000:
            self._begin_streams_anew("this machine slept, or its clock was set")

    def _begin_streams_anew(self, why: str, heard_s: float | None = None) -> None:
        for stream in filter(None, (*self.streams, self.depth)):
            stream.give_up(why, heard_s)
        if self.engine is not None:
            self._dispatch(ev.FeedChanged(False, why))
        self.sync_wanted.set()

    def _note_price(self, product_id: str) -> None:
        """The price as the engine took it: one that it doubts is in no bar."""
        price = self.engine.view.markets.price(product_id) if self.engine is not None else None
        if price is not None:
            at_ms = epoch_ms(self.clock.utc()) + (self.clock_offset_ms or 0)
            self.minutes.heard(product_id, price, at_ms)

    def _carry_out(self, intents: Sequence[Intent], event: ev.Event, began_s: float) -> None:
        records = [intent for intent in intents if isinstance(intent, Record)]
        committed = self.commit(records) if records else True
        for record in records:
            self._show(record)
        for intent in intents:
            if isinstance(intent, Record):
                continue
            if isinstance(intent, ShutForKill):
                self.commands.kill(intent.source, self.clock.monotonic_s())
            elif isinstance(intent, AskStrategy):
                assert self.engine is not None
                self.answers.ask(self.engine.view.strategy.port, intent)
            elif self.desk is not None:
                if isinstance(intent, PlaceOrder):
                    if not committed:
                        denied = ev.RiskRejected(intent.spec.client_order_id, "the ledger cannot be written")
                        asyncio.get_running_loop().call_soon(self.dispatch, denied)
                        continue
                    if isinstance(event, ev.PriceUpdate):
                        self.tick_to_order_ms.add((self.clock.monotonic_s() - began_s) * 1000)
                self.desk.carry_out(intent)

    def _show(self, record: Record) -> None:
        """What of a record people should see now: a log line, a receipt, the lots' file."""
        match record:
            case Note(kind, text, level, product_id, ref, _):
                words = " ".join(word for word in (f"{kind}:", text, f"[{ref}]" if ref else "") if word)
                log.log(_LEVELS.get(level, logging.INFO), "%s", words)
                self.writer.poke()
                del product_id
            case SaveLot():
                self.writer.lots_changed()
            case SaveReceipt(command_id, receipt_state, reason, result):
                self.commands.shown(command_id, receipt_state, reason, result)

    def commit(self, records: Sequence[Record]) -> bool:
        """One transaction. What fails waits in order and is tried again; until then nothing is sent."""
        if self.ledger is None:
            return False
        if self._backlog or self.commands.unrecorded:  # a receipt has its place after its command
            self._backlog.extend(records)
            return False
        try:
            self.ledger.commit(records, epoch_ms(self.clock.utc()))
        except LedgerError as error:
            self._backlog.extend(records)
            self.ledger_failed(error)
            return False
        return True

    def ledger_failed(self, error: Exception) -> None:
        """The ledger could not be written: the gate shuts, entries and exits wait, cancels go on."""
        text = first_line(error, 160)
        if isinstance(error, LedgerGone):
            text = self._ledger_gone(text)
        if self.gate.latches.ledger_ok:
            log.error("ledger: %s; nothing is sent until it can be written", text)
            self.writer.poke()
            self.gate.latches.ledger_bad_s = self.clock.monotonic_s()
        self.gate.latches.ledger_ok, self.ledger_error = False, text
        if self.engine is not None:
            self._dispatch(ev.LedgerChanged(ok=False, note=text))
        if len(self._backlog) > BACKLOG_MAX:
            self.fail(RuntimeError(f"ledger: {len(self._backlog)} records cannot be written: {text}"))

    def _ledger_gone(self, text: str) -> str:
        """What is in memory and in the open files only would end with the process: the latch, and all of the ledger."""
        assert self.ledger is not None
        self.commands.latch_kept = self.commands.latch_kept and self.commands.latch is None  # the file KILL keeps it
        self.rescue.begin(self.ledger)
        return f"{text}; a copy of all that was in it is {self.rescue.kept}" if self.rescue.kept else text

    def watch_ledger(self) -> None:
        """Write what waits, oldest first; where nothing waits, look whether what is written is still the ledger."""
        if self.ledger is None:
            return
        if self.gate.latches.ledger_ok:
            gone = self.ledger.gone
            if gone is not None:
                self.ledger_failed(LedgerGone(gone))
            return
        try:
            self.commands.record_seen()
            self.ledger.commit(self._backlog, epoch_ms(self.clock.utc()))
            self._backlog.clear()
            self.ledger.fact("wish", self.commands.level.word, epoch_ms(self.clock.utc()))
            if self.commands.latch is not None:
                self.ledger.latch(self.commands.latch)
                self.commands.latch_kept = True
        except LedgerError as error:
            self.ledger_failed(error)
            return
        self.gate.latches.ledger_ok, self.ledger_error = True, None
        self.rescue.over()
        log.info("ledger: written again")
        self.dispatch(ev.LedgerChanged(ok=True, note=""))

    def _remembered(self) -> list[str]:
        return self.engine.view.orders.exchange_ids_to_cancel() if self.engine is not None else []

    def _positions(self) -> bytes | None:
        return positions_file(self) if self.engine is not None else None

    # What the stream hands over (bot.venues.port.Sink).

    def event(self, event: ev.PriceUpdate | ev.OrderReports) -> None:
        if not self.beat():
            self.dispatch(event)

    def beat(self) -> bool:
        """The loop turns; True = it had stood still for long (SIGSTOP, a sleeping laptop).

        What waited in the sockets meanwhile is as old as the gap, and would look new: the streams begin anew, and a
        sync is asked for, before anything is entered again.
        """
        self.follow_wall_clock()
        now_s = self.clock.monotonic_s()
        before_s, self._beat_s = self._beat_s, now_s
        gap_s = now_s - before_s
        if gap_s <= GAP_S:
            return False
        log.warning("the event loop was blocked for %.1f s: streams reconnect, entries wait for them", gap_s)
        self._begin_streams_anew("this machine slept", before_s)
        return True

    def stream_changed(self, name: str, up: bool, note: str) -> None:
        """Entries need prices and the news of orders: either stream down shuts them. Coming back asks for a sync."""
        was = self._up.get(name)
        self._up[name] = up
        if name == ORDER_STREAM:
            self._order_news = None if up else f"order news: {note}"
        else:
            self._prices_note = None if up else note
        if was != up:
            down = self._prices_note or self._order_news
            self.dispatch(ev.FeedChanged(down is None, down or note))
        if up and was is False:
            self.sync_wanted.set()
        if was != up:
            self.writer.poke()

    @property
    def control_plane(self) -> ControlPlane:
        return self.commands

    @property
    def ws_ok(self) -> bool:
        return bool(self.streams) and all(stream.health.connected for stream in self.streams)

    def _risk(self, spec: OrderSpec) -> str | None:
        """The engine's risk policies, asked again right before the socket."""
        if self.engine is None:
            return "no engine yet"
        if spec.purpose is Purpose.ENTRY and self.depth is not None and self.settings.max_impact_bp:
            book = self.depth.told(spec.product_id)  # as it is now, not as it was when the entry was decided
            if book is not None:
                self.dispatch(book)
        return self.engine.refusal(spec, self.clock.utc())

    # Clients.

    @property
    def access(self) -> Access:
        """What clients and streams are made with, once there is a key."""
        assert self.key is not None
        return Access(self.endpoints, self.key, self.net, self.clock, self.rng)

    def make_rest(self, key: ApiKey) -> TradingClient:
        """The client for everything but cancels of the kill path."""
        self.key = key
        self.rest = self.venue.trading_client(self.access, self.limiter)
        self.rest.fee_rate = Decimal(str(self.settings.fee_rate_pct)) / 100
        return self.rest

    def kill_rest(self) -> TradingClient | None:
        """The kill path's own client, with a budget of its own; None = no key yet, or the folder is not adopted."""
        if self.live_lock.sales() is not None:
            return None  # the orders that it would find may be another bot's
        if self._kill_client is None and self.key is not None:
            self._kill_client = self.venue.kill_client(self.access)
        return self._kill_client

    @property
    def products(self) -> tuple[str, ...]:
        """What is watched: PRODUCTS or the scanner's choice, and every product with open lots."""
        watched = self.engine.view.markets.product_ids if self.engine is not None else ()
        if watched:
            return watched
        if not self.settings.scanner_max_products:
            return self.settings.products
        picked = [name for name in self.restored.key_values.get("picked", "").split(",") if name]
        return tuple(dict.fromkeys([*(picked or self.settings.products), *(x.product_id for x in self.restored.lots)]))

    def known_fill(self, key: tuple[str, str]) -> bool:
        """Whether the fill (order id, trade id) was counted already."""
        return self.engine is not None and self.engine.view.orders.fill_known(key)

    def own_id(self, order_id: str) -> str:
        """Our id of an order that the exchange names."""
        assert self.engine is not None
        return self.engine.view.orders.client_order_id_of(order_id)

    def take_up(self, fresh: Loaded, changes: Mapping[str, str], by: str) -> None:
        """Settings that may change while it runs, between two events. `changes`: key to "old → new"."""
        self.read_settings = reload.taken_up(self.read_settings, fresh.settings, changes)
        self.settings = reload.taken_up(self.settings, fresh.settings, changes)
        self.live_lock.resettled(self.settings)
        self.identity.config_hash = config_hash(self.read_settings)
        self.identity.origins = {**self.identity.origins, **{key: fresh.sources[key] for key in changes}}
        self.dispatch(ev.SettingsReloaded(self.settings, changes, by))
        self.writer.poke()

    # Phases and supervision.

    def enter(self, phase: Phase) -> None:
        """The boot went on."""
        self.boot.enter(phase, self.clock.utc(), self.clock.monotonic_s())
        log.info("phase %s", phase.value)
        self.writer.poke()

    def fail(self, error: BaseException) -> None:
        """A part died: the process ends, and PM2 starts it anew."""
        if self.failure is not None and not self.failure.done():
            self.failure.set_exception(error)

    def supervise_for_ever(self, task: "asyncio.Task[Any]") -> None:
        """As `supervise`, of a task that never ends by itself: one that returned is as dead as one that raised."""
        self.supervise(task)
        if not task.cancelled() and task.exception() is None and not self.ended:
            log.critical("task %s ended", task.get_name())
            self.fail(RuntimeError(f"task {task.get_name()} ended"))

    def supervise(self, task: "asyncio.Task[Any]") -> None:
        """For `add_done_callback`: a task that dies takes the process with it."""
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert error is not None
            log.critical("task %s died", task.get_name(), exc_info=error)
            self.fail(error)
