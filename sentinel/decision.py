"""When a bot neither lives nor answers: one judgement for each look at it.

A look is cheap and asks the bot for nothing. It answers when its state file moves, or, where no file can be written
(a full disk), when its main thread goes on waiting and waking: a loop that turns does so at each of its looks at
`control.json`, one that is stuck in a call or in a computation does not. So a bot that trades on with a full disk is
never ended.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from shared import files
from shared.liveness import LockState, lock_state, process_lives
from shared.paths import DataPaths
from shared.times import parse_time

LOOK_GAP_MAX_S = 5.0  # a watcher that did not look for longer was itself held up, as the bot may have been
TURNS_LEAST = 30  # waits of the main thread within the time allowed; a loop that turns waits 100 times a second


class Condition(StrEnum):
    """What a look found, over the time allowed."""

    ANSWERS = "answers"
    SILENT = "silent"  # neither sign yet, or not for long enough
    DEAD = "dead"  # no process, no lock
    HUNG = "hung"  # the process holds the lock and its loop does not turn


@dataclass(frozen=True, slots=True)
class LifeSign:
    """One look at a bot. `waits`: how often its main thread has waited since it began; None = this cannot be told.

    `lives` and `lock` are looked at where the file is as it was: one that moved says that its bot lives.
    """

    at_s: float  # monotonic, of who looks
    moved: tuple[int, int, int] | None  # the state file's key; None = there is none
    pid: int | None
    lives: bool | None  # None = it cannot be told
    lock: LockState
    waits: int | None


class _Run(msgspec.Struct):
    """What of the state file names the process; the rest of it is not needed here, and may be of any version."""

    pid: int
    started_at: str


class Looker:
    """Looks at the bot of one folder; what has not changed is not read again."""

    def __init__(self, paths: DataPaths) -> None:
        self._paths = paths
        self._read: tuple[tuple[int, int, int] | None, _Run | None] = (None, None)

    def look(self, at_s: float) -> LifeSign:
        """One look at `at_s`. Never raises: what cannot be read is unknown."""
        try:
            key = files.stat_key(self._paths.state)
        except OSError:
            key = None
        moved = key is None or key != self._read[0]
        if moved:
            self._read = (key, _run_of(self._paths.state))
        state = self._read[1]
        if state is None:
            return LifeSign(at_s, key, None, None, LockState.UNKNOWN, None)
        if moved and key is not None:
            return LifeSign(at_s, key, state.pid, None, LockState.UNKNOWN, _waits(state.pid))
        lives = process_lives(state.pid, parse_time(state.started_at))
        lock = lock_state(self._paths.bot_lock, state.pid)
        return LifeSign(at_s, key, state.pid, lives, lock, _waits(state.pid) if lives else None)


def _run_of(path: Path) -> _Run | None:
    try:
        found = msgspec.json.decode(files.read_bytes(path), type=_Run)
        parse_time(found.started_at)
    except (OSError, ValueError, files.Unreadable):  # what msgspec raises is a ValueError, too
        return None
    return found


def _waits(pid: int) -> int | None:
    """Voluntary switches of the process's main thread, from the kernel's table."""
    try:
        rows = Path(f"/proc/{pid}/task/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = next((row for row in rows if row.startswith("voluntary_ctxt_switches:")), None)
    return int(found.split()[1]) if found is not None else None


class SilenceWatch:
    """Judges the looks at one bot, in their order. Acting is the caller's: `settled` says that it is over."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._last: LifeSign | None = None
        self._still: LifeSign | None = None  # the first look of the present silence
        self._settled: tuple[tuple[int, int, int] | None, int | None] | None = None

    def judge(self, now: LifeSign) -> Condition:
        """The condition as of this look. DEAD or HUNG only after `after_s` of an uninterrupted watch."""
        last, self._last = self._last, now
        held_up = last is not None and now.at_s - last.at_s > LOOK_GAP_MAX_S
        if last is None or held_up or now.moved != last.moved or now.pid != last.pid:
            self._still = now
            return Condition.SILENT if last is None or held_up else Condition.ANSWERS
        assert self._still is not None
        if self._turns(now):
            self._still = now
            return Condition.ANSWERS
        if now.at_s - self._still.at_s < self._after_s or self._settled == (now.moved, now.pid):
            return Condition.SILENT
        return self._worst(now)

    def _turns(self, now: LifeSign) -> bool:
        """Whether the loop has turned since the silence began."""
        before = self._still.waits if self._still is not None else None
        return now.waits is not None and before is not None and now.waits - before >= TURNS_LEAST

    @staticmethod
    def _worst(now: LifeSign) -> Condition:
        if now.moved is None or now.lives is None:
            return Condition.SILENT  # nothing says that a bot was ever here
        if not now.lives and now.lock in (LockState.FREE, LockState.UNKNOWN):
            return Condition.DEAD
        if now.lives and now.waits is not None and now.lock in (LockState.HELD, LockState.LOST):
            return Condition.HUNG
        return Condition.SILENT  # another process holds the lock: somebody is at work

    def settled(self) -> None:
        """What was to be done for this silence is done: it is judged anew once the bot has moved."""
        if self._last is not None:
            self._settled = (self._last.moved, self._last.pid)
