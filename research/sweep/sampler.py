"""Points chosen one after the other by Optuna's samplers (an optional package). Equal seeds, equal points."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from research.backtest import BacktestRequest, load_data
from research.errors import ResearchError
from research.sweep.evaluate import Row, SweepContext, evaluate
from research.sweep.points import Grid
from research.sweep.run import METRICS, SweepPlan, Swept, finish, sweep_id


def run_sampled(
    data_dir: Path, request: BacktestRequest, grid: Grid, count: int, metric: str, progress: Callable[[int, int], None]
) -> Swept:
    """`count` points of the grid by the TPE sampler. Raises ResearchError."""
    try:
        # Installed by those who ask for it.
        import optuna  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise ResearchError("--optuna needs Optuna: .venv/bin/python -m pip install optuna") from error
    if metric not in METRICS:
        raise ResearchError(f"--metric {metric}: one of {', '.join(METRICS)}")
    candles = load_data(data_dir, request.data, request.since_s, request.until_s)
    bench = SweepContext.of(candles, request)
    rows: list[Row] = []

    def objective(trial: Any) -> float:
        point = {key: trial.suggest_categorical(key, list(values)) for key, values in grid.items()}
        row = evaluate(bench, point)
        rows.append(row)
        progress(len(rows), count)
        value = row.get("figures", {}).get(metric)
        if value is None:
            raise optuna.TrialPruned
        return float(value)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=request.seed))
    try:
        study.optimize(objective, n_trials=count)
    except KeyboardInterrupt:
        if not rows:
            raise
    plan = SweepPlan(request, grid, tuple(row["point"] for row in rows), metric, "optuna", 1)
    folder = data_dir / "research" / "sweeps" / sweep_id(plan, candles)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return finish(Swept(plan, folder, tuple(rows), 0), candles)
