"""`alerts.json`: what every reader shows, and the watcher's heartbeat; written at each change and every 2 s."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

from shared.build import build_id
from shared.documents.alerts import (
    AlertRuleDoc,
    AlertsDoc,
    AlertSentDoc,
    AlertSinkDoc,
    AlertStateDoc,
    HeartbeatDoc,
    encode_alerts,
)
from shared.files import write_whole
from shared.paths import DataPaths
from shared.setting_table import Settings
from watch.alert_book import Alert, AlertBook
from watch.outbox import DAY_MS, Outbox
from watch.sinks.registry import SinkPlan
from watch.sinks.sink import AlertSink

log = logging.getLogger("publisher")
EVERY_MS = 2_000
RESOLVED_SHOWN = 20


@dataclass(slots=True)
class SinkTest:
    """What the last test of a sink brought."""

    at_ms: int
    ok: bool
    answer: str


class Publisher:
    """Makes the document and writes it."""

    def __init__(self, paths: DataPaths, plan: SinkPlan, settings: Settings, started_ms: int) -> None:
        self._paths = paths
        self.settings_ms: int | None = None
        self.settings_problem: str | None = None
        self.use(plan, settings, started_ms)
        self._started_ms, self._build = started_ms, build_id()
        self._seq = 0
        self._written_ms = 0
        self._error: str | None = None
        self.tests: dict[str, SinkTest] = {}
        self.tests_done = 0

    def use(self, plan: SinkPlan, settings: Settings, now_ms: int) -> None:
        """These sinks and settings of alerts from now on."""
        self._plan, self._enabled, self._quiet = plan, settings.alert_enable, settings.alert_quiet_hours
        self._taken_ms = now_ms

    def due(self, now_ms: int) -> bool:
        return now_ms - self._written_ms >= EVERY_MS or now_ms < self._written_ms

    def write(
        self,
        now_ms: int,
        bots: Sequence[str],
        book: AlertBook,
        outbox: Outbox,
        rules: Sequence[AlertRuleDoc],
        heartbeat: HeartbeatDoc | None,
        store_error: str | None,
    ) -> None:
        """Never raises OSError: a disk that is full is one of the things that are told."""
        self._seq += 1
        document = AlertsDoc(
            ts_ms=now_ms,
            seq=self._seq,
            pid=os.getpid(),
            started_ms=self._started_ms,
            build=self._build,
            enabled=self._enabled,
            problems=list(self._plan.problems),
            store_error=store_error,
            bots=list(bots),
            firing=[alert_document(alert, outbox) for alert in book.active],
            resolved=[alert_document(alert, outbox) for alert in book.resolved[:RESOLVED_SHOWN]],
            rules=list(rules),
            sinks=[self._sink(sink, outbox, now_ms) for sink, _ in self._plan.sinks],
            heartbeat=heartbeat,
            settings_ms=self.settings_ms,
            settings_taken_ms=self._taken_ms,
            settings_problem=self.settings_problem,
            quiet_hours=self._quiet,
            tests_done=self.tests_done,
        )
        self._written_ms = now_ms
        try:
            write_whole(self._paths.alerts, encode_alerts(document), durable=False)
        except OSError as error:
            if self._error is None:
                log.error("alerts.json cannot be written: %s", error.strerror or error)
            self._error = str(error)
            return
        self._error = None

    def _sink(self, sink: AlertSink, outbox: Outbox, now_ms: int) -> AlertSinkDoc:
        health, test = outbox.health[sink.name], self.tests.get(sink.name)
        return AlertSinkDoc(
            name=sink.name,
            to=sink.to,
            least=outbox.least[sink.name],
            waiting=len(outbox.waiting(sink.name)),
            delivered_24h=outbox.delivered_since(sink.name, now_ms - DAY_MS),
            failures=health.failures,
            last_ms=health.last_ms,
            last_answer=health.last_answer,
            next_try_ms=health.retry_ms if health.failures else None,
            test_ms=test.at_ms if test else None,
            test_ok=test.ok if test else None,
            test_answer=test.answer if test else None,
        )


def alert_document(alert: Alert, outbox: Outbox) -> AlertStateDoc:
    return AlertStateDoc(
        number=alert.number,
        name=alert.cause,
        severity=alert.severity,
        phase=alert.phase,
        title=alert.title,
        text=alert.text,
        subjects=list(alert.subjects),
        rules=list(alert.rules),
        since_ms=alert.since_ms,
        resolved_ms=alert.resolved_ms,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_ms=alert.acknowledged_ms,
        note=alert.note,
        came_back=alert.came_back,
        next_repeat_ms=alert.next_repeat_ms,
        sent=[
            AlertSentDoc(
                sink=entry.sink, kind=entry.message.kind, state=entry.state, at_ms=entry.message.at_ms,
                due_ms=entry.due_ms, tries=entry.tries, sent_ms=entry.sent_ms, answer=entry.answer,
            )
            for entry in outbox.of_alert(alert.number)[-30:]
        ],
    )  # fmt: skip
