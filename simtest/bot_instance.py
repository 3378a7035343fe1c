"""One process of the bot, from its start to its end (a "life" in what a run records): its ports, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.app.process import Process, SystemPorts
from shared.settings import Settings
from simtest.evidence import HISTORY
from simtest.faults import FaultInjector
from simtest.ground_truth import GroundTruth
from simtest.network_link import NetworkLink
from simtest.permission import addresses
from simtest.plan import Plan
from simtest.virtual_loop import Crash, VirtualLoop
from simtest.virtual_net import VirtualNet
from simtest.virtual_ports import (
    ChangeSignal,
    InlineOffload,
    SeededRng,
    VirtualClock,
    VirtualFs,
    disk_full,
    ledger_opener,
)
from simtest.virtual_venue import VirtualVenue

BUILD = "simulated"  # a commit's name would be in the event hash
_FIRST_PID = 10_000_000  # no process of this machine has such a number


def pid_of(number: int) -> int:
    """The process number that a life says it has."""
    return _FIRST_PID + number


@dataclass(frozen=True, slots=True)
class Environment:
    """What stays the same while the bot's process ends and starts again."""

    plan: Plan
    settings: Settings
    loop: VirtualLoop
    venue: VirtualVenue
    faults: FaultInjector
    truth: GroundTruth
    change_signal: ChangeSignal


class BotInstance:
    """Numbered from 1 within a run; a second bot on the same folder has a negative number."""

    def __init__(self, around: Environment, number: int, clock_off_us: int, opened: Callable[[Any], None]) -> None:
        self.number = number
        self._around, self._told_opened = around, opened
        self.alive = True
        self._engine: Any = None
        loop, truth, seed = around.loop, around.truth, around.plan.seed
        self.clock = VirtualClock(loop, around.venue.start_us, around.change_signal, self._control_busy)
        self.clock.wall_off_us = clock_off_us
        random = Random(f"net/{seed}/{number}")
        link = NetworkLink(loop, around.venue, around.faults, truth, random, number, self._states_of)
        self.net = VirtualNet(link)
        self.fs = VirtualFs(
            lambda: self.alive,
            lambda: around.faults.strike("disk_full") is not None,
            lambda path, data: truth.written(path, data, loop.now_us, number),
        )
        machine = SystemPorts(
            clock=self.clock,
            rng=SeededRng(Random(f"rng/{seed}/{number}")),
            fs=self.fs,
            net=self.net,
            files=InlineOffload(lambda: self.alive),
            market=InlineOffload(lambda: self.alive),
            strategy=InlineOffload(lambda: self.alive),
            open_ledger=ledger_opener(self._at_ledger, self._opened),
            build=BUILD,
        )
        self.process = Process(around.settings, [], machine)
        self.process.bot.endpoints = addresses(around.settings)
        self.process.bot.identity.pid = pid_of(number)

    def failure(self) -> str | None:
        """The error that ended the process; None = it ended without one."""
        found = self.process.bot.failure
        error = found.exception() if found is not None and found.done() else None
        return f"{type(error).__name__}: {error}" if error else self.process.bot.error

    def order_states(self) -> list[str]:
        """The states of all unsettled orders."""
        engine = self.process.bot.engine
        return [order.state.value for order in engine.view.orders.working()] if engine else []

    def _states_of(self, ids: list[str]) -> list[str]:
        """The states of the orders with these ids, ours or the exchange's."""
        engine = self.process.bot.engine
        found = engine.view.orders.working() if engine else ()
        return [o.state.value for o in found if {o.spec.client_order_id, o.order_id} & set(ids)]

    def backlog(self) -> int:
        """The number of records that wait to be written to the ledger."""
        return len(self.process.bot._backlog)

    def end(self) -> None:
        """Release what the operating system releases when a process is gone: sockets, lock, ledger."""
        self.alive = False
        self.net.die()
        self.process.lock.release()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _control_busy(self) -> bool:
        return bool(self.process.bot.commands._waiting)

    def _opened(self, engine: Any) -> None:
        """The process opened its ledger."""
        self._engine = engine
        engine.execute_raw(HISTORY)
        self._told_opened(engine)

    def _at_ledger(self, where: str) -> None:
        faults = self._around.faults
        if where == "begin":
            if faults.strike("ledger_full"):
                raise disk_full()
            return
        if faults.strike("crash_at_commit", where):
            raise Crash(where)
