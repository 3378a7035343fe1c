"""What the lab is asked about: a kept run, or the best point of a sweep."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from research import runs
from research.backtest import BacktestRequest, EngineKind, load_data, settings_for
from research.data.candles import CandleSet
from research.errors import ResearchError
from research.lab.trials import Trial, TrialKind, TrialRegistry, TrialSource, tried
from research.signals import strategy_of
from research.sweep.evaluate import SweepContext, evaluate
from research.sweep.points import Grid, Point
from shared.settings import public_values

# Moved a little where a single run is judged: what a person would have tuned, beside the settings that were set.
TUNED = ("TAKE_PROFIT_PCT", "STOP_LOSS_PCT", "TRAIL_DISTANCE_PCT")
MOVES = (0.8, 0.9, 1.1, 1.25)


@dataclass(frozen=True, slots=True)
class LabSubject:
    """`request`: with the settings that are judged; `point`: those that were chosen, {} of a run. `grid`: of a sweep.

    `group`: of its trials in the registry; `folder`: where its page is written.
    """

    title: str
    kind: TrialKind
    group: str
    folder: Path
    request: BacktestRequest
    point: Point
    grid: Grid
    candles: tuple[CandleSet, ...]

    @property
    def key(self) -> str:
        """Of the question: equal settings on equal data are one subject."""
        return TrialSource.of(self.kind, "", self.request, self.candles).base


def find(data_dir: Path, name: str) -> LabSubject:
    """A run or a sweep by its id, the beginning or end of it; `last`: the newest of both. Raises ResearchError."""
    sweeps = {path.parent.name: path for path in (data_dir / "research" / "sweeps").glob("*/sweep.json")}
    kept = {one.run_id: one for one in runs.listed(data_dir)}
    if name == "last":
        newest = [(path.stat().st_mtime, key) for key, path in sweeps.items()]
        newest += [((one.folder / "run.json").stat().st_mtime, key) for key, one in kept.items()]
        name = max(newest)[1] if newest else name
    match = [key for key in (*kept, *sweeps) if key == name] or [
        key for key in (*kept, *sweeps) if key.startswith(name) or key.endswith(name)
    ]
    if len(match) != 1:
        raise ResearchError(
            f"no run and no sweep {name}: ./coin runs list" if not match else f"{name} matches {len(match)} of them"
        )
    return _of_sweep(data_dir, sweeps[match[0]]) if match[0] in sweeps else _of_run(data_dir, kept[match[0]])


def _loaded(data_dir: Path, request: BacktestRequest, digests: Sequence[str]) -> tuple[CandleSet, ...]:
    whole = load_data(data_dir, request.data, None, None)
    if [one.digest.partition("[")[0] for one in whole] != [digest.partition("[")[0] for digest in digests]:
        raise ResearchError("the data is another than it was then: ask for the run or the sweep again")
    return tuple(load_data(data_dir, request.data, request.since_s, request.until_s))


def _of_run(data_dir: Path, kept: runs.StoredRun) -> LabSubject:
    request = replace(runs.request_of(kept.about["request"]), engine=EngineKind.FAST)
    candles = _loaded(data_dir, request, [one["digest"] for one in kept.about["data"]])
    return LabSubject(kept.run_id, TrialKind.BACKTEST, kept.run_id, kept.folder, request, {}, {}, candles)


def _of_sweep(data_dir: Path, path: Path) -> LabSubject:
    try:
        about: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResearchError(f"{path} can't be read: {error}") from error
    if not about["best"]:
        raise ResearchError(f"the sweep {path.parent.name} has no best point")
    asked, point = runs.request_of(about["request"]), about["best"][0]["point"]
    request = replace(asked, overrides={**asked.overrides, **point})
    grid = {key: tuple(values) for key, values in about["grid"].items()}
    candles = _loaded(data_dir, request, [one["digest"] for one in about["data"]])
    name = path.parent.name
    title = f"best of sweep {name}: {', '.join(f'{key}={value}' for key, value in point.items())}"
    return LabSubject(title, TrialKind.SWEEP, name, path.parent, request, point, grid, candles)


def neighbours(subject: LabSubject) -> list[Point]:
    """Points around what is judged. Of a sweep: one step along each axis; of a run: each number that it was given, or
    that its strategy reads, moved a little. Raises ResearchError."""
    if subject.grid:
        return _steps(subject.grid, subject.point)
    settings = settings_for(subject.request.overrides, subject.candles)
    values = public_values(settings)
    uses = [name.upper() for name in strategy_of(settings).uses]
    given = subject.request.overrides
    return [
        {key: value}
        for key in dict.fromkeys((*given, *TUNED, *uses))
        for value in _moved(given.get(key, values.get(key, "")))
    ]


def _steps(grid: Grid, point: Point) -> list[Point]:
    found: list[Point] = []
    for key, values in grid.items():
        at = values.index(point[key])
        found += [{**point, key: values[i]} for i in (at - 1, at + 1) if 0 <= i < len(values)]
    return found


def _moved(text: str) -> list[str]:
    """The number a little smaller and larger, whole where it is whole; nothing of what is no number, or zero."""
    try:
        value = float(text)
    except ValueError:
        return []
    if not value:
        return []
    if text.lstrip("-").isdigit():
        whole = dict.fromkeys(round(value * move) for move in MOVES)
        return [str(number) for number in whole if number not in (0, round(value))]
    return [f"{value * move:.6g}" for move in MOVES]


def try_points(data_dir: Path, subject: LabSubject, points: Sequence[Point]) -> list[Trial]:
    """The points as trials of the subject's group, kept in the registry; those that can't be run are left out."""
    source = TrialSource.of(TrialKind.LAB, subject.group, subject.request, subject.candles)
    bench = SweepContext.of(subject.candles, subject.request)
    found = [trial for point in points for trial in tried(evaluate(bench, point), source)]
    TrialRegistry(data_dir).add(found)
    return found
