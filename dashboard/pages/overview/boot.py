"""The boot as the state machine that it is."""

from dataclasses import dataclass, replace

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.state import BotState
from shared.documents.status import BootStep, Phase, Status, StepState
from shared.presence import Presence
from shared.verdict import OUTRANK

ORDER = ("init", "preflight", "syncing", "backfill", "running", "stopped")


@dataclass(frozen=True, slots=True)
class BootStepRow:
    name: str
    state: str  # done, now, wait, fail, live, ended
    icon: str
    time: str
    note: str
    percent: int | None


@dataclass(frozen=True, slots=True)
class BootPanel:
    steps: list[BootStepRow]
    full: bool  # the large card; else one line
    heading: str
    remark: str
    error: str | None  # the ERROR step below PREFLIGHT is the current one


_SHAPES = {
    StepState.DONE: ("done", "ok"),
    StepState.CURRENT: ("now", "now"),
    StepState.FAILED: ("fail", "bads"),
    StepState.WAIT: ("wait", "wait"),
}


def boot(s: Snapshot) -> BootPanel:
    """The steps as they are drawn. A dead bot's last step is shown as lost, never as live."""
    if s.state is None or s.foreign_version is not None:
        waited = f"waiting for the first state file, {f.span(s.watched_s)}" if s.presence is Presence.LOADING else ""
        remark = waited or "no state file that can be read"
        return BootPanel(
            [BootStepRow(n.upper(), "wait", "wait", "", "", None) for n in ORDER], True, "Start", remark, None
        )
    found = {step.phase: step for step in s.state.boot}
    if s.state.phase is Phase.STOPPED and found.get("running"):
        # It is alive and does not trade: RUNNING has ended, whatever the boot list still shows.
        found["running"] = replace(found["running"], state=StepState.DONE)
        found["stopped"] = replace(found.get("stopped") or BootStep(phase="stopped", state=StepState.CURRENT),
                                   state=StepState.CURRENT)  # fmt: skip
    steps = [_step(name, found.get(name), s) for name in ORDER]
    failed = s.state.status is Status.ERROR
    starting = s.state.status is Status.STARTING
    error = f.clean(_why(s.state) or s.state.error or "failed") if failed else None
    return BootPanel(steps, starting or failed, "Starting", _remark(s, s.state), error)


def _why(state: BotState) -> str | None:
    """The failed step's note; the whole reason is in the banner."""
    return next((step.note for step in state.boot if step.state is StepState.FAILED), None)


def _lost(s: Snapshot) -> tuple[str, str, str]:
    """The last step of a bot that stopped writing: silent while it may still run, lost when it is gone."""
    at = f.clock(s.lost_at, s.now)
    if s.presence is Presence.STALE:
        return "stale", "warns", f"silent since {at}"
    return "fail", "bads", f"lost {at}"


def _step(name: str, step: BootStep | None, s: Snapshot) -> BootStepRow:
    if step is None:
        return BootStepRow(name.upper(), "wait", "wait", "", "", None)
    shape, icon = _SHAPES[step.state]
    time = "" if step.state is StepState.WAIT else f.duration(step.seconds)
    if name in ("running", "stopped") and step.state is StepState.CURRENT:
        if s.old:
            shape, icon, time = _lost(s)
        elif name == "running" and s.verdict.word in OUTRANK:
            shape, icon, time = "stale", "warns", s.verdict.word.shown
        elif name == "running":
            shape, icon = "live", "alive"
        else:
            shape, icon = "ended", "stop"
    elif step.state is StepState.CURRENT and s.old:
        shape, icon, time = _lost(s)
    note = f.clean(step.note or "") if step.state is StepState.CURRENT else ""
    percent = None
    if step.total and step.done is not None and step.state is StepState.CURRENT:
        percent = max(0, min(100, round(100 * step.done / step.total)))
        note = f"{note + ', ' if note else ''}{step.done} of {step.total}"
    if name in ("running", "stopped"):
        note = ""
    return BootStepRow(name.upper(), shape, icon, time if time != f.DASH else "", note, percent)


def _remark(s: Snapshot, state: BotState) -> str:
    took = sum(step.seconds or 0 for step in state.boot if step.phase in ORDER[:4])
    if state.status is Status.ERROR:
        at = f.of_text(next((b.at for b in state.boot if b.phase == "error"), None))
        return f"failed at {f.clock(at, s.now)}" if at else "failed"
    if state.status is Status.STARTING:
        return f"{f.duration(took)} so far" if not s.old else "did not finish"
    if s.old:
        return ""
    return "killed" if state.kill else f"booted in {f.duration(took)}"
