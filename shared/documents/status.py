"""What the bot says of itself: its status, the phase of its start and the steps of it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    SAFE = "safe"
    ERROR = "error"


class Phase(StrEnum):
    INIT = "init"
    PREFLIGHT = "preflight"
    SYNCING = "syncing"
    BACKFILL = "backfill"
    TRADING = "trading"
    STOPPED = "stopped"
    ERROR = "error"


BOOT_PHASES = (Phase.INIT, Phase.PREFLIGHT, Phase.SYNCING, Phase.BACKFILL)

LEGAL_PAIRS: dict[Status, frozenset[Phase]] = {
    Status.STARTING: frozenset(BOOT_PHASES),
    Status.RUNNING: frozenset({Phase.TRADING}),
    Status.PAUSED: frozenset({Phase.TRADING}),
    Status.STOPPING: frozenset({Phase.TRADING}),
    Status.STOPPED: frozenset({Phase.STOPPED}),
    Status.KILLED: frozenset({Phase.STOPPED}),
    Status.SAFE: frozenset({Phase.STOPPED}),
    Status.ERROR: frozenset({Phase.ERROR}),
}


class StepState(StrEnum):
    """Of one step of the boot."""

    WAIT = "wait"
    CURRENT = "current"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStep:
    phase: str  # init, preflight, syncing, backfill, running, stopped, error
    state: StepState
    at: str | None = None  # when the step began
    seconds: float | None = None  # how long it took, or has taken so far
    done: int | None = None  # progress of `total`, where the step counts something
    total: int | None = None
    note: str | None = None  # what it does or waits for now, for a person
