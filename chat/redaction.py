"""No token in any line of the log, whatever library wrote it."""

import logging
import re
from collections.abc import Iterable

_TICKET = re.compile(r"(ticket=)[\w.%-]+")  # of a Socket Mode address: whoever has it is the app


class RedactingFormatter(logging.Formatter):
    """Another formatter's lines without the secrets."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, "…")
        return _TICKET.sub(r"\1…", line)


def hide_secrets(secrets: Iterable[str]) -> None:
    """Of all that the root logger's handlers write from now on."""
    found = tuple(secrets)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(RedactingFormatter(handler.formatter or logging.Formatter(), found))
