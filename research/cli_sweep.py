"""`./coin sweep`, `walkforward`, `check-strategy` and `parity`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from research import terminal
from research.options import MarketOptions, Seed, Sets, asking, data_dir, guarded, pairs

if TYPE_CHECKING:
    from research.walkforward import Walked

# ruff: noqa: PLC0415
Grid = Annotated[list[str], typer.Option("--grid", "-g", help="An axis: KEY=1.0:3.0:0.1 or KEY=0.2,0.4,0.8.")]
Metric = Annotated[str, typer.Option(help="What to maximise: sharpe, total_return, calmar, …")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Cores; 0 = all.")]
RandomPoints = Annotated[int, typer.Option("--random", help="Number of grid points to draw at random.")]
Top = Annotated[int, typer.Option(help="How many of the best to print.")]
Shown = ("total_return", "max_drawdown", "sharpe", "calmar", "lots", "open_lots", "fees")


@asking
def sweep(
    asked: MarketOptions,
    grid: Grid,
    metric: Metric = "sharpe",
    random_points: RandomPoints = 0,
    optuna: Annotated[int, typer.Option(help="Number of grid points that Optuna chooses one by one.")] = 0,
    engine: Annotated[str, typer.Option("--engine", help="auto, threads, processes or ray.")] = "auto",
    address: Annotated[str, typer.Option(help="A Ray cluster; local starts one here.")] = "local",
    jobs: Jobs = 0,
    top: Top = 10,
) -> None:
    """Backtest many points of settings. Killed or stopped, the same command goes on where it was."""

    def work() -> None:
        from research.backtest import load_data
        from research.report.sweep import write_report
        from research.sweep import points as pt
        from research.sweep import run

        axes = pt.parse(grid)
        request, folder = asked.request(), data_dir()
        if optuna:
            from research.sweep.sampler import run_sampled

            with terminal.progress("  sweep", optuna) as step:
                swept = run_sampled(folder, request, axes, optuna, metric, step)
        else:
            chosen = pt.random_points(axes, random_points, asked.seed) if random_points else pt.all_points(axes)
            plan = run.SweepPlan(request, axes, tuple(chosen), metric, engine, jobs, address)
            with terminal.progress("  sweep", len(chosen)) as step:
                swept = run.run(folder, plan, step)
        _show(swept, top)
        candles = load_data(folder, request.data, request.since_s, request.until_s)
        terminal.say(f"  {write_report(swept, candles)}")
        terminal.say(f"  {swept.folder / 'table.csv'}")

    guarded(work)


def _show(swept: Any, top: int) -> None:
    from research.report.words import MINUS

    names = list(swept.plan.grid)

    def cell(row: Any, name: str) -> str:
        value = row["figures"].get(name)
        if value is None:
            return "—"
        if name in ("total_return", "max_drawdown", "cagr"):
            return f"{value * 100:,.2f} %".replace("-", MINUS)
        return f"{value:,.0f}" if name in ("lots", "open_lots") else f"{value:,.2f}".replace("-", MINUS)

    ranked = swept.ranked()
    shown = list(dict.fromkeys((swept.plan.metric, *Shown)))
    terminal.table(
        (*names, *shown),
        [(*(row["point"][name] for name in names), *(cell(row, name) for name in shown)) for row in ranked[:top]],
        left=len(names),
    )
    held = ranked[0]["figures"].get("buy_and_hold") if ranked else None
    failed = [row for row in swept.rows if "error" in row]
    terminal.say()
    if held is not None:
        terminal.say(f"  · Buy and hold over the same bars: {held * 100:+,.2f} %".replace("-", MINUS))
    if swept.resumed:
        terminal.say(f"  · {swept.resumed:,} of {len(swept.rows):,} points were there already")
    if failed:
        terminal.say(f"  · {len(failed):,} points can't be run, such as: {failed[0]['error']}")
    if len(swept.rows) < len(swept.plan.points):
        terminal.say(
            f"  · Stopped after {len(swept.rows):,} of {len(swept.plan.points):,} points; the same command goes on"
        )
    luck = swept.sharpe_by_chance()
    if luck is not None:
        best = ranked[0]["figures"].get("appraisal") if ranked else None
        terminal.say(
            f"  · Beyond what holding explains, the best of {len(swept.rows):,} points without an edge reaches a "
            f"Sharpe of {luck:.2f} by luck alone"
            + ("" if best is None else f"; this one has {best:.2f}".replace("-", MINUS))
        )
    if swept.deflated is not None:
        terminal.say(
            f"  · Deflated Sharpe of the best: {swept.deflated * 100:.1f} % (probability of more than luck and market)"
        )


@asking
def walkforward(
    asked: MarketOptions,
    grid: Grid,
    train: Annotated[str, typer.Option(help="Length of training, such as 60d.")] = "60d",
    test: Annotated[str, typer.Option(help="Length of each test, such as 20d.")] = "20d",
    purge: Annotated[str, typer.Option(help="Dropped at the end of training, such as 1d; 0 = nothing.")] = "1d",
    embargo: Annotated[str, typer.Option(help="Dropped at the start of the test; 0 = nothing.")] = "0",
    anchored: Annotated[bool, typer.Option("--anchored", help="Training always begins at the first bar.")] = False,
    metric: Metric = "sharpe",
    jobs: Jobs = 0,
) -> None:
    """Choose settings on one stretch, judge them on the next, and roll on."""

    def work() -> None:
        import os

        from research import walkforward as wf
        from research.data.candles import granularity_s
        from research.report.walkforward import write_report
        from research.sweep import points as pt

        lengths = [0 if text in ("0", "") else granularity_s(text) for text in (train, test, purge, embargo)]
        train_s, test_s, purge_s, embargo_s = lengths
        request = asked.request()
        chosen = tuple(pt.all_points(pt.parse(grid)))
        plan = wf.WalkForwardPlan(
            request, chosen, train_s, test_s, purge_s, embargo_s, anchored, metric, jobs or os.cpu_count() or 1
        )
        with terminal.progress("  windows", None) as step:
            walked = wf.walk(data_dir(), plan, step)
        _show_walk(walked, metric)
        terminal.say(f"\n  {write_report(data_dir(), plan, walked)}")

    guarded(work)


def _show_walk(walked: "Walked", metric: str) -> None:
    from research.report.words import MINUS
    from shared.times import from_epoch_ms

    def cell(value: float | None, digits: int = 2, scale: float = 1.0) -> str:
        return "—" if value is None else f"{value * scale:,.{digits}f}".replace("-", MINUS)

    keys = next((list(w.chosen) for w in walked.windows if w.chosen), [])
    rows = []
    for w in walked.windows:
        point = tuple(w.chosen.values()) if w.chosen else ("none", *("" for _ in keys[1:]))
        percents = [cell(w.tested.get(key), 2, 100) for key in ("total_return", "buy_and_hold", "max_drawdown")]
        counts = [cell(w.tested.get(key), 0) for key in ("lots", "open_lots")]
        begin = f"{from_epoch_ms(w.test_from * 1000):%Y-%m-%d}"
        rows.append((begin, *point, cell(w.trained), cell(w.tested.get(metric)), *percents, *counts))
    judged = walked.verdict
    if judged is not None:
        terminal.say(f"  {judged.sentence}.\n  {judged.proof}.\n")
    heads = (f"{metric}: train", "test", "return %", "holding %", "drawdown %", "lots", "open")
    terminal.table(("test from", *(keys or ["chosen"]), *heads), rows, left=1 + max(len(keys), 1))
    total, ratio = float(walked.growth[-1]) - 1, cell(walked.sharpe)
    words = f"All tests combined: {total * 100:+,.2f} %, Sharpe {ratio}, drawdown {walked.max_drawdown * 100:,.2f} %"
    if judged is not None:
        words += f", buy and hold {judged.buy_and_hold * 100:+,.2f} %; {judged.closed_lots:,} lots closed by rule, "
        words += f"{judged.open_lots:,} sold at the end of a test"
    terminal.say(f"\n  · {words}".replace("-", MINUS))
    terminal.say("  · Lots still open at the end of a test are sold at market; the next test starts with that cash")


def check_strategy(
    name: Annotated[str, typer.Argument(help="A strategy, built in or from strategies/.")],
    data: Annotated[str, typer.Option("--data", "-d", help="Candle set to check it on.")],
    sets: Sets = None,
    cuts: Annotated[int, typer.Option(help="Number of random bars at which history is cut off.")] = 20,
    buys: Annotated[int, typer.Option(help="Maximum number of BUY signals to test.")] = 100,
    bars: Annotated[int, typer.Option(help="Newest bars to check on; 0 = all.")] = 20_000,
    seed: Seed = 0,
) -> None:
    """Look for looks into the future, and for more memory than the bot keeps. Exit code 1 where one is found."""

    def work() -> None:
        from research import check
        from research.backtest import load_data, settings_for

        candles = load_data(data_dir(only_read=True), [data], None, None)[0]
        if bars and len(candles) > bars:
            candles = candles.rows(len(candles) - bars, len(candles))
        settings = settings_for({**pairs(sets), "STRATEGY": name}, [candles])
        with terminal.progress("  histories", None) as step:
            verdicts = check.check(settings, candles, cuts, seed, step, buys=buys)
        for verdict in verdicts:
            terminal.say(f"  {verdict.mark} {verdict.name}: {verdict.said}")
        if not all(verdict.passed for verdict in verdicts):
            raise typer.Exit(1)

    guarded(work)


def parity(
    since: Annotated[str, typer.Option(help="yesterday, or a day: YYYY-MM-DD (UTC).")] = "yesterday",
) -> None:
    """Did the bot do what a backtest says? Signals, decisions (RECORD=true), results; differences are explained."""

    def work() -> None:
        from research.parity import compare

        report = compare(since)
        for line in report.lines:
            terminal.say(f"  {line}")
        if report.differences or report.apart:
            raise typer.Exit(1)

    guarded(work)
