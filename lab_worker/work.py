"""What each kind of job does. Every one leaves its result in the job's folder, whole, and may leave parts before."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.strategies.base import StrategyError
from lab_worker import answers, limits
from lab_worker.files import bring_in, fetch, look
from lab_worker.reporting import JobReporter, LabRefusal
from lab_worker.sets import SetList
from research import backtest as bt
from research import check, compiled, runs
from research import walkforward as wf
from research.data.candles import granularity_s
from research.errors import ResearchError
from research.lab.holdout import Spared, spare
from research.lab.trials import add_run
from research.sweep import points as pt
from research.sweep import run as sweeps
from research.sweep.points import key_of
from shared.documents.lab import (
    LabChecked,
    LabCheckLine,
    LabKind,
    LabPoint,
    LabQuestion,
    LabRequest,
    LabRunDone,
    LabSwept,
    LabWalked,
    LabWindow,
    encode,
)
from shared.files import write_whole
from shared.lab_files import LabFolder, LabJob
from shared.settings import SettingsError

MOST_POINTS = 2_000
CHECK_BARS = 20_000
PURGE_S, EMBARGO_S = 86_400, 3_600
PART_EVERY_S = 1.0
Work = Callable[["JobContext"], object | None]
_SHOWN = ("total_return", "max_drawdown", "sharpe", "lots", "open_lots", "open_result", "fees", "buy_and_hold")


@dataclasses.dataclass(frozen=True, slots=True)
class JobContext:
    """A job, where it works, and whom it tells."""

    folder: LabFolder
    job: LabJob
    reporter: JobReporter

    @property
    def data_dir(self) -> Path:
        return self.folder.root.parent

    @property
    def asked(self) -> LabRequest:
        return self.job.request

    @property
    def question(self) -> LabQuestion:
        """Raises LabRefusal where the request has none."""
        if self.asked.question is None:
            raise LabRefusal("the request names no data and settings")
        return self.asked.question

    def keep(self, result: object) -> None:
        write_whole(self.job.folder / "result.json", encode(result), durable=False)

    def spared(self) -> Spared:
        return spare(self.data_dir, answers.request_of(self.question), with_holdout=False)


def do(folder: LabFolder, job: LabJob, reporter: JobReporter) -> None:
    """Raises LabRefusal with a sentence for a person, and KeyboardInterrupt where it was stopped."""
    context = JobContext(folder, job, reporter)

    def announce(text: str) -> None:
        reporter.phase(text)

    compiled.announce = announce
    try:
        result = _WORK[job.request.kind](context)
    except (ResearchError, SettingsError, StrategyError) as error:
        raise LabRefusal(str(error)) from error
    if result is not None:
        context.keep(result)
    SetList(folder).write()


def _run(it: JobContext) -> LabRunDone:
    spared = it.spared()
    done = bt.run(it.data_dir, spared.request, progress=lambda i, n: _told(it, "bars", i, n))
    if spared.note:
        done = dataclasses.replace(done, notes=(spared.note, *done.notes))
    kept = runs.keep(it.data_dir, done)
    add_run(it.data_dir, done, kept.run_id)
    return LabRunDone(run_id=kept.run_id, sentence=done.verdict.sentence)


def _told(it: JobContext, unit: str, done: int, total: int) -> None:
    it.reporter.progress(unit, done, total)


def _points(it: JobContext) -> tuple[pt.Grid, list[pt.Point]]:
    grid = pt.parse(it.asked.grid)
    if pt.size(grid) > MOST_POINTS:
        raise LabRefusal(f"{pt.size(grid):,} points are too many here: at most {MOST_POINTS:,}, or ./coin sweep")
    return grid, pt.all_points(grid)


def _sweep(it: JobContext) -> LabSwept:
    grid, points = _points(it)
    spared = it.spared()
    plan = sweeps.SweepPlan(spared.request, grid, tuple(points), it.asked.metric, jobs=limits.cores())
    candles = bt.load_data(it.data_dir, plan.request.data, plan.request.since_s, plan.request.until_s)
    journal = it.data_dir / "research" / "sweeps" / sweeps.sweep_id(plan, candles) / "points.jsonl"
    written = [0.0]

    def step(done: int, total: int) -> None:
        _told(it, "points", done, total)
        if time.monotonic() - written[0] > PART_EVERY_S:
            written[0] = time.monotonic()
            it.keep(_swept(plan, sweeps.read_journal(journal), spared.note))

    swept = sweeps.run(it.data_dir, plan, step)
    rows = {key_of(row["point"]): row for row in swept.rows}
    return dataclasses.replace(_swept(plan, rows, spared.note), deflated=swept.deflated)


def _swept(plan: sweeps.SweepPlan, rows: Mapping[str, Mapping[str, Any]], note: str) -> LabSwept:
    """The points that are finished, in the order of the grid."""
    axes, points, held = list(plan.grid), [], None
    for point in plan.points:
        row = rows.get(key_of(point))
        if row is None:
            continue
        found = row.get("figures", {})
        held = found.get("buy_and_hold") if held is None else held
        shown = {key: found[key] for key in dict.fromkeys((*_SHOWN, plan.metric)) if key in found}
        points.append(LabPoint(values=[point[axis] for axis in axes], figures=shown, error=row.get("error", "")))
    return LabSwept(axes=axes, points=points, of=len(plan.points), metric=plan.metric, buy_and_hold=held, note=note)


def _walk(it: JobContext) -> LabWalked:
    _, points = _points(it)
    spared = it.spared()
    plan = wf.WalkForwardPlan(
        spared.request, tuple(points), granularity_s(it.asked.train), granularity_s(it.asked.test), PURGE_S, EMBARGO_S,
        metric=it.asked.metric, jobs=limits.cores(),
    )  # fmt: skip
    walked = wf.walk(it.data_dir, plan, lambda i, n: _told(it, "windows", i, n))
    judged = walked.verdict
    return LabWalked(
        windows=[
            LabWindow(test_from_s=w.test_from, test_to_s=w.test_to, chosen=None if w.chosen is None else dict(w.chosen),
                      trained=w.trained, tested=dict(w.tested))
            for w in walked.windows
        ],
        growth=walked.growth.tolist(), metric=plan.metric, sentence="" if judged is None else judged.sentence,
        proof="" if judged is None else judged.proof, sharpe=walked.sharpe, max_drawdown=walked.max_drawdown,
        note=spared.note,
    )  # fmt: skip


def _check(it: JobContext) -> LabChecked:
    request = it.spared().request
    candles = bt.load_data(it.data_dir, request.data[:1], request.since_s, request.until_s)[0]
    if len(candles) > CHECK_BARS:
        candles = candles.rows(len(candles) - CHECK_BARS, len(candles))
    settings = bt.settings_for(request.overrides, [candles])
    found = check.check(settings, candles, progress=lambda i, n: _told(it, "histories", i, n))
    lines = [LabCheckLine(name=one.name, passed=one.passed, tested=one.tested, said=one.said) for one in found]
    return LabChecked(strategy=settings.strategy, bars=len(candles), lines=lines)


def _look(it: JobContext) -> object:
    return look(it.folder, _file(it))


def _import(it: JobContext) -> object:
    return bring_in(it.folder, _file(it))


def _download(it: JobContext) -> object:
    return fetch(it.data_dir, _file(it), lambda i, n: _told(it, "bars", i, n))


def _file(it: JobContext) -> Any:
    if it.asked.file is None:
        raise LabRefusal("the request names no file")
    return it.asked.file


_WORK: Mapping[LabKind, Work] = {
    LabKind.RUN: _run,
    LabKind.SWEEP: _sweep,
    LabKind.WALK: _walk,
    LabKind.CHECK: _check,
    LabKind.LOOK: _look,
    LabKind.IMPORT: _import,
    LabKind.DOWNLOAD: _download,
}
