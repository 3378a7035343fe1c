"""The adapter of the exchange in memory: what another venue costs, and a venue that lacks what the bot needs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from string import digits
from typing import TypeVar

from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.events import OrderReports, PriceUpdate
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument, currencies_of, product_id_of
from bot.domain.kinds import OrderKind, Side
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.domain.timeframe import Timeframe
from bot.venues.capabilities import Capabilities, ClientIds, Repeat
from bot.venues.errors import NoAnswerGot, Rejected, Unreachable
from bot.venues.limiter import Limiter, Priority
from bot.venues.port import (
    MARKET_STREAM,
    ORDER_STREAM,
    ORDERS,
    TICKER,
    Access,
    ApiKey,
    BookStream,
    KeyRights,
    Listing,
    Sink,
    StreamHealth,
    Venue,
)
from shared.latency import Latencies
from shared.ports import Clock
from shared.settings import Secret, Settings
from shared.times import epoch_ms
from tests.venues.memory.exchange import ASK, BID, FEE, LEAST, PRICE_STEP, SIZE_STEP, MemoryExchange, Refused, Row

T = TypeVar("T")
STATUS = {"live": OrderStatus.WORKING, "done": OrderStatus.FILLED, "pulled": OrderStatus.CANCELLED}
INSTRUMENT = Instrument(
    "BTC-USD",
    "BTC",
    "USD",
    SIZE_STEP,
    Decimal("0.01"),
    PRICE_STEP,
    LEAST,
    Decimal(1000),
    Decimal(1),
    Decimal(10**6),
    ASK,
)
WITHOUT_IDS = Capabilities(
    timeframes=frozenset({Timeframe.MINUTE, Timeframe.HOUR}),
    order_kinds=frozenset(OrderKind),
    client_ids=None,
    post_only=True,
    reduce_only=False,
    market_by_quote=False,
    good_till=True,
    quote_fees=True,
    fills_since=True,
    cancel_batch=2,
    cancel_all=False,
    book=False,
    bars_page=50,
)
WITH_IDS = replace(WITHOUT_IDS, client_ids=ClientIds(60, "abcdefghijklmnopqrstuvwxyz-" + digits, Repeat.REFUSED, True))


def symbol(product_id: str) -> str:
    return "".join(currencies_of(product_id)).lower()


def report(row: Row) -> OrderReport:
    done = row.done
    return OrderReport(
        str(row.number), row.tag or "", INSTRUMENT.product_id, Side.BUY if row.way == "bid" else Side.SELL,
        STATUS.get(row.phase, OrderStatus.UNKNOWN), done, row.made_ms, "market" if row.price is None else "limit",
        row.amount, row.price, sum((t[1] * t[2] for t in row.trades), Decimal(0)) / done if done else None,
    )  # fmt: skip


def fills(row: Row, client_order_id: str) -> list[Fill]:
    side, order_id, product_id = Side.BUY if row.way == "bid" else Side.SELL, str(row.number), INSTRUMENT.product_id
    return [
        Fill(order_id, f"t{number}", client_order_id, product_id, side, price, size, fee, "taker", at_ms)
        for number, price, size, fee, at_ms in row.trades
    ]  # fmt: skip


class MemoryClient:
    """Every call goes through the network seam, so that an answer can be lost on its way."""

    def __init__(self, exchange: MemoryExchange, access: Access, budget: Limiter, pool: str) -> None:
        self._exchange, self._access, self._budget, self._pool = exchange, access, budget, pool
        self.fee_rate = Decimal(0)
        self.calls = self.errors = self.forbidden = self.rate_limited = 0
        self.latencies = Latencies()
        self.last_ms: float | None = None
        self.last_error: str | None = None
        self.answered_s: float | None = None
        self.silent_since_s: float | None = None

    async def _ask(self, call: Callable[[], T]) -> T:
        self.calls += 1
        try:
            answer = await self._access.net.run(self._pool, call, 5.0)
        except TimeoutError as error:
            self.errors += 1
            self.last_error, self.silent_since_s = str(error), self._access.clock.monotonic_s()
            raise NoAnswerGot(str(error)) from None
        except Refused as error:
            raise Rejected(str(error), str(error)) from None
        self.answered_s, self.silent_since_s, self.last_ms = self._access.clock.monotonic_s(), None, 0.1
        self.latencies.add(self.last_ms)
        return answer

    async def server_time(self) -> datetime:
        return await self._ask(self._access.clock.utc)

    async def key_rights(self) -> KeyRights:
        return await self._ask(lambda: KeyRights(can_view=True, can_trade=True, can_transfer=False))

    async def instrument(self, product_id: str) -> Instrument:
        if symbol(product_id) != "btcusd":
            raise Rejected(f"no {product_id}", "404")
        return INSTRUMENT

    async def products(self, product_ids: Sequence[str]) -> tuple[Instrument, ...]:
        return (INSTRUMENT,) if INSTRUMENT.product_id in product_ids else ()

    async def listed(self) -> tuple[Listing, ...]:
        return (Listing(INSTRUMENT, 0.0),)

    async def spreads(self, product_ids: list[str]) -> dict[str, float]:
        return {p: float((ASK - BID) / (ASK + BID) * 200) for p in product_ids if p == INSTRUMENT.product_id}

    async def fees(self) -> FeeRates:
        return FeeRates(FEE, FEE, "flat")

    async def balances(self) -> tuple[Balance, ...]:
        purse = await self._ask(lambda: dict(self._exchange.purse))
        return tuple(Balance(word.upper(), amount, Decimal(0)) for word, amount in purse.items())

    async def _rows(self) -> list[Row]:
        return await self._ask(lambda: list(self._exchange.rows))

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return tuple(report(row) for row in await self._rows() if row.phase == "live")

    async def open_ids(self) -> list[tuple[str, str]]:
        return [(order.order_id, order.client_order_id) for order in await self.open_orders()]

    async def orders_since(
        self, since_ms: int, product_id: str | None = None, pages_max: int = 1
    ) -> tuple[OrderReport, ...]:
        return tuple(report(row) for row in await self._rows() if row.made_ms >= since_ms)

    async def order(self, order_id: str) -> OrderReport:
        row = next((row for row in await self._rows() if str(row.number) == order_id), None)
        if row is None:
            raise Rejected("unknown order", "404")
        return report(row)

    async def fills_of(self, order_id: str, client_order_id: str) -> tuple[Fill, ...]:
        return tuple(
            f for row in await self._rows() if str(row.number) == order_id for f in fills(row, client_order_id)
        )

    async def fills_since(self, since_ms: int, pages_max: int = 1) -> tuple[Fill, ...]:
        return tuple(f for row in await self._rows() for f in fills(row, "") if f.exchange_ms >= since_ms)

    async def candles(self, product_id: str, timeframe: Timeframe, start_s: int, end_s: int) -> tuple[Bar, ...]:
        first = -(-start_s // timeframe.seconds) * timeframe.seconds
        starts = range(first, end_s + 1, timeframe.seconds)[: WITH_IDS.bars_page]
        return tuple(Bar(at_s, 100.0, 100.0, 99.5, 100.0, 1.0) for at_s in starts)

    async def admit(self, spec: OrderSpec) -> None:
        await self._budget.take(Priority.EXIT if spec.reduce_only else Priority.ENTRY)

    async def create(self, spec: OrderSpec, shut: Callable[[], str | None] | None = None) -> str:
        assert spec.base_size is not None, "no order by quote money here"
        size = spec.base_size

        def send() -> Row:
            reason = shut() if shut is not None else None
            if reason is not None:
                raise Unreachable(reason)
            way, price = "bid" if spec.side is Side.BUY else "offer", spec.limit_price
            return self._exchange.place(
                symbol(spec.product_id), way, size, price, spec.client_order_id, maker=spec.post_only
            )

        return str((await self._ask(send)).number)

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        return await self._ask(lambda: {order_id: self._exchange.pull(int(order_id)) for order_id in order_ids})


class MemoryStream:
    """One channel; the exchange calls it."""

    def __init__(self, name: str, exchange: MemoryExchange, access: Access, sink: Sink) -> None:
        self._exchange, self._access, self._sink = exchange, access, sink
        self._loop = asyncio.get_running_loop()
        self.health = StreamHealth(name, access.clock.monotonic_s())

    async def run(self) -> None:
        self.health.connected, self.health.note = True, None
        self._sink.stream_changed(self.health.name, True, "up")
        if self.health.name == ORDER_STREAM:
            self._exchange.heard.append(self._told)
        while True:
            self.health.good_s = self.health.last_s = self._access.clock.monotonic_s()
            if self.health.name == MARKET_STREAM:
                self.health.channel_s[TICKER, INSTRUMENT.product_id] = self.health.good_s
                self._sink.event(PriceUpdate(product_id_of("BTC", "USD"), ASK, BID, ASK, Decimal(5)))
            await self._access.clock.sleep(0.05)

    def _told(self, row: Row) -> None:
        self.health.channel_s[ORDERS, None] = self._access.clock.monotonic_s()
        news = OrderReports((report(row),), complete=False, asked_ms=0)
        self._loop.call_soon_threadsafe(self._sink.event, news)

    async def watch(self, product_ids: tuple[str, ...]) -> None:
        return None

    def give_up(self, why: str, heard_s: float | None = None) -> None:
        self.health.note = why


class MemoryVenue:
    """Client order ids are kept and listed only where `ids`."""

    name = "memory"

    def __init__(self, *, ids: bool = False) -> None:
        self.capabilities = WITH_IDS if ids else WITHOUT_IDS
        self._ids = ids

    def where(self, settings: Settings) -> object:
        return None

    def load_key(self, settings: Settings, where: object, *, may_wait: bool) -> ApiKey:
        return ApiKey("memory", Secret("none"))

    def budget(self, clock: Clock) -> Limiter:
        return Limiter(clock)

    def exchange(self, access: Access) -> MemoryExchange:
        assert isinstance(access.where, MemoryExchange)
        return access.where

    def made(self, clock: Clock) -> MemoryExchange:
        return MemoryExchange(lambda: epoch_ms(clock.utc()), tags=self._ids)

    def trading_client(self, access: Access, budget: Limiter, pool: str = "main") -> MemoryClient:
        return MemoryClient(self.exchange(access), access, budget, pool)

    def kill_client(self, access: Access) -> MemoryClient:
        return self.trading_client(access, Limiter(access.clock), "kill")

    def market_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> MemoryStream:
        return MemoryStream(MARKET_STREAM, self.exchange(access), access, sink)

    def order_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> MemoryStream:
        return MemoryStream(ORDER_STREAM, self.exchange(access), access, sink)

    def book_stream(self, access: Access, product_ids: tuple[str, ...]) -> BookStream:
        raise AssertionError("this venue has no book")


VENUE: Venue = MemoryVenue()
