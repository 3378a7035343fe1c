"""The bot's log: one line per change of state, to its own rotating file and, the same lines, to stdout."""

import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(0x80, 0xA0))}
_CONTROL |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class LineFormatter(logging.Formatter):
    """UTC to the millisecond, level, logger, message; what could forge a line or a terminal's colours is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().translate(_CONTROL)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{stamp}.{int(record.msecs):03d}Z {record.levelname:<7} {record.name} {message}"
        if record.exc_info and record.exc_info[1] is not None:
            # Indented and escaped line by line: the text of an error comes from outside, too.
            trace = self.formatException(record.exc_info).split("\n")
            line += "".join(f"\n    {part.translate(_CONTROL)}" for part in trace)
        return line


class QuietStream(logging.StreamHandler):  # type: ignore[type-arg]
    """stdout, until nobody reads it any more (the process manager died): then silent, never a crash."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        logging.getLogger().removeHandler(self)


class PrivateRotatingFile(RotatingFileHandler):
    """Rotates by size; every file 0600."""

    def _open(self):  # type: ignore[no-untyped-def]
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")


def set_up(folder: Path | None, name: str, level: str) -> None:
    """Send the root logger's lines to `<folder>/<name>.log` (5 x 5 MB) and to stdout; None = only there."""
    root = logging.getLogger()
    root.setLevel(level)
    handlers: list[logging.Handler] = [QuietStream(sys.stdout)]
    try:
        if folder is not None:
            handlers.append(PrivateRotatingFile(folder / f"{name}.log", maxBytes=5_000_000, backupCount=4))
    except OSError as error:
        logging.getLogger("logs").error("no log file: %s", error)
    for handler in handlers:
        handler.setFormatter(LineFormatter())
        root.addHandler(handler)
    logging.getLogger("websockets").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.raiseExceptions = False
