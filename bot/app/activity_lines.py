"""The strategy's indicators on every bar that a chart shows, the ones before this start included."""

from functools import partial

from bot.app.application import Application

CHART_BARS = 500  # that the page asks for


async def record_lines(bot: Application, product_id: str, granularity: str) -> None:
    """Computed anew from the bars that are kept: nothing was decided on those that closed while nobody looked."""
    market = bot.engine.view.markets.get(product_id) if bot.engine is not None else None
    if market is None or bot.strategy is None or granularity != bot.settings.granularity:
        return
    draw = partial(bot.strategy.lines, float(market.instrument.price_increment))
    await bot.recorder.indicators(product_id, granularity, CHART_BARS + bot.strategy.memory_bars, draw)
