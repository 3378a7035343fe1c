"""Whether the bot lives, as seen from outside: its state file, its process and its lock. Looking touches none."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from shared import files, flocks
from shared.disk_room import disk_full
from shared.documents.state import BotState, decode_state
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.pm2 import pid_alive
from shared.presence import Presence, Sighting, judge
from shared.times import epoch_ms
from shared.verdict import Judged, Outside
from shared.verdict import judge as judge_all

# A process that began this much after the bot says it did is another one that was given its old number.
RECYCLED_S = 5.0


class LockState(StrEnum):
    """Of `bot.lock`."""

    HELD = "held"
    LOST = "lost"  # the bot's process holds a file that is not `bot.lock` any more
    FREE = "free"
    UNKNOWN = "unknown"  # this system does not show its locks


@dataclass(frozen=True, slots=True)
class BotSeen:
    """One look at the bot."""

    state: BotState | None
    error: str | None  # why the file can't be read
    missing: bool
    age_s: float | None  # by the file's own clock
    alive: bool | None  # pid lives and the lock is held; None = no state
    presence: Presence
    disk_full: bool = False

    def verdict(self, pm2: str | None = None) -> Judged:
        """The one verdict that every reader shows; `pm2`: PM2's word for the process, where it was asked."""
        doc, own = (self.state.verdict, self.state.status.value) if self.state is not None else (None, None)
        outside = Outside(self.presence, self.age_s, self.alive, pm2, self.error, self.missing, self.disk_full)
        return judge_all(doc, own, outside)

    @property
    def shown(self) -> str:
        """The one word for people: the bot's own status only where the bot is really there, and sees."""
        return self.verdict().word.shown.upper()


def read_state(paths: DataPaths) -> tuple[BotState | None, str | None, bool]:
    """(state, what is wrong, missing)."""
    try:
        return decode_state(files.read_bytes(paths.state)), None, False
    except FileNotFoundError:
        return None, None, True
    except (Unreadable, OSError) as error:
        return None, str(error), False


def process_lives(pid: int, started: datetime | None) -> bool | None:
    """True where the bot's process lives; False where it is gone, or where its number belongs to another process now.

    `started`: when the bot says that it began. None = it cannot be told.
    """
    if pid <= 0:
        return None
    if not pid_alive(pid):
        return False
    began_s = _began_epoch_s(pid)
    if began_s is None or started is None:
        return True
    return began_s <= started.timestamp() + RECYCLED_S


def _began_epoch_s(pid: int) -> float | None:
    """When process `pid` began, from the kernel's table; None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return time.time() - (uptime_s - int(fields[19]) / ticks)


def lock_state(path: Path, pid: int | None = None) -> LockState:
    """Of a flock, from the kernel's table: trying it instead could make a starting bot fail to get it.

    `pid`: the bot's. One that holds a file that is not `path` any more has lost its lock, and lives.
    """
    if not flocks.told():
        return LockState.UNKNOWN
    if flocks.holder(path) is not None:
        return LockState.HELD
    return LockState.LOST if pid is not None and flocks.holds_one(pid) else LockState.FREE


def bot_alive(paths: DataPaths, state: BotState) -> bool:
    """Two signs: its process lives, and the lock is held. Where locks are not shown the process alone decides.

    A bot whose bot.lock was removed or replaced lives on, and still holds the file that is gone.
    """
    return pid_alive(state.pid) and lock_state(paths.bot_lock, state.pid) is not LockState.FREE


def bot_pid(paths: DataPaths) -> int | None:
    """The pid of a bot that runs on this data folder, whatever of its files is left; None = none is seen."""
    holder = flocks.holder(paths.bot_lock)
    if holder is not None:
        return holder
    state, _, _ = read_state(paths)
    return state.pid if state is not None and bot_alive(paths, state) else None


def look(paths: DataPaths, watch_s: float = 0.0) -> BotSeen:
    """Look at the bot; with `watch_s`, wait at most that long for its next write."""
    state, error, missing = read_state(paths)
    if state is None:
        seen = Sighting(age_s=None, error=error, missing=missing, moved=False, watched_s=60.0, process_alive=None)
        return BotSeen(None, error, missing, None, None, judge(seen))
    alive = bot_alive(paths, state)
    moved = _moves(paths, state, watch_s) if alive else False
    age_s = max(0.0, (epoch_ms(datetime.now(UTC)) - state.ts_ms) / 1000)
    # A process that holds the bot's lock and wrote within the last seconds is as good a sign as a second write.
    trusted = moved or (alive and age_s <= 5.0)
    age_s = 0.0 if moved else age_s
    seen = Sighting(
        age_s=age_s, error=None, missing=False, moved=trusted, watched_s=max(watch_s, 2.0), process_alive=alive
    )
    presence = judge(seen)
    return BotSeen(state, None, False, age_s, alive, presence, presence is not Presence.FRESH and disk_full(paths.root))


def _moves(paths: DataPaths, before: BotState, watch_s: float) -> bool:
    until = time.monotonic() + watch_s
    key = files.stat_key(paths.state)
    while time.monotonic() < until:
        time.sleep(0.02)
        if files.stat_key(paths.state) != key:
            after, _, _ = read_state(paths)
            return after is not None and (after.boot_id, after.seq) != (before.boot_id, before.seq)
    return False
