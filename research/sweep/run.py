"""A sweep: points out, rows in, kept as they come, so that a killed one goes on where it was."""

import contextlib
import csv
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from research import signals
from research.backtest import BacktestRequest, load_data, settings_for
from research.code_version import source_hash
from research.data import store
from research.data.candles import CandleSet, Floats
from research.errors import ResearchError
from research.lab.trials import TrialKind, TrialRegistry, TrialSource, tried
from research.metrics.chance import deflated_sharpe, max_sharpe_by_chance
from research.metrics.summary import curve, edge, holding
from research.runs import request_document, trading_settings
from research.sweep import evaluate as ev
from research.sweep import pools
from research.sweep.points import Grid, Point, key_of

Progress = Callable[[int, int], None]
METRICS = ("total_return", "sharpe", "sortino", "calmar", "cagr", "profit_factor", "expectancy", "sqn", "max_drawdown")


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What is asked. `engine`: threads, processes, ray or auto; of a sampled sweep its sampler.

    `metric`: what the sweep maximises and ranks by; `others`: further objectives.
    """

    request: BacktestRequest
    grid: Grid
    points: tuple[Point, ...]
    metric: str = "sharpe"
    engine: str = "auto"
    jobs: int = 0
    address: str = "local"
    others: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every objective, the one that ranks first."""
        return self.metric, *self.others


@dataclass(frozen=True, slots=True)
class Swept:
    """The answer: a row per point in the order of the points; only those that were finished, where it was stopped.

    `deflated`: chance that what the best point earned beyond holding is more than the luck of so many points.
    """

    plan: SweepPlan
    folder: Path
    rows: tuple[ev.Row, ...]
    resumed: int
    deflated: float | None = None

    def ranked(self) -> list[ev.Row]:
        """Rows with a value of the metric, the best first; of equals the earlier point."""
        metric = self.plan.metric
        known = [row for row in self.rows if row.get("figures", {}).get(metric) is not None]
        return sorted(known, key=lambda row: -row["figures"][metric])

    def front(self) -> list[ev.Row]:
        """Rows that no other beats in one objective without being worse in another (Pareto), the best ranked first."""
        metrics = self.plan.metrics
        rows = [row for row in self.ranked() if all(row["figures"].get(name) is not None for name in metrics)]
        values = np.array([[row["figures"][name] for name in metrics] for row in rows])
        return [
            row for row, own in zip(rows, values, strict=True)
            if not ((values >= own).all(axis=1) & (values > own).any(axis=1)).any()
        ]  # fmt: skip

    def sharpe_by_chance(self) -> float | None:
        """The Sharpe ratio beyond holding that the best of so many points reaches by chance."""
        return max_sharpe_by_chance(self.appraisals())

    def appraisals(self) -> Floats:
        """The Sharpe ratio beyond holding of every point that has one."""
        found = [row.get("figures", {}).get("appraisal") for row in self.rows]
        return np.array([value for value in found if value is not None])


def sweep_id(plan: SweepPlan, candles: Sequence[CandleSet], how: str = "") -> str:
    """Equal questions on equal data with equal code have one id, whatever machine and engine answer them.

    `how`: of a sampled sweep, whose points are not known yet: what decides them.
    """
    asked = request_document(plan.request) | {"engine": "", "data": [one.digest for one in candles]}
    sha = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))
    sha.update(source_hash().encode())
    settings = settings_for(plan.request.overrides, candles)
    sha.update(repr(sorted(trading_settings(settings).items())).encode())
    for point in plan.points:
        sha.update(key_of(point).encode() + b"\n")
    sha.update(how.encode())
    return sha.hexdigest()[:12]


def check_metrics(plan: SweepPlan) -> None:
    """Raises ResearchError for an objective that is none."""
    for metric in plan.metrics:
        if metric not in METRICS:
            raise ResearchError(f"--metric {metric}: one of {', '.join(METRICS)}")


def run(data_dir: Path, plan: SweepPlan, progress: Progress | None = None) -> Swept:
    """Answer every point that is not answered yet. Raises ResearchError."""
    request = plan.request
    check_metrics(plan)
    candles = load_data(data_dir, request.data, request.since_s, request.until_s)
    settings_for({**request.overrides, **plan.points[0]}, candles)  # a wrong key is said once, not for every point
    folder = data_dir / "research" / "sweeps" / sweep_id(plan, candles)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = folder / "points.jsonl"
    known = read_journal(journal)
    todo = [point for point in plan.points if key_of(point) not in known]
    resumed, done = len(plan.points) - len(todo), len(plan.points) - len(todo)
    registry, source = TrialRegistry(data_dir), TrialSource.of(TrialKind.SWEEP, folder.name, request, candles)
    with journal.open("ab") as file, contextlib.closing(_rows(data_dir, plan, candles, todo)) as rows:
        try:
            for row in rows:
                registry.add(tried(row, source))
                known[key_of(row["point"])] = row
                file.write(orjson.dumps(row) + b"\n")
                file.flush()
                done += 1
                if progress is not None:
                    progress(done, len(plan.points))
        except KeyboardInterrupt:
            if not done:
                raise
    swept = Swept(plan, folder, tuple(known[key] for key in map(key_of, plan.points) if key in known), resumed)
    return finish(swept, candles)


def finish(swept: Swept, candles: Sequence[CandleSet]) -> Swept:
    """Deflate the best point's Sharpe ratio beyond holding by the number of points, and write the tables."""
    ranked = swept.ranked()
    deflated = None
    if ranked:
        best = ev.result_of(ev.SweepContext.of(candles, swept.plan.request), ranked[0]["point"])
        deflated = deflated_sharpe(edge(curve(best).by_day, holding(best)[0]), swept.appraisals())
    swept = dataclasses.replace(swept, deflated=deflated)
    _write(swept, candles)
    return swept


def read_journal(journal: Path) -> dict[str, ev.Row]:
    """Rows of an earlier run; a last line that a kill cut short is left out and written over."""
    if not journal.exists():
        return {}
    raw = journal.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with journal.open("r+b") as file:
            file.truncate(len(whole))
    rows = (json.loads(line) for line in whole.splitlines())
    return {key_of(row["point"]): row for row in rows}


def _rows(data_dir: Path, plan: SweepPlan, candles: Sequence[CandleSet], points: Sequence[Point]) -> pools.Rows:
    if not points:
        return
    jobs = plan.jobs or os.cpu_count() or 1
    kind = plan.engine
    if kind == "auto":
        settings = settings_for({**plan.request.overrides, **points[0]}, candles)
        kind = "threads" if signals.has_fast_form(settings) or jobs == 1 else "processes"
    paths = [str(store.find(data_dir, name)) for name in plan.request.data]
    match kind:
        case "threads":
            yield from pools.in_threads(ev.SweepContext.of(candles, plan.request), points, jobs)
        case "processes":
            yield from pools.in_processes(paths, plan.request, points, jobs)
        case "ray":
            yield from pools.in_ray(candles, plan.request, points, plan.address, jobs)
        case _:
            raise ResearchError(f"--engine {kind}: auto, threads, processes or ray")


def _write(swept: Swept, candles: Sequence[CandleSet]) -> None:
    """table.csv and sweep.json."""
    names = list(swept.plan.grid)
    columns = sorted({name for row in swept.rows for name in row.get("figures", {})})
    with (swept.folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *columns, "error"])
        for row in swept.rows:
            found: dict[str, Any] = row.get("figures", {})
            cells = ["" if found.get(name) is None else repr(found[name]) for name in columns]
            writer.writerow([*(row["point"].get(name, "") for name in names), *cells, row.get("error", "")])
    about = {
        "request": request_document(swept.plan.request),
        "grid": {key: list(values) for key, values in swept.plan.grid.items()},
        "points": len(swept.rows),
        "metric": swept.plan.metric,
        "objectives": list(swept.plan.metrics),
        "front": swept.front() if swept.plan.others else [],
        "data": [{"product_id": one.product_id, "digest": one.digest} for one in candles],
        "luck_sharpe": swept.sharpe_by_chance(),
        "deflated_sharpe": swept.deflated,
        "best": swept.ranked()[:10],
    }
    (swept.folder / "sweep.json").write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))
