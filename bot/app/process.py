"""One run of the bot on whatever machine it is given: lock, ledger, boot, clocks, an orderly end with an exit code.

The machine's parts come in through the seams, so a deterministic run drives this very code under virtual time.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bot.app import background_tasks, folder, key_rights, ledger_past, reconciliation, scan
from bot.app.alerts import DRY_RUN_WITH_LOTS
from bot.app.application import Application
from bot.app.boot import Boot, Fatal
from bot.app.event_recorder import end as end_tape
from bot.app.instance_lock import InstanceLock, LockHeld
from bot.app.ledger import LedgerWriter
from bot.app.ledger_files import LedgerFiles
from bot.app.metrics import CommitTimer
from bot.app.offload import Offload
from bot.app.ports import RunIdentity
from bot.app.watchdog import BOOT_S, LastEnd, NoWatchdog, Watchdog, said_of
from bot.app.watchdog import END_S as WATCH_END_S
from bot.domain.intents import Note
from bot.venues.net import Net
from shared.build import build_id
from shared.documents.status import Phase
from shared.errors import first_line
from shared.files import sweep_temporaries
from shared.ledger.connect import connect_writer
from shared.ledger.db import Database, LedgerError, LedgerUnavailable
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger, open_writer
from shared.ports import Clock, Fs, Rng
from shared.settings import Mode, Settings, config_hash
from shared.times import epoch_ms, iso_seconds

log = logging.getLogger("bot")
EXIT_OK, EXIT_CRASH, EXIT_LOCKED, EXIT_SETTINGS = 0, 1, 75, 78
OWN_FILES = ("bot_state.json", "positions.json", "live_positions.json", "market.json", "folder_id.json")
END_S = 5.0
SERVER_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """Everything outside the program that a run touches."""

    clock: Clock
    rng: Rng
    fs: Fs
    net: Net
    files: Offload
    market: Offload
    strategy: Offload
    open_ledger: Callable[[Path], Database] = open_writer
    watchdog: Watchdog = field(default_factory=NoWatchdog)
    build: str = field(default_factory=build_id)


class Process:
    """One run of the bot. `stop` asks for its orderly end."""

    def __init__(
        self, settings: Settings, problems: list[str], machine: SystemPorts, origins: Mapping[str, str] | None = None
    ) -> None:
        self._settings, self._problems = settings, problems
        self._clock, self._open_ledger = machine.clock, machine.open_ledger
        identity = RunIdentity(
            boot_id=str(machine.rng.uuid4()),
            started_at=iso_seconds(self._clock.utc()),
            build=machine.build,
            config_hash=config_hash(settings),
            origins=origins or {},
        )
        self.bot = Application(
            settings,
            identity,
            clock=machine.clock,
            rng=machine.rng,
            fs=machine.fs,
            net=machine.net,
            offload=machine.files,
            market_offload=machine.market,
            strategy_offload=machine.strategy,
        )
        self.bot.watchdog = self._watchdog = machine.watchdog
        self.lock = InstanceLock(self.bot.paths.bot_lock)
        self._tasks: list[asyncio.Task[None]] = []
        self._last_end: Note | None = None
        self.stop = asyncio.Event()

    async def run(self) -> int:
        bot = self.bot
        loop = asyncio.get_running_loop()
        bot.failure = loop.create_future()
        loop.set_exception_handler(self._unhandled)
        try:
            await self.lock.acquire(self._clock)
        except LockHeld as error:
            log.critical("%s", error)
            return EXIT_LOCKED
        except OSError as error:
            log.critical("bot.lock: %s", error.strerror)
            return EXIT_SETTINGS
        last = self._watchdog.begin(f"{bot.identity.boot_id} pid {bot.identity.pid}")
        if last is not None:
            self._last_end = self._tell_last_end(last)
        sweep_temporaries(bot.paths.root, OWN_FILES)
        bot.boot.enter(Phase.INIT, self._clock.utc(), self._clock.monotonic_s())
        await bot.writer.write()
        try:
            if self._problems:
                raise Fatal("settings: " + "; ".join(self._problems))
            if not await self._init():
                return await self._end(EXIT_OK, None)
            return await self._live()
        except Fatal as error:
            bot.fatal_code = error.code
            return await self._fatal(str(error))
        finally:
            self._watchdog.end()
            self.lock.release()

    def _tell_last_end(self, last: LastEnd) -> Note:
        """Say how the run before ended; the same as a line of the activity log, once there is a ledger."""
        key = self.bot.fs.stat_key(self.bot.paths.state)
        silent_s = None if key is None else max(epoch_ms(self._clock.utc()) / 1000 - key[1] / 1e9, 0.0)
        text = said_of(last, silent_s)
        log.critical("watchdog: %s", text)
        for line in last.trace:
            log.critical("watchdog | %s", line)
        return Note("watchdog", text, "bad" if last.hung else "warn")

    async def _init(self) -> bool:
        """The ledger, the mode it is bound to, and what it remembers; False = asked to stop. Raises Fatal."""
        bot, location, mode = self.bot, ledger_location(self._settings), self._settings.coin_mode.value
        self._keep_damaged_positions()
        positions = bot.paths.positions.read_bytes() if bot.paths.positions.exists() else None
        last = ledger_past.told(positions, mode)
        gone = ledger_past.lost(location, last)
        if gone is not None and not location.on_server and ledger_past.is_empty(location.path):
            raise Fatal(gone)
        try:
            engine = await self._engine_at(location)
            if engine is None:
                return False
            bot.ledger = ledger = LedgerWriter(
                engine, bot.identity.boot_id, None if location.on_server else LedgerFiles(location.path, bot.fs),
                CommitTimer(bot.clock, bot.commit_ms),
            )  # fmt: skip
            if gone is not None and not ledger.head()[0]:
                raise Fatal(gone)
            self._begin(ledger, mode, last)
            if self._last_end is not None:
                ledger.commit([self._last_end], epoch_ms(self._clock.utc()))
            bot.restored = ledger.restore(self._clock.utc())
            self._refuse_naked_lots()
        except DamagedLedger as error:
            raise Fatal(str(error)) from error
        except (LedgerError, OSError) as error:
            text = first_line(error)
            raise Fatal(f"the ledger cannot be opened: {text} (is the disk full, or the folder not ours?)") from error
        bot.commands.restore()
        return True

    def _begin(self, ledger: LedgerWriter, mode: str, last: Mapping[str, Any]) -> None:
        """Bind the ledger to its mode, or find it bound; doubt it where it is not what the last run wrote."""
        now_ms, facts, last_ms = epoch_ms(self._clock.utc()), ledger.facts(), ledger.last_ms()
        bound = facts.get("mode")
        if bound is not None and bound != mode:
            raise Fatal(
                f"this data folder's ledger belongs to COIN_MODE={bound}, not {mode}: name another folder with DATA_DIR"
            )
        ledger.doubt = ledger_past.doubt(ledger, last, facts)
        if bound is None:
            ledger.fact("mode", mode, now_ms)
        bot = self.bot
        bot.live_lock.judged(folder.claim(self._settings, ledger, facts, self._clock, bot.rng))
        ledger.boot_began(now_ms, bot.identity.build)
        if ledger.doubt is not None:
            log.warning("ledger: %s", ledger.doubt)
            ledger.doubted(ledger.doubt, now_ms, last_ms)

    def _refuse_naked_lots(self) -> None:
        """DRY_RUN sends nothing, so it is no way to run with lots that need their stops. A copy guards none anyway."""
        s, found = self._settings, self.bot.restored
        if s.coin_mode is not Mode.LIVE or not s.dry_run or self.bot.live_lock.sales() is not None:
            return
        lots, orders = len(found.lots), sum(not order.settled for order in found.orders)
        if lots or orders:
            held = f"{lots} open live lots" if lots else f"{orders} live orders that are not over"
            raise Fatal(
                f"DRY_RUN=true sends nothing, and the ledger holds {held}: their stops, trails and takes would not be "
                "carried out. REDUCE_ONLY=true with DRY_RUN=false makes no entry and goes on selling",
                DRY_RUN_WITH_LOTS,
            )

    async def _engine_at(self, location: LedgerLocation) -> Database | None:
        """The ledger's engine, once it can be written. A server that cannot be reached and a file that another program
        holds are waited for: neither gets better by ending. None = asked to stop meanwhile."""
        said = ""
        while not self.stop.is_set():
            try:
                return connect_writer(location) if location.on_server else self._file_at(location.path)
            except LedgerUnavailable as error:
                why = first_line(error)
                if not location.on_server and "locked" not in why:
                    raise
            what = "server" if location.on_server else "file, which another program holds"
            if why != said:
                said = why
                log.warning("ledger %s: %s; retrying until it answers", what, why)
            self.bot.boot.note(f"waiting for the ledger's {what}: {why}")
            await self.bot.writer.write()
            await self._clock.sleep(SERVER_AGAIN_S)
        return None

    def _file_at(self, path: Path) -> Database:
        """Opened, and tried: whoever holds its lock would make the first write fail. Raises LedgerUnavailable."""
        engine = self._open_ledger(path)
        try:
            with engine.begin():
                return engine
        except LedgerError:
            engine.dispose()
            raise

    def _keep_damaged_positions(self) -> None:
        """positions.json is made anew from the ledger; a damaged one is kept aside for whoever wants to know."""
        path = self.bot.paths.positions
        try:
            orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return
        except (orjson.JSONDecodeError, OSError):
            aside = path.with_name(f"positions.damaged-{self._clock.utc():%Y%m%dT%H%M%SZ}.json")
            with contextlib.suppress(OSError):
                os.replace(path, aside)
            log.warning("positions.json was damaged: kept as %s, rebuilt from the ledger", aside.name)

    async def _live(self) -> int:
        bot = self.bot
        self._watchdog.limit(BOOT_S)
        self._start("control", background_tasks.control(bot))
        self._start("state", bot.writer.run())
        self._start("seconds", background_tasks.seconds(bot))
        self._start("hands", bot.commands.hands.run())
        self._start("strategy", bot.answers.run())
        self._start("signals", background_tasks.signals(bot))
        self._start("lock", self._watch_lock())
        if bot.tape is not None:
            self._start("tape", bot.tape.run())
        if bot.commands.latch is not None:
            bot.commands.start_kill_path()
        boot = self._start("boot", Boot(bot).run(), supervised=False)
        stop = self._start("stop", self._asked_to_stop(), supervised=False)
        assert bot.failure is not None
        ends: set[asyncio.Future[Any]] = {stop, bot.failure}
        await asyncio.wait({boot, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if boot.done() and not boot.cancelled():
            error = boot.exception()
            if isinstance(error, Fatal):
                stop.cancel()
                raise error
            if error is not None:
                log.critical("the boot failed", exc_info=error)
                return await self._end(EXIT_CRASH, f"the boot failed: {type(error).__name__}: {error}")
            assert bot.rest is not None
            self._watchdog.limit(None)
            self._start("clock-b", background_tasks.clock_b(bot, bot.rest))
            self._start("clock-c", background_tasks.clock_c(bot, bot.rest))
            if bot.settings.max_impact_bp:
                self._start("books", background_tasks.books(bot))
            if bot.settings.scanner_max_products:
                self._start("scanner", scan.clock_c(bot, bot.rest))
            self._start("bars", background_tasks.bars(bot, bot.rest))
            self._start("rights", key_rights.watch(bot, bot.rest))
            self._start("audit", reconciliation.watch(bot, bot.rest))
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if stop.done() and stop.exception() is not None:
            bot.fail(stop.exception() or RuntimeError("stop"))
        if bot.failure.done():
            if isinstance(replaced := bot.failure.exception(), LockHeld):
                return await self._leave(replaced)
            return await self._end(EXIT_CRASH, f"a component failed: {bot.failure.exception()}")
        return await self._end(EXIT_OK, None)

    def _start(self, name: str, work: Coroutine[Any, Any, None], *, supervised: bool = True) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=name)
        if supervised:
            task.add_done_callback(self.bot.supervise_for_ever)
        self._tasks.append(task)
        return task

    async def _asked_to_stop(self) -> None:
        await self.stop.wait()

    async def _leave(self, why: LockHeld) -> int:
        """A second bot has this folder now: end without a last state or a line in the ledger."""
        self._watchdog.limit(WATCH_END_S)
        for task in self._tasks:
            task.cancel()
        self.bot.ended = True
        log.critical("%s: this one ends", why)
        await end_tape(self.bot.tape, END_S)
        return EXIT_LOCKED

    async def _watch_lock(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            if self.lock.still_ours():
                continue
            if not self.bot.gate.latches.lock_lost:
                self.bot.gate.latches.lock_lost = True
                self.bot.gate.latches.lock_lost_s = self.bot.clock.monotonic_s()
                self.bot.error = "bot.lock was replaced: nothing is sent any more; restart the bot"
                log.critical("%s", self.bot.error)
            if self.lock.held_by_another():
                # What it would write from now on, state or ledger, is the other one's to write.
                self.bot.fail(LockHeld("bot.lock was replaced, and another bot holds the new one"))
                await asyncio.Event().wait()  # until it is cancelled with the others

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        log.critical("unhandled: %s", context.get("message"), exc_info=error if isinstance(error, Exception) else None)
        self.bot.fail(error if isinstance(error, Exception) else RuntimeError(str(context.get("message"))))

    async def _fatal(self, text: str) -> int:
        """ERROR: shown, logged, exit 78. The file stays and says so."""
        bot = self.bot
        log.critical("%s", text)
        bot.error = text
        bot.boot.fail(text, self._clock.utc(), self._clock.monotonic_s())
        return await self._end(EXIT_SETTINGS, text)

    async def _end(self, code: int, error: str | None) -> int:
        """Cancel the tasks, write the last state, note a clean end."""
        bot = self.bot
        self._watchdog.limit(WATCH_END_S)
        for task in self._tasks:
            task.cancel()
        bot.ended = True
        await end_tape(bot.tape, END_S)
        if error is not None:
            bot.error = error
        if bot.boot.phase is not Phase.ERROR:
            bot.boot.enter(Phase.STOPPED, self._clock.utc(), self._clock.monotonic_s())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bot.writer.write(durable=True), END_S)
        if code != EXIT_CRASH and bot.ledger is not None:
            with contextlib.suppress(LedgerError):
                bot.ledger.boot_ended(epoch_ms(self._clock.utc()))
        log.info("ended with code %d%s", code, f": {error}" if error else "")
        return code
