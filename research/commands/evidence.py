"""`./coin evidence`: what every family of strategies did on your recordings, as a table."""

from typing import Annotated

import typer

from research import evidence as ev
from research import terminal
from research.backtest import load_data
from research.errors import ResearchError
from research.options import data_dir, guarded


@guarded
def evidence(
    data: Annotated[list[str], typer.Argument(help="Candle sets (./coin data list).")],
) -> None:
    """Run every family on each recording at two fee tiers, beside buy and hold, and print tables in Markdown."""
    found, refused = [], []
    with terminal.progress("  runs", len(data) * len(ev.FAMILIES) * len(ev.TIERS)) as step:
        done = 0

        def tell() -> None:
            nonlocal done
            done += 1
            step(done, len(data) * len(ev.FAMILIES) * len(ev.TIERS))

        for name in data:
            candles = load_data(data_dir(only_read=True), [name], None, None)[0]
            try:
                found.append(ev.gather(candles, tell))
            except ResearchError as error:
                refused.append(str(error))
    for line in ev.markdown(found) if found else ():
        terminal.say(line)
    for text in refused:
        terminal.say(f"  · {text}")
    if not found:
        raise typer.Exit(1)
