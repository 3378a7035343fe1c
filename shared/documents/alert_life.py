"""What COIN-WATCH keeps of an alert's life in `watch/alerts.db`: types that its writer and every reader share.

Times are in milliseconds since 1970, by the watcher's clock.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.documents.alerts import AlertKind, AlertPhase, AlertSeverity, SentState

DAY_MS = 86_400_000
WATCHED_FACT = "watched"  # row of the table `facts`: {"2026-11-30": milliseconds of that UTC day that were watched}


FEED_BEFORE_S, FEED_AFTER_S = 60, 120  # what is kept of a feed around the beginning of an alert


class AlertStep(StrEnum):
    """What became of an alert at one moment."""

    BEGAN = "began"
    AGAIN = "again"  # it was over, and came back within a quarter of an hour
    WORSE = "worse"  # a warning became critical
    SPREAD = "spread"  # other rules or subjects of the same cause
    VALUE = "value"  # the same with other figures; kept now and then, see `watch.alert_changes`
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """One step in the life of alert `alert`, with what was known then."""

    alert: int
    at_ms: int
    step: AlertStep
    severity: AlertSeverity
    title: str
    text: str
    subjects: tuple[str, ...]
    rules: tuple[str, ...]
    by: str | None = None  # who acknowledged it
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAlert:
    """An alert as the watcher keeps it; fields that only the watcher needs are left out."""

    number: int
    cause: str
    severity: AlertSeverity
    phase: AlertPhase
    title: str
    text: str
    todo: str
    sources: tuple[tuple[str, str], ...]  # (rule, subject)
    since_ms: int
    resolved_ms: int | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    note: str | None = None
    came_back: int = 0

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rule, _ in self.sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A message that told of the alert. `at_ms`: when there was something to tell."""

    number: int
    kind: AlertKind
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDelivery:
    """One message at one sink. `answer`: the last one, in the sink's own words."""

    message: KeptMessage
    sink: str
    state: SentState
    due_ms: int
    tries: int = 0
    sent_ms: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCountsDoc:
    """Messages that reached `bot` in each second from `begin_ms` on, around the beginning of alert `alert`. None = not
    known: the bot wrote no state in that second, or began anew."""

    alert: int
    bot: str
    begin_ms: int
    counts: list[int | None]
