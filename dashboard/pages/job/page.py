"""A sweep, a walk-forward or a check of the Lab: what it found so far, and how far it is."""

import asyncio

from fastapi import HTTPException

from dashboard import lab_form
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.job import view
from dashboard.pages.lab import view as lab_view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot
from shared.documents.lab import LabChecked, LabKind, LabSwept, LabWalked, decode_result
from shared.files import Unreadable, read_bytes
from shared.lab_files import LabFolder, LabJob

RESULTS = {LabKind.SWEEP: LabSwept, LabKind.WALK: LabWalked, LabKind.CHECK: LabChecked}


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    """Raises HTTPException where there is no such job."""

    def read() -> tuple[LabJob | None, object | None, str]:
        job = LabFolder(hub.paths).job(params.get("id", ""))
        if job is None or job.request.kind not in RESULTS:
            return None, None, ""
        try:
            return job, decode_result(read_bytes(job.folder / "result.json"), RESULTS[job.request.kind]), ""
        except FileNotFoundError:
            return job, None, ""
        except (OSError, Unreadable) as error:
            return job, None, str(error)

    job, result, problem = await asyncio.to_thread(read)
    if job is None:
        raise HTTPException(404, "There is no such sweep, walk-forward or check.")
    return {"job": job, "result": result, "problem": problem}


def _state(s: Snapshot, data: Data, role: str) -> Context:
    job: LabJob = data["job"]
    return {"row": lab_view.job_row(job, s.now), "may": role == "operator", "problem": data["problem"]}


def _found(_s: Snapshot, data: Data, _role: str) -> Context:
    job: LabJob = data["job"]
    result = data["result"]
    base = {"job": job, "swept": None, "walked": None, "checked": None, "over": job.state.over}
    match result:
        case LabSwept():
            sentence, proof = view.swept_sentence(result)
            return base | {
                "swept": result, "sentence": sentence, "proof": proof, "map": view.heat_map(result, job.request.grid),
                "best": view.best_points(result), "metric": lab_form.METRICS.get(result.metric, result.metric),
            }  # fmt: skip
        case LabWalked():
            return base | {
                "walked": result, "rows": view.windows(result), "plot": view.growth_plot(result),
                "metric": lab_form.METRICS.get(result.metric, result.metric),
            }  # fmt: skip
        case LabChecked():
            return base | {"checked": result, "failed": sum(not line.passed for line in result.lines)}
    return base


PAGE = Page(
    key="job",
    own_icon="lab",
    own_path="/lab/job",
    parts=(PagePart("job-state", "state.html", _state), PagePart("job-found", "found.html", _found)),
    load=load,
    params=("id",),
    listed=False,
)
