"""The audit trail: who sent which command, signed in or was refused. Append only, JSON lines, on the disk at once."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from shared.times import iso_ms

log = logging.getLogger(__name__)
TAIL_BYTES = 256 * 1024


class Audit:
    """`audit.jsonl`. A line that cannot be written is an error for commands other than kill and stop."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, what: str, *, by: str, role: str, address: str, facts: Mapping[str, Any] | None = None) -> None:
        """Append one line, durably. Raises OSError. JSON escapes control characters, so no text can forge a line."""
        row = {"at": iso_ms(datetime.now(UTC)), "what": what, "by": by, "role": role, "from": address, **(facts or {})}
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        handle = os.open(self.path, flags, 0o600)
        try:
            os.write(handle, orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            os.fsync(handle)
        finally:
            os.close(handle)

    def note(self, what: str, *, by: str, role: str, address: str, facts: Mapping[str, Any] | None = None) -> None:
        """The same for what happens anyway: a failure is logged and nothing else."""
        try:
            self.write(what, by=by, role=role, address=address, facts=facts)
        except OSError as error:
            log.error("audit.not_written what=%s error=%s", what, error.strerror)

    def tail(self, most: int = 200) -> list[dict[str, Any]]:
        """The newest lines, newest first. Lines that are not ours are left out."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(0, end - TAIL_BYTES))
                lines = file.read().splitlines()
        except OSError:
            return []
        rows = []
        for line in reversed(lines):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(row, dict):
                rows.append(row)
            if len(rows) >= most:
                break
        return rows
