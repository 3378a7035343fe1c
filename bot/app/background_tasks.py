"""Background tasks: control every 10 ms, a tick each second, bars at their close, and two slow clocks.

`clock_b`, every 5 s: sync, product rules, clock offset. `clock_c`, every 30 minutes: fee tier, pruning. Prices need no
task: every frame of a stream is an event.
"""

import asyncio
import logging
import math

from bot.app.activity_lines import record_lines
from bot.app.application import Application
from bot.app.control import LOOK_S
from bot.app.state_documents import market_file
from bot.app.verdict import verdict
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.timeframe import Timeframe
from bot.engine.views.markets import MarketView
from bot.venues.errors import ExchangeError
from bot.venues.port import TradingClient
from shared.documents.risk import GateVerdict
from shared.market_data import ENTERED, EquityRow, IndicatorRow
from shared.times import epoch_ms
from shared.verdict import Verdict

log = logging.getLogger("clock")
PAGE_BARS = 300
CHART_TIMEFRAMES = (Timeframe.MINUTE, Timeframe.FIVE_MINUTES, Timeframe.HOUR, Timeframe.DAY)
BOOKS_S = 1.0
B_S = 5.0
PROBE_S = 2.0  # between questions to an exchange that gives no answer
SYNC_S = 30.0
AGAIN_S = 10.0  # after balances that own orders overtook: a busy bot would not see a trade by hand for minutes
SERVER_TIME_S = 60.0
RULES_S = 45.0  # increments, least sizes and halts may change while the bot runs
C_S = 1800.0
BAR_DELAY_S = 1.0
BAR_TRIES_S = (0.0, 2.0, 6.0)


async def control(bot: Application) -> None:
    """Look at the control file every 10 ms, for ever; the same beat measures the loop's lag."""
    while True:
        bot.beat()
        before_s = bot.clock.monotonic_s()
        bot.commands.tick()
        bot.watchdog.beat()
        await bot.clock.sleep(LOOK_S)
        bot.loop_lag_ms.add(max(bot.clock.monotonic_s() - before_s - LOOK_S, 0.0) * 1000)


async def seconds(bot: Application) -> None:
    """Once a second: the engine's tick, the lock, the ledger's backlog, the market file, a gap of the loop."""
    while True:
        await bot.clock.sleep(1.0)
        bot.beat()
        bot.watch_ledger()
        if bot.rest is not None:
            bot.dispatch(ev.RequestCounts(bot.rest.calls, bot.rest.errors))
        bot.dispatch(ev.LivePermissionUpdate(bot.live_lock.reason(), bot.gate.nothing_sold()))
        bot.dispatch(ev.Tick())
        bot.watchdog.judged()
        if bot.engine is not None:
            bot.answers.watch(bot.engine.view.strategy.answer_limit_s)
        await _write_market(bot)


async def books(bot: Application) -> None:
    """Tell the engine of every price book once a second, one after the other: no single turn of the loop is long."""
    while True:
        products = bot.products
        for product_id in products:
            await bot.clock.sleep(BOOKS_S / len(products))
            found = bot.depth.told(product_id) if bot.depth is not None else None
            if found is not None:
                bot.dispatch(found)


async def _write_market(bot: Application) -> None:
    if bot.engine is None or not bot.engine.view.control.ready:
        return
    data = market_file(bot)
    try:
        await bot.offload.run(lambda: bot.fs.write_whole(bot.paths.market, data, durable=False))
    except OSError as error:
        log.debug("market.json: %s", error)


async def clock_b(bot: Application, rest: TradingClient) -> None:
    """Every 5 s, or at once when wanted: sync where it is due; each minute the products' rules and the clocks."""
    synced_s = timed_s = ruled_s = bot.clock.monotonic_s()
    wanted = False
    while True:
        wanted = await _wait(bot, B_S if rest.silent_since_s is None else PROBE_S) or wanted
        now_s = bot.clock.monotonic_s()
        assert bot.desk is not None and bot.engine is not None
        try:
            if rest.silent_since_s is not None:
                await rest.server_time()  # one small question tells whether the exchange is back; a sync is many
            every_s = AGAIN_S if bot.engine.view.account.balances_overtaken else SYNC_S
            if wanted or now_s - synced_s >= every_s or not bot.engine.view.account.known:
                await bot.desk.sync()
                synced_s, wanted = now_s, False
            if now_s - ruled_s >= RULES_S:
                await refresh_products(bot, rest)
                ruled_s = now_s
            if now_s - timed_s >= SERVER_TIME_S or bot.clock_doubt:
                await _compare_clocks(bot, rest)
                timed_s = now_s
        except ExchangeError as error:
            log.warning("sync: %s", error)
            wanted = wanted and rest.silent_since_s is not None  # nobody heard it: asked for as soon as one does


async def refresh_products(bot: Application, rest: TradingClient) -> None:
    """What the exchange says of the products now; one that its list leaves out is asked for by name."""
    found = await rest.products(bot.products)
    bot.dispatch(ev.InstrumentList(found))
    for product_id in set(bot.products) - {instrument.product_id for instrument in found}:
        bot.dispatch(ev.InstrumentList((await rest.instrument(product_id),)))
    assert bot.engine is not None
    others = bot.engine.view.account.held_besides
    if not others:
        return
    try:
        bot.dispatch(ev.InstrumentList(await rest.products(others)))
    except ExchangeError as error:  # it may know none of them; what is traded must not wait for that
        log.info("prices of %s: %s", ", ".join(others), error)


async def _wait(bot: Application, seconds_: float) -> bool:
    """True where a sync was asked for meanwhile."""
    try:
        async with asyncio.timeout(seconds_):  # `wait_for` loses a cancellation that comes with the event
            await bot.sync_wanted.wait()
    except TimeoutError:
        return False
    bot.sync_wanted.clear()
    return True


async def clock_offset_ms(bot: Application, rest: TradingClient) -> int:
    """Exchange minus ours, at the middle of one request. Raises ExchangeError."""
    asked_s = bot.clock.monotonic_s()
    there = await rest.server_time()
    bot.follow_wall_clock()  # a jump meanwhile is no part of the difference
    took_ms = round((bot.clock.monotonic_s() - asked_s) * 1000)
    return epoch_ms(there) - (epoch_ms(bot.clock.utc()) - took_ms // 2)


async def _compare_clocks(bot: Application, rest: TradingClient) -> None:
    bot.clock_offset_ms, bot.clock_doubt = await clock_offset_ms(bot, rest), False
    bot.dispatch(ev.ClockChecked(bot.clock_offset_ms))


async def clock_c(bot: Application, rest: TradingClient) -> None:
    """Every 30 minutes: fee tier, old rows."""
    while True:
        await bot.clock.sleep(C_S)
        try:
            bot.dispatch(ev.FeeUpdate(await rest.fees()))
        except ExchangeError as error:
            log.warning("clock C: %s", error)
        await bot.recorder.prune(epoch_ms(bot.clock.utc()) // 1000)


async def bars(bot: Application, rest: TradingClient) -> None:
    """After each full minute: the bars that closed, read from the exchange, and equity for the chart.

    Each CANDLE_RESYNC_SEC the bars before them are read again as well, since an exchange may correct or add some.
    """
    every_s = {g: _every_s(bot, g) for g in _kept(bot)}
    read_s = {g: _utc_s(bot) // g.seconds * g.seconds for g in every_s}
    closed_s = int(_utc_s(bot) // 60) * 60
    while True:
        now_s = _utc_s(bot)
        full_s = int(now_s // 60) * 60
        # A reading that went on over a full minute has not read what closed there.
        minute_s = full_s if closed_s < full_s else full_s + 60
        again_s = max(min(read_s[g] + every_s[g] for g in every_s), now_s)
        closes = again_s >= minute_s
        at_s: float = minute_s if closes else again_s
        await bot.clock.sleep(max(at_s - now_s + (BAR_DELAY_S if closes else 0.0), 0.0))
        due = [g for g in every_s if closes and minute_s % g.seconds == 0]
        wide = [g for g in every_s if read_s[g] + every_s[g] <= at_s]
        read_s |= dict.fromkeys(wide, at_s)
        if closes:
            closed_s = minute_s
            await record_equity(bot)
        jobs = [_closed(bot, rest, p, g, minute_s, every_s[g] if g in wide else 0) for p in bot.products for g in due]
        jobs += [_read_again(bot, rest, p, g, at_s, every_s[g]) for p in bot.products for g in wide if g not in due]
        await asyncio.gather(*jobs)


def _utc_s(bot: Application) -> float:
    """The exchange's time, seconds since 1970."""
    return (epoch_ms(bot.clock.utc()) + (bot.clock_offset_ms or 0)) / 1000


def _every_s(bot: Application, granularity: Timeframe) -> float:
    """How often its closed bars are read again: those of charts alone not more often than one closes."""
    every_s = bot.settings.candle_resync_sec
    return every_s if granularity == bot.settings.granularity else max(every_s, granularity.seconds)


def _kept(bot: Application) -> list[Timeframe]:
    kept = (*CHART_TIMEFRAMES, bot.settings.granularity)
    return [timeframe for timeframe in Timeframe if timeframe in kept]


def _bars_back(length_s: int, every_s: float) -> int:
    """How many closed bars are read again: ten, or all since the reading before, as far as one page goes."""
    return min(max(10, math.ceil(every_s / length_s) + 2), PAGE_BARS)


async def _read_again(
    bot: Application, rest: TradingClient, product_id: str, granularity: Timeframe, now_s: float, every_s: float
) -> None:
    """Closed bars once more, between two closes."""
    length_s = granularity.seconds
    at_s = int(now_s // length_s) * length_s
    back_s = _bars_back(length_s, every_s) * length_s
    try:
        found = await rest.candles(product_id, granularity, at_s - back_s, at_s - 1)
    except ExchangeError as error:
        log.info("bars of %s: %s", product_id, error)
        return
    await _take(bot, product_id, granularity, tuple(bar for bar in found if bar.start_s + length_s <= at_s))


async def _take(bot: Application, product_id: str, granularity: Timeframe, closed: tuple[Bar, ...]) -> None:
    if not closed:
        return
    market = bot.engine.view.markets.get(product_id) if bot.engine is not None else None
    newest = market.newest_bar if market is not None else None
    known_s = newest.start_s if newest is not None else 0
    bot.dispatch(ev.BarsClosed(product_id, granularity, closed))
    await bot.recorder.candles(product_id, granularity, closed)
    if sum(bar.start_s > known_s for bar in closed) > 1:  # on those between nothing was decided
        await record_lines(bot, product_id, granularity)


async def _closed(
    bot: Application, rest: TradingClient, product_id: str, granularity: Timeframe, at_s: int, every_s: float
) -> None:
    """The bar that closed at `at_s`, asked for again where it is not there yet; a bar without trades never comes.

    `every_s`: those before it are read again, as often as this; 0 = it alone.
    """
    length_s = granularity.seconds
    since_s = at_s - (_bars_back(length_s, every_s) if every_s else 1) * length_s
    market = bot.engine.view.markets.get(product_id) if bot.engine is not None else None
    if market is not None and granularity == bot.settings.granularity:
        # After an outage the window must not have a hole: from the newest known bar on, as far as one page goes.
        newest_s = market.newest_bar.start_s if market.newest_bar is not None else 0
        since_s = max(min(since_s, newest_s), at_s - PAGE_BARS * length_s)
    for wait_s in BAR_TRIES_S:
        await bot.clock.sleep(wait_s)
        try:
            found = await rest.candles(product_id, granularity, since_s, at_s - 1)
        except ExchangeError as error:
            log.info("bars of %s: %s", product_id, error)
            continue
        closed = tuple(bar for bar in found if bar.start_s + length_s <= at_s)
        await _take(bot, product_id, granularity, closed)
        if closed and closed[-1].start_s == at_s - length_s:
            break


async def signals(bot: Application) -> None:
    """Keep each decision, and what kept it from an entry, for ever; no decision waits for the disk."""
    while True:
        await _record_signal(bot, await bot.answers.answered.get())


async def _record_signal(bot: Application, product_id: str) -> None:
    market = bot.engine.view.markets.get(product_id) if bot.engine is not None else None
    if market is not None and market.signal_bar_s is not None:
        await bot.recorder.signal(product_id, market.signal_bar_s, market.signal, market.probability, market.values)
        row = IndicatorRow(market.signal_bar_s, {k: v for k, v in market.values.items() if math.isfinite(v)})
        await bot.recorder.indicators_of(product_id, bot.settings.granularity, row)
        await _record_stop(bot, market)


async def _record_stop(bot: Application, market: MarketView) -> None:
    """What kept the decision on the newest bar from an entry, for the day's tally; a later entry puts it right."""
    assert bot.engine is not None and market.signal_bar_s is not None
    view, product_id = bot.engine.view, market.product_id
    if market.used_bar_s is not None:
        await bot.recorder.entered(product_id, market.used_bar_s)
    if not view.control.ready:
        return  # nothing is decided before trading
    if market.used_bar_s == market.signal_bar_s:
        await bot.recorder.stop(product_id, market.signal_bar_s, market.signal, ENTERED, "Entered")
        return
    shut = next((gate for gate in view.gates.all(product_id) if gate.verdict is not GateVerdict.OPEN), None)
    # Every gate open: the next price enters, and the next bar's record says so.
    name, title = (shut.name, shut.title) if shut is not None else ("open", "None: an entry was due")
    fault = shut is not None and shut.verdict is GateVerdict.FAULT
    await bot.recorder.stop(product_id, market.signal_bar_s, market.signal, name, title, fault=fault)


async def record_equity(bot: Application) -> None:
    """One line of equity for the charts; none while what the account is worth is not known."""
    view = bot.engine.view if bot.engine is not None else None
    if view is None or not view.account.known or view.account.without_price is not None:
        return
    seen = verdict(bot, view.control.status)
    if seen is not None and seen.word == Verdict.BLIND:
        return  # what the account is worth is not known
    account = view.account
    row = EquityRow(
        epoch_ms(bot.clock.utc()) // 60_000 * 60,
        float(account.equity),
        float(account.cash),
        float(view.positions.value),
        float(account.transfers_and_pending),
        account.curve,
        account.deepest_drawdown_pct,
    )
    bot.dispatch(ev.EquitySampled())
    await bot.recorder.equity(row)


async def fetch_bars(
    bot: Application, rest: TradingClient, product_id: str, granularity: Timeframe, count: int
) -> tuple[Bar, ...]:
    """The newest `count` closed bars, page by page, oldest first. Raises ExchangeError."""
    length_s = granularity.seconds
    now_s = (epoch_ms(bot.clock.utc()) + (bot.clock_offset_ms or 0)) // 1000
    end_s = now_s // length_s * length_s - length_s  # the newest closed bar's start
    found: dict[int, Bar] = {}
    left = count
    while left > 0:
        page = min(left, PAGE_BARS)
        start_s = end_s - (page - 1) * length_s
        for bar in await rest.candles(product_id, granularity, start_s, end_s):
            found[bar.start_s] = bar
        end_s, left = start_s - length_s, left - page
    newest = now_s // length_s * length_s - length_s
    return tuple(found[start_s] for start_s in sorted(found) if start_s <= newest)
