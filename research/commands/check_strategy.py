"""`./coin check-strategy`: does a strategy look into the future, or further back than the bot remembers?"""

from typing import Annotated

import typer

from research import check, terminal
from research.backtest import load_data, settings_for
from research.errors import Misused
from research.options import Seed, Sets, data_dir, guarded, pairs


@guarded
def check_strategy(
    name: Annotated[str, typer.Argument(help="A strategy, built in or from strategies/.")],
    data: Annotated[
        list[str],
        typer.Option("--data", "-d", help="Candle set to check on; the others stand beside it where it compares them."),
    ],
    sets: Sets = None,
    cuts: Annotated[int, typer.Option(help="Number of random bars at which history is cut off.")] = 20,
    buys: Annotated[int, typer.Option(help="Maximum number of BUY signals to test.")] = 100,
    bars: Annotated[int, typer.Option(help="Newest bars to check on; 0 = all.")] = 20_000,
    seed: Seed = 0,
) -> None:
    """Look for looks into the future, and for more memory than the bot keeps. Exit code 1 where one is found."""
    candles, *peers = load_data(data_dir(only_read=True), data, None, None)
    if any(one.granularity_s != candles.granularity_s or one.product_id == candles.product_id for one in peers):
        raise Misused("--data: candle sets beside the first need bars of its length, of other products")
    if bars and len(candles) > bars:
        candles = candles.rows(len(candles) - bars, len(candles))
    settings = settings_for({**pairs(sets), "STRATEGY": name}, [candles, *peers])
    with terminal.progress("  histories", None) as step:
        verdicts = check.check(settings, candles, cuts, seed, step, buys=buys, peers=peers)
    if peers:
        terminal.say(f"  · {candles.product_id} was checked, beside {', '.join(one.product_id for one in peers)}")
    for verdict in verdicts:
        terminal.say(f"  {verdict.mark} {verdict.name}: {verdict.said}")
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)
