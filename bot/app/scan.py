"""The scanner's I/O: lists the products, has the engine rank them, loads history and streams for those that join."""

import asyncio
import logging

from bot.app.application import Application
from bot.app.background_tasks import C_S
from bot.app.history import load_history
from bot.domain import events as ev
from bot.domain.timeframe import Timeframe
from bot.engine import scanner
from bot.venues.errors import ExchangeError, RateLimited, Unreachable
from bot.venues.port import Listing, TradingClient
from shared.backoff import Backoff
from shared.times import epoch_ms

log = logging.getLogger("scanner")
SHORTLIST = 30  # by volume; each costs one request for its candles
HOURS = 25
RETRY_S = 5.0


async def clock_c(bot: Application, rest: TradingClient) -> None:
    """At once and every 30 minutes, where the scanner is on; one that fails is tried again sooner."""
    backoff = Backoff(RETRY_S, C_S, None)
    while bot.settings.scanner_max_products:
        try:
            await scan(bot, rest)
            wait_s = C_S
            backoff.reset()
        except ExchangeError as error:
            wait_s = backoff.next_s()
            log.warning("scan: %s; keeping the selection, next scan in %.0f s", error, wait_s)
        await bot.clock.sleep(wait_s)


async def scan(bot: Application, rest: TradingClient) -> None:
    """Once: rank, tell the engine, follow its choice. Raises ExchangeError; does nothing where the scanner is off."""
    most = bot.settings.scanner_max_products
    if not most or bot.engine is None:
        return
    account = bot.engine.view.account
    listed = [entry for entry in await rest.listed() if entry.instrument.quote == account.quote]
    listed.sort(key=lambda entry: (-entry.volume_quote, entry.instrument.product_id))
    short = listed[:SHORTLIST]
    spreads = await rest.spreads([entry.instrument.product_id for entry in short])
    candidates = await asyncio.gather(*(_candidate(bot, rest, entry, spreads) for entry in short))
    s, paid = bot.settings, account.fees
    terms = scanner.Terms(s.scanner_min_volume_usd, s.max_spread_pct, paid.entry, paid.take)
    for candidate in candidates:
        reason = scanner.why_not(candidate, terms)
        if reason is not None:
            log.debug("%s: %s", candidate.product_id, reason)
    chosen = scanner.pick(scanner.rank(candidates, terms), most)
    log.info("%d products scanned, picked: %s", len(listed), ", ".join(chosen) or "none, keeping the selection")
    await follow(bot, rest, chosen, short)


async def _candidate(
    bot: Application, rest: TradingClient, entry: Listing, spreads: dict[str, float]
) -> scanner.Candidate:
    """Raises what says nothing of the product, or a busy exchange would choose in the ranking's place."""
    instrument = entry.instrument
    end_s = epoch_ms(bot.clock.utc()) // 1000 // 3600 * 3600
    try:
        bars = await rest.candles(instrument.product_id, Timeframe.HOUR, end_s - HOURS * 3600, end_s - 1)
        volatility = scanner.hour_volatility_pct([bar.close for bar in bars])
    except (RateLimited, Unreachable):
        raise
    except ExchangeError as error:
        log.info("%s: no candles (%s)", instrument.product_id, error)
        volatility = None
    halted = instrument.halted is not None
    spread_pct = spreads.get(instrument.product_id)
    return scanner.Candidate(instrument.product_id, entry.volume_quote, spread_pct, volatility, halted)


async def follow(bot: Application, rest: TradingClient, chosen: tuple[str, ...], listed: list[Listing]) -> None:
    """Tell the engine, then subscribe to and load what it watches now."""
    assert bot.engine is not None
    before = set(bot.engine.view.markets.product_ids)
    by_id = {entry.instrument.product_id: entry.instrument for entry in listed}
    bot.dispatch(ev.InstrumentList(tuple(by_id[product_id] for product_id in chosen)))
    bot.dispatch(ev.ScannerSelection(chosen))
    now = bot.products
    if set(now) == before:
        return
    for stream in filter(None, (*bot.streams, bot.depth)):
        await stream.watch(now)
    await load_history(bot, rest, tuple(product_id for product_id in now if product_id not in before))
