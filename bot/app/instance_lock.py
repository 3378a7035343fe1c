"""One bot for each data folder: a flock that dies with the process, re-checked each second by inode."""

import fcntl
import os
from pathlib import Path

from shared.ports import Clock

WAIT_S = 15.0


class LockHeld(Exception):
    """Another bot holds the lock; the text names its pid. Exit 75."""


class InstanceLock:
    """Holds `bot.lock`, which is never deleted: a deleted one would let a second bot in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    async def acquire(self, clock: Clock, wait_s: float = WAIT_S) -> None:
        """Take the lock, waiting out the overlap of a restart. Raises LockHeld."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        deadline_s = clock.monotonic_s() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if clock.monotonic_s() >= deadline_s:
                    holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
                    os.close(handle)
                    raise LockHeld(f"another bot holds {self._path.name}: pid {holder}") from None
                await clock.sleep(0.1)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Let the next one in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def held_by_another(self) -> bool:
        """Whether a second bot holds the file that is at the path now. One that nobody holds is free."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def still_ours(self) -> bool:
        """Whether the file that we hold is still the one at the path."""
        if self._handle is None:
            return False
        try:
            return os.fstat(self._handle).st_ino == os.stat(self._path).st_ino
        except FileNotFoundError:
            return False
