"""What every adapter has to keep to, asked of each in the same words: the bot relies on nothing else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.app.kill_path import KillPath
from bot.domain.events import OrderReports, PriceUpdate
from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.order_ids import NO_EPOCH, OrderIdCodec
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.domain.timeframe import Timeframe
from bot.venues import registry
from bot.venues.capabilities import Repeat, lacking
from bot.venues.errors import ExchangeError, NoAnswerGot, Rejected, Unreachable
from bot.venues.net import SystemNet
from bot.venues.port import MARKET_STREAM, ORDER_STREAM, TICKER, Access, TradingClient, Venue
from shared.ports import SystemClock, SystemRng
from shared.settings import Settings
from shared.times import epoch_ms
from tests.simulator.conftest import Sim
from tests.venues.memory.venue import MemoryVenue

T = TypeVar("T")
P = "BTC-USD"
IDS = OrderIdCodec("main")
D = Decimal


class LossyNet(SystemNet):
    """The machine's network; an answer is lost on its way back where that is asked for."""

    lose_next = False

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        answer = await super().run(pool, call, limit_s)
        if self.lose_next:
            self.lose_next = False
            raise TimeoutError("no whole answer")
        return answer


@dataclass
class Adapter:
    """One adapter with a client, as the bot has it."""

    venue: Venue
    access: Access
    client: TradingClient
    net: LossyNet
    numbers: Iterator[int]

    async def far_price(self) -> Decimal:
        """A bid that rests: a tenth below the market, in whole steps."""
        found = await self.client.instrument(P)
        assert found.price is not None
        return found.ticks(found.price * D("0.9")) * found.price_increment

    def spec(self, **changes: Any) -> OrderSpec:
        made = OrderSpec(
            IDS.make(NO_EPOCH, next(self.numbers)), P, Side.BUY, OrderKind.MARKET, Purpose.ENTRY,
            D("0.01"), None, None, False, None, D(100),
        )  # fmt: skip
        return replace(made, **changes)

    async def resting(self, **changes: Any) -> OrderSpec:
        price = await self.far_price()
        return self.spec(kind=OrderKind.LIMIT, limit_price=price, post_only=True, **changes)

    async def send(self, spec: OrderSpec) -> str:
        await self.client.admit(spec)
        return await self.client.create(spec)

    async def until(self, order_id: str, status: OrderStatus) -> OrderReport:
        for _ in range(100):
            found = await self.client.order(order_id)
            if found.status is status:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{order_id} never became {status}: {found}")


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    made = Sim(tmp_path_factory.mktemp("sim")).start()
    yield made
    made.stop()


@pytest.fixture(params=["coinbase", "memory", "memory without ids"])
async def adapter(request: pytest.FixtureRequest) -> AsyncIterator[Adapter]:
    clock, net = SystemClock(), LossyNet()
    venue: Venue
    if request.param == "coinbase":
        sim: Sim = request.getfixturevalue("sim")
        settings = sim.admin_settings
        venue = registry.load("coinbase")
        where: object = venue.where(settings)
    else:
        memory = MemoryVenue(ids=request.param == "memory")
        venue, where, settings = memory, memory.made(clock), Settings()
    access = Access(where, venue.load_key(settings, where, may_wait=False), net, clock, SystemRng())
    budget = venue.budget(clock)
    budget.throttled()  # the tests share the exchange's limit: none begins with a full bucket
    client = venue.trading_client(access, budget)
    yield Adapter(venue, access, client, net, iter(range(time.time_ns(), 2**63)))
    for order in await client.open_orders():
        await client.cancel([order.order_id])
    net.close()


async def test_an_instrument_has_a_public_id_and_steps(adapter: Adapter) -> None:
    found = await adapter.client.instrument(P)
    assert (found.product_id, found.base, found.quote) == (P, "BTC", "USD")
    assert min(found.base_increment, found.price_increment, found.quote_increment, found.base_min_size) > 0
    assert found in await adapter.client.products([P, "NOPE-USD"])
    assert P in {entry.instrument.product_id for entry in await adapter.client.listed()}
    with pytest.raises(Rejected):
        await adapter.client.instrument("NOPE-USD")


async def test_time_key_fees_and_balances_are_told(adapter: Adapter) -> None:
    client = adapter.client
    assert abs((await client.server_time() - adapter.access.clock.utc()).total_seconds()) < 60
    rights = await client.key_rights()
    assert (rights.can_view, rights.can_trade, rights.can_transfer) == (True, True, False)
    fees = await client.fees()
    assert 0 <= fees.maker < D("0.05") and 0 <= fees.taker < D("0.05"), "fractions of the notional"
    assert "USD" in {balance.currency for balance in await client.balances()}
    assert set(await client.spreads([P])) <= {P} and client.calls > 0 and client.silent_since_s is None


async def test_bars_lie_in_their_window_oldest_first(adapter: Adapter) -> None:
    now_s = epoch_ms(adapter.access.clock.utc()) // 1000
    for timeframe in adapter.venue.capabilities.timeframes:
        length, most = timeframe.seconds, adapter.venue.capabilities.bars_page
        end_s = now_s // length * length - length
        found = await adapter.client.candles(P, timeframe, end_s - 20 * length, end_s)
        assert 0 < len(found) <= min(21, most)
        starts = [bar.start_s for bar in found]
        assert starts == sorted(set(starts)) and all(start % length == 0 for start in starts)
        assert end_s - 20 * length <= starts[0] and starts[-1] <= end_s
    assert Timeframe.MINUTE in adapter.venue.capabilities.timeframes


async def test_a_market_order_is_filled_and_its_fills_are_told_once(adapter: Adapter) -> None:
    client, spec = adapter.client, adapter.spec()
    before = {balance.currency: balance.total for balance in await client.balances()}
    since_ms = epoch_ms(adapter.access.clock.utc()) - 60_000
    order_id = await adapter.send(spec)
    found = await adapter.until(order_id, OrderStatus.FILLED)
    assert (found.side, found.filled_size, found.kind) == (Side.BUY, D("0.01"), OrderKind.MARKET)
    fills = await client.fills_of(order_id, spec.client_order_id)
    assert sum(fill.base_size for fill in fills) == D("0.01") and all(fill.fee >= 0 for fill in fills)
    assert {fill.fee_currency for fill in fills} <= {None, "USD"} or not adapter.venue.capabilities.quote_fees
    assert {fill.client_order_id for fill in fills} == {spec.client_order_id}
    for _ in range(2):
        told = [(f.order_id, f.trade_id) for f in await client.fills_since(since_ms) if f.order_id == order_id]
        assert sorted(told) == sorted({(f.order_id, f.trade_id) for f in fills})
    after = {balance.currency: balance.total for balance in await client.balances()}
    assert after["BTC"] - before.get("BTC", D(0)) == D("0.01"), "the fee is of the quote currency"
    assert after["USD"] < before["USD"]
    assert (await client.cancel([order_id]))[order_id] is not None, "a cancel that lost the race says so"
    assert (await client.order(order_id)).status is OrderStatus.FILLED


async def test_a_resting_order_is_listed_until_it_is_cancelled(adapter: Adapter) -> None:
    client, spec = adapter.client, await adapter.resting()
    order_id = await adapter.send(spec)
    found = await adapter.until(order_id, OrderStatus.WORKING)
    assert (found.base_size, found.limit_price, found.filled_size) == (spec.base_size, spec.limit_price, 0)
    assert order_id in {order.order_id for order in await client.open_orders()}
    assert order_id in {listed for listed, _ in await client.open_ids()}
    assert await client.cancel([order_id]) == {order_id: None}
    await adapter.until(order_id, OrderStatus.CANCELLED)
    assert order_id not in {listed for listed, _ in await client.open_ids()}
    assert (await client.cancel([order_id]))[order_id] is not None


async def test_post_only_never_takes(adapter: Adapter) -> None:
    price = (await adapter.far_price()) * 2
    spec = adapter.spec(kind=OrderKind.LIMIT, limit_price=price, post_only=True)
    try:
        found = await adapter.client.order(await adapter.send(spec))
    except Rejected:
        return
    assert found.filled_size == 0 and found.status in (OrderStatus.CANCELLED, OrderStatus.FAILED)


async def test_steps_are_kept_to(adapter: Adapter) -> None:
    instrument = await adapter.client.instrument(P)
    rests = await adapter.resting()
    assert rests.limit_price is not None and rests.base_size is not None
    for wrong in (
        replace(rests, limit_price=rests.limit_price + instrument.price_increment / 2),
        replace(rests, base_size=rests.base_size + instrument.base_increment / 2),
    ):
        with pytest.raises(Rejected):
            await adapter.send(wrong)
    assert not await adapter.client.open_ids(), "a no made no order"


async def test_the_last_word_keeps_an_order_from_the_socket(adapter: Adapter) -> None:
    with pytest.raises(Unreachable, match="killed"):
        await adapter.client.create(await adapter.resting(), lambda: "killed")
    assert not await adapter.client.open_ids()


async def test_an_id_that_is_used_twice_makes_one_order(adapter: Adapter) -> None:
    ids, spec = adapter.venue.capabilities.client_ids, await adapter.resting()
    if ids is None:
        assert "client order ids" in "; ".join(lacking(adapter.venue.capabilities, Settings(), 40)), "a bot is refused"
        return
    assert len(spec.client_order_id) <= ids.max_length and set(spec.client_order_id) <= set(ids.alphabet)
    first = await adapter.send(spec)
    if ids.repeat is Repeat.SAME_ORDER:
        assert await adapter.send(spec) == first
    else:
        with pytest.raises(Rejected):
            await adapter.send(spec)
    assert await adapter.client.open_ids() == [(first, spec.client_order_id)]


async def test_an_order_whose_answer_was_lost_is_found_by_our_id(adapter: Adapter) -> None:
    ids, spec = adapter.venue.capabilities.client_ids, await adapter.resting()
    since_ms = epoch_ms(adapter.access.clock.utc()) - 60_000
    await adapter.client.admit(spec)
    adapter.net.lose_next = True
    with pytest.raises(NoAnswerGot):
        await adapter.client.create(spec)
    assert adapter.client.silent_since_s is not None
    shown = await adapter.client.orders_since(since_ms, P)
    made = [order for order in shown if order.status is OrderStatus.WORKING]
    assert len(made) == 1, "it was made, once"
    assert made[0].client_order_id == (spec.client_order_id if ids is not None and ids.listed else "")


async def test_an_order_that_is_not_there_is_a_404(adapter: Adapter) -> None:
    with pytest.raises(Rejected) as error:
        await adapter.client.order("00000000-0000-4000-8000-000000000000")
    assert error.value.code == "404"


async def test_the_kill_path_ends_own_orders_and_leaves_foreign_ones(adapter: Adapter) -> None:
    """By our id where the venue lists it, else by the exchange's ids that are remembered."""
    own = [await adapter.send(await adapter.resting()) for _ in range(3)]
    foreign = await adapter.send(await adapter.resting(client_order_id=f"other-{next(adapter.numbers)}"))
    rest = adapter.venue.kill_client(adapter.access)
    remembered = [] if adapter.venue.capabilities.client_ids is not None else own
    path = KillPath(lambda: rest, IDS, adapter.access.clock, adapter.access.rng, lambda: remembered)
    await asyncio.wait_for(path.run(lambda: path.progress.verified < 2, lambda: None, again=False), 10)
    assert path.progress.cleared_ms is not None and path.progress.found == 3
    assert [order_id for order_id, _ in await adapter.client.open_ids()] == [foreign]


class Heard:
    """What the streams hand over."""

    def __init__(self) -> None:
        self.prices: list[PriceUpdate] = []
        self.orders: list[OrderReport] = []
        self.up: set[str] = set()

    def event(self, event: PriceUpdate | OrderReports) -> None:
        if isinstance(event, PriceUpdate):
            self.prices.append(event)
        else:
            self.orders += event.orders

    def stream_changed(self, name: str, up: bool, note: str) -> None:
        (self.up.add if up else self.up.discard)(name)


async def _until(true: Callable[[], bool], what: str) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


async def test_the_streams_tell_prices_and_own_orders(adapter: Adapter) -> None:
    heard = Heard()
    streams = [
        adapter.venue.market_stream(adapter.access, (P,), heard),
        adapter.venue.order_stream(adapter.access, (P,), heard),
    ]
    tasks = [asyncio.get_running_loop().create_task(stream.run()) for stream in streams]
    try:
        await _until(lambda: heard.up == {MARKET_STREAM, ORDER_STREAM}, "both streams up")
        order_id = await adapter.send(await adapter.resting())
        await _until(lambda: any(order.order_id == order_id for order in heard.orders), "news of the order")
        await _until(lambda: bool(heard.prices), "a price")
        assert (TICKER, P) in streams[0].health.channel_s and all(s.health.connected for s in streams)
        assert heard.prices[-1].product_id == P and heard.prices[-1].price > 0
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ExchangeError):
                await task


def test_where_nothing_is_known_no_file_of_the_machine_is_named(tmp_path: Path) -> None:
    """An adapter's addresses of a run that is not live never leave this machine."""
    where = registry.load("coinbase").where(Settings(data_dir=tmp_path))
    assert all(str(getattr(where, name)).split("//")[-1].startswith("127.0.0.1") for name in ("rest_host", "market_ws"))
