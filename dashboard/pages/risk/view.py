"""Rows of the Risk page."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.rows import LedgerLatch
from dashboard.views import format as f
from dashboard.views.commands import requested_level
from dashboard.views.snapshot import Snapshot
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.risk import LimitDoc
from shared.presence import STALE_S
from shared.verdict import PartState, Verdict


@dataclass(frozen=True, slots=True)
class Limit:
    title: str
    note: str
    now: str
    limit: str
    used_pct: float | None
    hot: bool
    state: str
    icon: str
    word: str
    tripped: str


@dataclass(frozen=True, slots=True)
class Armed:
    state: str
    icon: str
    word: str
    say: str


@dataclass(frozen=True, slots=True)
class Breaker:
    name: str
    state: str
    icon: str
    word: str
    now: str
    trips_at: str


@dataclass(frozen=True, slots=True)
class Drill:
    passed: bool | None  # None = never run
    at: datetime | None
    steps: list[tuple[str, str]]
    whole: str
    say: str


@dataclass(frozen=True, slots=True)
class LatchRow:
    id: str
    kind: str
    at: datetime | None
    source: str
    note: str
    lifted: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class KellyCard:
    sentence: str
    rows: list[tuple[str, str]]


_LIMIT = {"ok": ("ok", "ok", "OK"), "warn": ("warn", "warns", "Near"), "tripped": ("bad", "bads", "Tripped"),
          "off": ("idle", "dash", "Off"), "unknown": ("unk", "wait", "Not known")}  # fmt: skip


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return f.DASH
    if unit == "%":
        return f.pct(value)
    if unit == "USD":
        return f.money(value)
    whole = float(value).is_integer()
    text = f.count(int(value)) if whole else f.number(value, 1)
    return f"{text}{f.NBSP}{unit}" if unit in ("s", "ms", "min", "h", "bp") else text


def limits(s: Snapshot) -> list[Limit] | None:
    """Every limit with its value; None = not known."""
    found = s.state.risk if s.state else None
    if found is None:
        return None
    since = f.of_text(found.trips_since)
    never = f"none since {f.clock(since, s.now)}" if since is not None else "not known"
    return [_limit(x, s, never) for x in found.limits]


def kelly(s: Snapshot) -> KellyCard | None:
    """What SIZING=kelly makes of the results so far; None with another size, or while nothing is known."""
    x = s.state.risk.kelly if s.state and s.state.risk else None
    if x is None:
        return None
    share = (100 * x.win_rate) if x.win_rate is not None else None
    rows = [
        ("Closed lots that count", f"{f.number(x.trades, 1)}, needs {f.count(x.trades_needed)}"),
        ("Win rate", f.pct(share, 1)),
        ("Average win", f.pct(x.average_win_pct)),
        ("Average loss", f.pct(x.average_loss_pct)),
        ("Full Kelly", f.pct(100 * x.full if x.full is not None else None)),
        ("Used, of equity", f.pct(100 * x.fraction if x.fraction is not None else None)),
    ]
    return KellyCard(f"{f.clean(x.sentence)}.", rows)


def _limit(x: LimitDoc, s: Snapshot, never: str) -> Limit:
    state, icon, word = _LIMIT.get(x.state, ("unk", "unk", f.clean(x.state)))
    used = None
    if x.value is not None and x.limit:
        share = (x.limit / x.value if x.value else 1.0) if x.at_least else x.value / x.limit
        used = round(min(100.0, max(0.0, 100 * share)), 1)
    unit = f.clean(x.unit)
    return Limit(
        f.clean(x.title),
        f.clean(x.note or ""),
        _amount(x.value, unit),
        "off" if x.state == "off" else _amount(x.limit, unit),
        used,
        x.state in ("warn", "tripped"),
        state,
        icon,
        word,
        f.clock(f.of_text(x.tripped_at), s.now) if x.tripped_at else never,
    )


def armed(s: Snapshot) -> Armed:
    """The kill switch in a sentence."""
    level = requested_level(s)
    word = level.word if level is not None else "unknown"
    file = "KILL file present." if s.kill_file else "No KILL file."
    if s.killed and s.state and s.state.kill:
        latch = f.short_id(s.state.kill.latch_id, 6)
        return Armed("bad", "lock", "Latched", f"Latch {latch}. {file} Gate shut.")
    if not s.fresh:
        return Armed("unk", "unk", "Not known now", f"Requested on disk: {word}. {file} The bot does not respond.")
    match s.verdict.word:  # pressed now it latches and shuts the gate; what rests stays there until it can send
        case Verdict.BLIND:
            say = f"Requested: {word}. {file} Orders are cancelled when the exchange responds."
            return Armed("warn", "warns", "Armed, not latched; blind", say)
        case Verdict.LOCKED_OUT | Verdict.LEDGER_GONE:
            say = f"Requested: {word}. {file} {f.sentence(f.clean(s.verdict.reason))}."
            return Armed("warn", "warns", f"Not latched; {s.verdict.word.shown}", say)
    return Armed("ok", "ok", "Armed, not latched", f"Requested: {word}. {file} Gate open.")


def breakers(s: Snapshot) -> list[Breaker]:
    """What trips by itself, from what the bot reports."""
    feeds = s.state.feeds if s.fresh and s.state else None
    account = s.state.account if s.fresh and s.state else None
    io = s.state.io if s.fresh and s.state else None
    stream, rest = s.verdict.worst("stream", "orders"), s.verdict.worst("rest")
    ws_s = s.ws_age_s if stream is None or stream.age_ms is None else stream.age_ms / 1000
    ws_s = ws_s if feeds is not None else None
    answers = None if feeds is None or (feeds.rest_ok and s.unproven) else feeds.rest_ok
    if feeds is not None and rest is not None and rest.state is PartState.GONE:
        answers = False
    clock = feeds.clock_ok if feeds and feeds.clock_offset_ms is not None else None
    unknown = account.orders_unknown if account else None
    return [
        _breaker("Stale feed", None if ws_s is None else ws_s <= STALE_S, f.DASH if ws_s is None else f.age(ws_s),
                 f"{STALE_S:.0f}{f.NBSP}s"),
        _breaker("Stream", feeds.ws_connected if feeds else None, _on(feeds.ws_connected if feeds else None), "down"),
        _breaker("Exchange REST", answers,
                 f"{f.count(feeds.rest_errors)} failed of {f.count(feeds.rest_calls)}" if feeds else f.DASH, "failing"),
        _breaker("Clock offset", None if clock and s.unproven else clock,
                 f.offset(feeds.clock_offset_ms) if feeds else f.DASH, "too far"),
        _breaker("Unknown orders", None if unknown is None else unknown == 0, f.count(unknown), "1"),
        _breaker("Request budget", None if feeds is None or feeds.budget_pct is None else feeds.budget_pct > 20,
                 f"{f.pct(feeds.budget_pct, 0)} left" if feeds and feeds.budget_pct is not None else f.DASH, "empty"),
        _breaker("Ledger", io.ledger_ok if io else None, _on(io.ledger_ok if io else None, "written"), "not written"),
        _breaker("Disk", None if io is None or io.disk_free_mb is None else io.disk_free_mb > 500,
                 f.mebibytes(io.disk_free_mb * 1_048_576) + " free" if io and io.disk_free_mb is not None else f.DASH,
                 "full"),
    ]  # fmt: skip


def _on(value: bool | None, word: str = "connected") -> str:
    return f.DASH if value is None else word if value else "not " + word


def _breaker(name: str, fine: bool | None, now: str, trips_at: str) -> Breaker:
    if fine is None:
        return Breaker(name, "unk", "unk", "Not known", now, trips_at)
    return Breaker(name, "ok" if fine else "bad", "ok" if fine else "bads", "OK" if fine else "Tripped", now, trips_at)


_DRILL_STEPS = {
    "gate_shut_ms": "Gate shut",
    "latch_ms": "Latch written to disk",
    "cancel_ms": "Test order cancelled",
    "list_ms": "Orders listed",
    "verify_ms": "No orders left, checked twice",
}


def drill(done: list[ReceiptDoc]) -> Drill:
    """The last drill."""
    if not done:
        return Drill(None, None, [], "", "")
    last = done[0]
    result = {f.clean(k): f.clean(v) for k, v in (last.result or {}).items()}
    steps = []
    for key, value in result.items():
        name = _DRILL_STEPS.get(key, f.words(key.removesuffix("_ms")))
        steps.append((name, f"{value}{f.NBSP}ms" if key.endswith("_ms") else value))
    whole = "" if last.done_ms is None else f.milliseconds(last.done_ms - last.seen_ms)
    return Drill(last.state is ReceiptState.DONE, f.of_ms(last.seen_ms), steps, whole, f.clean(last.reason or ""))


def latches(rows: list[LedgerLatch] | None) -> list[LatchRow] | None:
    if rows is None:
        return None
    return [
        LatchRow(f.short_id(r.latch_id, 6), r.kind, f.of_ms(r.at_ms), f.clean(r.source), f.clean(r.note or ""),
                 f.of_ms(r.lifted_ms), f.clean(r.lifted_by or ""))
        for r in rows
    ]  # fmt: skip
