"""`./coin walkforward`: settings chosen on one period, tested on the next."""

import os
from typing import Annotated

import typer

from research import terminal
from research import walkforward as wf
from research.data.candles import granularity_s
from research.lab.holdout import spare
from research.options import Grid, Jobs, MarketOptions, Maximised, asking, data_dir, guarded
from research.report.walkforward import write_report
from research.report.words import MINUS
from research.sweep import points as pt
from shared.times import from_epoch_ms


@asking
@guarded
def walkforward(
    asked: MarketOptions,
    grid: Grid,
    train: Annotated[str, typer.Option(help="Length of training, such as 60d.")] = "60d",
    test: Annotated[str, typer.Option(help="Length of each test, such as 20d.")] = "20d",
    purge: Annotated[str, typer.Option(help="Removed from the end of training, such as 1d; 0 = nothing.")] = "1d",
    embargo: Annotated[str, typer.Option(help="Removed from the start of the test, such as 1h; 0 = nothing.")] = "1h",
    anchored: Annotated[
        bool, typer.Option("--anchored", help="Training windows always start at the first bar.")
    ] = False,
    metric: Maximised = "sharpe",
    jobs: Jobs = 0,
) -> None:
    """Choose settings on one stretch, judge them on the next, and roll on."""
    lengths = [0 if text in ("0", "") else granularity_s(text) for text in (train, test, purge, embargo)]
    train_s, test_s, purge_s, embargo_s = lengths
    folder = data_dir()
    spared = spare(folder, asked.request(), asked.with_holdout)
    chosen = tuple(pt.all_points(pt.parse(grid)))
    plan = wf.WalkForwardPlan(
        spared.request, chosen, train_s, test_s, purge_s, embargo_s, anchored, metric, jobs or os.cpu_count() or 1
    )
    with terminal.progress("  windows", None) as step:
        walked = wf.walk(folder, plan, step)
    _show_walk(walked, metric)
    if spared.note:
        terminal.say(f"  · {spared.note}")
    terminal.say(f"\n  {write_report(folder, plan, walked)}")


def _show_walk(walked: wf.Walked, metric: str) -> None:
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
