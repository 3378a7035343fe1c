"""An asyncio event loop under virtual time: one thread, no waiting, no machine's clock.

Two things move time: the bot's own timers, and a queue of events in the world around it (the market, the
operator, faults). Equal seeds run through equal steps, so a run can be repeated and stopped at any step.
"""

import asyncio
import gc
import heapq
import sys
import warnings
from collections.abc import Callable
from math import ceil
from typing import Any

Callback = Callable[[], None]
# A loop that runs so many steps without time passing is stuck.
STEPS_MAX = 200_000


class Crash(SystemExit):
    """The process ends at once: no handler of the program runs. `where` names the point."""

    def __init__(self, where: str) -> None:
        super().__init__(9)
        self.where = where


class Finished(SystemExit):
    """The run is over."""


class Stuck(AssertionError):
    """The program loops without time passing."""


class EventQueue:
    """Callbacks in order of time, then of scheduling."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callback]] = []
        self._count = 0

    def at(self, us: int, callback: Callback) -> None:
        self._count += 1
        heapq.heappush(self._heap, (us, self._count, callback))

    @property
    def next_us(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def run_one(self) -> None:
        heapq.heappop(self._heap)[2]()


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop is its own selector: where the real one waits for sockets, this one moves time."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._clock_resolution = 1e-7
        self.now_us = 0
        self.event_queue = EventQueue()
        self.steps = 0
        self.crash_at_step: int | None = None
        self.asleep_until_us = 0  # the process stands still (SIGSTOP) until then
        self._still = 0
        self._graves: list[Any] = []

    def time(self) -> float:
        return self.now_us / 1e6

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Some time always passes, even for a wait below the clock's resolution."""
        return super().call_at(max(when, (self.now_us + 1) / 1e6), callback, *args, context=context)

    def select(self, timeout: float | None) -> list[Any]:
        """Called once for each step of the loop, before its ready callbacks run."""
        self.steps += 1
        if self.steps == self.crash_at_step:
            raise Crash("step")
        if self.asleep_until_us > self.now_us:
            self._sleep()
            return []
        if timeout == 0:
            self._still += 1
            if self._still > STEPS_MAX:
                raise Stuck(f"{STEPS_MAX} steps at {self.now_us} us")
            return []
        self._still = 0
        due = self.event_queue.next_us
        timers = self._scheduled  # type: ignore[attr-defined]
        target = None if timeout is None else max(ceil(timers[0]._when * 1e6), self.now_us)
        if due is None and target is None:
            raise Stuck("nothing will ever happen")
        if target is None or (due is not None and due <= target):
            assert due is not None
            self.now_us = max(self.now_us, due)
            self.event_queue.run_one()
        else:
            self.now_us = target
        return []

    def _sleep(self) -> None:
        """The process is suspended while time goes on; an event may wake it early."""
        while self.asleep_until_us > self.now_us:
            due = self.event_queue.next_us
            if due is None or due > self.asleep_until_us:
                self.now_us = self.asleep_until_us
                return
            self.now_us = max(self.now_us, due)
            self.event_queue.run_one()

    def pass_to(self, us: int) -> None:
        """Run scheduled events up to `us` while no process runs."""
        while (due := self.event_queue.next_us) is not None and due <= us:
            self.now_us = max(self.now_us, due)
            self.event_queue.run_one()
        self.now_us = max(self.now_us, us)

    def drop_everything(self) -> None:
        """Drop every task and timer as when a process dies: none of their code runs any more.

        They are kept: a coroutine that is thrown away would run its `finally` blocks first, which no dead process does.
        """
        tasks = [task for task in asyncio.all_tasks(self) if task._log_destroy_pending]  # type: ignore[attr-defined]
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._graves.append((tasks, list(self._ready), list(self._scheduled)))  # type: ignore[attr-defined]
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.set_exception_handler(lambda _loop, _context: None)
        self.asleep_until_us = 0
        self.crash_at_step = None

    def bury(self) -> None:
        """Discard what `drop_everything` kept; warnings are suppressed."""
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._graves.clear()
                gc.collect()
        finally:
            sys.unraisablehook = hook

    # What BaseEventLoop asks of its children.

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
