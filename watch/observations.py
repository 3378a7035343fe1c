"""All that the watcher sees at one moment, as plain data. What could not be seen is None, never zero."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backups.continuous_record import ContinuousRecord
from backups.record import BackupRecord
from shared.bots import ALERTMANAGER, PROMETHEUS, BotRef
from shared.documents.chat import ChatDoc
from shared.documents.state import BotState
from shared.pm2 import Effective, Pm2Process
from shared.verdict import Judged


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """What a single look at a bot cannot show, since it is about change. Times are wall milliseconds since 1970."""

    restarts_ms: tuple[int, ...] = ()  # runs that ended without an orderly end, oldest first, of the last hour
    equity_since_ms: int | None = None  # since when the equity has not moved to the cent, while lots are open
    traded_ms: int | None = None  # when a lot was last opened or closed, or the watch of it began
    buys_since_trade: int = 0  # BUY decisions since then
    rate_limited: int | None = None  # the exchange's answers 429 in the last five minutes
    unsettled_since_ms: tuple[tuple[str, int], ...] = ()  # order id and since when it is new, sent or cancelling


@dataclass(frozen=True, slots=True)
class BotObservation:
    """One bot. `judged` is the verdict that every reader shows."""

    ref: BotRef
    mode: str | None  # None = it never wrote a state
    state: BotState | None  # the last good document, however old
    judged: Judged
    age_s: float | None  # of that document
    alive: bool | None  # its process lives and holds the lock
    dead_s: float | None = None  # since the process is gone; None = it lives, was ended in order, or it is not sure yet
    ended_in_order: bool = False  # it is gone, and a person or the bot itself ended it
    recovering: bool = False  # it was gone without an orderly end, and the next run does not trade yet
    resumed_s: float | None = None  # since it wrote again after a silence; None = it never was silent
    pm2: Pm2Process | None = None
    kill_file: bool = False
    records_still_s: float | None = None  # since the ledger or the market records last changed
    backup_age_s: float | None = None  # of the newest archive; None = there is none
    ledger_age_s: float | None = None  # since the ledger was made; None = there is none
    permission_ends_ms: int | None = None  # of the live permission
    key_age_s: float | None = None  # since the key's file was written
    facts: TimeFacts = field(default_factory=TimeFacts)

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def fresh(self) -> BotState | None:
        """The document, where it speaks of now."""
        return self.state if self.age_s is not None and self.age_s <= FRESH_S and self.alive is not False else None


FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class HostObservation:
    """The machine. Shares are percent."""

    cpu_pct: float | None = None
    memory_pct: float | None = None
    disk_pct: float | None = None  # of the file system that the data folder lies on, as its user may fill it
    disk_free_mb: float | None = None
    oom_kills: int | None = None  # since the watcher's start
    network_still_s: float | None = None  # since a byte came in from another machine; None = no such interface
    told_by_alertmanager: bool = False  # it has a sink of its own, as ./coin monitoring start left word


@dataclass(frozen=True, slots=True)
class Pm2Observation:
    """PM2's list. `error`: why there is none."""

    asked_s: float  # monotonic, when the answer came
    processes: tuple[Pm2Process, ...] = ()
    error: str | None = None
    bad_s: float | None = None  # since it has not answered

    def find(self, name: str) -> Pm2Process | None:
        return next((process for process in self.processes if process.name == name), None)


@dataclass(frozen=True, slots=True)
class DashboardObservation:
    """COIN, asked as a browser would. `silent_s`: since it last answered."""

    silent_s: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SentinelNote:
    """What the sentinel did about a bot that neither lives nor answers."""

    bot: str
    at_ms: int
    text: str
    failed: bool = False
    sold: bool = False  # lots of it, too


@dataclass(frozen=True, slots=True)
class SelfObservation:
    """The watcher's own ways out."""

    sinks: tuple[tuple[str, int, str], ...] = ()  # name, failures in a row, what came back last
    heartbeat_failures: int = 0
    heartbeat_answer: str | None = None
    store_error: str | None = None
    late_s: float = 0.0  # how long this look is overdue
    sentinel: tuple[SentinelNote, ...] = ()  # until the bot answers again
    backups: BackupRecord = BackupRecord()
    copies: Mapping[str, ContinuousRecord] = field(default_factory=dict)  # bot → its ledger's copy to BACKUP_URL


@dataclass(frozen=True, slots=True)
class ChatObservation:
    """COIN-CHAT, where it is set up. `silent_s`: since it last wrote, as far as this watch has seen."""

    document: ChatDoc | None
    silent_s: float


@dataclass(frozen=True, slots=True)
class Observations:
    """One look at everything. `now_ms`: wall clock; `mono_s`: for spans."""

    now_ms: int
    mono_s: float
    bots: tuple[BotObservation, ...] = ()
    host: HostObservation = HostObservation()
    pm2: Pm2Observation | None = None  # None = not asked yet, or there is no PM2 here
    dashboard: DashboardObservation | None = None  # None = not asked yet
    own: SelfObservation = SelfObservation()
    chat: ChatObservation | None = None  # None = CHAT_USERS is empty
    checkout: str | None = None  # the build that this folder holds now; None = it is no checkout

    @property
    def host_is_told(self) -> bool:
        """Prometheus and Alertmanager run and tell of the machine: a second voice would only repeat them."""
        found = [self.pm2.find(name) for name in (PROMETHEUS, ALERTMANAGER)] if self.pm2 is not None else []
        running = [one for one in found if one is not None and one.effective is Effective.ONLINE]
        return self.host.told_by_alertmanager and len(running) == 2
