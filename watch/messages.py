"""What is told: one message for each change of an alert, as plain text and as a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.documents.alerts import AlertKind, AlertSeverity
from shared.figures import ago
from shared.times import from_epoch_ms

LINE_LENGTH = 96  # of a line that tells of one message among several


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """`number`: of the message, unique for ever, so that a receiver can tell a second delivery. Times in ms."""

    number: int
    alert: int  # number of the alert
    name: str  # its cause
    kind: AlertKind
    severity: AlertSeverity
    title: str
    text: str
    todo: str
    subjects: tuple[str, ...]
    rules: tuple[str, ...]
    at_ms: int
    since_ms: int  # when the alert began
    not_before_ms: int = 0  # quiet hours
    came_back: int = 0
    by: str | None = None  # who acknowledged it
    note: str | None = None
    picture: str = ""  # path of a PNG that goes with it, where a sink can carry one

    @property
    def head(self) -> str:
        """One line: what changed. It says the severity in words, so that no colour is needed."""
        lasted = ago(max(0.0, (self.at_ms - self.since_ms) / 1000))
        match self.kind:
            case AlertKind.FIRED:
                again = (
                    f" (again, {self.came_back} times)" if self.came_back > 1 else " (again)" if self.came_back else ""
                )
                return f"{self.severity.value.upper()}: {self.title}{again}"
            case AlertKind.ESCALATED:
                return f"{self.severity.value.upper()}, was a warning: {self.title}"
            case AlertKind.REPEATED:
                return f"STILL {self.severity.value.upper()} for {lasted}: {self.title}"
            case AlertKind.ACKNOWLEDGED:
                return f"ACKNOWLEDGED by {self.by or 'somebody'}: {self.title}"
            case AlertKind.RESOLVED:
                return f"RESOLVED after {lasted}: {self.title}"
            case AlertKind.TEST | AlertKind.REPORT:
                return self.title

    @property
    def body(self) -> str:
        """The rest: what is known, and what to do first."""
        if self.kind is AlertKind.RESOLVED:
            return ""
        if self.kind is AlertKind.ACKNOWLEDGED:
            return self.note or ""
        lines = [self.text]
        if self.todo:
            lines.append(f"To do: {self.todo}")
        if self.kind not in (AlertKind.TEST, AlertKind.REPORT):
            lines.append(f"./coin alerts ack {self.name}")
        return "\n".join(line for line in lines if line)


def digest(messages: Sequence[AlertMessage]) -> tuple[str, str]:
    """(head, body) of several that waited, as one: the critical ones first, each by its time."""
    ordered = sorted(messages, key=lambda m: (-m.severity.rank, m.at_ms))
    lines = [_cut(f"{from_epoch_ms(message.at_ms):%d %b %H:%M} {message.head}") for message in ordered]
    critical = sum(m.severity is AlertSeverity.CRITICAL for m in messages)
    return f"{len(messages)} messages waited, {critical} of critical alerts", "\n".join(lines)


def _cut(line: str) -> str:
    """All lines together must fit where the least is taken: Telegram's 4,096 characters."""
    return line if len(line) <= LINE_LENGTH else f"{line[: LINE_LENGTH - 1]}…"
