"""The watchdog: a bot that no longer judges is ended, so that the process manager starts it anew.

The control loop and the second's judgement re-arm it together, about once a second. Where either stands still for the
limit, the process ends itself in one of two ways, neither of which needs the interpreter to move:

* a thread in C (`faulthandler`) writes where every thread stands and ends the process with code 1, also while an
  endless loop or a compiled function holds the interpreter;
* a timer of the kernel sends SIGKILL two seconds later, also to a process that a signal has stopped (SIGSTOP), which
  can run nothing and write nothing. Only Linux has it; it costs no second process.

Both count CLOCK_MONOTONIC, which stands still while the machine sleeps. What the thread wrote is read by the next run
(`last_words`), told in its log and noted in its ledger.
"""

import contextlib
import ctypes
import faulthandler
import logging
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from shared.bots import DEFAULT_BOT
from shared.paths import ROOT

log = logging.getLogger("watchdog")
REARM_S = 1.0
KERNEL_LATER_S = 2.0  # SIGKILL comes so much after the thread's turn, which also says where the process stood
START_S = 600.0  # before the loop turns: a migration, the replay of a long ledger
BOOT_S = 60.0  # until it trades: all that happened since the last run, and bars of months
END_S = 20.0  # an orderly end
WORDS_MAX = 64 * 1024
LINES_MAX = 120
_FRAME = re.compile(r'^\s+File "(?P<file>.+)", line (?P<line>\d+) in (?P<name>.+)$')


class Watchdog(Protocol):
    """What ends the process when nothing has called `beat` and `judged` for the limit."""

    def begin(self, run: str) -> "LastEnd | None":
        """Watch from now on. What the run before left behind; None = it ended by itself, or there was none."""

    def limit(self, seconds: float | None) -> None:
        """From now on the process may stand still for so long; None = for as long as the settings say."""

    def beat(self) -> None:
        """The control loop turned: the kill switch was looked at."""

    def judged(self) -> None:
        """The second's judgement was made: exits, limits, ages."""

    def end(self) -> None:
        """The process ends by itself: leave nothing behind. What is still to be closed may take END_S more."""


@dataclass(frozen=True, slots=True)
class LastEnd:
    """How the run before ended, where it did not end by itself."""

    run: str  # its boot id and pid
    limit_s: str  # how long it had stood still; empty = nobody wrote that down
    trace: tuple[str, ...]  # where each of its threads stood, newest call first

    @property
    def hung(self) -> bool:
        return bool(self.trace)

    @property
    def stood_in(self) -> str:
        """File, line and function of the project in which its main thread stood; empty = not known."""
        newest: list[re.Match[str]] = []
        for line in self.trace:
            frame = _FRAME.match(line)
            newest = [*newest, frame] if frame is not None else []  # the main thread is written last
        ours = [frame for frame in newest if Path(frame["file"]).is_relative_to(ROOT) and ".venv" not in frame["file"]]
        for frame in (*ours[:1], *newest[:1]):
            file = Path(frame["file"])
            return f"{file.relative_to(ROOT) if ours else file} line {frame['line']}, in {frame['name']}"
        return ""


class NoWatchdog:
    """Nothing is watched: WATCHDOG_SEC=0, and every run inside another process."""

    def begin(self, run: str) -> LastEnd | None:  # noqa: ARG002
        return None

    def limit(self, seconds: float | None) -> None:
        pass

    def beat(self) -> None:
        pass

    def judged(self) -> None:
        pass

    def end(self) -> None:
        pass


class SystemWatchdog:
    """This process's own. `limit_s`: how long it may stand still while it trades."""

    def __init__(self, folder: Path, limit_s: float) -> None:
        self._path, self._limit_s = folder / f"{DEFAULT_BOT.process}.hang.log", limit_s
        self._now_limit_s = limit_s
        self._words: TextIO | None = None
        self._timer: KernelTimer | None = None
        self._armed_s, self._judged_s = -1e9, -1e9

    def begin(self, run: str) -> LastEnd | None:
        """Call it while holding the instance lock: the file is the holder's."""
        before = last_words(self._path)
        with contextlib.suppress(OSError):
            self._path.unlink()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
            self._words = os.fdopen(os.open(self._path, flags, 0o600), "w")
            self._words.write(f"run {run}\n")
            self._words.flush()
        except OSError as error:
            log.warning("watchdog: %s cannot be written (%s): a hang is reported on stderr", self._path.name, error)
        try:
            self._timer = KernelTimer(signal.SIGKILL)
        except OSError as error:
            log.warning("watchdog: no timer of the kernel (%s): a process stopped by a signal stays stopped", error)
        self._now_limit_s = START_S
        self._arm()
        return before

    def limit(self, seconds: float | None) -> None:
        self._now_limit_s = self._limit_s if seconds is None else max(seconds, self._limit_s)
        self._arm()

    def beat(self) -> None:
        now_s = time.monotonic()
        if self._judged_s > self._armed_s and now_s - self._armed_s >= REARM_S:
            self._arm()

    def judged(self) -> None:
        self._judged_s = time.monotonic()

    def end(self) -> None:
        if self._words is not None:
            words, self._words = self._words, None
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._now_limit_s, self._judged_s = END_S, -1e9
            self._arm()
            words.close()

    def _arm(self) -> None:
        self._armed_s = time.monotonic()
        faulthandler.dump_traceback_later(self._now_limit_s, exit=True, file=self._words or sys.stderr)
        if self._timer is not None:
            self._timer.set(self._now_limit_s + KERNEL_LATER_S)


def last_words(path: Path) -> LastEnd | None:
    """What the run before left in `path`; None = nothing."""
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8", errors="replace"
        ) as file:
            head, _, rest = file.read(WORDS_MAX).partition("\n")
    except (OSError, ValueError):
        return None
    stood = re.match(r"Timeout \((.+)\)!\n", rest)
    trace = tuple(rest.splitlines()[1:LINES_MAX]) if stood else ()
    return LastEnd(head.removeprefix("run "), stood[1] if stood else "", trace)


def said_of(last: LastEnd, silent_s: float | None) -> str:
    """One sentence on the end of the run before. `silent_s`: since its last report; None = it left none."""
    since = f", {silent_s:.0f} s after its last report" if silent_s is not None else ""
    if last.hung:
        where = f"; it stood in {last.stood_in}" if last.stood_in else ""
        return f"the previous run hung for {last.limit_s} and was ended{where} (run {last.run})"
    return (
        f"the previous run ended without shutting down{since}: SIGKILL (by the watchdog where a signal had stopped it, "
        f"or by hand), out of memory, or the machine went down (run {last.run})"
    )


class _Event(ctypes.Structure):
    """`struct sigevent`: notify by a signal."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 56),
    )


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = (("every", _Time), ("first", _Time))


class KernelTimer:
    """A POSIX timer that sends this process a signal. It dies with the process, and no child inherits it."""

    def __init__(self, number: int) -> None:
        """Raises OSError where the system has none."""
        self._libc = _library()
        self._id = ctypes.c_void_p()
        event = _Event(None, number, 0, b"")  # 0 = SIGEV_SIGNAL
        if self._libc.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._id)) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def set(self, seconds: float) -> None:
        """The signal comes after so long, unless it is set anew; 0 = never."""
        whole = int(seconds)
        first = _Time(whole, int((seconds - whole) * 1e9))
        self._libc.timer_settime(self._id, 0, ctypes.byref(_Setting(_Time(0, 0), first)), None)


def _library() -> ctypes.CDLL:
    """The C library, or the one beside it where older systems keep timers. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(f"{sys.platform} has none")
    for name in (None, "librt.so.1"):
        found = ctypes.CDLL(name, use_errno=True)
        if hasattr(found, "timer_create"):
            return found
    raise OSError("the C library has none")
