"""Second witnesses of a living bot: its process and its lock, looked at without touching either."""

import os
import time
from pathlib import Path

from dashboard.views.snapshot import Lock
from shared import flocks
from shared.pm2 import pid_alive

# A process that began this much after the bot says it did is somebody else with its old number.
RECYCLED_S = 5.0


def process_lives(pid: int, started_epoch_s: float | None) -> bool | None:
    """True where the bot's process lives, False where it is gone or its number belongs to another one now.

    None = this machine cannot tell.
    """
    if pid <= 0:
        return None
    if not pid_alive(pid):
        return False
    began = _began_epoch_s(pid)
    if began is None or started_epoch_s is None:
        return True
    return began <= started_epoch_s + RECYCLED_S


def _began_epoch_s(pid: int) -> float | None:
    """When process `pid` began, from the kernel's table; None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return time.time() - (uptime_s - int(fields[19]) / ticks)


def lock_state(path: Path, pid: int | None = None) -> Lock:
    """Of a flock, from the kernel's table: trying it instead could make a starting bot fail to get it.

    `pid`: the bot's. One that holds a file that is not `path` any more has lost its lock, and lives.
    """
    if not flocks.told():
        return Lock.UNKNOWN
    if flocks.holder(path) is not None:
        return Lock.HELD
    return Lock.LOST if pid is not None and flocks.holds_one(pid) else Lock.FREE
