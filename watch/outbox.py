"""What is still to be sent, for each sink. A pure queue over time; `alert_store` keeps it on disk.

A sink that fails is tried again after growing, jittered pauses; meanwhile its messages wait. When it is back they come
as few messages, a line for each, so that nobody is flooded and nothing is lost.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from shared.backoff import Backoff
from shared.documents.alerts import AlertKind, AlertSeverity, SentState
from shared.ports import Rng
from watch.messages import AlertMessage

DAY_MS = 86_400_000
MOST_WAITING = 1_000  # for one sink
OLDEST_MS = 7 * DAY_MS
TOGETHER_FROM = 4  # that many due at once come as one
LATE_MS = 60_000  # of those that waited for longer, two already come as one
LINES = 40  # of one such message: Telegram takes 4,096 characters
FIRST_S, MOST_S = 2.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """One message at one sink. `reference`: the sink's own id of what was sent, for answers in its thread."""

    message: AlertMessage
    sink: str
    state: SentState
    due_ms: int
    tries: int = 0
    sent_ms: int | None = None
    answer: str | None = None
    reference: str | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.message.number, self.sink


@dataclass(slots=True)
class SinkHealth:
    """How one sink does. `retry_ms`: not tried before."""

    backoff: Backoff
    failures: int = 0
    failed_ms: int = 0
    retry_ms: int = 0
    last_ms: int | None = None
    last_answer: str | None = None


class Outbox:
    """The queues of all sinks that are set."""

    def __init__(
        self,
        sinks: Iterable[tuple[str, AlertSeverity]],
        rng: Rng | None,
        entries: Iterable[QueuedMessage] = (),
        reports_to: Iterable[str] = (),
    ) -> None:
        """`reports_to`: the sinks that are sent reports; none = all that take warnings."""
        self.least = dict(sinks)
        self._reports_to = frozenset(reports_to)
        self.health = {name: SinkHealth(Backoff(FIRST_S, MOST_S, rng)) for name in self.least}
        self._entries = {entry.key: entry for entry in sorted(entries, key=lambda e: e.message.number)}

    def use(
        self, sinks: Iterable[tuple[str, AlertSeverity]], changed: Set[str], rng: Rng | None
    ) -> list[QueuedMessage]:
        """These sinks from now on; those of `changed` lead elsewhere than before, and are tried at once. What waits for
        one that is gone is given up."""
        self.least = dict(sinks)
        kept = {name: one for name, one in self.health.items() if name in self.least and name not in changed}
        self.health = {name: kept.get(name) or SinkHealth(Backoff(FIRST_S, MOST_S, rng)) for name in self.least}
        waiting = [e for e in self._entries.values() if e.state is SentState.WAITING and e.sink not in self.least]
        return [self._drop(entry, "given up: the sink was removed") for entry in waiting]

    def add(self, messages: Iterable[AlertMessage], now_ms: int, only: str = "") -> list[QueuedMessage]:
        """Queue each for every sink that takes its severity, or for `only` one; what was queued, and what had to give
        way."""
        changed = []
        for message in messages:
            for sink, least in self.least.items():
                if (only and sink != only) or not self._takes(sink, least, message):
                    continue
                if message.kind is AlertKind.REPEATED and self._waits(sink, message.alert):
                    continue  # what it repeats has not arrived yet
                due_ms = max(now_ms, message.not_before_ms)
                changed.append(QueuedMessage(message=message, sink=sink, state=SentState.WAITING, due_ms=due_ms))
        for entry in changed:
            self._entries[entry.key] = entry
        return changed + self._make_room(now_ms)

    def _takes(self, sink: str, least: AlertSeverity, message: AlertMessage) -> bool:
        if message.kind is AlertKind.REPORT and self._reports_to:
            return sink in self._reports_to or (sink.startswith("apprise-") and "apprise" in self._reports_to)
        return message.severity.rank >= least.rank or message.kind is AlertKind.TEST

    def waiting(self, sink: str) -> list[QueuedMessage]:
        """Oldest first."""
        return [e for e in self._entries.values() if e.sink == sink and e.state is SentState.WAITING]

    def of_alert(self, alert: int) -> list[QueuedMessage]:
        return [entry for entry in self._entries.values() if entry.message.alert == alert]

    def delivered_since(self, sink: str, since_ms: int) -> int:
        return sum(e.sink == sink and (e.sent_ms or 0) > since_ms for e in self._entries.values())

    def due(self, sink: str, now_ms: int) -> list[QueuedMessage]:
        """What to send now, in one message where it is more than one; empty = nothing, or the sink is not tried yet."""
        health = self.health[sink]
        if health.failed_ms <= now_ms < health.retry_ms:  # a clock that was set back delays nothing
            return []
        found = [entry for entry in self.waiting(sink) if entry.message.not_before_ms <= now_ms]
        late = [entry for entry in found if now_ms - entry.message.at_ms > LATE_MS]
        if len(found) < TOGETHER_FROM and len(late) < 2:
            return found[:1]
        return sorted(found, key=lambda e: (-e.message.severity.rank, e.message.number))[:LINES]

    def reference(self, sink: str, alert: int) -> str | None:
        """What the sink calls the first message of this alert."""
        found = (e.reference for e in self._entries.values() if e.sink == sink and e.message.alert == alert)
        return next((reference for reference in found if reference), None)

    def sent(
        self, entries: Sequence[QueuedMessage], now_ms: int, answer: str, reference: str | None
    ) -> list[QueuedMessage]:
        """They arrived."""
        health = self._health_of(entries[0].sink)
        health.backoff.reset()
        health.failures, health.retry_ms, health.last_ms, health.last_answer = 0, 0, now_ms, answer
        return [
            self._keep(
                replace(
                    entry, state=SentState.SENT, sent_ms=now_ms, tries=entry.tries + 1, answer=answer,
                    reference=reference if len(entries) == 1 else None,
                )
            )
            for entry in entries
        ]  # fmt: skip

    def failed(
        self, entries: Sequence[QueuedMessage], now_ms: int, answer: str, retry_after_s: float | None = None
    ) -> list[QueuedMessage]:
        """They did not arrive, or nobody knows: they are tried again."""
        if entries[0].sink not in self.least:
            return [self._drop(entry, "given up: the sink was removed") for entry in entries]
        health = self.health[entries[0].sink]
        health.failures, health.last_ms, health.last_answer = health.failures + 1, now_ms, answer
        health.failed_ms = now_ms
        wait_s = max(health.backoff.next_s(), min(retry_after_s or 0.0, 3600.0))
        health.retry_ms = now_ms + round(wait_s * 1000)
        return [
            self._keep(replace(entry, tries=entry.tries + 1, answer=answer, due_ms=max(entry.due_ms, health.retry_ms)))
            for entry in entries
        ]

    def forget(self, now_ms: int) -> list[QueuedMessage]:
        """Give up what is too old to be worth telling; drop from memory what is over for more than a day."""
        given_up = []
        for entry in list(self._entries.values()):
            if entry.state is not SentState.WAITING:
                if now_ms - (entry.sent_ms or entry.message.at_ms) > DAY_MS:
                    del self._entries[entry.key]
            elif now_ms - entry.message.at_ms > OLDEST_MS:
                given_up.append(self._drop(entry, "given up after seven days"))
        return given_up

    def _health_of(self, sink: str) -> SinkHealth:
        """Of a sink that was removed while it sent: of nothing that anybody reads."""
        return self.health.get(sink) or SinkHealth(Backoff(FIRST_S, MOST_S, None))

    def _make_room(self, now_ms: int) -> list[QueuedMessage]:  # noqa: ARG002
        dropped = []
        for sink in self.least:
            waiting = self.waiting(sink)
            spare = sorted(waiting, key=lambda e: (e.message.kind is not AlertKind.REPEATED, e.message.number))
            for entry in spare[: max(0, len(waiting) - MOST_WAITING)]:
                dropped.append(self._drop(entry, f"given up: {MOST_WAITING} newer ones wait"))
        return dropped

    def _drop(self, entry: QueuedMessage, why: str) -> QueuedMessage:
        return self._keep(replace(entry, state=SentState.DROPPED, answer=why))

    def _keep(self, entry: QueuedMessage) -> QueuedMessage:
        self._entries[entry.key] = entry
        return entry

    def _waits(self, sink: str, alert: int) -> bool:
        return any(entry.message.alert == alert for entry in self.waiting(sink))
