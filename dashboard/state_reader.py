"""What the dashboard reads, and when: the one place where files, PM2 and clocks come in.

One watcher looks at the small files every 50 ms (a stat each) and wakes whoever waits; PM2 and the process are
asked in a thread. `snapshot` hands out what is known as plain data; everything that is shown is made of that.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from dashboard.views.format import of_text
from dashboard.views.snapshot import Beat, Liveness, PendingCommand, Pm2Look, Snapshot
from dashboard.watcher_reader import WatcherReader
from shared import control
from shared.bots import DEFAULT_BOT, BotRef
from shared.control import ControlFile, decode_control
from shared.disk_room import disk_full
from shared.documents.market import MarketDoc
from shared.documents.state import STATE_VERSION, BotState, decode_state
from shared.files import FileReading, TolerantReader, Unreadable, parse_object
from shared.liveness import LockState, lock_state, process_lives
from shared.paths import ROOT, DataPaths
from shared.pm2 import Pm2Client, Pm2Unavailable, Trouble, pid_stopped
from shared.presence import CLOCK_WARNING_S, LATE_S, Presence, Sighting, judge
from shared.settings import Loaded, Mode, Settings
from shared.verdict import Verdict

log = logging.getLogger(__name__)
LOOK_S = 0.05
WITNESS_S = 0.25
PM2_S = 1.0
# A running bot has updated its file within this time; a missing process counts only after it.
QUIET_S = 1.2
SENT_KEPT = 32
SENT_WATCHED_S = 3.0
UNSEEN_S = 0.2


def _market(data: bytes) -> MarketDoc:
    try:
        return msgspec.convert(parse_object(data), MarketDoc)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a market document: {error}") from error


class StateReader:
    """Readers of one bot's files. `run` keeps them current; `snapshot` never blocks."""

    def __init__(
        self,
        loaded: Loaded,
        paths: DataPaths,
        pm2: Pm2Client | None = None,
        bot: BotRef = DEFAULT_BOT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: monotonic seconds, by which ages and the beats of each second are told."""
        self.clock = clock
        self.bot = bot
        self.settings: Settings = loaded.settings
        self.loaded = loaded
        self.paths = paths
        self.pm2_client = Pm2Client() if pm2 is None else pm2
        self.version = 0  # grows with every change that the pages may show
        self.state_raw: bytes = b"null"  # the last good document as it was written
        self._waiters: set[asyncio.Event] = set()
        self._state = TolerantReader(paths.state, self._decode)
        self._control = TolerantReader(paths.control, decode_control)
        self._market = TolerantReader(paths.market, _market)
        self._watcher = WatcherReader(paths, wanted=loaded.settings.watch, clock=clock)
        self._foreign: str | None = None
        self._began = self.clock()
        self._reading: FileReading[BotState] = FileReading(None, None, missing=True, changed=False)
        self._control_reading: FileReading[ControlFile] = FileReading(None, None, missing=True, changed=False)
        self._market_reading: FileReading[MarketDoc] = FileReading(None, None, missing=True, changed=False)
        self._moved = False
        self._moved_at = 0.0  # monotonic
        self._first_age_s = 0.0
        self._seen_at: datetime | None = None
        self._skew_s: float | None = None
        self._kill_file = False
        self._liveness = Liveness()
        self._pm2 = Pm2Look()
        self._beats: deque[Beat] = deque(maxlen=60)
        self._second = int(self.clock())
        self._writes = 0
        self._late = False
        self._blind = False
        self._sent: deque[tuple[control.SentCommand, float, str]] = deque(maxlen=SENT_KEPT)
        self._presence: Presence | None = None
        self._unseen_at = 0.0

    # ---- watching ----

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(LOOK_S, self._look_safely))
            group.create_task(self._every(WITNESS_S, self.look_at_process))
            group.create_task(self._ask_pm2_forever())

    async def _every(self, period_s: float, step: Callable[[], None]) -> None:
        while True:
            step()
            await asyncio.sleep(period_s)

    async def _ask_pm2_forever(self) -> None:
        while True:
            look = await asyncio.to_thread(self._ask_pm2)
            if look != self._pm2:
                self._pm2 = look
                self.bump()
            await asyncio.sleep(PM2_S)

    def _look_safely(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("state_reader.look_failed")

    def look(self) -> None:
        """One look at every small file; wakes the waiters where something changed."""
        before = self.version
        self._look_at_state()
        control = self._control.look()
        if control.changed or control.error != self._control_reading.error:
            self.version += 1
        self._control_reading = control
        kill_file = self.paths.kill.exists()
        if kill_file != self._kill_file:
            self._kill_file = kill_file
            self.version += 1
        market = self._market.look()
        if market.changed:  # pages show a new price within the second in which it was written
            self.version += 1
        self._market_reading = market
        self.version += self._watcher.look()
        self._roll_second()
        self._watch_unseen()
        presence = judge(self._sighting())
        if presence is not self._presence:
            self._presence = presence
            self.version += 1
        if self.version != before:
            self._wake()

    def _look_at_state(self) -> None:
        old = self._reading
        reading = self._state.look()
        self._reading = reading
        if (reading.error, reading.missing) != (old.error, old.missing):
            self.version += 1
        if not reading.changed or reading.value is None:
            return
        self.version += 1
        new, now, mono = reading.value, datetime.now(UTC), self.clock()
        if old.value is None:
            self._first_age_s = max(0.0, now.timestamp() - new.ts_ms / 1000)
            self._moved_at = mono
        elif (new.boot_id, new.seq) != (old.value.boot_id, old.value.seq):
            self._late = self._late or (self._moved and mono - self._moved_at > LATE_S)
            self._moved, self._moved_at = True, mono
            self._writes += 1
            self._blind = self._blind or (new.verdict is not None and new.verdict.word == Verdict.BLIND)
            skew_s = new.ts_ms / 1000 - now.timestamp()
            self._skew_s = skew_s if abs(skew_s) > CLOCK_WARNING_S else None
        self._seen_at = now if self._moved else of_text(new.ts)

    def _decode(self, data: bytes) -> BotState:
        try:
            state = decode_state(data)
        except Unreadable:
            self._foreign = _foreign_version(data)
            raise
        self._foreign = None
        self.state_raw = data
        return state

    def _roll_second(self) -> None:
        second = int(self.clock())
        for _ in range(min(60, second - self._second)):
            self._beats.append(Beat(self._writes, self._late, self._blind))
            self._writes, self._late, self._blind = 0, False, False
            self.version += 1
        self._second = second

    def _watch_unseen(self) -> None:
        """A command that waits for its receipt is redrawn, so that "not delivered" appears once its time is over."""
        mono = self.clock()
        if mono - self._unseen_at < UNSEEN_S:
            return
        seen = set(self.seen_ids())
        if any(mono - at < SENT_WATCHED_S and sent.command.id not in seen for sent, at, _ in self._sent):
            self._unseen_at = mono
            self.version += 1

    def look_at_process(self) -> None:
        """One look at the process and its lock; wakes the waiters where something changed."""
        state = self._reading.value
        alive = None
        if state is not None:
            alive = process_lives(state.pid, of_text(state.started_at))
        pid = state.pid if state is not None else None
        stopped = pid is not None and pid_stopped(pid)
        found = Liveness(pid, alive, lock_state(self.paths.bot_lock, pid if alive else None), stopped)
        if found != self._liveness:
            self._liveness = found
            self.bump()

    def _ask_pm2(self) -> Pm2Look:
        try:
            version = self.pm2_client.version()
            processes = tuple(p for p in self.pm2_client.processes() if p.name.startswith("COIN"))
        except Pm2Unavailable as error:
            return Pm2Look(str(error), kind=error.trouble.value)
        except Exception:  # PM2's protocol is internal: whatever it answers must not end the watch
            log.exception("state_reader.pm2_failed")
            return Pm2Look("PM2 cannot be read", kind=Trouble.UNKNOWN.value)
        ours = [p for p in processes if not p.cwd or p.cwd == str(ROOT)]
        foreign = next((p.cwd for p in processes if p.name == self.bot.process and p not in ours), None)
        return Pm2Look(None, version, tuple(ours), foreign_cwd=foreign)

    # ---- telling ----

    def bump(self) -> None:
        """Something beside the files changed: wake whoever shows it."""
        self.version += 1
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    @contextlib.contextmanager
    def waiter(self):  # type: ignore[no-untyped-def]
        """An event that is set at every change, for as long as the block runs."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            yield event
        finally:
            self._waiters.discard(event)

    def note_sent(self, sent: control.SentCommand, how: str = "") -> None:
        """Remember a command that this dashboard wrote, until its receipt is old."""
        self._sent.append((sent, self.clock(), how))
        self.bump()

    def seen_ids(self) -> list[str]:
        """Ids of the receipts that the bot has written: what may leave the ring."""
        state = self._reading.value
        return [r.id for r in state.receipts] if state else []

    def _age_s(self) -> float | None:
        if self._reading.value is None:
            return None
        since = self.clock() - self._moved_at
        return since if self._moved else self._first_age_s + since

    def _alive(self, age_s: float | None) -> bool | None:
        """Whether the process runs, where it matters: a file that is still updated proves more than a missing pid."""
        w = self._liveness
        if age_s is None or w.pid_alive is None:
            return None
        if w.pid_alive and w.lock is not LockState.FREE:
            return True
        return False if age_s > QUIET_S else None

    def _sighting(self) -> Sighting:
        age_s = self._age_s()
        return Sighting(
            age_s=age_s,
            error=self._reading.error,
            missing=self._reading.missing,
            moved=self._moved,
            watched_s=self.clock() - self._began,
            process_alive=self._alive(age_s),
        )

    def snapshot(self) -> Snapshot:
        """What is known now."""
        seen = self._sighting()
        mono = self.clock()
        state = self._reading.value
        settings = self.settings
        market = self._market_reading.value
        presence = judge(seen)
        return Snapshot(
            now=datetime.now(UTC),
            presence=presence,
            disk_full=presence is not Presence.FRESH and disk_full(self.paths.root),
            state=state,
            age_s=seen.age_s,
            watched_s=seen.watched_s,
            mode=state.mode if state else settings.coin_mode,
            locked=_locked(state, settings),
            error=self._reading.error,
            missing=self._reading.missing,
            foreign_version=self._foreign if self._reading.error else None,
            clock_skew_s=self._skew_s,
            liveness=self._liveness,
            control=self._control_reading.value,
            control_error=self._control_reading.error,
            kill_file=self._kill_file,
            pm2=self._pm2,
            beats=tuple(self._beats),
            sent=tuple(_sent(sent, mono - at, how) for sent, at, how in self._sent),
            quotes={q.product_id: q for q in market.quotes} if market else {},
            depth={d.product_id: d for d in market.depth} if market else {},
            depth_kept=settings.depth_view,
            lively=settings.sim_market == "lively",
            lost_at=self._seen_at,
            bot=self.bot,
            watcher=self._watcher.seen,
        )


def _locked(state: BotState | None, settings: Settings) -> bool:
    """Live mode in which nothing is sent. Without the bot's document, only our own DRY_RUN is known."""
    if state is not None:
        return state.dry_run or (state.live_lock or "").startswith("locked")
    return settings.coin_mode is Mode.LIVE and settings.dry_run


def _sent(sent: control.SentCommand, waited_s: float, how: str) -> PendingCommand:
    command = sent.command
    at = of_text(command.at)
    return PendingCommand(
        command.id, command.cmd, dict(command.args), command.by, int(at.timestamp() * 1000) if at else 0, waited_s, how,
        said=sent.text if sent.failed else "", in_ring=sent.in_ring,
    )  # fmt: skip


def _foreign_version(data: bytes) -> str | None:
    """The version that the document says it is, where that is another one than ours."""
    try:
        version = parse_object(data).get("version")
    except Unreadable:
        return None
    return None if version == STATE_VERSION else repr(version)[:20]
