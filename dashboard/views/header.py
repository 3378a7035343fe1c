"""Band, status block, lights and account: what stands on every page."""

from dataclasses import dataclass

from dashboard.views import format as f
from dashboard.views.snapshot import Beat, Snapshot
from shared.documents.account import AccountDoc
from shared.documents.feeds import FeedsDoc
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.liveness import LockState
from shared.pm2 import Effective, Pm2Process
from shared.presence import OFFLINE_S, STALE_S, Presence
from shared.verdict import PartState, Verdict

_MODE_ICON = {"sim": "sim", "replay": "replay", "paper": "paper", "live": "live"}
_MODE_SAY = {
    "sim": ("Simulated money.", "Orders go to the exchange on this machine, never to Coinbase."),
    "replay": ("Simulated money.", "Recorded prices; orders go to the exchange on this machine."),
    "paper": ("Simulated money.", "Real prices from Coinbase; orders stay on this machine."),
    "live": ("Real money.", "Orders go to Coinbase."),
}
ENTRIES_LOCKED = "entries locked: "  # begins BotState.live_lock where lots are open and no entry is made
_STATUS = {
    Status.STARTING: ("now", "now"),
    Status.RUNNING: ("ok", "ok"),
    Status.PAUSED: ("warn", "pause"),
    Status.STOPPING: ("now", "now"),
    Status.STOPPED: ("idle", "stop"),
    Status.KILLED: ("bad", "bads"),
    Status.SAFE: ("warn", "risk"),
    Status.ERROR: ("bad", "bads"),
}
# Hue and shape of the verdicts that override the bot's own status.
_OTHER = {
    Verdict.BLIND: ("bad", "blind"),
    Verdict.SECOND_WRITER: ("bad", "bads"),
    Verdict.LOCKED_OUT: ("bad", "lockout"),
    Verdict.LEDGER_GONE: ("bad", "bads"),
    Verdict.LOADING: ("unk", "wait"),
    Verdict.STALE: ("warn", "warns"),
    Verdict.HUNG: ("bad", "warns"),
    Verdict.OFFLINE: ("bad", "off"),
    Verdict.UNREADABLE: ("warn", "unk"),
}


@dataclass(frozen=True, slots=True)
class ModeBand:
    mode: str  # sim, replay, paper, live, locked: the attribute
    word: str
    icon: str
    bold: str
    say: str


@dataclass(frozen=True, slots=True)
class StatusBlock:
    """The status block."""

    state: str  # hue
    icon: str
    word: str
    sub: str
    age_s: float | None
    age_state: str
    age_of: str = "file"  # or "trouble": how long the bot has not seen


@dataclass(frozen=True, slots=True)
class StatusLight:
    state: str
    icon: str
    name: str
    text: str
    small: str
    title: str


@dataclass(frozen=True, slots=True)
class Chip:
    state: str
    icon: str
    text: str
    grows: bool = False  # its first figure is the file's age


@dataclass(frozen=True, slots=True)
class AccountBlock:
    """The account block; `known` false: nothing is known yet."""

    known: bool
    equity: str = f.DASH
    currency: str = "USD"
    day_pnl: float | None = None
    day_pct: float | None = None
    drawdown: str = f.DASH
    limit: str = f.DASH
    used_pct: float = 0.0
    hot: bool = False


def band(s: Snapshot) -> ModeBand:
    mode = s.mode if s.mode in _MODE_SAY else "sim"
    if mode == "live" and s.locked:
        why = (
            s.state.live_lock if s.state and s.state.live_lock else "locked: the live lock is shut; ./coin enable-live"
        )
        say = f.sentence(f.clean(why).removeprefix("locked: ")) + "."
        return ModeBand("locked", "LIVE", "lock", "Locked: nothing is sent.", say)
    bold, say = _MODE_SAY[mode]
    if mode == "live" and s.state and (s.state.live_lock or "").startswith(ENTRIES_LOCKED):
        why = f.sentence(f.clean(s.state.live_lock or "").removeprefix(ENTRIES_LOCKED))
        return ModeBand("live", "LIVE", "lock", "Real money. Entries are locked, exits go on.", f"{why}.")
    if mode == "live" and s.state and s.state.live_lock:
        say += f" Live lock {f.clean(s.state.live_lock)}."
    return ModeBand(mode, mode.upper(), _MODE_ICON[mode], bold, say)


def presence_word(s: Snapshot) -> str:
    """The word in the status block, the title and the API: the one verdict (`shared.verdict`)."""
    return s.verdict.word.value


def block(s: Snapshot) -> StatusBlock:
    verdict = s.verdict
    if verdict.word in _OTHER:
        state, icon = _OTHER[verdict.word]
    else:
        state, icon = _STATUS[Status(verdict.word)]
    sub = _sub_fresh(s, s.state) if s.fresh and s.state else _sub_old(s)
    age_s, of = _block_age(s)
    age_state = "fresh" if age_s is None else f.age_state(age_s)
    if s.presence is Presence.OFFLINE and age_s is not None:
        age_state = "dead"
    if s.presence is Presence.UNREADABLE and age_state in ("fresh", "late"):
        age_state = "stale"
    return StatusBlock(state, icon, verdict.word.shown.upper(), sub, age_s, age_state, of)


def _block_age(s: Snapshot) -> tuple[float | None, str]:
    """How long it has been so, where the bot does not see; else the file's age. The mark that stands for it, too."""
    verdict = s.verdict
    if s.fresh and verdict.word in _OTHER:
        return verdict.seconds, "trouble"
    return (None if s.presence is Presence.LOADING and s.state is None else s.age_s), "file"


def _sub_fresh(s: Snapshot, state: BotState) -> str:
    seq = f"seq {f.count(state.seq)}"
    match s.verdict.word:
        case Verdict.BLIND:
            return f"{_though(state)}, no data · {seq}"
        case Verdict.SECOND_WRITER:
            return f"{_though(state)}, no entries · {seq}"
        case Verdict.LOCKED_OUT | Verdict.LEDGER_GONE:
            return f"{_though(state)}, sends no orders · {seq}"
    match state.status:
        case Status.KILLED:
            latch = f.short_id(state.kill.latch_id, 6) if state.kill else "?"
            return f"latch {latch} · {seq}"
        case Status.PAUSED:
            return f"no entries; exits active · {seq}"
        case Status.STOPPED:
            return f"alive, not trading · {seq}"
        case Status.SAFE:
            return f"cancel only · {seq}"
        case Status.ERROR:
            return f"{_failed_step(state)} · {seq}"
    return f"{state.phase}{', late' if s.late else ''} · {seq}"


def _though(state: BotState) -> str:
    """The bot's own status beside a verdict that overrides it."""
    return "running" if state.status is Status.RUNNING else state.status.value


def _failed_step(state: BotState) -> str:
    failed = next((step.phase for step in state.boot if step.state == "failed"), None)
    return failed or str(state.phase)


def _sub_old(s: Snapshot) -> str:
    if s.presence is Presence.UNREADABLE:
        return "another version of the bot" if s.foreign_version else f.clean(s.error or "")[:48]
    if s.presence is Presence.LOADING:
        return "no status from the bot yet"
    if s.state is None:
        return "no state file" if s.missing else "no status from the bot"
    if s.state.status is Status.ERROR:
        process = s.pm2.find(s.bot.process)
        code = f", exit {process.exit_code}" if process and process.exit_code else ""
        return f"error in {_failed_step(s.state)}{code}"
    return f"was {s.state.status} · seq {f.count(s.state.seq)}"


def lights(s: Snapshot) -> list[StatusLight]:
    feeds = s.state.feeds if s.fresh and s.state else None
    return [_ws(s, feeds), _rest(s, feeds), _clock(s, feeds), _pm2(s)]


def _unknown(name: str, title: str) -> StatusLight:
    return StatusLight("unk", "wait", name, "?", "", title)


def _ws(s: Snapshot, feeds: FeedsDoc | None) -> StatusLight:
    if feeds is None:
        return _unknown("WS", "Not known")
    if not feeds.ws_connected:
        starting = s.status is Status.STARTING
        title = feeds.ws_note or ("Connects after backfill" if starting else "The stream is not connected")
        since = s.verdict.figures_age_s
        state, icon, text = ("unk", "wait", "waiting") if starting else ("bad", "bads", "down")
        small = f.age(since) if since is not None and not starting else ""
        return StatusLight(state, icon, "WS", text, small, title)
    # Prices and order updates: an open socket proves nothing, and one of the two alone is not enough.
    part = s.verdict.worst("stream", "orders")
    age_s = s.ws_age_s if part is None or part.age_ms is None else part.age_ms / 1000
    if part is not None and part.state is PartState.GONE:
        title = f"{part.title}: {f.clean(part.text)}"
        return StatusLight("bad", "bads", "WS", f.age(age_s) if age_s is not None else "silent", "", title)
    if age_s is None:
        return StatusLight("warn", "warns", "WS", "silent", "", "Connected, no message yet")
    state = "ok" if age_s <= STALE_S else "warn"
    icon = "alive" if state == "ok" else "warns"
    title = f"Last message from the stream; {f.count(feeds.ws_reconnects)} reconnects, {f.count(feeds.ws_gaps)} gaps"
    return StatusLight(state, icon, "WS", f.age(age_s), "", title)


def _rest(s: Snapshot, feeds: FeedsDoc | None) -> StatusLight:
    if feeds is None:
        return _unknown("REST", "Not known")
    if not feeds.rest_ok and (feeds.rest_note or feeds.rest_last_ms is not None):
        return StatusLight("bad", "bads", "REST", "failing", "", feeds.rest_note or "The last request failed")
    if feeds.rest_last_ms is None:
        return StatusLight("unk", "wait", "REST", "–", "", "No request yet")
    if s.unproven:
        part = s.verdict.worst("rest")
        ago = "" if part is None or part.age_ms is None else f.age(part.age_ms / 1000)
        return StatusLight("unk", "wait", "REST", "?", ago, "The last response is from before the outage")
    return StatusLight("ok", "alive", "REST", f.milliseconds(feeds.rest_last_ms), "", "Time of the last response")


def _clock(s: Snapshot, feeds: FeedsDoc | None) -> StatusLight:
    if s.clock_skew_s is not None:
        return StatusLight(
            "warn", "warns", "Clock", f.duration(s.clock_skew_s), "", "The bot's clock differs from the dashboard's"
        )
    if feeds is None or feeds.clock_offset_ms is None:
        return _unknown("Clock", "Not known")
    text = f.offset(feeds.clock_offset_ms)
    if s.unproven and feeds.clock_ok:
        return StatusLight("unk", "wait", "Clock", text, "", "Last value before the exchange stopped responding")
    state, icon = ("ok", "alive") if feeds.clock_ok else ("bad", "bads")
    return StatusLight(state, icon, "Clock", text, "", "Offset to the exchange")


# Shown beside "offline": without access to PM2 it is not known whether it works.
_PM2_WHY = {"denied": "no access", "hung": "no reply", "unknown": "unexpected reply"}


def _pm2(s: Snapshot) -> StatusLight:
    look = s.pm2
    if look.trouble:
        if not look.kind:
            return StatusLight("unk", "wait", "PM2", "?", "", look.trouble)
        return StatusLight(
            "bad", "off", "PM2", "offline", _PM2_WHY.get(look.kind, ""), f"PM2 offline: {f.clean(look.trouble)}"
        )
    process = look.find(s.bot.process)
    if process is None:
        return StatusLight(
            "warn", "warns", "PM2", "no bot", "", f"PM2 is running, but {s.bot.process} is not registered"
        )
    state, icon = process_state(process)
    if process.effective is Effective.ONLINE:
        return StatusLight(state, icon, "PM2", "online", f.plural(process.restarts, "restart"), "Restarts by PM2")
    return StatusLight(state, icon, "PM2", process.label, "", f"PM2 reports: {process.label}")


def process_state(process: Pm2Process) -> tuple[str, str]:
    """Hue and shape of a process of PM2."""
    if process.effective is Effective.ONLINE:
        return "ok", "alive"
    if process.effective in (Effective.LAUNCHING, Effective.STOPPING, Effective.WAITING):
        return "warn", "warns"
    return "bad", "bads"


def uptime_s(process: Pm2Process, now_ms: int) -> float | None:
    """How long PM2 has this process running."""
    return None if process.started_ms is None else max(0.0, (now_ms - process.started_ms) / 1000)


def account(s: Snapshot) -> AccountBlock:
    doc: AccountDoc | None = s.state.account if s.state else None
    if doc is None:
        equity = s.state.portfolio_value if s.state else None
        return AccountBlock(False, f.money(equity))
    limit = doc.drawdown_limit_pct
    used = 0.0 if limit <= 0 else min(100.0, 100.0 * doc.drawdown_pct / limit)
    return AccountBlock(
        True,
        f.money(doc.equity),
        doc.quote_currency,
        doc.day_pnl,
        doc.day_pnl_pct,
        f.pct(doc.drawdown_pct),
        f.pct(limit) if limit > 0 else "off",
        round(used, 1),
        used >= 70,
    )


def liveness_chips(s: Snapshot) -> list[Chip]:
    """What is known about the bot's process, file and PM2 entry: shown below the banner."""
    out = []
    if s.missing:
        out.append(Chip("bad", "bads", "no state file"))
    elif s.error:
        out.append(Chip("warn", "unk", "file unreadable"))
    if s.age_s is not None:
        bad = s.presence is Presence.OFFLINE
        limit = OFFLINE_S if s.age_s > OFFLINE_S else STALE_S
        out.append(Chip("bad" if bad else "warn", "bads" if bad else "warns", f"limit {limit:.0f}{f.NBSP}s", True))
    out += _of_process(s)
    light = _pm2(s)
    word = "PM2 unreadable" if light.text == "?" else f"PM2 reports {light.text}"
    if light.icon == "alive" and not s.fresh:
        # It sees that a process exists, not that it works: no tick beside a bot that writes nothing.
        out.append(Chip("idle", "off", f"{word}: it only checks that the process exists"))
    else:
        out.append(Chip(light.state, "ok" if light.icon == "alive" else light.icon, word))
    return out


def _of_process(s: Snapshot) -> list[Chip]:
    """Process and lock. A running process with an old file is a bad sign: it should have written."""
    w, out = s.liveness, []
    if w.pid is not None and w.pid_alive is False:
        out.append(Chip("bad", "bads", f"process {w.pid} gone"))
    elif w.pid is not None and w.pid_alive:
        does = "running" if s.fresh else "suspended by a signal" if w.pid_stopped else "alive but not writing"
        out.append(Chip("ok" if s.fresh else "warn", "ok" if s.fresh else "warns", f"process {w.pid} {does}"))
    if w.lock is not LockState.UNKNOWN:
        held = w.lock is LockState.HELD
        good = held and s.fresh
        by = "" if s.fresh or not held or not w.pid_alive else " by it"
        out.append(Chip("ok" if good else "idle", "ok" if good else "lock" if held else "off", f"lock {w.lock}{by}"))
    return out


_PART = {
    PartState.OK: ("ok", "ok"),
    PartState.WARN: ("warn", "warns"),
    PartState.GONE: ("bad", "bads"),
    PartState.UNKNOWN: ("unk", "unk"),
}
_TOLD = frozenset({"rest", "balances", "clock"})  # known only from responses: without a recent one they are unproven


def source_chips(s: Snapshot) -> list[Chip]:
    """Each source of the verdict with its age: what is gone, and what still holds."""
    out = []
    unproven = s.unproven
    for part in s.verdict.parts:
        told = unproven and part.name in _TOLD and part.state is PartState.OK
        state, icon = _PART[PartState.UNKNOWN if told else part.state]
        age = "" if part.age_ms is None else f" {f.span(part.age_ms / 1000)}"
        text = f": {f.clean(part.text)}" if part.text else ""
        out.append(Chip(state, icon, f"{part.title}{age}{text}"))
    return out


def title(s: Snapshot, page: str) -> str:
    """`STALE 14.2 s · SIM · Overview · COIN`: the tab tells the state."""
    b = block(s)
    age = f" {f.span(b.age_s)}" if b.age_s is not None and (not s.fresh or b.age_of == "trouble") else ""
    return f"{b.word}{age} · {band(s).word} · {page} · COIN"


def favicon(s: Snapshot) -> str:
    """ok, now, warn, bad or off: the icon of the tab."""
    return {"ok": "ok", "now": "now", "warn": "warn", "bad": "bad"}.get(block(s).state, "off")


def pulse(beats: tuple[Beat, ...]) -> tuple[str, str, str, str]:
    """Paths of the strokes (written, late, missing) and the sentence that reads them out. Right end = now.

    A second without exchange data is drawn as a late one.
    """
    padded = (Beat(-1, False),) * (60 - len(beats)) + beats[-60:]
    full, late, gap = [], [], []
    for i, beat in enumerate(padded):
        x = 1 + 3 * i
        if beat.writes > 0 and not beat.late and not beat.blind:
            full.append(f"M{x} 2V18")
        elif beat.writes > 0:
            late.append(f"M{x} 9V18")
        elif beat.writes == 0:
            gap.append(f"M{x} 15V18")
    unseen = sum(beat.blind for beat in beats[-60:])
    say = f"State file updates in the last {len(beats)} seconds: {len(gap)} seconds without one"
    say += f", {unseen} without data from the exchange" if unseen else ""
    return "".join(full), "".join(late), "".join(gap), say
