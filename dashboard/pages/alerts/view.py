"""Alerts, sinks and watchers as rows. Every figure is the watcher's own; a watcher that is gone vouches for nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot, WatcherLook
from shared.documents.alerts import (
    WATCHER_GONE_S,
    AlertPhase,
    AlertsDoc,
    AlertSentDoc,
    AlertSeverity,
    AlertSinkDoc,
    AlertStateDoc,
    SentState,
)

HEARTBEAT_LATE_S = 180.0
RESOLVED_SHOWN = 6
UNHEARD = frozenset({"bot_dead", "bot_silent", "state_unreadable", "bot_ended"})  # rules of a bot that says nothing


@dataclass(frozen=True, slots=True)
class SentRow:
    """One message at one sink: its mark, and what came back."""

    state: str
    icon: str
    sink: str
    said: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    number: int
    name: str
    state: str  # bad, warn
    icon: str
    acknowledged: bool
    title: str
    text: str
    subjects: str
    sent: list[SentRow]
    told: str  # who knows, and what comes next
    lasts: str
    since: datetime | None
    rules: str
    runbook: str


def section(runbook: str) -> str:
    """`bot-dead` of `docs/operations.md#bot-dead`."""
    return runbook.rpartition("#")[2]


def problem(look: WatcherLook) -> str:
    """Why there is no document; empty with one."""
    if look.doc is not None:
        return ""
    if look.error is not None:
        return f"alerts.json cannot be read: {look.error}"
    return "The watcher has not written yet." if look.wanted else "The watcher is switched off (WATCH=false)."


def silence(look: WatcherLook) -> float | None:
    """For how long nobody has watched, seconds; None = the watcher writes, or never wrote."""
    if look.doc is None or look.age_s is None or look.age_s <= WATCHER_GONE_S:
        return None
    return look.age_s


def firing(doc: AlertsDoc, now: datetime) -> list[AlertRow]:
    """In the watcher's order, the worst first."""
    return [_alert(one, doc, now) for one in doc.firing]


def _alert(one: AlertStateDoc, doc: AlertsDoc, now: datetime) -> AlertRow:
    critical = one.severity is AlertSeverity.CRITICAL
    known = one.phase is AlertPhase.ACKNOWLEDGED
    runbooks = {rule.name: section(rule.runbook) for rule in doc.rules}
    return AlertRow(
        number=one.number,
        name=one.name,
        state="bad" if critical else "warn",
        icon="bads" if critical else "warns",
        acknowledged=known,
        title=f.clean(one.title),
        text=f.clean(one.text),
        subjects=", ".join(f.clean(subject) for subject in one.subjects),
        sent=[_sent(sent) for sent in _newest_of_each(one.sent)],
        told=_told(one, now),
        lasts=f.span(max(0.0, now.timestamp() - one.since_ms / 1000)),
        since=f.of_ms(one.since_ms),
        rules=f"{f.plural(len(one.rules), 'rule')}{', one message' if len(one.rules) > 1 else ''}",
        runbook=next((runbooks[name] for name in one.rules if runbooks.get(name)), ""),
    )


def _newest_of_each(sent: list[AlertSentDoc]) -> Iterator[AlertSentDoc]:
    """The newest message of each sink."""
    newest: dict[str, AlertSentDoc] = {}
    for one in sent:
        before = newest.get(one.sink)
        if before is None or one.at_ms >= before.at_ms:
            newest[one.sink] = one
    yield from newest.values()


def _sent(one: AlertSentDoc) -> SentRow:
    if one.state is SentState.SENT:
        took = f.span((one.sent_ms - one.at_ms) / 1000) if one.sent_ms is not None else f.DASH
        return SentRow("ok", "ok", f.clean(one.sink), f"after {took}")
    if one.state is SentState.DROPPED:
        return SentRow("bad", "bads", f.clean(one.sink), f"given up: {f.clean(one.answer or 'too old')}")
    if one.tries:
        said = f"{f.clean(one.answer or 'no answer')}, {f.plural(one.tries, 'try', 'tries')}"
        return SentRow("warn", "warns", f.clean(one.sink), said)
    return SentRow("wait", "wait", f.clean(one.sink), "waits")


def _told(one: AlertStateDoc, now: datetime) -> str:
    again = f" Said again at {f.clock(f.of_ms(one.next_repeat_ms), now)}." if one.next_repeat_ms is not None else ""
    back = f" Came back {f.plural(one.came_back, 'time')}." if one.came_back else ""
    if one.phase is not AlertPhase.ACKNOWLEDGED:
        return f"Nobody has acknowledged.{again}{back}"
    note = f": “{f.clean(one.note)}”" if one.note else ""
    at = f.clock(f.of_ms(one.acknowledged_ms), now)
    return f"Acknowledged by {f.clean(one.acknowledged_by or 'somebody')}, {at}{note}.{again}{back}"


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing fires: since when that is known, and what looks."""

    lasts: str
    rules: int
    unknown: int  # rules whose subject is not known now
    bots: str


def calm(doc: AlertsDoc, now: datetime) -> Calm | None:
    """None while something fires. Quiet counts from the last all-clear, or from the watcher's own start."""
    if doc.firing:
        return None
    since_ms = max([doc.started_ms, *(one.resolved_ms or 0 for one in doc.resolved)])
    unknown = sum(1 for rule in doc.rules if rule.state == "unknown")
    return Calm(
        f.span(max(0.0, now.timestamp() - since_ms / 1000)), len(doc.rules), unknown, f.plural(len(doc.bots), "bot")
    )


@dataclass(frozen=True, slots=True)
class ResolvedRow:
    number: int
    at: datetime | None
    title: str
    said: str
    lasted: str


def resolved(doc: AlertsDoc) -> list[ResolvedRow]:
    return [_resolved(one) for one in doc.resolved[:RESOLVED_SHOWN]]


def _resolved(one: AlertStateDoc) -> ResolvedRow:
    end_ms = one.resolved_ms if one.resolved_ms is not None else one.since_ms
    delivered = [s for s in one.sent if s.state is SentState.SENT]
    known = f"acknowledged by {f.clean(one.acknowledged_by)}" if one.acknowledged_by else "resolved by itself"
    told = f"told by {f.plural(len({s.sink for s in delivered}), 'sink')}" if delivered else "told nobody"
    return ResolvedRow(
        one.number, f.of_ms(end_ms), f.clean(one.title), f"{told}, {known}", f.span((end_ms - one.since_ms) / 1000)
    )


@dataclass(frozen=True, slots=True)
class SinkRow:
    name: str
    to: str
    least: str
    last: datetime | None
    state: str
    icon: str
    answer: str
    then: str
    waiting: int
    delivered: int


def sinks(doc: AlertsDoc, now: datetime) -> list[SinkRow]:
    return [_sink(one, now) for one in doc.sinks]


def _sink(one: AlertSinkDoc, now: datetime) -> SinkRow:
    """What a sink answered stands in its own words: to answer is not to deliver."""
    newest_is_test = one.test_ms is not None and one.test_ms >= (one.last_ms or 0)
    answer = one.test_answer if newest_is_test else one.last_answer
    bad = one.failures > 0 or (newest_is_test and one.test_ok is False)
    never = one.last_ms is None and one.test_ms is None
    then = "the answer to a test" if newest_is_test else ""
    if one.failures and one.next_try_ms is not None:
        wait_s = max(0.0, one.next_try_ms / 1000 - now.timestamp())
        then = f"again in {f.span(wait_s)}, {f.plural(one.failures, 'try', 'tries')} failed"
    return SinkRow(
        f.clean(one.name), f.clean(one.to), one.least.value, f.of_ms(one.test_ms if newest_is_test else one.last_ms),
        "unk" if never else "warn" if bad else "ok", "dash" if never else "warns" if bad else "ok",
        "nothing sent yet" if never else f.clean(answer or "answered without words"), then, one.waiting,
        one.delivered_24h,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WatcherRow:
    """Who is seen by whom."""

    state: str
    icon: str
    who: str
    by: str
    age: str
    age_state: str


def _row(good: bool | None, who: str, by: str, age: float | None) -> WatcherRow:
    state, icon = ("unk", "dash") if good is None else ("ok", "ok") if good else ("warn", "warns")
    shown = "" if age is None else f.age(age) if age < 10 else f.span(age)
    return WatcherRow(
        state, icon, who, by, shown, "" if age is None else f.age_state(age) if good is False else "fresh"
    )


def watchers(s: Snapshot) -> list[WatcherRow]:
    """Each process with the one that would tell of its end."""
    look = s.watcher
    return [_of_watcher(look), _of_outside(look, s.now), _of_dashboard(look), _of_pm2(s), _of_bot(look, s)]


def _vouches(look: WatcherLook) -> bool:
    """Whether what the watcher wrote speaks of now."""
    return look.doc is not None and silence(look) is None


def _of_watcher(look: WatcherLook) -> WatcherRow:
    if look.doc is None:
        return _row(False, "Watcher", "not seen by the dashboard", None)
    return _row(_vouches(look), "Watcher", "seen by the dashboard", look.age_s)


def _of_outside(look: WatcherLook, now: datetime) -> WatcherRow:
    beat = look.doc.heartbeat if look.doc is not None else None
    if beat is None:
        return _row(None, "Watcher", "not seen from outside: HEARTBEAT_URL is not set", None)
    if beat.last_ms is None:
        return _row(False, "Watcher", f"not seen from outside: {f.clean(beat.answer or 'no answer yet')}", None)
    old_s = max(0.0, now.timestamp() - beat.last_ms / 1000)
    return _row(beat.failures == 0 and old_s < HEARTBEAT_LATE_S, "Watcher", "seen from outside", old_s)


def _of_dashboard(look: WatcherLook) -> WatcherRow:
    if look.doc is None or not _vouches(look):
        return _row(False, "Dashboard", "watched by nobody", None)
    fires = any("dashboard_gone" in one.rules for one in look.doc.firing)
    return _row(not fires, "Dashboard", "seen by the watcher", look.age_s)


def _of_pm2(s: Snapshot) -> WatcherRow:
    if s.pm2.trouble:
        return _row(False, "PM2", f.clean(s.pm2.trouble), None)
    down = [one.name for one in s.pm2.processes if one.effective.value != "online"]
    return _row(not down, "PM2", "all online" if not down else f"not online: {', '.join(down)}", None)


def _of_bot(look: WatcherLook, s: Snapshot) -> WatcherRow:
    doc = look.doc
    if doc is None or not _vouches(look):
        return _row(False, "Bots", "watched by nobody", None)
    silent = {subject for one in doc.firing if UNHEARD & set(one.rules) for subject in one.subjects}
    heard = len([name for name in doc.bots if name not in silent])
    by = f"seen by the watcher, {heard} of {len(doc.bots)} heard"
    return _row(heard == len(doc.bots), "Bots", by, s.age_s)


def boxes(s: Snapshot) -> dict[str, bool]:
    """Box of the picture → whether somebody is missing there."""
    names = ("watcher", "outside", "dashboard", "pm2", "bots")
    return {name: row.state != "ok" for name, row in zip(names, watchers(s), strict=True)}
