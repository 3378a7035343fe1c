"""`./coin parity`: what the bot did, beside a backtest of the same day."""

from typing import Annotated

import typer

from research import terminal
from research.options import guarded
from research.parity import compare


@guarded
def parity(
    since: Annotated[str, typer.Option(help="yesterday, or a day: YYYY-MM-DD (UTC).")] = "yesterday",
) -> None:
    """Did the bot do what a backtest says? Signals, decisions (RECORD=true), results; differences are explained."""
    report = compare(since)
    for line in report.lines:
        terminal.say(f"  {line}")
    if report.differences or report.apart:
        raise typer.Exit(1)
