"""The log of a process: one line per change of state, to its own rotating file and, the same lines, to stdout.

With LOG_FORMAT=json the lines of stdout are JSON objects, for a collector of logs; the files stay as people read them.
"""

import json
import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5_000_000
OLDER_KEPT = 4


def one_line(text: str) -> str:
    """`text` with everything escaped that could end a line, colour a terminal or turn the direction of writing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class LineFormatter(logging.Formatter):
    """UTC to the millisecond, level, logger, message; what could forge a line or a terminal's colours is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        message = one_line(record.getMessage())
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{stamp}.{int(record.msecs):03d}Z {record.levelname:<7} {record.name} {message}"
        if record.exc_info and record.exc_info[1] is not None:
            # Indented and escaped line by line: the text of an error comes from outside, too.
            trace = self.formatException(record.exc_info).split("\n")
            line += "".join(f"\n    {one_line(part)}" for part in trace)
        return line


class JsonFormatter(logging.Formatter):
    """The same record as one JSON object in ASCII: nothing in it can end a line or colour a terminal.

    `time` (UTC, RFC 3339 with milliseconds), `level`, `process`, `logger`, `message`; `error`: a traceback's lines.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        found: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            found["error"] = self.formatException(record.exc_info).split("\n")
        return json.dumps(found).replace("\x7f", "\\u007f")


class QuietStream(logging.StreamHandler):  # type: ignore[type-arg]
    """stdout, until nobody reads it any more (the process manager died): then silent, never a crash."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        logging.getLogger().removeHandler(self)


class PrivateRotatingFile(RotatingFileHandler):
    """Rotates by size; every file 0600."""

    def _open(self):  # type: ignore[no-untyped-def]
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")


def set_up(folder: Path | None, name: str, level: str, form: str = "text") -> None:
    """Send the root logger's lines to `<folder>/<name>.log` (5 x 5 MB) and to stdout; None = only there.

    `form`: of the lines on stdout, text or json. A file that cannot be written is said once; the process goes on
    without it.
    """
    root = logging.getLogger()
    root.setLevel(level)
    handlers: list[logging.Handler] = [QuietStream(sys.stdout)]
    try:
        if folder is not None:
            handlers.append(PrivateRotatingFile(folder / f"{name}.log", maxBytes=MAX_BYTES, backupCount=OLDER_KEPT))
    except OSError as error:
        logging.getLogger("logs").error("no log file: %s", error)
    for handler in handlers:
        handler.setFormatter(LineFormatter())
        root.addHandler(handler)
    if form == "json":
        handlers[0].setFormatter(JsonFormatter(name))
    logging.getLogger("websockets").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.raiseExceptions = False
