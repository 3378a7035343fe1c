"""`./coin check-strategy`: does a strategy look into the future, or further back than the bot remembers?"""

from typing import Annotated

import typer

from research import check, terminal
from research.backtest import load_data, settings_for
from research.options import Seed, Sets, data_dir, guarded, pairs


@guarded
def check_strategy(
    name: Annotated[str, typer.Argument(help="A strategy, built in or from strategies/.")],
    data: Annotated[str, typer.Option("--data", "-d", help="Candle set to check the strategy on.")],
    sets: Sets = None,
    cuts: Annotated[int, typer.Option(help="Number of random bars at which history is cut off.")] = 20,
    buys: Annotated[int, typer.Option(help="Maximum number of BUY signals to test.")] = 100,
    bars: Annotated[int, typer.Option(help="Newest bars to check on; 0 = all.")] = 20_000,
    seed: Seed = 0,
) -> None:
    """Look for looks into the future, and for more memory than the bot keeps. Exit code 1 where one is found."""
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
