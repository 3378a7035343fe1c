"""`./coin evidence`: what every family of strategies did on your recordings, as a table."""

from typing import Annotated

import typer

from research import evidence as ev
from research import terminal
from research.backtest import load_data
from research.errors import ResearchError
from research.evidence_tables import markdown
from research.options import data_dir, guarded
from shared.paths import ROOT
from shared.strategy_evidence import FILE, RecordingFigures, encoded


@guarded
def evidence(
    data: Annotated[
        list[str], typer.Argument(help="Candle sets (./coin data list); A+B+C: one account that trades all three.")
    ],
    write: Annotated[
        bool, typer.Option("--write", help="Make it the evidence of the strategies' cards: a file of this project.")
    ] = False,
) -> None:
    """Run every family on each recording at two fee tiers, beside buy and hold, and print tables in Markdown."""
    found: list[RecordingFigures] = []
    refused = []
    with terminal.progress("  runs", len(data) * len(ev.FAMILIES) * len(ev.TIERS)) as step:
        done = 0

        def tell() -> None:
            nonlocal done
            done += 1
            step(done, len(data) * len(ev.FAMILIES) * len(ev.TIERS))

        for name in data:
            candles = load_data(data_dir(only_read=True), name.split("+"), None, None)
            try:
                found.append(ev.gather(candles, tell))
            except ResearchError as error:
                refused.append(str(error))
    for line in markdown(tuple(found)) if found else ():
        terminal.say(line)
    for text in refused:
        terminal.say(f"  · {text}")
    if not found or (write and refused):
        raise typer.Exit(1)
    if write:
        FILE.write_bytes(encoded(ev.as_document(found, data)))
        terminal.say(f"  Written: {FILE.relative_to(ROOT)}; then python -m research.strategy_page")
