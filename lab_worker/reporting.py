"""How a job says how far it is: lines of JSON through a pipe to the supervisor, at most a few in a second."""

import json
import os
import time
from typing import Any

EVERY_S = 0.15


class LabRefusal(Exception):
    """A job that cannot be done as it was asked for; the text says why, for a person."""


class JobReporter:
    """Writes to the pipe; a supervisor that is gone is no reason to fail."""

    def __init__(self, descriptor: int) -> None:
        self._to = descriptor
        self._last = 0.0

    def progress(self, unit: str, done: int, total: int) -> bool:
        """`done` of `total` in `unit`. True where it was told, and not left out because it was told just now."""
        now = time.monotonic()
        if now - self._last < EVERY_S and done < total:
            return False
        self._last = now
        self._write({"unit": unit, "done": done, "total": total})
        return True

    def phase(self, what: str) -> None:
        """What it does before anything can be counted."""
        self._write({"unit": what})

    def failed(self, why: str) -> None:
        self._write({"error": why})

    def _write(self, told: dict[str, Any]) -> None:
        try:
            os.write(self._to, json.dumps(told).encode() + b"\n")
        except OSError:
            self._last = time.monotonic()
