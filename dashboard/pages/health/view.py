"""Rows of the Health page."""

from dataclasses import dataclass

from dashboard.rows import DiskLook
from dashboard.views import account, header
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.events import FOLDER_NOT_OWN
from shared.documents.state import alert_of
from shared.liveness import LockState
from shared.presence import Presence
from shared.verdict import PartState, Verdict

LEAST_FREE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class CheckRow:
    state: str  # ok, warn, bad, unk
    icon: str
    word: str
    name: str
    say: str
    way_out: str


@dataclass(frozen=True, slots=True)
class ProcessRow:
    name: str
    state: str
    icon: str
    label: str
    pid: str
    cpu: str
    memory: str
    restarts: str
    uptime: str


@dataclass(frozen=True, slots=True)
class FileRow:
    name: str
    exists: bool
    age: str
    size: str
    what: str
    state: str


_SHAPE = {"ok": ("ok", "OK"), "warn": ("warns", "Check"), "bad": ("bads", "Failed"), "unk": ("unk", "Not known")}


def check(name: str, state: str, say: str, way_out: str = "") -> CheckRow:
    icon, word = _SHAPE[state]
    return CheckRow(state, icon, word, name, say, way_out if state not in ("ok",) else "")


def checks(s: Snapshot, disk: DiskLook, missing: list[str], build: str) -> list[CheckRow]:
    """What a reader can tell; ./coin doctor checks what only the machine can."""
    return [
        _bot_check(s),
        _folder_check(s),
        check(
            "State file",
            "bad" if s.missing else "warn" if s.error else "ok",
            "missing" if s.missing else f.clean(s.error or "valid"),
            "Start the bot: ./coin start" if s.missing else "The bot's next write repairs it",
        ),
        _lock_check(s),
        _writer_check(s),
        _control_check(s),
        _pm2check(s),
        _feed_check(s),
        _clock_check(s),
        _ledger_check(s, disk),
        _account_check(s),
        _disk_check(disk),
        _private_check(disk),
        _build_check(s, build),
        _watcher_check(s),
        check(
            "npm packages",
            "warn" if missing else "ok",
            f"missing: {', '.join(missing)}" if missing else "all installed",
            "npm ci, then restart COIN",
        ),
    ]


def _folder_check(s: Snapshot) -> CheckRow:
    found = alert_of(s.state, FOLDER_NOT_OWN)
    if found is not None:
        return check(
            "Data folder", "bad", f.clean(found.text), "./coin adopt-folder, once no other bot trades its lots"
        )
    return check(
        "Data folder", "unk" if s.state is None else "ok", "not known" if s.state is None else "belongs to this bot"
    )


def _build_check(s: Snapshot, build: str) -> CheckRow:
    if s.state is None:
        return check("Build", "unk", f"this dashboard is {build}; the bot's is not known")
    if s.state.build == build:
        return check("Build", "ok", build)
    return check("Build", "warn", f"this dashboard is {build}, the bot {f.clean(s.state.build)}", "./coin restart")


def _watcher_check(s: Snapshot) -> CheckRow:
    look = s.watcher
    if not look.wanted:
        return check("Watcher", "unk", "off (WATCH=false): nobody is told of trouble")
    if look.doc is None or look.age_s is None:
        return check("Watcher", "warn", f.clean(look.error or "never ran here"), "./coin start; ./coin logs watch")
    if look.gone and look.disk_full:
        return check(
            "Watcher", "bad", f"the disk is full: it has written nothing for {f.duration(look.age_s)}", "df -h"
        )
    if look.gone:
        return check(
            "Watcher", "bad", f"has not looked for {f.duration(look.age_s)}", "./coin start; ./coin logs watch"
        )
    firing = f"{f.plural(len(look.doc.firing), 'alert')} {'fires' if len(look.doc.firing) == 1 else 'fire'}"
    state = "warn" if look.doc.firing or look.doc.store_error or look.doc.problems else "ok"
    sinks = f.plural(len(look.doc.sinks), "sink") if look.doc.sinks else "no sink is set"
    return check("Watcher", state, f"{firing if look.doc.firing else 'nothing fires'}; {sinks}", "./coin alerts")


def _bot_check(s: Snapshot) -> CheckRow:
    word = s.verdict.word.shown
    if s.fresh:
        bad, fine = header.block(s).state == "bad", s.verdict.word is Verdict.RUNNING
        return check("Bot", "bad" if bad else "ok" if fine else "warn", word, "See the status above")
    state = {Presence.LOADING: "unk", Presence.STALE: "warn", Presence.UNREADABLE: "warn"}.get(s.presence, "bad")
    age = f", {f.duration(s.age_s)} old" if s.age_s is not None else ""
    if s.verdict.word is Verdict.HUNG:
        return check("Bot", "bad", f"{word}{age}", "Restart: see the banner above")
    return check("Bot", state, f"{word}{age}", "./coin doctor, then Start")


def _lock_check(s: Snapshot) -> CheckRow:
    w = s.liveness
    if w.lock is LockState.UNKNOWN:
        return check("Instance lock", "unk", "this system does not list file locks")
    process = "" if w.pid is None else f", process {w.pid} {'running' if w.pid_alive else 'gone'}"
    fine = w.lock is LockState.HELD or (w.lock is LockState.FREE and not s.fresh)
    return check("Instance lock", "ok" if fine else "bad", f"{w.lock}{process}", "Two bots may start: restart the bot")


def _writer_check(s: Snapshot) -> CheckRow:
    """Whether another bot trades under this name on this account: another folder's lock does not show it."""
    part = s.verdict.worst("writer") if s.fresh else None
    if part is None:
        return check("Only writer", "unk", "not known")
    way = "Stop the other bot, or give one another BOT_NAME; then Start"
    return check("Only writer", "ok" if part.state is PartState.OK else "bad", f.clean(part.text), way)


def _control_check(s: Snapshot) -> CheckRow:
    if s.control_error:
        return check("control.json", "warn", f.clean(s.control_error), "Any command from here rewrites it")
    doc = s.state.control if s.state else None
    if s.fresh and doc is not None and not doc.ok:
        return check("control.json", "warn", f.clean(doc.error or "the bot cannot read it"), "Any command rewrites it")
    level = s.control.level.word if s.control else "run"
    return check("control.json", "ok", f"level {'kill' if s.kill_file else level}")


_PM2_WAY_OUT = {
    "offline": "./coin start",
    "denied": "sign in as its user, or set PM2_HOME",
    "hung": "pm2 kill, then ./coin start",
    "unknown": "./coin doctor",
}


def _pm2check(s: Snapshot) -> CheckRow:
    if s.pm2.trouble:
        return check("PM2", "bad" if s.pm2.kind else "unk", f.clean(s.pm2.trouble), _PM2_WAY_OUT.get(s.pm2.kind, ""))
    if s.pm2.foreign_cwd:
        say = f"{s.bot.process} is registered from another folder: {f.clean(s.pm2.foreign_cwd)}"
        return check("PM2", "warn", say, "./coin doctor")
    process = s.pm2.find(s.bot.process)
    if process is None:
        return check("PM2", "warn", f"running ({s.pm2.version}), {s.bot.process} is not registered", "./coin start")
    fine = header.process_state(process)[0]
    state = "ok" if fine == "ok" else "warn" if fine == "warn" else "bad"
    return check("PM2", state, f"version {s.pm2.version}, {s.bot.process} {process.label}", "./coin logs")


def _feed_check(s: Snapshot) -> CheckRow:
    feeds = s.state.feeds if s.fresh and s.state else None
    if feeds is None:
        return check("Exchange", "unk", "not known at present")
    if not feeds.rest_ok:
        return check("Exchange", "bad", f.clean(feeds.rest_note or "requests fail"), "Retries automatically")
    if not feeds.ws_connected:
        return check("Exchange", "warn", f.clean(feeds.ws_note or "the stream is down"), "Reconnects automatically")
    gone = [p for p in s.verdict.parts if p.name in ("stream", "orders", "rest") and p.state is PartState.GONE]
    if gone:
        say = "; ".join(f"{p.title}: {f.clean(p.text)}" for p in gone)
        return check(
            "Exchange", "bad", say, "Reconnects automatically; investigate if this lasts more than two minutes"
        )
    return check("Exchange", "ok", f"stream and REST respond, {f.count(feeds.ws_gaps)} gaps")


def _clock_check(s: Snapshot) -> CheckRow:
    if s.clock_skew_s is not None:
        return check(
            "Clock",
            "warn",
            f"the bot's clock differs from the dashboard's by {f.duration(abs(s.clock_skew_s))}",
            "Synchronise the clock",
        )
    feeds = s.state.feeds if s.fresh and s.state else None
    if feeds is None or feeds.clock_offset_ms is None:
        return check("Clock", "unk", "offset to the exchange not known")
    say = f"{f.offset(feeds.clock_offset_ms)} to the exchange"
    if feeds.clock_ok and s.unproven:
        return check("Clock", "unk", f"{say}, when last received")
    return check("Clock", "ok" if feeds.clock_ok else "bad", say, "Synchronise the clock: timedatectl set-ntp true")


def _ledger_check(s: Snapshot, disk: DiskLook) -> CheckRow:
    ledgers = [x.exists for x in disk.files if x.name.startswith("ledger")]
    if s.state is not None and not s.state.io.ledger_ok:
        return check("Ledger", "bad", f.clean(s.state.io.ledger_error or "cannot be written"), "./coin doctor")
    if not ledgers:
        return check("Ledger", "ok" if s.fresh else "unk", "on its Postgres server")
    return check("Ledger", "ok" if any(ledgers) else "unk", "present" if any(ledgers) else "not created yet")


def _account_check(s: Snapshot) -> CheckRow:
    if s.state is None or s.state.account is None:
        return check("Account", "unk", "not compared yet")
    found = account.differing(s)
    if found:
        return check("Account", "bad", f.listed([one.said for one in found]), "Find the cause, then Adopt")
    if not s.fresh or s.unproven:
        return check("Account", "unk", "no difference when it was last compared")
    return check("Account", "ok", "matches the bot's own trades")


def _disk_check(disk: DiskLook) -> CheckRow:
    if disk.free_bytes is None:
        return check("Disk", "unk", "cannot be read")
    state = "ok" if disk.free_bytes > LEAST_FREE_BYTES else "bad"
    return check(
        "Disk",
        state,
        f"{f.mebibytes(disk.free_bytes)} free",
        "Free some space; the KILL file works on a full disk, too",
    )


def _private_check(disk: DiskLook) -> CheckRow:
    open_ones = [x.name for x in disk.files if x.private is False]
    if disk.folder_private is False:
        return check("File modes", "warn", "other users can open the data folder", "chmod 700 on it")
    if open_ones:
        return check("File modes", "warn", f"other users can read {', '.join(open_ones)}", "chmod 600 on them")
    return check("File modes", "ok", "0700 and 0600")


def processes(s: Snapshot) -> list[ProcessRow]:
    now_ms = int(s.now.timestamp() * 1000)
    out = []
    for p in s.pm2.processes:
        state, icon = header.process_state(p)
        out.append(
            ProcessRow(
                f.clean(p.name), state, "ok" if icon == "alive" else icon, f.clean(p.label), str(p.pid or ""),
                f.pct(p.cpu_pct, 0), f.mebibytes(p.memory_bytes), f.count(p.restarts),
                f.span(header.uptime_s(p, now_ms)) if p.started_ms else "",
            )
        )  # fmt: skip
    return out


_WHAT = {
    "bot_state.json": "status of the bot",
    "positions.json": "open lots, human-readable",
    "ledger": "orders, fills and lots",
    "market": "candles and equity for charts",
    "market.json": "best bid and ask",
    "control.json": "requested state",
    "KILL": "kill switch: exists = killed",
    "audit.jsonl": "who sent which command",
}


def _what(name: str) -> str:
    """`ledger-replay.db` is a ledger, too."""
    stem = name.removesuffix(".db").partition("-")[0]
    return _WHAT.get(name) or _WHAT.get(stem, "")


_LIMIT_S = {"bot_state.json": 5.0, "market.json": 10.0}


def files(disk: DiskLook) -> list[FileRow]:
    out = []
    for x in disk.files:
        limit = _LIMIT_S.get(x.name)
        late = x.age_s is not None and limit is not None and x.age_s > limit
        state = "bad" if x.name == "KILL" and x.exists else "warn" if late else "ok" if x.exists else "unk"
        age = f.span(x.age_s) if x.age_s is not None else ""
        out.append(FileRow(x.name, x.exists, age, f.mebibytes(x.size) if x.exists else "", _what(x.name), state))
    return out


def _since(s: Snapshot, age_ms: int | None) -> str:
    """How old it is now: where the file is late, its own age counts on top."""
    if age_ms is None:
        return f.DASH
    return f.milliseconds(age_ms) if s.fresh and not s.late else f.duration(age_ms / 1000 + (s.age_s or 0.0))


def channel_rows(s: Snapshot) -> list[tuple[str, str, str]]:
    """(channel, product, age of its last message)."""
    feeds = s.state.feeds if s.state else None
    return [(c.channel, c.product_id or "", _since(s, c.age_ms)) for c in (feeds.channels if feeds else [])]


def feed_rows(s: Snapshot) -> list[tuple[str, str]]:
    """(name, value) of the feeds; of a bot that writes nothing, as they were."""
    feeds = s.state.feeds if s.state else None
    if feeds is None:
        return []
    was = "was " if s.old else ""
    since = f.of_text(feeds.ws_since)
    return [
        ("Stream", f"{was}connected" if feeds.ws_connected else f.clean(feeds.ws_note or "down")),
        ("Connected since", f.clock(since, s.now)),
        ("Last message", _since(s, feeds.ws_age_ms) + (" ago" if feeds.ws_age_ms is not None else "")),
        ("Messages", f.count(feeds.ws_messages)),
        ("Reconnects", f.count(feeds.ws_reconnects)),
        ("Gaps in the sequence", f.count(feeds.ws_gaps)),
        (
            "REST",
            ("was responding" if s.old else "responding") if feeds.rest_ok else f.clean(feeds.rest_note or "failing"),
        ),
        ("Time of the last response", f.milliseconds(feeds.rest_last_ms)),
        ("Requests", f"{f.count(feeds.rest_calls)}, {f.count(feeds.rest_errors)} failed"),
        ("Request budget left", f.pct(feeds.budget_pct, 0)),
        ("Clock offset", f.offset(feeds.clock_offset_ms)),
    ]


def machine_rows(s: Snapshot) -> list[tuple[str, str]]:
    """(name, value) about the bot's own process."""
    state = s.state
    if state is None:
        return []
    m, io = state.metrics, state.io
    rows = [
        ("Build", f.clean(state.build)),
        ("Settings hash", f.clean(state.config_hash)[:12]),
        ("Started", f.clock(f.of_text(state.started_at), s.now)),
        ("Under PM2", "yes" if state.supervised else "no"),
        ("Failed writes", f.count(io.write_errors) + (f", {f.clean(io.last_error)}" if io.last_error else "")),
        (
            "Disk free, as the bot reports it",
            f.mebibytes(None if io.disk_free_mb is None else io.disk_free_mb * 1_048_576),
        ),
    ]
    if m is not None:
        rows += [
            ("Memory", f.mebibytes(m.rss_mb * 1_000_000)),
            ("Processor time", f.duration(m.cpu_s)),
            ("Event loop lag, p99", f.milliseconds(m.loop_lag_ms_p99)),
            ("State write interval, p99", f.milliseconds(m.write_interval_ms_p99)),
            ("Tick to order, p50", f.milliseconds(m.tick_to_order_ms_p50)),
            ("Tick to order, p99", f.milliseconds(m.tick_to_order_ms_p99)),
            ("Ledger commit, p99", f.milliseconds(m.ledger_commit_ms_p99)),
        ]
    return rows
