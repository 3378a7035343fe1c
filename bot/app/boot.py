"""The boot: INIT → PREFLIGHT → SYNCING → BACKFILL → RUNNING, each wait shown as the phase's note.

An exchange that cannot be reached, or whose key is not there yet, is waited for with back-off, never an exit.
Settings, key, clock or folders that cannot work end in ERROR (exit 78), which PM2 does not restart.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from bot.app.application import Application
from bot.app.background_tasks import clock_offset_ms
from bot.app.history import load_one, wanted_bars
from bot.app.key_rights import other_portfolio
from bot.app.key_rights import problem as key_problem
from bot.app.order_executor import OrderExecutor
from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.instrument import Instrument
from bot.domain.order_life import Order, OrderState
from bot.domain.timeframe import Timeframe
from bot.engine.engine import Engine
from bot.engine.execution.executors import NoExecutor
from bot.engine.orders import second_writer
from bot.venues.capabilities import lacking
from bot.venues.errors import ExchangeError, Forbidden, Rejected, Unauthorized
from bot.venues.port import ApiKey, BadKey, NoKeyYet, TradingClient
from shared.backoff import Backoff
from shared.documents.status import Phase
from shared.files import Unreadable
from shared.ledger.restore_mark import LACKS_SINCE
from shared.sentinel_sales import TAKEN, SentinelSales, decode_sales
from shared.settings import Mode, SettingsError
from shared.times import epoch_ms

log = logging.getLogger("boot")
T = TypeVar("T")
CLOCK_FATAL_MS = 60_000
SYNC_TRIES = 3
FEW = 4  # unsettled orders that are looked up one by one
UNAUTHORIZED_TRIES = 5
SAFE_WINDOW_MS = 600_000
LOST_PAST_MS = 86_400_000
PAGES_MAX = 5_000


class Fatal(Exception):
    """The bot cannot run until a person changed something; the text says what. Exit 78.

    `code`: the alert's name in the state file, where it has one of its own.
    """

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code


class Boot:
    """Runs the phases of one bot."""

    def __init__(self, bot: Application) -> None:
        self._bot = bot
        self._depth: asyncio.Task[None] | None = None
        self._portfolio: str | None = None
        self._began_ms = 0  # by the exchange's clock: this run holds the lock, and no earlier one sends any more
        self._listed: dict[str, Decimal] = {}  # open orders as listed: our id → filled size

    async def run(self) -> None:
        """Until trading is ready. Raises Fatal."""
        bot = self._bot
        bot.enter(Phase.PREFLIGHT)
        rest = await self._preflight()
        bot.enter(Phase.SYNCING)
        await self._sync(rest)
        bot.enter(Phase.BACKFILL)
        self._start_streams()
        await self._backfill(rest)
        bot.enter(Phase.TRADING)
        bot.dispatch(ev.TradingReady())
        bot.commands.redo_unfinished()
        bot.writer.poke()

    # PREFLIGHT

    async def _preflight(self) -> TradingClient:
        bot = self._bot
        self._require_capabilities()
        key = await self._key()
        rest = bot.make_rest(key)
        # The first request loads the SDK and makes the connection, so only the second one measures.
        self._began_ms = epoch_ms(await self._patiently(rest.server_time, "waits for the exchange"))
        offset_ms = await self._patiently(lambda: clock_offset_ms(bot, rest), "compares the clocks")
        bot.clock_offset_ms = offset_ms
        if abs(offset_ms) > CLOCK_FATAL_MS:
            raise Fatal(
                f"this machine's clock is {offset_ms / 1000:+.0f} s off the exchange's: set it, then start again"
            )
        rest = await self._permissions(rest)
        bot.boot.note(None)
        return rest

    def _require_capabilities(self) -> None:
        bot = self._bot
        missing = "; ".join(lacking(bot.venue.capabilities, bot.settings, bot.ids.length))
        if missing:
            raise Fatal(f"the venue {bot.venue.name} lacks what this bot cannot do without: {missing}")

    async def _key(self) -> ApiKey:
        """The key; COIN-SIM's is waited for."""
        bot = self._bot
        may_wait = bot.settings.coin_mode is not Mode.LIVE
        while True:
            try:
                return bot.venue.load_key(bot.settings, bot.endpoints, may_wait=may_wait)
            except BadKey as error:
                raise Fatal(str(error)) from error
            except NoKeyYet as error:
                self._note(f"waits for COIN-SIM: {error}")
                await bot.clock.sleep(0.1)

    async def _permissions(self, rest: TradingClient) -> TradingClient:
        bot, tries = self._bot, 0
        while True:
            try:
                rights = await self._patiently(rest.key_rights, "checking the key's permissions", doubt_key=True)
            except Unauthorized as error:
                tries += 1
                # The exchange refuses a good key now and then; a bad one it refuses every time.
                if tries >= UNAUTHORIZED_TRIES:
                    raise Fatal(f"the exchange refuses the key: {error}") from error
                # COIN-SIM may have been reset: its new key is on disk by now.
                await bot.clock.sleep(0.5)
                rest = bot.make_rest(await self._key())
                continue
            break
        kept = bot.restored.key_values.get("portfolio")
        wrong = key_problem(rights) or other_portfolio(kept, rights)
        if wrong is not None:
            raise Fatal(wrong)
        self._portfolio = rights.portfolio
        return rest

    def _bind_portfolio(self) -> None:
        """In live, the ledger belongs to the portfolio that it began with. Play money may begin anew."""
        bot = self._bot
        assert bot.engine is not None
        if bot.settings.coin_mode is Mode.LIVE and self._portfolio and "portfolio" not in bot.restored.key_values:
            bot.dispatch(ev.PortfolioBound(self._portfolio))

    async def _patiently(self, ask: Callable[[], Awaitable[T]], what: str, *, doubt_key: bool = False) -> T:
        """The answer, however long it takes. Raises Fatal for a missing right; Unauthorized where the key is in doubt.

        Once the key has been accepted, a 401 is a mood of the exchange like any other.
        """
        backoff = Backoff(0.1, 5.0, self._bot.rng)
        while True:
            try:
                return await ask()
            except Forbidden as error:
                raise Fatal(f"the exchange refuses: {error}") from error
            except ExchangeError as error:
                if doubt_key and isinstance(error, Unauthorized):
                    raise
                self._note(f"{what}: {error}")
                await self._bot.clock.sleep(backoff.next_s())

    def _note(self, text: str) -> None:
        log.info("%s", text)
        self._bot.boot.note(text)
        self._bot.writer.poke()

    # SYNCING

    async def _sync(self, rest: TradingClient) -> None:
        bot = self._bot
        assert bot.ledger is not None
        products = await self._products(rest)
        settings = bot.settings
        now = bot.clock.utc()
        # A kill or its reset that came before there was an engine is known to the commands only.
        known = replace(bot.restored, latch=bot.commands.latch, ids=bot.ids, fence_ms=self._fence_ms())
        try:
            bot.strategy = StrategyAdapter(settings, known.key_values, bot.identity.origins)
        except SettingsError as error:  # only the strategy knows what it needs, so many days of bars for instance
            raise Fatal("settings: " + "; ".join(error.problems)) from error
        try:
            bot.engine = Engine(settings, bot.strategy, known, bot.commands.level, now)
        except NoExecutor as error:
            raise Fatal(str(error)) from error
        bot.desk = OrderExecutor(rest, bot.gate, bot.dispatch, bot.own_id, bot.clock, bot.known_fill)
        bot.desk.fills.begin(known.key_values.get("fills_through_ms"))
        self._bind_portfolio()
        bot.dispatch(ev.LivePermissionUpdate(bot.live_lock.reason(), bot.gate.nothing_sold()))
        bot.dispatch(ev.InstrumentList(products))
        if bot.clock_offset_ms is not None:
            bot.dispatch(ev.ClockChecked(bot.clock_offset_ms))
        self._warn_of_lots_without_product()
        try:
            bot.dispatch(ev.FeeUpdate(await rest.fees()))
        except ExchangeError as error:
            log.warning("fees: %s; FEE_RATE_PCT is used", error)
        await self._look_for_a_lost_past(rest)
        await self._settle_unfinished(rest)
        await self._positions(rest)
        self._judge_starts()
        bot.synced = True
        bot.dispatch(ev.Tick())
        bot.writer.lots_changed()
        bot.writer.poke()

    def _fence_ms(self) -> int:
        """From when on an unknown order under our name is a second writer's (`engine.orders.second_writer`)."""
        bot = self._bot
        assert bot.ledger is not None
        whole = bot.restored.own_ids and bot.ledger.doubt is None
        return self._began_ms + (second_writer.SKEW_MS if whole else second_writer.IN_FLIGHT_MS)

    async def _products(self, rest: TradingClient) -> tuple[Instrument, ...]:
        """What PRODUCTS names. A recording holds what it holds, so in replay the others are left out."""
        bot = self._bot
        names = bot.products
        asked = await asyncio.gather(*(self._product(rest, product_id) for product_id in names))
        found = tuple(instrument for instrument in asked if instrument is not None)
        missing = [name for name, instrument in zip(names, asked, strict=True) if instrument is None]
        picked = not set(missing) & {*bot.settings.products, *(lot.product_id for lot in bot.restored.lots)}
        if missing and picked and found:
            log.warning("the exchange has no %s any more: the scanner will pick others", ", ".join(missing))
            return found
        if missing and (bot.settings.coin_mode is not Mode.REPLAY or not found):
            raise Fatal(f"PRODUCTS: the exchange has no {', '.join(missing)}")
        if missing:
            log.warning("the recording has no %s: left out", ", ".join(missing))
            bot.settings = replace(bot.settings, products=tuple(instrument.product_id for instrument in found))
        return found

    async def _product(self, rest: TradingClient, product_id: str) -> Instrument | None:
        """One product, or None where the exchange has none of that name."""

        async def ask() -> Instrument | None:
            try:
                return await rest.instrument(product_id)
            except Rejected:
                return None

        return await self._patiently(ask, f"asks for {product_id}")

    def _warn_of_lots_without_product(self) -> None:
        assert self._bot.engine is not None
        view = self._bot.engine.view
        orphans = {lot.product_id for lot in view.positions.lots()} - set(view.markets.product_ids)
        if orphans:
            raise Fatal(
                f"the ledger holds open lots of {', '.join(sorted(orphans))}, which PRODUCTS does not name: add them, "
                "so that their exits are judged"
            )

    async def _look_for_a_lost_past(self, rest: TradingClient) -> None:
        """A ledger without any order, or one in doubt, may not be what the last run wrote: the exchange knows."""
        bot = self._bot
        assert bot.ledger is not None
        lacks = bot.restored.key_values.get(LACKS_SINCE)
        sales = self._sentinel_sales()
        if lacks or sales is not None:
            starts = [int(lacks)] if lacks else []
            starts += [sales.since_ms] if sales is not None else []
            await self._fetch_past(rest, min(starts) - LOST_PAST_MS, sales)
        if lacks:
            return
        if bot.restored.own_ids and bot.ledger.doubt is None:
            return
        # Of a ledger in doubt, all that may have happened since its last order.
        last_ms = bot.ledger.reads().last_order_ms()
        since_ms = min(epoch_ms(bot.clock.utc()), last_ms or 2**62) - LOST_PAST_MS
        found = await self._patiently(lambda: rest.orders_since(since_ms), "fetching our orders")
        bot.dispatch(ev.OrderReports(found, complete=False, asked_ms=0))

    def _sentinel_sales(self) -> SentinelSales | None:
        """What the sentinel sold while no bot ran, where the ledger has not taken it up yet."""
        bot = self._bot
        try:
            sales = decode_sales(bot.fs.read_bytes(bot.settings.paths.sentinel_sales))
        except FileNotFoundError:
            return None
        except (Unreadable, OSError) as error:
            # What it sold shows as a difference of the account then, and waits for a person.
            log.error("sentinel_sales.json cannot be read: %s", error)
            return None
        taken = bot.restored.key_values.get(TAKEN) == str(sales.since_ms)
        return None if taken or not sales.client_order_ids else sales

    async def _fetch_past(self, rest: TradingClient, since_ms: int, sales: SentinelSales | None) -> None:
        """What happened since the ledger that was put in place ends, before balances are believed."""
        bot = self._bot
        orders = await self._patiently(lambda: rest.orders_since(since_ms, pages_max=PAGES_MAX), "fetches orders")
        fills = await self._patiently(lambda: rest.fills_since(since_ms, pages_max=PAGES_MAX), "fetches fills")
        flattened = sales.client_order_ids if sales is not None else ()
        bot.dispatch(ev.HistoryReport(orders, fills, flattened, sales.since_ms if sales is not None else None))
        bot.past_fetched = True

    async def _settle_unfinished(self, rest: TradingClient) -> None:
        """Find out what became of every order that the last run left in flight, before balances are believed."""
        bot = self._bot
        assert bot.engine is not None
        for order in bot.engine.view.orders.all():
            if order.state in (OrderState.NEW, OrderState.SENT):
                bot.dispatch(ev.OutcomeUnknown(order.spec.client_order_id, "the bot ended before an answer came"))
        await self._list_at_once(rest)
        unsettled = [order for order in bot.engine.view.orders.working() if self._left(order)]
        for number, order in enumerate(unsettled):
            self._bot.boot.progress(number, len(unsettled), f"looks up {order.spec.product_id} {order.spec.purpose}")
            coid = order.spec.client_order_id
            try:
                if order.order_id is not None:
                    found = await rest.order(order.order_id)
                else:
                    since = await rest.orders_since(order.created_ms - 60_000, order.spec.product_id)
                    match = [shown for shown in since if shown.client_order_id == coid]
                    if not match:
                        bot.dispatch(ev.LookupResult(coid, None, complete=True))
                        continue
                    found = match[0]
                fills = await rest.fills_of(found.order_id, coid) if found.filled_size else ()
                bot.dispatch(ev.FillReports(fills))
                bot.dispatch(ev.LookupResult(coid, found, complete=True))
            except ExchangeError as error:
                log.warning("%s: %s; looking it up again", coid, error)

    async def _list_at_once(self, rest: TradingClient) -> None:
        """Two lists tell of most orders; one by one, a hundred of them would take a request each."""
        bot = self._bot
        assert bot.engine is not None and bot.desk is not None
        if len(bot.engine.view.orders.working()) < FEW:
            return
        try:
            await bot.desk.fills.read()
            found = await rest.open_orders()
        except ExchangeError as error:
            log.warning("the lists of orders and fills: %s; each order is looked up", error)
            return
        bot.dispatch(ev.OrderReports(found, complete=False, asked_ms=0))
        self._listed = {shown.client_order_id: shown.filled_size for shown in found}

    def _left(self, order: Order) -> bool:
        """Whether it has to be looked up: it is not in the list of open ones, or not all of its fills are known."""
        shown = self._listed.get(order.spec.client_order_id)
        return shown is None or order.counted_size < shown

    async def _positions(self, rest: TradingClient) -> None:
        """Balances and open orders; where that fails, go on with the ledger's state, entries blocked."""
        bot = self._bot
        assert bot.desk is not None and bot.engine is not None
        for attempt in range(SYNC_TRIES):
            try:
                await bot.desk.sync()
                break
            except ExchangeError as error:
                self._note(f"position sync failed ({error}); try {attempt + 1} of {SYNC_TRIES}")
                await bot.clock.sleep(0.5 * (attempt + 1))
        else:
            log.error("position sync failed: the ledger's state holds, entries wait for a sync")
            bot.sync_wanted.set()
        for product_id in bot.engine.view.account.held_besides:
            try:
                bot.dispatch(ev.InstrumentList((await rest.instrument(product_id),)))
            except ExchangeError as error:
                log.warning("no mark for %s: %s", product_id, error)

    def _judge_starts(self) -> None:
        """A crash loop ends in SAFE: cancel only, until a person presses Start."""
        bot = self._bot
        assert bot.ledger is not None
        limit = bot.settings.safe_starts
        if not limit:
            return
        unclean = bot.ledger.unclean_starts(epoch_ms(bot.clock.utc()) - SAFE_WINDOW_MS)
        if unclean >= limit:
            bot.gate.latches.safe = True
            bot.dispatch(
                ev.SafeMode(f"SAFE: {unclean} unclean exits in ten minutes; press Start when the cause is fixed")
            )

    # BACKFILL

    def _start_streams(self) -> None:
        bot = self._bot
        access, products = bot.access, bot.products
        for stream in (
            bot.venue.market_stream(access, products, bot),
            bot.venue.order_stream(access, products, bot),
        ):
            bot.streams.append(stream)
            task = asyncio.get_running_loop().create_task(stream.run(), name=f"stream-{stream.health.name}")
            task.add_done_callback(bot.supervise)
        if bot.venue.capabilities.book and (bot.settings.depth_view or bot.settings.max_impact_bp):
            bot.depth = bot.venue.book_stream(access, products)
            # Kept, or the loop would forget it. A view that dies takes nothing with it; what entries need does.
            self._depth = asyncio.get_running_loop().create_task(bot.depth.run(), name="stream-depth")
            if bot.settings.max_impact_bp:
                self._depth.add_done_callback(bot.supervise)

    async def _backfill(self, rest: TradingClient) -> None:
        """Closed bars for signals first, then for the charts; what cannot be had now comes with the next minute."""
        bot = self._bot
        counts = wanted_bars(bot)
        jobs = [(product_id, granularity) for product_id in bot.products for granularity in counts]
        bot.boot.progress(0, len(jobs), None)
        done = 0

        async def one(product_id: str, granularity: Timeframe) -> None:
            nonlocal done
            await load_one(bot, rest, product_id, granularity, counts[granularity])
            done += 1
            bot.boot.progress(done, len(jobs), f"{product_id} {granularity.text}")
            bot.writer.poke()

        await asyncio.gather(*(one(product_id, granularity) for product_id, granularity in jobs))
