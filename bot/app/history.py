"""Closed bars of products that join while the bot runs, and how many bars are wanted at all."""

import asyncio
import logging

from bot.app.activity_lines import record_lines
from bot.app.application import Application
from bot.app.background_tasks import fetch_bars
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.timeframe import Timeframe
from bot.venues.errors import ExchangeError, Rejected
from bot.venues.port import TradingClient

log = logging.getLogger("history")
VOLATILITY_BARS = 1_441
TRIES_S = (0.0, 1.0, 3.0, 8.0)
CHARTS = {Timeframe.FIVE_MINUTES: 300, Timeframe.HOUR: 300, Timeframe.DAY: 300}


def wanted_bars(bot: Application) -> dict[Timeframe, int]:
    """Timeframe to number of closed bars: for signals and volatility first, then for the charts."""
    settings = bot.settings
    memory = bot.strategy.memory_bars if bot.strategy is not None else 0
    warmup = bot.strategy.warmup_bars if bot.strategy is not None else 0
    # A minute without a trade has no bar: a quarter more minutes are asked for, so that a day's returns are full.
    limits = max(settings.limit_windows.values(), default=0) * 5 // 4 + 1
    wanted = {Timeframe(settings.granularity): max(memory + 5, 300 + warmup, min(limits, settings.max_history_candles))}
    wanted[Timeframe.MINUTE] = max(wanted.get(Timeframe.MINUTE, 0), VOLATILITY_BARS * 5 // 4)
    return wanted | {g: max(n, wanted.get(g, 0)) for g, n in CHARTS.items()}


async def load_one(bot: Application, rest: TradingClient, product_id: str, granularity: Timeframe, count: int) -> None:
    """One product's bars of one granularity, to the engine and into the recorder; asked for again where it failed."""
    bars: tuple[Bar, ...] = ()
    for wait_s in TRIES_S:
        await bot.clock.sleep(wait_s)
        try:
            bars = await fetch_bars(bot, rest, product_id, granularity, count)
            break
        except ExchangeError as error:
            log.warning("backfill of %s %s: %s", product_id, granularity, error)
            if isinstance(error, Rejected):
                break
    if not bars:
        log.warning("no history of %s %s: signals stay FLAT until there are bars", product_id, granularity)
    bot.dispatch(ev.BarsClosed(product_id, granularity, bars))
    await bot.recorder.candles(product_id, granularity, bars)
    await record_lines(bot, product_id, granularity)


async def load_history(bot: Application, rest: TradingClient, product_ids: tuple[str, ...]) -> None:
    """All bars of products that joined."""
    wanted = wanted_bars(bot)
    await asyncio.gather(*(load_one(bot, rest, p, g, n) for p in product_ids for g, n in wanted.items()))
