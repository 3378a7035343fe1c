"""ALERT_URLS: any of the services that the library Apprise knows. Loaded only where that is set."""

import logging
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from apprise import Apprise, NotifyFormat, NotifyType

from shared.documents.alerts import AlertKind, AlertSeverity
from watch.messages import AlertMessage
from watch.sinks.http import secrets_of
from watch.sinks.sink import NotDelivered, SinkAnswer, picture_of, scrubbed, text_of


class _Heard(logging.Handler):
    """What Apprise logs of one delivery: its only words of what came back."""

    def __init__(self, thread: int) -> None:
        super().__init__(logging.INFO)
        self._thread = thread
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:  # another sink sends beside this one
            self.lines.append(record.getMessage())


class AppriseUrl:
    """One URL of ALERT_URLS; `place`: which of them, from 1."""

    def __init__(self, url: str, place: int) -> None:
        self.name = f"apprise-{place}"
        self._url = url
        self._service = Apprise.instantiate(url)
        self.to = str(self._service.service_name) if self._service else f"URL {place} of ALERT_URLS"
        logging.getLogger("apprise").propagate = False  # its lines may hold addresses, which are secrets

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:  # noqa: ARG002
        if not self._service:
            raise NotDelivered("Apprise knows no service for this URL")
        head, body = text_of(messages)
        logger, heard = logging.getLogger("apprise"), _Heard(threading.get_ident())
        logger.addHandler(heard)
        try:
            took = self._service.notify(
                body=body or head, title=head if body else "", notify_type=_kind(messages),
                body_format=NotifyFormat.TEXT,
                # A service that takes no file is sent the text, and the library says so.
                attach=[messages[0].picture] if picture_of(messages) is not None else None,
            )  # fmt: skip
        finally:
            logger.removeHandler(heard)
        secrets = (*secrets_of(self._url), urlsplit(self._url).netloc)
        said = scrubbed("; ".join(heard.lines), secrets)
        if not took:
            raise NotDelivered(said or f"{self.to} did not take it")
        return SinkAnswer(said or f"{self.to} took it")


def _kind(messages: Sequence[AlertMessage]) -> NotifyType:
    if all(message.kind is AlertKind.REPORT for message in messages):
        return NotifyType.INFO
    if all(message.kind is AlertKind.RESOLVED for message in messages):
        return NotifyType.SUCCESS
    critical = any(message.severity is AlertSeverity.CRITICAL for message in messages)
    return NotifyType.FAILURE if critical else NotifyType.WARNING
