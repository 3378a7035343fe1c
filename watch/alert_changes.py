"""Which steps of an alert's life are kept, so that a person can read later what happened when."""

from collections.abc import Iterable
from dataclasses import replace

from shared.documents.alert_life import AlertChange, AlertStep
from shared.documents.alerts import AlertPhase
from watch.alert_book import Alert

VALUE_EVERY_MS = 60_000
VALUE_SHARE = 30  # the older an alert, the rarer its figures are kept: some 300 rows in 90 days


class AlertChanges:
    """Compares each alert with the last step that was kept of it. `last`: those of the run before, by any alert."""

    def __init__(self, last: Iterable[AlertChange] = ()) -> None:
        self._last = {change.alert: change for change in last}

    def steps(self, alerts: Iterable[Alert], now_ms: int) -> list[AlertChange]:
        """What is to be kept of these alerts, which have changed in whatever way."""
        found = [change for alert in alerts for change in self._of(alert, now_ms)]
        for change in found:
            self._last[change.alert] = change
        return found

    def forget(self, keep: Iterable[int]) -> None:
        """Drop from memory all but these alerts: the others are over for long."""
        kept = set(keep)
        self._last = {number: change for number, change in self._last.items() if number in kept}

    def _of(self, alert: Alert, now_ms: int) -> list[AlertChange]:
        before = self._last.get(alert.number)
        now = AlertChange(
            alert=alert.number, at_ms=now_ms, step=AlertStep.VALUE, severity=alert.severity, title=alert.title,
            text=alert.text, subjects=alert.subjects, rules=alert.rules,
        )  # fmt: skip
        if not alert.active:
            over = before is not None and before.step is AlertStep.RESOLVED
            return [] if over else [replace(now, step=AlertStep.RESOLVED, at_ms=alert.resolved_ms or now_ms)]
        if before is None:
            return [replace(now, step=AlertStep.BEGAN, at_ms=alert.since_ms)]
        if before.step is AlertStep.RESOLVED:
            return [replace(now, step=AlertStep.AGAIN, at_ms=alert.since_ms)]
        if alert.severity.rank > before.severity.rank:
            return [replace(now, step=AlertStep.WORSE)]
        if alert.phase is AlertPhase.ACKNOWLEDGED and before.by is None:
            known = replace(now, step=AlertStep.ACKNOWLEDGED, by=alert.acknowledged_by or "somebody", note=alert.note)
            return [replace(known, at_ms=alert.acknowledged_ms or now_ms)]
        # `by` stays for as long as somebody knows: the next acknowledgement is a step of its own only after it ended.
        now = replace(now, by=before.by if alert.phase is AlertPhase.ACKNOWLEDGED else None)
        if set(now.rules) - set(before.rules) or set(now.subjects) - set(before.subjects):
            return [replace(now, step=AlertStep.SPREAD)]
        pause_ms = max(VALUE_EVERY_MS, (now_ms - alert.since_ms) // VALUE_SHARE)
        different = (now.title, now.text) != (before.title, before.text)
        return [now] if different and not 0 <= now_ms - before.at_ms < pause_ms else []
