"""What is known at one moment: the only input of the views."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.bots import DEFAULT_BOT, BotRef
from shared.control import ControlFile
from shared.documents.alerts import WATCHER_GONE_S, AlertsDoc
from shared.documents.market import DepthDoc, Quote
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.liveness import LockState
from shared.pm2 import Pm2Process
from shared.presence import LATE_S, Presence
from shared.verdict import BLIND_S, UNFIT, Judged, Outside, Verdict, judge


@dataclass(frozen=True, slots=True)
class Liveness:
    """What the process and its lock show, beside the state file."""

    pid: int | None = None
    pid_alive: bool | None = None  # None = cannot be told
    lock: LockState = LockState.UNKNOWN
    pid_stopped: bool = False  # a signal holds the process (SIGSTOP, a debugger)


@dataclass(frozen=True, slots=True)
class Pm2Look:
    """The last reading of PM2. `trouble` is a sentence; None = it was read."""

    trouble: str | None = "PM2 was not read yet"
    version: str | None = None
    processes: tuple[Pm2Process, ...] = ()
    kind: str = ""  # of the trouble: offline, denied, hung, unknown; empty = not read yet, or read
    foreign_cwd: str | None = None  # the bot's process of another checkout stands in PM2's table

    @property
    def offline(self) -> bool:
        """No daemon runs."""
        return self.kind == "offline"

    def find(self, name: str) -> Pm2Process | None:
        return next((p for p in self.processes if p.name == name), None)


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that this dashboard wrote, until its receipt is old."""

    id: str
    cmd: str
    args: dict[str, str]
    by: str
    sent_ms: int
    waited_s: float  # by our own monotonic clock
    how: str = ""  # "held K", for the receipt
    said: str = ""  # how it was delivered, where another delivery failed
    in_ring: bool = True  # False = a kill by the file KILL alone: the latch is its receipt


@dataclass(frozen=True, slots=True)
class Beat:
    """One second of state writes, for the strokes: how many came, and whether one was late or the bot did not see."""

    writes: int
    late: bool
    blind: bool = False


@dataclass(frozen=True, slots=True)
class WatcherLook:
    """COIN-WATCH as its document shows it. `wanted`: the setting WATCH."""

    doc: AlertsDoc | None = None  # the last good one; None = it never ran here
    age_s: float | None = None
    error: str | None = None
    wanted: bool = True
    disk_full: bool = False  # looked at where it is gone: it may look and tell, and cannot write that it does

    @property
    def gone(self) -> bool:
        """It should look, it did once, and it does no more."""
        return self.wanted and self.age_s is not None and self.age_s > WATCHER_GONE_S

    @property
    def firing(self) -> tuple[tuple[int, str, str], ...]:
        """(number, phase, severity) of what fires, as the watcher said last."""
        return tuple((a.number, a.phase.value, a.severity.value) for a in self.doc.firing) if self.doc else ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the header needs, and the document that the pages are made of."""

    now: datetime
    presence: Presence
    state: BotState | None  # the last good one
    age_s: float | None
    watched_s: float
    mode: str  # of the bot's file, else of our own settings
    locked: bool  # live mode with DRY_RUN: nothing is sent
    error: str | None = None  # what is wrong with the file now
    missing: bool = False
    foreign_version: str | None = None  # the bot writes another version of the document
    clock_skew_s: float | None = None  # the writer's clock minus ours, where it matters
    liveness: Liveness = field(default_factory=Liveness)
    control: ControlFile | None = None
    control_error: str | None = None
    kill_file: bool = False
    pm2: Pm2Look = field(default_factory=Pm2Look)
    beats: tuple[Beat, ...] = ()
    sent: tuple[PendingCommand, ...] = ()
    quotes: dict[str, Quote] = field(default_factory=dict)
    depth: dict[str, DepthDoc] = field(default_factory=dict)
    depth_kept: bool = True  # DEPTH_VIEW
    lively: bool = False  # SIM_MARKET=lively: only there do entries come soon
    lost_at: datetime | None = None  # when the last good document was read, where it is old now
    flags: frozenset[str] = frozenset()
    bot: BotRef = DEFAULT_BOT
    watcher: WatcherLook = field(default_factory=WatcherLook)
    disk_full: bool = False  # of the data folder; looked at where the bot's file is old

    @property
    def fresh(self) -> bool:
        """True where the header may show the bot's own status."""
        return self.presence is Presence.FRESH

    @property
    def fit(self) -> bool:
        """The bot writes its file, and may send orders and write its ledger: what a machine that watches it asks."""
        return self.fresh and self.verdict.word not in UNFIT

    @property
    def late(self) -> bool:
        return self.fresh and self.age_s is not None and self.age_s > LATE_S

    @property
    def status(self) -> Status | None:
        """The bot's own word; None unless the file is fresh."""
        return self.state.status if self.fresh and self.state else None

    @property
    def verdict(self) -> Judged:
        """The one word for the bot, as every reader makes it (`shared.verdict`)."""
        w, process = self.liveness, self.pm2.find(self.bot.process)
        alive = None if w.pid_alive is None else w.pid_alive and w.lock is not LockState.FREE
        pm2 = process.effective.value if process is not None else None
        doc = self.state.verdict if self.state is not None else None
        own = self.state.status.value if self.state is not None else None
        return judge(doc, own, Outside(self.presence, self.age_s, alive, pm2, self.error, self.missing, self.disk_full))

    @property
    def ws_age_s(self) -> float | None:
        """Since the last message of the stream, the file's own age on top."""
        feeds = self.state.feeds if self.state else None
        return None if feeds is None or feeds.ws_age_ms is None else feeds.ws_age_ms / 1000 + (self.age_s or 0.0)

    @property
    def unproven(self) -> bool:
        """The bot does not see and REST has not answered lately: what the exchange told last is no sign of now."""
        verdict, rest = self.verdict, self.verdict.worst("rest")
        if verdict.word is not Verdict.BLIND:
            return False
        return rest is None or rest.age_ms is None or rest.age_ms / 1000 > BLIND_S

    @property
    def old(self) -> bool:
        """Figures are shown, but they are not of now."""
        return self.state is not None and not self.fresh

    @property
    def killed(self) -> bool:
        return self.state is not None and self.state.kill is not None and not self.unknowable

    @property
    def unknowable(self) -> bool:
        """Nothing good was ever read, or the writer is of another version."""
        return self.state is None or self.foreign_version is not None

    @property
    def bot_up(self) -> bool:
        """The bot's process is there, as far as anybody can tell."""
        return self.fresh or self.liveness.pid_alive is True or self.liveness.lock is LockState.HELD

    @property
    def lot_count(self) -> int | None:
        if self.state is None or self.state.positions is None:
            return None
        return sum(len(p.lots) for p in self.state.positions)
