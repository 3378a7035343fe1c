"""End a bot that hangs, and keep another from starting while its orders are cancelled."""

import os
import signal
import time
from pathlib import Path

from shared import flocks
from shared.pm2 import pid_alive

STEP_S = 0.02


class StillThere(Exception):
    """It could not be ended, or somebody else is at work; the text says which."""


def end_process(pid: int, bot_lock: Path, limit_s: float) -> None:
    """SIGKILL, and wait until it is gone. Raises StillThere, also for a process that does not hold the bot's lock: the
    number may be another program's by now."""
    holder = flocks.holder(bot_lock)
    if holder != pid and not (holder is None and flocks.holds_one(pid)):
        raise StillThere(f"process {pid} does not hold the bot's lock")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StillThere(f"process {pid} belongs to another user") from error
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        if not pid_alive(pid):
            return
        time.sleep(STEP_S)
    raise StillThere(f"process {pid} does not end: it hangs in the kernel, on a disk or a network drive")


class BotLock:
    """Holds `bot.lock` as a bot would. The file is never deleted."""

    def __init__(self, path: Path) -> None:
        self._path, self._handle = path, -1

    def take(self, limit_s: float) -> None:
        """Raises StillThere where somebody holds it for so long: a bot that is back."""
        handle = flocks.take(self._path, limit_s)
        if handle is None:
            raise StillThere("another process holds the bot's lock: a bot is at work")
        self._handle = handle

    def release(self) -> None:
        """Let the next bot in."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
