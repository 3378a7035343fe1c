"""COIN-WATCH in virtual time: the watcher's own rounds over the run's data folder, beside the bot and through its ends.

It is a process of its own on a machine that works: no fault of the bot's, its disk or its network touches it. Sinks,
PM2, the dashboard and the machine's figures are not there, so that what they would tell is unknown; programs that it
would start are not started. What fires is kept for the judge.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from shared.settings import Settings
from simtest.virtual_loop import VirtualLoop
from simtest.virtual_ports import SeededRng
from watch.alert_book import Alert
from watch.jobs import Jobs
from watch.process import Looks, WatchParts, WatchProcess
from watch.sinks.registry import SinkPlan

Row = dict[str, Any]
ROUND_US = (
    1_000_000  # a real one looks four times as often; what is promised within seconds can be judged at this pace, too
)


class NoJobs(Jobs):
    """No program is started in virtual time."""

    def start(self, name: str, module: str, *arguments: str, mono_s: float, limit_s: float) -> bool:
        return False


class VirtualWatcher:
    """One watcher for the whole run. `wall_us`: the machine's clock, microseconds since 1970, as the bot sees it."""

    def __init__(self, settings: Settings, loop: VirtualLoop, seed: int, wall_us: Callable[[], int]) -> None:
        self._settings, self._loop, self._wall_us = settings, loop, wall_us
        self._rng = SeededRng(Random(f"watch/{seed}"))
        self._watch: WatchProcess | None = None
        self._last: list[Row] = []
        self._changes: list[Row] = []  # {"us", "alerts"}: all that fires, whenever that changed

    def begin(self) -> None:
        """Start it with the machine."""
        paths = self._settings.paths
        paths.watch.mkdir(mode=0o700, exist_ok=True)
        plan = SinkPlan((), ())
        parts = WatchParts(self._settings, paths, plan, Looks(), self._rng, supervised=False, jobs=NoJobs({}))
        self._watch = WatchProcess(parts, self._now_ms())
        self._round()

    def end(self) -> Row:
        """For the judge: whenever what fires changed, and every alert of the run."""
        assert self._watch is not None
        self._watch.close(self._now_ms())
        book = self._watch.book
        every = [_shown(alert) | {"told_ms": list(alert.told_ms)} for alert in (*book.active, *book.resolved)]
        return {"changes": self._changes, "all": every}

    def _now_ms(self) -> int:
        return self._wall_us() // 1000

    def _round(self) -> None:
        assert self._watch is not None
        self._watch.round(self._now_ms(), self._loop.now_us / 1e6)
        now = [_shown(alert) for alert in self._watch.book.active]
        if now != self._last:
            self._last = now
            self._changes.append({"us": self._loop.now_us, "alerts": now})
        self._loop.event_queue.at(self._loop.now_us + ROUND_US, self._round)


def _shown(alert: Alert) -> Row:
    return {
        "number": alert.number,
        "cause": alert.cause,
        "rules": sorted(alert.rules),
        "severity": alert.severity.value,
        "phase": alert.phase.value,
        "came_back": alert.came_back,
        "messages": len(alert.told_ms),
    }
