"""One life of the bot's process: its machine's parts, and its end, orderly or not."""

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
from simtest.virtual_ports import InlineOffload, Pulse, SeededRng, VirtualClock, VirtualFs, disk_full, ledger_opener
from simtest.virtual_venue import VirtualVenue


@dataclass(frozen=True, slots=True)
class Environment:
    """What stays while lives come and go."""

    plan: Plan
    settings: Settings
    loop: VirtualLoop
    venue: VirtualVenue
    faults: FaultInjector
    truth: GroundTruth
    pulse: Pulse


class BotInstance:
    """Numbers count from 1; a second bot on the same folder has a negative one."""

    def __init__(self, around: Environment, number: int, clock_off_us: int, opened: Callable[[Any], None]) -> None:
        self.number = number
        self._around, self._told_opened = around, opened
        self.alive = True
        self._engine: Any = None
        loop, truth, seed = around.loop, around.truth, around.plan.seed
        self.clock = VirtualClock(loop, around.venue.start_us, around.pulse, self._control_busy)
        self.clock.wall_off_us = clock_off_us
        random = Random(f"net/{seed}/{number}")
        self.net = VirtualNet(NetworkLink(loop, around.venue, around.faults, truth, random, number))
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
            open_ledger=ledger_opener(self._at_ledger, self._opened),
        )
        self.process = Process(around.settings, [], machine)
        self.process.bot.endpoints = addresses(around.settings)

    def failure(self) -> str | None:
        """What the process ended itself by."""
        found = self.process.bot.failure
        error = found.exception() if found is not None and found.done() else None
        return f"{type(error).__name__}: {error}" if error else self.process.bot.error

    def order_states(self) -> list[str]:
        """Of the orders that the bot has in hand now."""
        engine = self.process.bot.engine
        return (
            [order.state.value for order in engine.state.orders.by_id.values() if not order.settled] if engine else []
        )

    def backlog(self) -> int:
        """Records that wait for the ledger."""
        return len(self.process.bot._backlog)

    def end(self) -> None:
        """What the operating system does about a process that is gone."""
        self.alive = False
        self.net.die()
        self.process.lock.release()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _control_busy(self) -> bool:
        return bool(self.process.bot.commands._waiting)

    def _opened(self, engine: Any) -> None:
        """The ledger is open."""
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
