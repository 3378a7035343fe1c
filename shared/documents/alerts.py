"""`alerts.json`: what fires, who was told, and how far each rule is from firing. COIN-WATCH writes it.

Every time is in milliseconds since 1970, by the watcher's clock. What is not known is null.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from shared.documents.versioned import decode_versioned

ALERTS_VERSION = 1
WATCHER_GONE_S = 5.0  # without a new document for longer than this, nobody watches


class AlertSeverity(StrEnum):
    """How urgent: a warning may wait for the morning, a critical one never."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {AlertSeverity.WARNING: 0, AlertSeverity.CRITICAL: 1}


class AlertPhase(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"  # it still fires, and a person knows
    RESOLVED = "resolved"


class AlertKind(StrEnum):
    """Which change a message tells of."""

    FIRED = "fired"
    ESCALATED = "escalated"  # a warning became critical
    REPEATED = "repeated"  # nobody has acknowledged it, and it still fires
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    TEST = "test"
    REPORT = "report"  # of a day or a week: no alert


class RuleState(StrEnum):
    """Of one rule, over all that it looks at."""

    QUIET = "quiet"
    NEAR = "near"  # at 90 % of its threshold or more
    PENDING = "pending"  # beyond its threshold, not yet for as long as it must be
    FIRING = "firing"
    UNKNOWN = "unknown"  # what it looks at is not known now


class SentState(StrEnum):
    """Of one message at one sink."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"  # given up: too old, or too many waited


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSentDoc:
    """One message at one sink."""

    sink: str
    kind: AlertKind
    state: SentState
    at_ms: int  # when there was something to tell
    due_ms: int  # not sent before: quiet hours, or the next try
    tries: int = 0
    sent_ms: int | None = None
    answer: str | None = None  # the last answer, in the sink's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStateDoc:
    """One alert: everything that one cause has set off. `name` is what `./coin alerts ack` takes."""

    number: int
    name: str
    severity: AlertSeverity
    phase: AlertPhase
    title: str
    text: str
    subjects: list[str]  # bots, or parts of the machine
    rules: list[str]
    since_ms: int
    resolved_ms: int | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    note: str | None = None  # what was said with it
    came_back: int = 0  # how often it resolved and fired again
    next_repeat_ms: int | None = None
    sent: list[AlertSentDoc] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRuleDoc:
    """One rule with what it sees now, of the subject that is nearest to firing."""

    name: str
    title: str
    group: str
    threshold: str
    for_s: float
    severity: AlertSeverity
    runbook: str  # section of docs/operations.md
    state: RuleState
    subject: str | None = None
    value: str | None = None
    share: float | None = None  # of the way to the threshold, 0 to 1; null where there is no figure


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSinkDoc:
    """One way to a person. `to`: where it goes, without any secret."""

    name: str
    to: str
    least: AlertSeverity
    waiting: int
    delivered_24h: int
    failures: int  # tries in a row that failed
    last_ms: int | None = None
    last_answer: str | None = None
    next_try_ms: int | None = None
    test_ms: int | None = None  # the last `./coin alerts test`
    test_ok: bool | None = None
    test_answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatDoc:
    """Of HEARTBEAT_URL, the service outside that tells when this machine is gone."""

    last_ms: int | None = None  # when it last answered well
    failures: int = 0
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsDoc:
    """The whole document."""

    version: int = ALERTS_VERSION
    ts_ms: int
    seq: int
    pid: int
    started_ms: int
    build: str
    enabled: bool  # ALERT_ENABLE: false = rules run, and nothing is sent
    problems: list[str] = field(default_factory=list)  # settings of alerts that are wrong, a line each
    store_error: str | None = None  # why alerts cannot be kept on disk: they are told, and forgotten at a restart
    bots: list[str]
    firing: list[AlertStateDoc]  # the worst first
    resolved: list[AlertStateDoc]  # the newest first
    rules: list[AlertRuleDoc]
    sinks: list[AlertSinkDoc]
    heartbeat: HeartbeatDoc | None = None  # null = no HEARTBEAT_URL
    settings_ms: int | None = None  # when the .env whose sinks are used was last written; 0 = there was none
    settings_taken_ms: int | None = None  # when they were taken up
    settings_problem: str | None = None  # why a newer .env is not
    quiet_hours: str | None = None  # ALERT_QUIET_HOURS as they hold; null = an older watcher
    tests_done: int = 0  # how many requests for a test were carried out since the start


def encode_alerts(document: AlertsDoc) -> bytes:
    return msgspec.json.encode(document) + b"\n"


def decode_alerts(data: bytes) -> AlertsDoc:
    """The document in `data`. Raises Unreadable with a sentence for a person; unknown fields are ignored."""
    return decode_versioned(data, AlertsDoc, ALERTS_VERSION, "a document of alerts")
