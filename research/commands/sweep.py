"""`./coin sweep`: many backtests, and the best of them."""

from typing import Annotated

import typer

from research import terminal
from research.backtest import load_data
from research.lab.holdout import spare
from research.options import Grid, Jobs, MarketOptions, Maximised, asking, data_dir, guarded
from research.report.sweep import write_report
from research.report.words import MINUS
from research.sweep import points as pt
from research.sweep import run
from research.sweep import sampler as samplers
from research.sweep.evaluate import Row
from research.sweep.sampler import SweepSampler

RandomPoints = Annotated[int, typer.Option("--random", help="Number of grid points to draw at random.")]
Top = Annotated[int, typer.Option(help="How many of the best to print.")]
SHOWN = ("total_return", "max_drawdown", "sharpe", "calmar", "lots", "open_lots", "fees")


@asking
@guarded
def sweep(
    asked: MarketOptions,
    grid: Grid,
    metric: Maximised = "sharpe",
    random_points: RandomPoints = 0,
    sampler: Annotated[
        str, typer.Option("--sampler", help="grid (every point), random, tpe, or nsga (for several objectives).")
    ] = "grid",
    trials: Annotated[int, typer.Option("--trials", help="Number of points for random, tpe and nsga.")] = 100,
    engine: Annotated[str, typer.Option("--engine", help="auto, threads, processes or ray.")] = "auto",
    address: Annotated[str, typer.Option(help="Address of a Ray cluster; local starts one on this machine.")] = "local",
    jobs: Jobs = 0,
    top: Top = 10,
) -> None:
    """Backtest many points of settings. Killed or stopped, the same command goes on where it was."""
    axes = pt.parse(grid)
    folder = data_dir()
    spared = spare(folder, asked.request(), asked.with_holdout)
    request = spared.request
    how = samplers.checked(sampler)
    first, *others = [name.strip() for name in metric.split(",")]
    count = random_points or (trials if how is SweepSampler.RANDOM else 0)
    if how.learns:
        plan = run.SweepPlan(request, axes, (), first, others=tuple(others))
        with terminal.progress("  sweep", trials) as step:
            swept = samplers.run_sampled(folder, plan, how, trials, step)
    else:
        chosen = pt.random_points(axes, count, asked.seed) if count else pt.all_points(axes)
        plan = run.SweepPlan(request, axes, tuple(chosen), first, engine, jobs, address, tuple(others))
        with terminal.progress("  sweep", len(chosen)) as step:
            swept = run.run(folder, plan, step)
    _show(swept, top)
    if spared.note:
        terminal.say(f"  · {spared.note}")
    candles = load_data(folder, request.data, request.since_s, request.until_s)
    terminal.say(f"  {write_report(swept, candles)}")
    terminal.say(f"  {swept.folder / 'table.csv'}")


def _show(swept: run.Swept, top: int) -> None:
    names = list(swept.plan.grid)

    def cell(row: Row, name: str) -> str:
        value = row["figures"].get(name)
        if value is None:
            return "—"
        if name in ("total_return", "max_drawdown", "cagr"):
            return f"{value * 100:,.2f} %".replace("-", MINUS)
        return f"{value:,.0f}" if name in ("lots", "open_lots") else f"{value:,.2f}".replace("-", MINUS)

    ranked = swept.ranked()
    shown = list(dict.fromkeys((swept.plan.metric, *SHOWN)))
    terminal.table(
        (*names, *shown),
        [(*(row["point"][name] for name in names), *(cell(row, name) for name in shown)) for row in ranked[:top]],
        left=len(names),
    )
    if swept.plan.others:
        front = swept.front()
        terminal.say(f"\n  Best in one objective without being worse in another ({len(front):,} points):\n")
        terminal.table(
            (*names, *swept.plan.metrics),
            [(*(row["point"][name] for name in names), *(cell(row, name) for name in swept.plan.metrics))
             for row in front[:top]],
            left=len(names),
        )  # fmt: skip
    held = ranked[0]["figures"].get("buy_and_hold") if ranked else None
    failed = [row for row in swept.rows if "error" in row]
    terminal.say()
    if held is not None:
        terminal.say(f"  · Buy and hold over the same bars: {held * 100:+,.2f} %".replace("-", MINUS))
    if swept.resumed:
        terminal.say(f"  · {swept.resumed:,} of {len(swept.rows):,} points were already done")
    if failed:
        terminal.say(f"  · {len(failed):,} points can't be run, such as: {failed[0]['error']}")
    if len(swept.rows) < len(swept.plan.points):
        terminal.say(
            f"  · Stopped after {len(swept.rows):,} of {len(swept.plan.points):,} points; the same command resumes"
        )
    luck = swept.sharpe_by_chance()
    if luck is not None:
        best = ranked[0]["figures"].get("appraisal") if ranked else None
        terminal.say(
            f"  · Beyond what holding explains, the best of {len(swept.rows):,} points without an edge would reach a "
            f"Sharpe of {luck:.2f} by luck alone"
            + ("" if best is None else f"; this one has {best:.2f}".replace("-", MINUS))
        )
    if swept.deflated is not None:
        terminal.say(
            f"  · Deflated Sharpe of the best: {swept.deflated * 100:.1f} % (probability of more than luck and market)"
        )
