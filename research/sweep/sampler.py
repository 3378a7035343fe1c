"""Points chosen one after the other by Optuna's samplers (requirements-sweep.txt). Equal seeds, equal points."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from research.backtest import load_data, settings_for
from research.errors import Misused, ResearchError
from research.lab.trials import TrialKind, TrialRegistry, TrialSource, tried
from research.sweep.evaluate import Row, SweepContext, evaluate
from research.sweep.points import key_of
from research.sweep.run import SweepPlan, Swept, check_metrics, finish, read_journal, sweep_id


class SweepSampler(StrEnum):
    """Who chooses the points: every one, at random, or by what the earlier ones gave (one objective, or several)."""

    GRID = "grid"
    RANDOM = "random"
    TPE = "tpe"
    NSGA = "nsga"

    @property
    def learns(self) -> bool:
        """Whether Optuna is needed."""
        return self in (SweepSampler.TPE, SweepSampler.NSGA)


def run_sampled(
    data_dir: Path, plan: SweepPlan, sampler: SweepSampler, count: int, progress: Callable[[int, int], None]
) -> Swept:
    """`count` points of the plan's grid, the plan's objectives maximised. Raises ResearchError.

    Stopped or killed, the same question goes on: the sampler is asked from the first point on, and what the journal
    knows is not run again, so that the points are those of a sweep that was never stopped. So does a larger `count`.
    """
    optuna = _optuna()
    check_metrics(plan)
    request = plan.request
    candles = load_data(data_dir, request.data, request.since_s, request.until_s)
    # A wrong key is said once, not for every point.
    settings_for({**request.overrides, **{key: values[0] for key, values in plan.grid.items()}}, candles)
    how = orjson.dumps([sampler, list(plan.grid.items()), plan.metrics, request.seed]).decode()
    folder = data_dir / "research" / "sweeps" / sweep_id(plan, candles, how)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry, source = TrialRegistry(data_dir), TrialSource.of(TrialKind.SWEEP, folder.name, request, candles)
    bench, study = SweepContext.of(candles, request), _study(optuna, sampler, plan)
    journal = folder / "points.jsonl"
    known, rows = read_journal(journal), dict[str, Row]()
    resumed = 0
    try:
        with journal.open("ab") as file:
            for number in range(count):
                asked = study.ask()
                point = {key: _suggested(asked, key, values) for key, values in plan.grid.items()}
                key = key_of(point)
                row = known.get(key)
                if row is None:
                    row = evaluate(bench, point)
                    registry.add(tried(row, source))
                    file.write(orjson.dumps(row) + b"\n")
                    file.flush()
                    known[key] = row
                elif key not in rows:
                    resumed += 1
                rows.setdefault(key, row)
                _tell(optuna, study, asked, row, plan.metrics)
                progress(number + 1, count)
    except KeyboardInterrupt:
        if not rows:
            raise
    found = tuple(rows.values())
    chosen = tuple(row["point"] for row in found)
    finished = SweepPlan(request, plan.grid, chosen, plan.metric, sampler.value, 1, others=plan.others)
    return finish(Swept(finished, folder, found, resumed), candles)


def _optuna() -> Any:
    try:
        # Installed by ./coin when one of its samplers is asked for.
        import optuna  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise ResearchError(
            "--sampler tpe and nsga need Optuna: .venv/bin/python -m pip install -r requirements-sweep.txt"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _study(optuna: Any, sampler: SweepSampler, plan: SweepPlan) -> Any:
    kind = optuna.samplers.NSGAIISampler if sampler is SweepSampler.NSGA else optuna.samplers.TPESampler
    return optuna.create_study(directions=["maximize"] * len(plan.metrics), sampler=kind(seed=plan.request.seed))


def _suggested(asked: Any, key: str, values: tuple[str, ...]) -> str:
    """One of the axis' values. Numbers are told apart by their place, so that the sampler knows which are near."""
    if len(values) > 1 and all(_is_number(value) for value in values):
        place: int = asked.suggest_int(key, 0, len(values) - 1)
        return values[place]
    return str(asked.suggest_categorical(key, list(values)))


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _tell(optuna: Any, study: Any, asked: Any, row: Row, metrics: tuple[str, ...]) -> None:
    """The row's objectives; a point that can't run, or has none of them, is told as failed."""
    values = [row.get("figures", {}).get(metric) for metric in metrics]
    if any(value is None for value in values):
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(asked, [float(value) for value in values if value is not None])


def checked(name: str) -> SweepSampler:
    """The sampler of that name. Raises Misused."""
    if name not in list(SweepSampler):
        raise Misused(f"--sampler {name}: one of {', '.join(SweepSampler)}")
    return SweepSampler(name)
