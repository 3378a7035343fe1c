"""One alert as figures, a timeline and rows. A watcher that is silent vouches for nothing newer than its last word."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from dashboard.alert_history import AlertLife, AlertMonth, episodes_of
from dashboard.pages.alerts import days_view
from dashboard.pages.alerts.days_view import CauseRow
from dashboard.pages.alerts.view import section
from dashboard.rows import ActivityRow
from dashboard.views import format as f
from dashboard.views.events import EventRow, entry
from dashboard.views.snapshot import Snapshot
from shared.documents.alert_life import AlertChange, AlertStep, KeptAlert, KeptDelivery, KeptMessage
from shared.documents.alerts import AlertKind, AlertPhase, AlertsDoc, AlertSeverity, AlertStateDoc, SentState
from shared.times import epoch_ms

DID_BEFORE_MS, DID_AFTER_MS = 15_000, 30_000
_STEPS = {
    AlertStep.BEGAN: "It began",
    AlertStep.AGAIN: "It came back",
    AlertStep.WORSE: "It became critical",
    AlertStep.SPREAD: "More of the same cause",
    AlertStep.VALUE: "Still so",
    AlertStep.ACKNOWLEDGED: "Acknowledged",
    AlertStep.RESOLVED: "Over",
}
_KINDS = {
    AlertKind.FIRED: "that it fires",
    AlertKind.ESCALATED: "that it is critical",
    AlertKind.REPEATED: "again",
    AlertKind.ACKNOWLEDGED: "that somebody knows",
    AlertKind.RESOLVED: "that it is over",
    AlertKind.TEST: "a test",
    AlertKind.REPORT: "a report",
}


@dataclass(frozen=True, slots=True)
class AlertHead:
    """What the top of the page says."""

    name: str
    title: str
    text: str
    severity: str
    state: str  # bad, warn, ok
    firing: bool
    acknowledged: bool
    rules: str
    lasted_word: str
    lasted: str
    lasted_note: str
    subjects: str
    told: str
    told_note: str
    often: str
    often_note: str


@dataclass(frozen=True, slots=True)
class LifeRow:
    at: datetime | None  # None = now
    state: str
    icon: str
    what: str
    more: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    sink: str
    what: str
    at: datetime | None
    state: str
    icon: str
    answer: str
    after: str


def with_what_is_published(found: AlertLife | None, number: int, doc: AlertsDoc | None) -> AlertLife | None:
    """The kept life, with the figures that `alerts.json` has of it now: those are kept once a minute only. Of an alert
    that could not be kept (a full disk), what `alerts.json` says of it."""
    if doc is None:
        return found
    shown = next((one for one in (*doc.firing, *doc.resolved) if one.number == number), None)
    if shown is None:
        return found
    if found is None:
        return _published(shown)
    fires = shown.phase is not AlertPhase.RESOLVED and found.alert.phase is not AlertPhase.RESOLVED
    return replace(found, alert=replace(found.alert, text=shown.text)) if fires else found


def _published(one: AlertStateDoc) -> AlertLife:
    alert = KeptAlert(
        number=one.number, cause=one.name, severity=one.severity, phase=one.phase, title=one.title, text=one.text,
        todo="", sources=tuple((rule, subject) for rule in one.rules for subject in one.subjects[:1]),
        since_ms=one.since_ms, resolved_ms=one.resolved_ms, acknowledged_by=one.acknowledged_by,
        acknowledged_ms=one.acknowledged_ms, note=one.note, came_back=one.came_back,
    )  # fmt: skip
    sent = [
        KeptDelivery(
            message=KeptMessage(number=number, kind=entry.kind, at_ms=entry.at_ms), sink=entry.sink, state=entry.state,
            due_ms=entry.due_ms, tries=entry.tries, sent_ms=entry.sent_ms, answer=entry.answer,
        )
        for number, entry in enumerate(one.sent)
    ]  # fmt: skip
    return AlertLife(alert, [], sent[::-1])


def head(life: AlertLife, month: AlertMonth | None, s: Snapshot) -> AlertHead:
    alert, now_ms = life.alert, epoch_ms(s.now)
    over = alert.phase is AlertPhase.RESOLVED
    end_ms = alert.resolved_ms if alert.resolved_ms is not None else now_ms
    row = days_view.of_cause(month, alert.cause, now_ms) if month is not None else None
    told, told_note = _told(life)
    subjects = list(dict.fromkeys(subject for _, subject in alert.sources))
    critical = alert.severity is AlertSeverity.CRITICAL
    return AlertHead(
        name=alert.cause,
        title=f.clean(alert.title),
        text=f.clean(alert.text),
        severity=alert.severity.value,
        state="ok" if over else "bad" if critical else "warn",
        firing=not over,
        acknowledged=alert.phase is AlertPhase.ACKNOWLEDGED,
        rules=f"{f.plural(len(alert.rules), 'rule')}, one cause: {f.clean(alert.cause)}",
        lasted_word="Fired for" if over else "Fires for",
        lasted=f.span(max(0.0, (end_ms - alert.since_ms) / 1000)),
        lasted_note=f"until {f.clock(f.of_ms(end_ms), s.now)}" if over else "and going on",
        subjects=f.clean(", ".join(subjects)) or f.DASH,
        told=told,
        told_note=told_note,
        often=row.times if row is not None else f.DASH,
        often_note=f"longest {row.longest}" if row is not None else "not known",
    )


def _told(life: AlertLife) -> tuple[str, str]:
    """How long after it began (or came back) the first message arrived anywhere."""
    since_ms = life.alert.since_ms
    arrived = [
        one.sent_ms for one in life.sent
        if one.state is SentState.SENT and one.sent_ms is not None and one.message.at_ms >= since_ms
        and one.message.kind in (AlertKind.FIRED, AlertKind.ESCALATED, AlertKind.REPEATED)
    ]  # fmt: skip
    if arrived:
        return f.span(max(0.0, (min(arrived) - since_ms) / 1000)), "until the first sink took it"
    waits = any(one.state is SentState.WAITING for one in life.sent)
    return f.DASH, "not yet: a message waits" if waits else "nobody was told"


def timeline(life: AlertLife, now: datetime) -> list[LifeRow]:
    """Oldest first; ends with what holds now."""
    alert = life.alert
    rows = [(one.at_ms, _step(one, alert)) for one in life.changes] or _without_steps(alert)
    rows += _messages(life.sent)
    rows.sort(key=lambda row: row[0])
    shown = [row for _, row in rows]
    if alert.phase is AlertPhase.FIRING:
        shown.append(LifeRow(None, "wait", "wait", "Nobody has acknowledged", ""))
    elif alert.phase is AlertPhase.ACKNOWLEDGED:
        at = f.clock(f.of_ms(alert.acknowledged_ms), now)
        shown.append(LifeRow(None, "idle", "now", "It still fires", f"{_by(alert.acknowledged_by)} knows since {at}"))
    return shown


def _by(name: str | None) -> str:
    return f.clean(name or "somebody")


def _step(one: AlertChange, alert: KeptAlert) -> LifeRow:
    critical = one.severity is AlertSeverity.CRITICAL
    state, icon = ("bad", "bads") if critical else ("warn", "warns")
    more = f.clean(one.title if one.step is not AlertStep.VALUE else one.text)
    match one.step:
        case AlertStep.RESOLVED:
            state, icon, more = "ok", "ok", f.clean(alert.title)
        case AlertStep.ACKNOWLEDGED:
            state, icon = "idle", "ok"
            more = f"by {_by(one.by)}" + (f": “{f.clean(one.note)}”" if one.note else "")
        case AlertStep.VALUE:
            state, icon = "idle", "dash"
        case AlertStep.SPREAD:
            more = f"{f.plural(len(one.rules), 'rule')}: {f.clean(', '.join(one.subjects))}"
    return LifeRow(f.of_ms(one.at_ms), state, icon, _STEPS[one.step], more)


def _without_steps(alert: KeptAlert) -> list[tuple[int, LifeRow]]:
    """Of an alert from before steps were kept: what its own times tell."""
    (*_, last) = episodes_of(alert, [])
    critical = alert.severity is AlertSeverity.CRITICAL
    icon = "bads" if critical else "warns"
    began = LifeRow(f.of_ms(last.begin_ms), "bad" if critical else "warn", icon, _STEPS[AlertStep.BEGAN],
                    f.clean(alert.title))  # fmt: skip
    rows = [(last.begin_ms, began)]
    if alert.acknowledged_ms is not None:
        known = LifeRow(f.of_ms(alert.acknowledged_ms), "idle", "ok", _STEPS[AlertStep.ACKNOWLEDGED],
                        f"by {_by(alert.acknowledged_by)}")  # fmt: skip
        rows.append((alert.acknowledged_ms, known))
    if last.end_ms is not None:
        rows.append((last.end_ms, LifeRow(f.of_ms(last.end_ms), "ok", "ok", _STEPS[AlertStep.RESOLVED], "")))
    return rows


def _messages(sent: Iterable[KeptDelivery]) -> list[tuple[int, LifeRow]]:
    """One row for each message: where it arrived, and where it did not."""
    by_number: dict[int, list[KeptDelivery]] = {}
    for one in sent:
        by_number.setdefault(one.message.number, []).append(one)
    return [_message(found) for found in by_number.values()]


def _message(found: list[KeptDelivery]) -> tuple[int, LifeRow]:
    first = found[0].message
    ordered = sorted(found, key=lambda one: one.sink)
    arrived = [f"{f.clean(one.sink)} {_after(one)}" for one in ordered if one.state is SentState.SENT]
    waiting = [f.clean(one.sink) for one in ordered if one.state is SentState.WAITING]
    given_up = [f.clean(one.sink) for one in ordered if one.state is SentState.DROPPED]
    more = [", ".join(arrived)] if arrived else []
    more += [f"waits at {', '.join(waiting)}"] if waiting else []
    more += [f"given up at {', '.join(given_up)}"] if given_up else []
    sent_ms = [one.sent_ms for one in found if one.sent_ms is not None]
    state, icon = ("idle", "alerts") if arrived else ("warn", "warns") if given_up else ("wait", "wait")
    at_ms = min(sent_ms) if sent_ms else first.at_ms
    return at_ms, LifeRow(f.of_ms(at_ms), state, icon, f"Told {_KINDS[first.kind]}", "; ".join(more))


def _after(one: KeptDelivery) -> str:
    return f.span(max(0.0, (one.sent_ms - one.message.at_ms) / 1000)) if one.sent_ms is not None else f.DASH


def sent(life: AlertLife, now: datetime) -> list[DeliveryRow]:
    """Each message at each sink, the newest first, in the sink's own words."""
    return [_delivery(one, now) for one in life.sent]


def _delivery(one: KeptDelivery, now: datetime) -> DeliveryRow:
    tries = f", {f.plural(one.tries, 'try', 'tries')}" if one.tries > 1 else ""
    if one.state is SentState.SENT:
        state, icon, answer = "ok", "ok", f"{f.clean(one.answer or 'answered without words')}{tries}"
    elif one.state is SentState.DROPPED:
        state, icon, answer = "bad", "bads", f.clean(one.answer or "given up")
    elif one.tries:
        state, icon, answer = "warn", "warns", f"{f.clean(one.answer or 'no answer')}{tries}"
    else:
        state, icon, answer = "wait", "wait", f"waits until {f.clock(f.of_ms(one.due_ms), now)}"
    return DeliveryRow(
        f.clean(one.sink), f.sentence(_KINDS[one.message.kind]), f.of_ms(one.message.at_ms), state, icon, answer,
        _after(one) if one.state is SentState.SENT else f.DASH,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class BotSpan:
    """The time of an alert in one bot's activity log, with a little before and after it."""

    bot: str
    from_ms: int
    to_ms: int
    over: bool


@dataclass(frozen=True, slots=True)
class BotDeeds:
    """`rows` None: the ledger cannot be read."""

    bot: str
    head: str
    rows: list[EventRow] | None
    more: bool


def bot_span(life: AlertLife, bot: str, now_ms: int) -> BotSpan | None:
    """None where the alert is of no bot, or of one whose ledger is another's to show."""
    alert = life.alert
    if bot not in {subject for _, subject in alert.sources}:
        return None
    over = alert.resolved_ms is not None
    end_ms = min(now_ms, alert.resolved_ms + DID_AFTER_MS) if alert.resolved_ms is not None else now_ms
    return BotSpan(bot, alert.since_ms - DID_BEFORE_MS, end_ms, over)


def did(span: BotSpan, found: list[ActivityRow] | None, most: int) -> BotDeeds:
    """`found`: one line more than `most` where there are more."""
    head = f"from 15 s before it began {'to 30 s after its end' if span.over else 'until now'}"
    rows = [entry(row) for row in found[:most]] if found is not None else None
    return BotDeeds(f.clean(span.bot), head, rows, found is not None and len(found) > most)


def days(life: AlertLife, month: AlertMonth | None, now: datetime) -> CauseRow | None:
    return days_view.of_cause(month, life.alert.cause, epoch_ms(now)) if month is not None else None


def runbook(life: AlertLife, doc: AlertsDoc | None) -> str:
    """The section that says what to do; empty = the watcher has not told which."""
    known = {rule.name: section(rule.runbook) for rule in doc.rules} if doc is not None else {}
    return next((known[name] for name in life.alert.rules if known.get(name)), "")


def todo(life: AlertLife) -> str:
    return f.clean(life.alert.todo)
