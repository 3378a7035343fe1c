"""The seams between the bot and the machine: clock, randomness, files.

A deterministic run replaces each of them; `bot/` calls none of the things behind them directly, and a test
reads its sources to make sure. The fourth seam, the network, is in `bot/venues/net.py`.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any, Protocol

from shared import audit_log, files


class Clock(Protocol):
    """Two questions and one wait. Wall time stamps things; monotonic time measures spans; never mixed."""

    def utc(self) -> datetime: ...
    def monotonic_s(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class Rng(Protocol):
    """Randomness for ids and back-off jitter."""

    def uuid4(self) -> uuid.UUID: ...
    def uniform(self, low: float, high: float) -> float: ...


class Fs(Protocol):
    """The file system, as far as the bot changes or looks at it."""

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None: ...
    def read_bytes(self, path: Path) -> bytes: ...
    def exists(self, path: Path) -> bool: ...
    def stat_key(self, path: Path) -> tuple[int, int, int] | None: ...
    def touch(self, path: Path) -> None: ...
    def free_bytes(self, path: Path) -> int: ...
    def audit(self, path: Path, row: Mapping[str, Any], at: str) -> None: ...
    def audit_tail(self, path: Path, most: int) -> list[dict[str, Any]]: ...
    def audit_head(self, path: Path, kept: str) -> tuple[audit_log.Head | None, str]: ...


class SystemClock:
    """The machine's clocks."""

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRng:
    """The machine's randomness."""

    def __init__(self) -> None:
        self._random = SystemRandom()

    def uuid4(self) -> uuid.UUID:
        return uuid.uuid4()

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


class SystemFs:
    """The machine's files, under the project's one way of writing them (`shared.files`)."""

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
        files.write_whole(path, data, durable=durable)

    def read_bytes(self, path: Path) -> bytes:
        return files.read_bytes(path, trusted=True)

    def exists(self, path: Path) -> bool:
        return os.path.lexists(path)

    def stat_key(self, path: Path) -> tuple[int, int, int] | None:
        return files.stat_key(path)

    def touch(self, path: Path) -> None:
        """Make `path` as an empty file, 0600. Works on a full disk, which is why KILL is made this way."""
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))

    def free_bytes(self, path: Path) -> int:
        stat = os.statvfs(path)
        return stat.f_bavail * stat.f_frsize

    def audit(self, path: Path, row: Mapping[str, Any], at: str) -> None:
        """Append one line to the audit trail. Raises OSError."""
        audit_log.append(path, {**row, "uid": os.getuid()}, at=at)

    def audit_tail(self, path: Path, most: int) -> list[dict[str, Any]]:
        """Its newest lines, newest first."""
        return audit_log.tail(path, most)

    def audit_head(self, path: Path, kept: str) -> tuple[audit_log.Head | None, str]:
        """(the trail's newest line, what is not as it was written). `kept`: the head as it was kept before."""
        found = audit_log.verify(path, kept or None)
        return found.head, found.findings[0] if found.findings else ""
