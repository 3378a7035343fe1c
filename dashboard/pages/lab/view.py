"""The Lab page's tables: jobs and kept runs, dropped files and candle sets, and the verdict on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import lab_form
from dashboard.lab_reader import LabLook
from dashboard.views import format as f
from dashboard.views.plot import spark
from shared.documents.kept_run import KeptRunDoc
from shared.documents.lab import LabKind, LabLooked, LabSet, LabState, decode_result
from shared.files import Unreadable, read_bytes
from shared.lab_files import LabJob
from shared.times import from_epoch_ms

MOST_JOBS = 12
_DATA_KINDS = (LabKind.LOOK, LabKind.IMPORT, LabKind.DOWNLOAD)
_STATES: Mapping[LabState, tuple[str, str, str]] = {  # → (state, icon, word)
    LabState.WAITING: ("wait", "wait", "WAITING"),
    LabState.RUNNING: ("now", "now", "RUNNING"),
    LabState.DONE: ("ok", "ok", "DONE"),
    LabState.STOPPED: ("off", "off", "STOPPED"),
    LabState.FAILED: ("bad", "bads", "FAILED"),
}
_WORDS = {1: "s", 60: "m", 3600: "h", 86_400: "d"}


@dataclass(frozen=True, slots=True)
class LabTag:
    state: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class LabProgress:
    """`pct`: None where nothing was told yet."""

    pct: float | None
    text: str


@dataclass(frozen=True, slots=True)
class JobRow:
    id: str
    title: str
    detail: str
    tag: LabTag
    progress: LabProgress | None
    error: str
    memory: str
    at: datetime | None
    stops: bool  # whether Stop does something
    opens: str  # where its result is shown; "" = nowhere


@dataclass(frozen=True, slots=True)
class RunRow:
    id: str
    title: str
    detail: str
    holding: str  # paths of the small curves; "" = the run is of an earlier version
    equity: str
    total_return: float
    against: float
    worst: float | None
    lots: int
    open_lots: int
    tag: LabTag
    why: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class GapStroke:
    """A stretch of days, percent of the whole: `css` g1 = whole, gw = bars are missing."""

    x: float
    width: float
    css: str


@dataclass(frozen=True, slots=True)
class SetRow:
    name: str
    detail: str
    strokes: Sequence[GapStroke]
    say: str
    marks: Sequence[tuple[float, str]]
    bars: str
    missing: str
    tag: LabTag
    held: str


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A dropped file, or a download. `looked`: what was found in it; None = it is still looked at."""

    id: str
    title: str
    detail: str
    tag: LabTag
    progress: LabProgress | None
    error: str
    stops: bool
    looked: LabLooked | None
    set_row: SetRow | None
    product: str
    outliers: str


def tag_of(run: KeptRunDoc) -> LabTag:
    """What the run came to against holding and luck. GO and NO-GO are the lab's words alone."""
    v = run.verdict
    if v.luck.startswith("outperforms"):
        return LabTag("ok", "ok", "AHEAD")
    if v.total_return < v.buy_and_hold:
        return LabTag("shut", "shut", "BEHIND HOLDING")
    return LabTag("shut", "shut", "LUCK")


def why_of(run: KeptRunDoc) -> str:
    v = run.verdict
    against = "loses to holding" if v.total_return < v.buy_and_hold else "ahead of holding"
    return f"{against}; {v.luck}" if v.luck != "unknown" else f"{against}; too few days to test luck"


def run_row(run: KeptRunDoc) -> RunRow:
    question, v = lab_form.of_kept(run), run.verdict
    held = equity = ""
    if run.curve is not None and len(run.curve.equity) > 1:
        low = min(*run.curve.equity, *run.curve.holding)
        high = max(*run.curve.equity, *run.curve.holding)
        held, equity = spark(run.curve.holding, low, high), spark(run.curve.equity, low, high)
    product = ", ".join(one.product_id for one in run.data)
    return RunRow(
        run.run_id, f"{run.settings.get('STRATEGY', '?')} on {product}", lab_form.differs(question), held, equity,
        v.total_return * 100, (v.total_return - v.buy_and_hold) * 100, _percent(run.figures.get("max_drawdown")),
        v.closed_lots, v.open_lots, tag_of(run), why_of(run), f.of_text(run.at),
    )  # fmt: skip


def _percent(part: float | None) -> float | None:
    return None if part is None else part * 100


def tag(state: LabState) -> LabTag:
    return LabTag(*_STATES[state])


def progress(job: LabJob, now: datetime) -> LabProgress | None:
    """How far a job is, and how long it takes yet; None where it does not run."""
    status = job.status
    if status is None or status.state is not LabState.RUNNING:
        return None
    if not status.total or status.done is None:
        return LabProgress(None, status.unit or "begins")
    part = min(status.done / status.total, 1.0)
    text = f"{f.count(status.done)} of {f.count(status.total)} {status.unit}"
    began = f.of_ms(status.began_ms)
    if began is not None and 0.02 < part < 1:
        left = (now - began).total_seconds() / part * (1 - part)
        text += f", {f.duration(max(left, 1))} left"
    return LabProgress(round(part * 100, 1), text)


def job_row(job: LabJob, now: datetime) -> JobRow:
    asked, status, state = job.request, job.status, job.state
    detail = lab_form.differs(asked.question) if asked.question is not None else ""
    if asked.grid:
        detail = " × ".join(_axis_words(one) for one in asked.grid)
    memory = f.mebibytes(status.memory_bytes) if status is not None and status.memory_bytes else ""
    opens = f"/lab/job?id={asked.id}" if asked.kind in (LabKind.SWEEP, LabKind.WALK, LabKind.CHECK) else ""
    return JobRow(
        asked.id, asked.title, detail, tag(state), progress(job, now), status.error if status is not None else "",
        memory, f.of_ms(asked.at_ms), not state.over, opens if (job.folder / "result.json").exists() else "",
    )  # fmt: skip


def _axis_words(text: str) -> str:
    key, _, spec = text.partition("=")
    return f"{lab_form.words_of(key).lower()} {spec.replace(':', ' … ', 1).replace(':', ' by ', 1)}"


def jobs(look: LabLook, now: datetime) -> list[JobRow]:
    """Those that are no runs that are kept and no files: what waits, runs, failed, and sweeps with their results."""
    shown = [job for job in look.jobs if job.request.kind not in _DATA_KINDS]
    return [
        job_row(job, now) for job in shown if job.request.kind is not LabKind.RUN or job.state is not LabState.DONE
    ][:MOST_JOBS]


def set_row(one: LabSet) -> SetRow:
    begin, end = (from_epoch_ms(at * 1000) for at in (one.first_s, one.last_s))
    missing = "no bar is missing"
    if one.missing and one.longest_from_s is not None:
        longest = from_epoch_ms(one.longest_from_s * 1000)
        missing = f"{f.count(one.missing)} missing, most from {longest:%d %b %Y}".replace("from 0", "from ")
    held = ""
    if one.holdout_from_s is not None:
        held = f"held back from {from_epoch_ms(one.holdout_from_s * 1000):%d %b %Y}".replace("from 0", "from ")
    elif one.looked:
        held = "its holdout was looked at"
    whole = LabTag("ok", "ok", "whole") if not one.missing else LabTag("ok", "ok", "usable, gaps told")
    return SetRow(
        one.name, f"{one.product_id} {granularity(one.granularity_s)}, increment {one.price_increment or '?'}",
        strokes(one.days), f"Days with bars, {begin:%Y-%m-%d} to {end:%Y-%m-%d}: {missing}",
        [(0.0, f"{begin:%b %y}"), (50.0, ""), (100.0, f"{end:%b %y}")], f.plural(one.bars, "bar"), missing, whole, held,
    )  # fmt: skip


def granularity(seconds: int) -> str:
    size = max(unit for unit in _WORDS if seconds % unit == 0)
    return f"{seconds // size}{_WORDS[size]}"


def strokes(days: Sequence[int]) -> list[GapStroke]:
    """Days one after the other, equal ones as one stroke; a day without a bar has none."""
    out: list[GapStroke] = []
    wide = 100 / max(len(days), 1)
    first = 0
    kinds = ["" if part == 0 else "g1" if part >= 95 else "gw" for part in days]
    for i in range(1, len(kinds) + 1):
        if i == len(kinds) or kinds[i] != kinds[first]:
            if kinds[first]:
                out.append(GapStroke(round(first * wide, 3), round((i - first) * wide, 3), kinds[first]))
            first = i
    return out


def files(look: LabLook, now: datetime) -> list[DroppedRow]:
    """Dropped files that wait for an answer, and imports and downloads that run or failed."""
    out = []
    taken = {job.request.file.upload for job in look.jobs
             if job.request.kind is LabKind.IMPORT and job.request.file is not None
             and job.state is not LabState.FAILED}  # fmt: skip
    seen: set[str] = set()
    for job in look.jobs:
        asked = job.request
        if asked.kind not in _DATA_KINDS or asked.file is None:
            continue
        if asked.kind is LabKind.LOOK:
            if asked.file.upload in taken or asked.file.upload in seen:
                continue
            seen.add(asked.file.upload)
        elif job.state in (LabState.DONE, LabState.STOPPED):
            continue
        out.append(_file_row(job, now))
    return out[:10]


def _file_row(job: LabJob, now: datetime) -> DroppedRow:
    asked = job.request
    assert asked.file is not None
    looked = None
    if asked.kind is LabKind.LOOK and job.state is LabState.DONE:
        try:
            looked = decode_result(read_bytes(job.folder / "result.json"), LabLooked)
        except (OSError, Unreadable):
            looked = LabLooked(set=None, said=[], refused="what was found in it can't be read")
    shown = tag(job.state)
    if looked is not None:
        shown = LabTag("warn", "warns", "asks first") if looked.asks else LabTag("ok", "ok", "ready")
        if looked.refused and not looked.asks:
            shown = LabTag("bad", "bads", "refused")
    return DroppedRow(
        asked.id, asked.title, {LabKind.LOOK: "dropped", LabKind.IMPORT: "import", LabKind.DOWNLOAD: "download"}
        [asked.kind], shown, progress(job, now), job.status.error if job.status is not None else "",
        not job.state.over, looked, set_row(looked.set) if looked is not None and looked.set is not None else None,
        asked.file.product, asked.file.outliers,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabVerdict:
    tag: LabTag
    sentence: str
    proof: str
    run_id: str = ""
    state: str = ""
    progress: LabProgress | None = None
    stop: str = ""


def verdict(look: LabLook, job: LabJob | None, run: KeptRunDoc | None, now: datetime) -> LabVerdict:
    """The sentence on top: of the job that was asked for while it runs or where it failed, else of the kept run."""
    if job is not None and job.state is not LabState.DONE:
        words = {
            LabState.WAITING: "It waits for its turn: one job at a time runs for each person.",
            LabState.RUNNING: "So far there is nothing to tell.",
            LabState.STOPPED: "Stopped: what was finished is kept.",
            LabState.FAILED: f.sentence(job.status.error) + "." if job.status is not None else "",
        }[job.state]
        stop = "" if job.state.over else job.request.id
        return LabVerdict(tag(job.state), job.request.title, words, "", job.state, progress(job, now), stop)
    if run is not None:
        return LabVerdict(tag_of(run), run.verdict.sentence + ".", run.verdict.proof + ".", run.run_id)
    said = "A dropped file or a download is the beginning." if not (look.sets and look.sets.sets) else (
        "Move a slider, or press Run and keep.")  # fmt: skip
    return LabVerdict(LabTag("off", "off", "NO RUN YET"), "Nothing was run here yet.", said)
