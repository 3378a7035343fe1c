"""The parts of a run that acts may use."""

from datetime import datetime
from typing import Protocol

from shared.paths import DataPaths
from simtest.faults import FaultInjector
from simtest.ground_truth import GroundTruth
from simtest.plan import Plan
from simtest.virtual_loop import VirtualLoop
from simtest.virtual_ports import ChangeSignal
from simtest.virtual_venue import VirtualVenue


class RunContext(Protocol):
    """One run, as the acts of operator, machine and exchange see it."""

    plan: Plan
    loop: VirtualLoop
    venue: VirtualVenue
    truth: GroundTruth
    faults: FaultInjector
    paths: DataPaths
    change_signal: ChangeSignal
    clock_off_us: int
    bot_name: str
    at_restart: str  # what becomes of the ledger before the next life: "", "lose", "old", "restore"

    def now(self) -> datetime: ...
    def crash(self, where: str) -> None: ...
    def crash_soon(self) -> None: ...
    def part_dies(self) -> None: ...
    def cut_power(self) -> None: ...
    def terminate(self) -> None: ...
    def set_clock(self, off_us: int) -> None: ...
    def mend_clock(self) -> None: ...
    def second_bot(self) -> None: ...
    def copied_folder(self) -> None: ...
    def keep_ledger(self) -> None: ...
    def keep_backup(self) -> None: ...
