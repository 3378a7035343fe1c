"""Alerts as states: what fires, what a person knows of, what is over. A pure machine over findings and time.

Findings of one cause are one alert. `step` moves every alert to where the findings put it, then compares what a person
was last told with what holds now; the difference is what is told. So nothing is told twice, whatever was interrupted,
and a limit on messages delays the truth and never loses it.

    FIRING ──acknowledge──▶ ACKNOWLEDGED
       │  ▲                      │
       │  └──── escalates ───────┤
       ▼                         ▼
    RESOLVED (clear for long enough; the same cause within 15 min opens the same alert again)

What is not known changes nothing: an alert is over only where what set it off was seen in order again. A dead bot's
open order is not settled by its death. What was not seen at all for a day (a bot's folder was removed) is over.

Damping: each time that an alert comes back, it must stay clear for twice as long before it counts as resolved, up to
15 minutes. What comes and goes is one alert that stays, not a message each time.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace

from shared.documents.alerts import AlertKind, AlertPhase, AlertSeverity
from watch.messages import AlertMessage
from watch.quiet_hours import QuietHours

HOUR_MS = 3_600_000
MOST_AN_HOUR = 10  # messages of one cause
REPEATS_BELOW = 6  # repeats leave room for what changes
REPEAT_MS = tuple(minutes * 60_000 for minutes in (5, 15, 30, 60, 120, 240))
REPEAT_ACKNOWLEDGED_MS = 24 * HOUR_MS
CLEAR_MS = 3_000
CLEAR_MOST_MS = 15 * 60_000
COMES_BACK_MS = 15 * 60_000
UNSEEN_MOST_MS = 24 * HOUR_MS
RESOLVED_KEPT = 50
SEEN_KEPT_MS = 60_000


@dataclass(frozen=True, slots=True)
class HeldFinding:
    """What a rule found for as long as it must; the input of the machine."""

    rule: str
    subject: str
    cause: str
    severity: AlertSeverity
    title: str
    text: str
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. `told_ms`: when its messages of the last hour were made; `said`: what a person was last told."""

    number: int
    cause: str
    severity: AlertSeverity
    phase: AlertPhase
    title: str
    text: str
    todo: str
    sources: tuple[tuple[str, str], ...]  # (rule, subject) that set it off and were not seen in order since
    since_ms: int
    seen_ms: int  # when one of them was last found
    clear_since_ms: int | None = None
    resolved_ms: int | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    note: str | None = None
    came_back: int = 0
    said: AlertKind | None = None  # FIRED, ACKNOWLEDGED or RESOLVED; None = nothing yet
    said_severity: AlertSeverity | None = None
    repeats: int = 0
    last_told_ms: int | None = None
    told_ms: tuple[int, ...] = ()

    @property
    def active(self) -> bool:
        return self.phase is not AlertPhase.RESOLVED

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(subject for _, subject in self.sources))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rule, _ in self.sources))

    @property
    def clear_for_ms(self) -> int:
        """How long nothing must be found before it is over."""
        return min(CLEAR_MS << min(self.came_back, 20), CLEAR_MOST_MS)

    @property
    def next_repeat_ms(self) -> int | None:
        """When it is told again though nothing changes; None = it is over, or was not told at all."""
        if not self.active or self.last_told_ms is None:
            return None
        if self.phase is AlertPhase.ACKNOWLEDGED:
            return self.last_told_ms + REPEAT_ACKNOWLEDGED_MS
        return self.last_told_ms + REPEAT_MS[min(self.repeats, len(REPEAT_MS) - 1)]


@dataclass(slots=True)
class StepResult:
    """What one step changed: alerts to be kept, and messages to be sent."""

    changed: list[Alert] = field(default_factory=list)
    messages: list[AlertMessage] = field(default_factory=list)


class AlertBook:
    """All alerts: those that are open, and the newest that are over, oldest first."""

    def __init__(
        self,
        alerts: Iterable[Alert] = (),
        *,
        next_alert: int = 1,
        next_message: int = 1,
        quiet: QuietHours | None = None,
    ) -> None:
        self._by_number = {alert.number: alert for alert in sorted(alerts, key=lambda a: a.number)}
        self._next_alert = max([next_alert, *(n + 1 for n in self._by_number)])
        self._next_message = next_message
        self._quiet = quiet

    def use_quiet_hours(self, quiet: QuietHours | None) -> None:
        """From now on; what waits for the end of the old ones comes then."""
        self._quiet = quiet

    @property
    def active(self) -> list[Alert]:
        """The worst first, then the oldest."""
        found = [alert for alert in self._by_number.values() if alert.active]
        return sorted(found, key=lambda a: (-a.severity.rank, a.phase is not AlertPhase.FIRING, a.since_ms))

    @property
    def resolved(self) -> list[Alert]:
        """The newest first."""
        found = [alert for alert in self._by_number.values() if not alert.active]
        return sorted(found, key=lambda a: -(a.resolved_ms or 0))

    def step(self, findings: Iterable[HeldFinding], in_order: Set[tuple[str, str]], now_ms: int) -> StepResult:
        """Move on to `now_ms`. `in_order`: the (rule, subject) that were seen, and are well.

        The same once more changes nothing.
        """
        before = dict(self._by_number)
        for alert in before.values():
            self._keep(_not_ahead(alert, now_ms))
        causes: dict[str, list[HeldFinding]] = {}
        for finding in findings:
            causes.setdefault(finding.cause, []).append(finding)
        for cause, found in causes.items():
            self._keep(self._found(cause, found, in_order, now_ms))
        for alert in self.active:
            if alert.cause not in causes:
                self._keep(self._clear(alert, in_order, now_ms))
        result = StepResult()
        for alert in list(self._by_number.values()):
            told = self._tell(alert, now_ms)
            if told is not None:
                result.messages.append(told)
        result.changed = [a for n, a in self._by_number.items() if _to_be_kept(before.get(n), a)]
        self._forget()
        return result

    def acknowledge(self, name: str, by: str, note: str, now_ms: int) -> Alert | None:
        """A person knows. None = nothing of that name fires. What is told of it comes with the next step."""
        alert = next((a for a in self.active if a.cause == name), None)
        if alert is None or alert.phase is AlertPhase.ACKNOWLEDGED:
            return alert
        known = replace(
            alert, phase=AlertPhase.ACKNOWLEDGED, acknowledged_by=by, acknowledged_ms=now_ms, note=note or None
        )
        self._keep(known)
        return known

    def test_message(self, title: str, text: str, now_ms: int) -> AlertMessage:
        """One that belongs to no alert."""
        return AlertMessage(
            number=self._message_number(), alert=0, name="test", kind=AlertKind.TEST, severity=AlertSeverity.CRITICAL,
            title=title, text=text, todo="", subjects=(), rules=(), at_ms=now_ms, since_ms=now_ms,
        )  # fmt: skip

    def report_message(self, title: str, text: str, picture: str, now_ms: int, *, late: bool) -> AlertMessage:
        """One of a report. Its time is the user's own choice; one that is late waits for the end of quiet hours."""
        until_ms = self._quiet.until_ms(now_ms) if late and self._quiet is not None else None
        return AlertMessage(
            number=self._message_number(), alert=0, name="report", kind=AlertKind.REPORT,
            severity=AlertSeverity.WARNING, title=title, text=text, todo="", subjects=(), rules=(), at_ms=now_ms,
            since_ms=now_ms, not_before_ms=until_ms or 0, picture=picture,
        )  # fmt: skip

    # ---- what the findings make of an alert ----

    def _found(self, cause: str, found: list[HeldFinding], in_order: Set[tuple[str, str]], now_ms: int) -> Alert:
        found = sorted(found, key=lambda f: -f.severity.rank)
        worst, latest = found[0], self._latest(cause)
        alert = latest if latest is not None and self._comes_back(latest, now_ms) else None
        sources = tuple((f.rule, f.subject) for f in found)
        if alert is not None and alert.active:
            sources += tuple(s for s in alert.sources if s not in in_order and s not in sources)
        others = len({f.subject for f in found}) - 1
        title = worst.title if not others else f"{worst.title}, and {others} more"
        if alert is None:
            self._next_alert += 1
            return Alert(
                number=self._next_alert - 1,
                cause=cause,
                severity=worst.severity,
                phase=AlertPhase.FIRING,
                title=title,
                text=worst.text,
                todo=worst.todo,
                sources=sources,
                since_ms=now_ms,
                seen_ms=now_ms,
                told_ms=latest.told_ms if latest is not None else (),  # the limit is the cause's
            )
        shown = replace(
            alert,
            title=title,
            text=worst.text,
            todo=worst.todo,
            sources=sources,
            seen_ms=now_ms,
            clear_since_ms=None,
        )
        if not alert.active:
            again = replace(shown, severity=worst.severity, since_ms=now_ms, resolved_ms=None, repeats=0)
            return _unacknowledged(replace(again, came_back=alert.came_back + 1))
        if worst.severity.rank > alert.severity.rank:
            return _unacknowledged(replace(shown, severity=worst.severity))
        return shown  # its severity does not sink: a critical alert whose warning alone is left is still that alert

    def _latest(self, cause: str) -> Alert | None:
        """The newest alert of that cause, open or over."""
        of_cause = (alert for alert in self._by_number.values() if alert.cause == cause)
        return max(of_cause, key=lambda alert: alert.number, default=None)

    @staticmethod
    def _comes_back(alert: Alert, now_ms: int) -> bool:
        """Whether a finding belongs to that alert: it is open, over since a short time, or nobody was told its end."""
        if alert.active or alert.said not in (None, AlertKind.RESOLVED):
            return True
        counted_ms = (alert.resolved_ms or 0) + alert.clear_for_ms  # when it counted as over
        return now_ms - counted_ms <= COMES_BACK_MS

    @staticmethod
    def _clear(alert: Alert, in_order: Set[tuple[str, str]], now_ms: int) -> Alert:
        open_ones = tuple(source for source in alert.sources if source not in in_order)
        if open_ones and now_ms - alert.seen_ms < UNSEEN_MOST_MS:
            return replace(alert, clear_since_ms=None)
        since_ms = alert.clear_since_ms if alert.clear_since_ms is not None else now_ms
        if now_ms - since_ms < alert.clear_for_ms:
            return replace(alert, clear_since_ms=since_ms)
        return replace(alert, phase=AlertPhase.RESOLVED, resolved_ms=since_ms, clear_since_ms=None)

    # ---- what is told ----

    def _tell(self, alert: Alert, now_ms: int) -> AlertMessage | None:
        kind = self._due(alert, now_ms)
        if kind is None:
            return None
        hour = tuple(at_ms for at_ms in alert.told_ms if at_ms > now_ms - HOUR_MS)
        if len(hour) >= (REPEATS_BELOW if kind is AlertKind.REPEATED else MOST_AN_HOUR):
            return None  # told as soon as the hour allows it, if it still holds then
        said = {AlertKind.ESCALATED: AlertKind.FIRED, AlertKind.REPEATED: alert.said}.get(kind, kind)
        self._keep(
            replace(
                alert, said=said, said_severity=alert.severity, last_told_ms=now_ms, told_ms=(*hour, now_ms),
                repeats=alert.repeats + 1 if kind is AlertKind.REPEATED else 0 if kind is AlertKind.FIRED
                else alert.repeats,
            )
        )  # fmt: skip
        until_ms = self._quiet.until_ms(now_ms) if self._quiet is not None else None
        held = until_ms is not None and alert.severity is AlertSeverity.WARNING
        return AlertMessage(
            number=self._message_number(), alert=alert.number, name=alert.cause, kind=kind, severity=alert.severity,
            title=alert.title, text=alert.text, todo=alert.todo, subjects=alert.subjects, rules=alert.rules,
            at_ms=now_ms if alert.active else alert.resolved_ms or now_ms, since_ms=alert.since_ms,
            not_before_ms=until_ms if held and until_ms is not None else 0, came_back=alert.came_back,
            by=alert.acknowledged_by, note=alert.note,
        )  # fmt: skip

    def _due(self, alert: Alert, now_ms: int) -> AlertKind | None:
        """What a person does not know yet."""
        told = alert.said in (AlertKind.FIRED, AlertKind.ACKNOWLEDGED)
        if not alert.active:
            return AlertKind.RESOLVED if told else None
        if not told:
            return AlertKind.FIRED
        assert alert.said_severity is not None
        if alert.severity.rank > alert.said_severity.rank:
            return AlertKind.ESCALATED
        if alert.phase is AlertPhase.ACKNOWLEDGED and alert.said is AlertKind.FIRED:
            return AlertKind.ACKNOWLEDGED
        quiet = alert.severity is AlertSeverity.WARNING and self._quiet is not None and self._quiet.until_ms(now_ms)
        due_ms = alert.next_repeat_ms
        clearing = alert.clear_since_ms is not None
        return AlertKind.REPEATED if due_ms is not None and now_ms >= due_ms and not quiet and not clearing else None

    def _message_number(self) -> int:
        self._next_message += 1
        return self._next_message - 1

    def _keep(self, alert: Alert) -> None:
        self._by_number[alert.number] = alert

    def _forget(self) -> None:
        over = self.resolved
        for alert in over[RESOLVED_KEPT:]:
            if alert.said in (None, AlertKind.RESOLVED):
                del self._by_number[alert.number]


def _to_be_kept(before: Alert | None, now: Alert) -> bool:
    """Whether it is written to the disk. That it is seen once more, with figures of now, is written once a minute:
    each round would be a commit, four times a second for as long as anything fires. `alerts.json` has them as they are.
    """
    if before is None:
        return True
    same = replace(before, seen_ms=now.seen_ms, text=now.text) == now
    return not same or now.seen_ms // SEEN_KEPT_MS != before.seen_ms // SEEN_KEPT_MS


def _not_ahead(alert: Alert, now_ms: int) -> Alert:
    """After the clock was set back, what lies ahead was now: waiting until then would keep the alert, and be silent."""
    ms = (alert.since_ms, alert.seen_ms, alert.clear_since_ms, alert.resolved_ms, alert.last_told_ms, *alert.told_ms)
    if all(at_ms is None or at_ms <= now_ms for at_ms in ms):
        return alert
    clear_ms, over_ms, told_ms = (
        None if at_ms is None else min(at_ms, now_ms)
        for at_ms in (alert.clear_since_ms, alert.resolved_ms, alert.last_told_ms)
    )
    return replace(
        alert, since_ms=min(alert.since_ms, now_ms), seen_ms=min(alert.seen_ms, now_ms), clear_since_ms=clear_ms,
        resolved_ms=over_ms, last_told_ms=told_ms, told_ms=tuple(min(at_ms, now_ms) for at_ms in alert.told_ms),
    )  # fmt: skip


def _unacknowledged(alert: Alert) -> Alert:
    """Firing, and nobody has said that they know."""
    return replace(alert, phase=AlertPhase.FIRING, acknowledged_by=None, acknowledged_ms=None, note=None)
