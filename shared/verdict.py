"""One verdict on the bot, the same for every reader: page, title, icon, API, metrics and `./coin status`.

The bot publishes what it can know of itself (`VerdictDoc` in the state file): whether it hears the exchange, how old
its prices are, whether it may send and write. What it cannot know, a reader adds: how old the file is, whether the
process lives, what PM2 says. `judge` makes one word of both, the worst, so that no two readers can disagree.

Ages count from the source. A figure is as old as the last moment at which the exchange was heard to confirm it; the
file that carries it adds its own age on top.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.presence import Presence

BLIND_S = 5.0  # without a heartbeat, or with REST failing, for longer than this
HUNG_S = 15.0  # a process that lives and writes nothing for longer than this does not come back by itself


class Verdict(StrEnum):
    """The first eight are the bot's own status. The others outrank it."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    SAFE = "safe"
    ERROR = "error"
    BLIND = "blind"  # lives, and does not hear the exchange
    LEDGER_GONE = "ledger_gone"  # cannot write down what it does, so it sends nothing
    SECOND_WRITER = "second_writer"  # another bot trades under its name: no entry until a person presses Start
    LOCKED_OUT = "locked_out"  # its instance lock is not its own any more, so it sends nothing
    STALE = "stale"  # writes nothing
    HUNG = "hung"  # lives, holds its lock, and writes nothing for long
    OFFLINE = "offline"
    UNREADABLE = "unreadable"
    LOADING = "loading"
    NO_ANSWER = "no_answer"  # said by a page whose dashboard does not answer

    @property
    def shown(self) -> str:
        return self.value.replace("_", " ")


class PartState(StrEnum):
    OK = "ok"
    WARN = "warn"  # not as it should be, and no reason to look away
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDoc:
    """One source of the verdict. `age_ms`: since it last answered; null = it never did, or has no age."""

    name: str  # stream, orders, rest, prices, balances, clock, ledger, lock, writer; pm2 and file are a reader's
    title: str
    state: PartState
    age_ms: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictDoc:
    """What the bot can know. `seconds`: how long the word has held, where it is not the bot's own status."""

    version: int = 1
    word: str
    reason: str | None = None  # for a person; null where the word is the bot's own status
    seconds: float | None = None
    figures_age_ms: int | None = None  # of equity, marks and PnL: of the oldest source they rest on
    parts: list[PartDoc] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a reader knows that the bot cannot: by the reader's own clock and eyes."""

    presence: Presence
    age_s: float | None  # of the state file
    alive: bool | None = None  # the process lives and holds the lock; None = cannot be told
    pm2: str | None = None  # PM2's word for the bot's process; None = not known
    error: str | None = None  # why the file cannot be read
    missing: bool = False  # there is no file
    disk_full: bool = False  # of the folder; looked at where the file is old


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict, as every reader shows it."""

    word: Verdict
    reason: str
    seconds: float | None  # how old the trouble is; None where there is none, or it has no beginning
    figures_age_s: float | None  # of the last good figures, the file's age in it
    parts: tuple[PartDoc, ...] = ()

    @property
    def blind(self) -> bool:
        """Figures are shown, and the exchange was not heard to confirm them lately."""
        return self.figures_age_s is not None and self.figures_age_s > BLIND_S

    def worst(self, *names: str) -> PartDoc | None:
        """Of the sources named, the one that is in the worst state, else the one that answered longest ago."""
        found = [part for part in self.parts if part.name in names]
        return max(found, key=lambda part: (_WORSE.index(part.state), part.age_ms or 0), default=None)


_WORSE = (PartState.OK, PartState.UNKNOWN, PartState.WARN, PartState.GONE)
UNFIT = frozenset({Verdict.LEDGER_GONE, Verdict.LOCKED_OUT})  # alive, and it may send nothing
OUTRANK = frozenset({*UNFIT, Verdict.SECOND_WRITER, Verdict.BLIND})


def judge(doc: VerdictDoc | None, status: str | None, outside: Outside) -> Judged:
    """The worst of what the bot says of itself and what the reader sees. `status`: the bot's own word, if any."""
    age_s = outside.age_s
    figures_age_s = None if doc is None or age_s is None else _figures_age_s(doc, age_s)
    parts = (*_aged(doc, age_s or 0.0), *_parts_outside(outside))
    silent = _silent(outside)
    if silent is not None:
        return Judged(silent[0], silent[1], age_s, figures_age_s if figures_age_s is not None else age_s, parts)
    own = _word(doc, status)
    if own is None:
        return Judged(Verdict.LOADING, "no status from the bot yet", None, figures_age_s, parts)
    if doc is None or own not in OUTRANK:
        return Judged(own, "", None, figures_age_s, parts)
    seconds = None if doc.seconds is None else doc.seconds + (age_s or 0.0)
    return Judged(own, doc.reason or "", seconds, figures_age_s, parts)


def _aged(doc: VerdictDoc | None, age_s: float) -> list[PartDoc]:
    """The bot's parts, as old as they are now."""
    parts = doc.parts if doc is not None else []
    return [p if p.age_ms is None else replace(p, age_ms=p.age_ms + round(age_s * 1000)) for p in parts]


def _parts_outside(outside: Outside) -> list[PartDoc]:
    fresh = outside.presence is Presence.FRESH
    age_ms = None if outside.age_s is None else round(outside.age_s * 1000)
    state = PartState.OK if fresh else PartState.GONE
    parts = [PartDoc(name="file", title="Bot file", state=state, age_ms=age_ms, text=outside.error or "")]
    if outside.pm2 is not None:
        well = outside.pm2 == "online"
        text = outside.pm2 if well or not fresh else f"{outside.pm2}: PM2 will not restart this bot"
        parts.append(PartDoc(name="pm2", title="PM2", state=PartState.OK if well else PartState.WARN, text=text))
    return parts


def _figures_age_s(doc: VerdictDoc, age_s: float) -> float | None:
    return None if doc.figures_age_ms is None else doc.figures_age_ms / 1000 + age_s


def _full(outside: Outside) -> str:
    return ": the disk of its folder is full, df -h" if outside.disk_full else ""


def _silent(outside: Outside) -> tuple[Verdict, str] | None:
    """The word where the file itself says nothing new; None = it is fresh."""
    match outside.presence:
        case Presence.FRESH:
            return None
        case Presence.UNREADABLE:
            return Verdict.UNREADABLE, outside.error or "the state file cannot be read"
        case Presence.LOADING:
            return Verdict.LOADING, "no status from the bot yet"
    if outside.missing:
        return Verdict.OFFLINE, "no state file"
    if outside.alive is True and outside.age_s is not None:
        if outside.age_s > HUNG_S:
            return Verdict.HUNG, f"the process is alive and holds its lock, but writes nothing{_full(outside)}"
        return Verdict.STALE, f"the process is alive, but writes nothing{_full(outside)}"
    if outside.presence is Presence.STALE:
        return Verdict.STALE, "the bot is not writing its state file"
    if outside.age_s is None:
        return Verdict.OFFLINE, "no status from the bot"
    return Verdict.OFFLINE, f"the bot is not running{f' (PM2: {outside.pm2})' if outside.pm2 else ''}"


def _word(doc: VerdictDoc | None, status: str | None) -> Verdict | None:
    """The bot's own word; one that this program does not know is no reason to guess: the status stands."""
    for said in (doc.word if doc is not None else None, status):
        if said is None:
            continue
        try:
            word = Verdict(said)
        except ValueError:
            continue
        if word in OUTRANK or word.value == status:
            return word
    return None
