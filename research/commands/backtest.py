"""`./coin backtest`: one run, kept and shown."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from research import backtest as bt
from research import runs, terminal
from research.lab.holdout import spare
from research.lab.trials import add_run
from research.options import MarketOptions, asking, data_dir, guarded
from research.report.words import figure_text
from research.watch import watch

EngineOption = Annotated[str, typer.Option("--engine", help="fast, plain (not compiled) or full (the bot's engine).")]


@asking
@guarded
def backtest(asked: MarketOptions, engine: EngineOption = "fast") -> None:
    """One run of what was asked."""
    folder = data_dir()
    spared = spare(folder, asked.request(engine), asked.with_holdout)
    run_and_show(folder, spared.request, spared.note)


def run_and_show(folder: Path, request: bt.BacktestRequest, note: str = "") -> None:
    """One backtest: run, keep, print. `note`: what was left out of the data, in words."""
    with terminal.slowly("  backtest") as step:
        done = bt.run(folder, request, progress=step)
    done = dataclasses.replace(done, notes=(note, *done.notes)) if note else done
    kept = runs.keep(folder, done)
    add_run(folder, done, kept.run_id)
    if done.settings.backtest_sleep_ms:
        watch(done.result, done.settings.backtest_sleep_ms)
    _show(done)
    terminal.say()
    for name in ("report.html", "trades.csv", "run.json"):
        terminal.say(f"  {kept.folder / name}")


def _show(done: bt.Backtest) -> None:
    """The figures, and what they rest on."""
    currency = done.result.prepared.candles[0].product_id.partition("-")[2]
    other = {figure.key: figure for figure in done.other_bound}
    rows = []
    for figure in done.figures:
        beside = figure_text(other[figure.key], currency) if figure.key in other else ""
        value = figure_text(figure, currency)
        rows.append((figure.title, value, beside if beside != value else ""))
    word = "touched" if done.request.model.through else "traded through"
    terminal.say(f"  {done.verdict.sentence}.")
    terminal.say(f"  {done.verdict.proof}.\n")
    terminal.table(("", "", f"takes {word}" if other else ""), rows)
    terminal.say()
    for note in done.notes:
        terminal.say(f"  · {note}")
