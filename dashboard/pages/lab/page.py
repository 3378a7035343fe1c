"""Lab: run, sweep and check on history, with the settings under the hand. What it shows was computed by COIN-LAB.

Who may ask differs, so a route of its own draws the page; its tables and the verdict refresh by themselves.
"""

import asyncio

from dashboard import lab_reader
from dashboard.hub import Hub
from dashboard.lab_reader import LabLook
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.lab import view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from shared.documents.kept_run import KeptRunDoc
from shared.documents.lab import LabKind, LabRunDone, LabState, decode_result
from shared.files import Unreadable, read_bytes
from shared.lab_files import LabFolder, LabJob


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    """`look`: the disk; `job`, `run`: what was asked for by the address, else the newest kept run."""
    look: LabLook = await lab_reader.look(hub)
    job, run = await asyncio.to_thread(_chosen, hub, look, params)
    return {"look": look, "job": job, "run": run}


def _chosen(hub: Hub, look: LabLook, params: Params) -> tuple[LabJob | None, KeptRunDoc | None]:
    job = LabFolder(hub.paths).job(params.get("job", ""))
    named = params.get("run", "") or (done_run(job) if job is not None else "")
    run = lab_reader.kept_run(hub.paths, named) if named else None
    if run is None and job is None and look.runs:
        run = look.runs[0]
    return job, run


def done_run(job: LabJob) -> str:
    """The id of the run that a job left; "" = none."""
    if job.request.kind is not LabKind.RUN or job.state is not LabState.DONE:
        return ""
    try:
        return decode_result(read_bytes(job.folder / "result.json"), LabRunDone).run_id
    except (OSError, Unreadable):
        return ""


def _verdict(s: Snapshot, data: Data, role: str) -> Context:
    return {"v": view.verdict(data["look"], data["job"], data["run"], s.now), "may": role == "operator"}


def _runs(s: Snapshot, data: Data, role: str) -> Context:
    look: LabLook = data["look"]
    return {
        "jobs": view.jobs(look, s.now), "runs": [view.run_row(run) for run in look.runs], "more": look.more_runs,
        "may": role == "operator",
    }  # fmt: skip


def _sets(s: Snapshot, data: Data, role: str) -> Context:
    look: LabLook = data["look"]
    sets = look.sets.sets if look.sets is not None else []
    return {
        "files": view.files(look, s.now), "sets": [view.set_row(one) for one in sets], "unread": look.unread,
        "refused": look.sets.refused if look.sets is not None else {}, "may": role == "operator",
        "bytes": sum(one.bytes for one in sets), "enabled": look.enabled,
    }  # fmt: skip


PAGE = Page(
    key="lab",
    shortcut="x",
    parts=(
        PagePart("lab-verdict", "verdict.html", _verdict),
        PagePart("lab-runs", "runs.html", _runs),
        PagePart("lab-sets", "sets.html", _sets),
    ),
    load=load,
    params=("run", "job", "point"),
    own_route=True,
)
