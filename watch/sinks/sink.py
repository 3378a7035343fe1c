"""What a sink is: it sends, or says why it could not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watch.messages import AlertMessage, digest

TIMEOUT_S = 10.0
ANSWER_LENGTH = 200
MOST_PICTURE_BYTES = 2_000_000


class NotDelivered(Exception):
    """The sink did not take it, or nobody knows whether it did. The text is what came back, without any secret."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class SinkAnswer:
    """`reference`: what the sink calls the message, for answers in its thread; None = it has no such thing."""

    text: str
    reference: str | None = None


class AlertSink(Protocol):
    """`to`: where it goes, without any secret. `send` blocks for at most some `TIMEOUT_S`; raises NotDelivered."""

    name: str
    to: str

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer: ...


def text_of(messages: Sequence[AlertMessage]) -> tuple[str, str]:
    """(head, body) of one message, or of several as one."""
    return (messages[0].head, messages[0].body) if len(messages) == 1 else digest(messages)


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A PNG that goes with a message."""

    name: str
    data: bytes


def picture_of(messages: Sequence[AlertMessage]) -> SentPicture | None:
    """The picture of a message that is sent alone; None = it has none, or it is not there any more."""
    if len(messages) != 1 or not messages[0].picture:
        return None
    path = Path(messages[0].picture)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return SentPicture(path.name, data) if len(data) <= MOST_PICTURE_BYTES else None


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """One line of at most 200 characters, in which no secret stands."""
    line = " ".join(text.split())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "…")
    return line if len(line) <= ANSWER_LENGTH else line[: ANSWER_LENGTH - 1] + "…"
