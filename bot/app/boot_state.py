"""The boot as a state machine: each step with its time, progress and note, for the state file and the page."""

from dataclasses import dataclass
from datetime import datetime

from shared.documents.status import BOOT_PHASES, BootStep, Phase, StepState
from shared.times import iso_seconds


@dataclass(slots=True)
class _Step:
    phase: str
    state: StepState = StepState.WAIT
    at: datetime | None = None
    began_s: float = 0.0
    seconds: float | None = None
    done: int | None = None
    total: int | None = None
    note: str | None = None


class BootState:
    """Steps INIT → PREFLIGHT → SYNCING → BACKFILL → RUNNING → STOPPED, and ERROR."""

    def __init__(self) -> None:
        names = [phase.value for phase in BOOT_PHASES] + ["running", "stopped", "error"]
        self._steps = {name: _Step(name) for name in names}
        self.phase = Phase.INIT

    def enter(self, phase: Phase, now: datetime, now_s: float) -> None:
        """The step before is done; this one is current."""
        name = "running" if phase is Phase.TRADING else phase.value
        for step in self._steps.values():
            if step.state is StepState.CURRENT and step.phase != name:
                step.state, step.seconds = StepState.DONE, now_s - step.began_s
                step.note = None if step.total is None else step.note
        step = self._steps[name]
        if step.state is not StepState.CURRENT:
            step.state, step.at, step.began_s, step.seconds = StepState.CURRENT, now, now_s, None
        self.phase = phase

    def fail(self, note: str, now: datetime, now_s: float) -> None:
        """The current step failed: ERROR."""
        for step in self._steps.values():
            if step.state is StepState.CURRENT:
                step.state, step.seconds, step.note = StepState.FAILED, now_s - step.began_s, note
        error = self._steps["error"]
        error.state, error.at, error.began_s, error.note = StepState.CURRENT, now, now_s, note
        self.phase = Phase.ERROR

    def progress(self, done: int, total: int, note: str | None = None) -> None:
        """Of the current step."""
        step = self._current()
        step.done, step.total, step.note = done, total, note

    def note(self, text: str | None) -> None:
        """What the current step does or waits for."""
        self._current().note = text

    def _current(self) -> _Step:
        name = "running" if self.phase is Phase.TRADING else self.phase.value
        return self._steps[name]

    def documents(self, now_s: float) -> list[BootStep]:
        """For the state file; the current step's seconds run."""
        return [
            BootStep(
                phase=step.phase,
                state=step.state,
                at=iso_seconds(step.at) if step.at else None,
                seconds=round(step.seconds if step.seconds is not None else now_s - step.began_s, 3)
                if step.at is not None
                else None,
                done=step.done,
                total=step.total,
                note=step.note,
            )
            for step in self._steps.values()
        ]
