"""The dashboard's own log: a rotating file for itself, the same lines to stdout for PM2."""

import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

NAME = "COIN.log"
MAX_BYTES = 5 * 1024 * 1024
KEPT = 4


class _Line(logging.Formatter):
    """One line for each record: time in UTC, level, logger, text. Control characters cannot make a second one."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(
            c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text
        )


class _Private(logging.handlers.RotatingFileHandler):
    """Its files are 0600."""

    def _open(self):  # type: ignore[no-untyped-def]
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding="utf-8", opener=opener)


def start(folder: Path, level: str) -> None:
    """Log to `folder`/COIN.log and to stdout. A file that cannot be written is logged once, and no error."""
    line = _Line("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    root = logging.getLogger()
    root.setLevel(level)
    root.handlers.clear()
    out = logging.StreamHandler(sys.stdout)
    out.setFormatter(line)
    root.addHandler(out)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = _Private(folder / NAME, maxBytes=MAX_BYTES, backupCount=KEPT)
        file.setFormatter(line)
        root.addHandler(file)
    except OSError as error:
        logging.getLogger(__name__).error("log.open_failed path=%s error=%s", folder / NAME, error.strerror)
    # Requests are not logged: a login link's query must never stand in a file.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.raiseExceptions = False
