"""A bot in live mode against COIN-SIM on loopback: its addresses are replaced by the simulator's before it starts."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.app.offload import DaemonOffload, ThreadOffload
from bot.app.order_executor import OrderExecutor
from bot.app.process import Process, SystemPorts
from bot.domain import events as ev
from bot.domain.intents import PlaceOrder
from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec
from bot.engine.orders.submit import send
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.net import SystemNet
from shared import files
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.status import Phase
from shared.lab_verdicts import GO, LabStanding
from shared.live_permission import grant, terms
from shared.ports import SystemClock, SystemFs, SystemRng
from shared.settings import Mode, Profile, Settings
from shared.times import epoch_ms
from tests.core.harness import market_of
from tests.simulator.conftest import Sim

POOLS: dict[Process, tuple[ThreadOffload, ...]] = {}  # of the processes that were made and have not ended


def where(sim: Sim) -> Endpoints:
    folder = sim.folder / "sim"
    return Endpoints(sim.host, f"wss://{sim.host}", f"wss://{sim.host}", folder / "ca.pem", folder / "key.json")


def live_settings(folder: Path, sim: Sim, **changes: Any) -> Settings:
    terms: dict[str, Any] = {
        "coin_mode": Mode.LIVE, "profile": Profile.PROD, "dry_run": False, "data_dir": folder, "products": ("BTC-USD",),
        "coinbase_key_file": str(sim.folder / "sim" / "key.json"), "max_order_usd": 100.0, "max_total_usd": 500.0,
        "strategy": "sma_cross",
    }  # fmt: skip
    return Settings(**(terms | changes))


def made(settings: Settings, sim: Sim) -> Process:
    """The process, not started."""
    settings.paths.prepare()
    files_pool, market_pool = ThreadOffload("files"), ThreadOffload("market")
    pools = (files_pool, market_pool, DaemonOffload("strategy"))
    process = Process(settings, [], SystemPorts(SystemClock(), SystemRng(), SystemFs(), SystemNet(), *pools))
    POOLS[process] = (files_pool, market_pool)
    process.bot.endpoints = where(sim)
    hosts = (process.bot.endpoints.rest_host, process.bot.endpoints.market_ws)
    assert all(address.endswith(sim.host) for address in hosts)
    return process


@asynccontextmanager
async def running(settings: Settings, sim: Sim) -> AsyncIterator[Process]:
    """Until it trades, or says why it does not."""
    process = made(settings, sim)
    run = asyncio.get_running_loop().create_task(process.run())
    for _ in range(300):
        await asyncio.sleep(0.05)
        view = process.bot.engine.view if process.bot.engine else None
        fresh = view is not None and view.control.ready and market_of(process.bot.engine, "BTC-USD").ask is not None
        if run.done() or (fresh and process.bot.boot.phase is Phase.TRADING):
            break
    assert not run.done(), process.bot.error
    try:
        yield process
    finally:
        process.stop.set()
        assert await asyncio.wait_for(run, 20) == 0
        await end(process)


async def end(process: Process) -> None:
    """What the end of a real process does to everything that is still under way."""
    while under_way := [task for task in asyncio.all_tasks() if _of_the_desk(task)]:
        for task in under_way:
            task.cancel()
        await asyncio.sleep(0.01)
    process.bot.net.close()  # type: ignore[attr-defined]
    for pool in POOLS.pop(process):
        pool.close()


def _of_the_desk(task: "asyncio.Task[Any]") -> bool:
    work: Any = task.get_coro()
    return str(work.__qualname__).startswith(OrderExecutor.__name__)


LAB = LabStanding(GO, "a verdict", "0" * 16)


def permit(process: Process, settings: Settings | None = None) -> None:
    """What a person's enable-live leaves, for this bot's folder and key."""
    bot = process.bot
    assert bot.key is not None
    agreed = terms(settings or bot.settings, bot.live_lock.folder.folder)
    data = grant(agreed, 7.0, bot.key.name, bot.key.secret, epoch_ms(bot.clock.utc()), "test", LAB)
    files.write_whole(bot.paths.live_permission, data, durable=False)


def entry(process: Process, name: str) -> OrderSpec:
    assert process.bot.engine is not None
    market = market_of(process.bot.engine, "BTC-USD")
    assert market.mark is not None
    return OrderSpec(
        client_order_id=f"ct-main-{name:0>32}", product_id="BTC-USD", side=Side.BUY, kind=OrderKind.MARKET,
        purpose=Purpose.ENTRY, base_size=None, quote_size=Decimal(10), limit_price=None, post_only=False, end_ms=None,
        expected_price=market.mark, lot_kind=LotKind.RUNNER, tp_pct=Decimal("3.8"),
    )  # fmt: skip


async def there(process: Process, spec: OrderSpec) -> bool:
    """Send it the way the engine's orders go; whether the exchange got it."""
    assert process.bot.desk is not None and process.bot.rest is not None
    process.bot.desk.carry_out(PlaceOrder(spec))
    await asyncio.sleep(0.5)
    found = await process.bot.rest.orders_since(0, "BTC-USD")
    return any(order.client_order_id == spec.client_order_id for order in found)


async def buys(process: Process) -> str:
    """A lot, bought the way that the engine's own entries go, with its take resting at the exchange; its id."""
    bot, engine = process.bot, process.bot.engine
    assert engine is not None
    state = engine.state
    state.records.intents = []
    send(state, entry(process, uuid.uuid4().hex))
    bot._carry_out(state.records.intents, ev.Tick(), 0.0)
    await until(lambda: any(engine.view.orders.resting_take(lot) is not None for lot in engine.view.positions.lots()))
    await until(lambda: all(o.order_id is not None for o in engine.view.orders.all()))
    return engine.view.positions.lots()[0].lot_id


async def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    for _ in range(round(seconds / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not in time")


async def commanded(process: Process, cmd: Cmd) -> ReceiptDoc:
    """The command's last receipt."""
    sent = send_command(process.bot.paths, cmd, {}, by="test")

    def receipt() -> ReceiptDoc | None:
        found = (one for one in process.bot.commands.newest() if one.id == sent.id)
        return next((one for one in found if one.state is not ReceiptState.SEEN), None)

    await until(lambda: receipt() is not None)
    found = receipt()
    assert found is not None
    return found


async def open_at_exchange(process: Process) -> set[str]:
    """Our ids of the orders that the exchange shows open."""
    assert process.bot.rest is not None
    return {order.client_order_id for order in await process.bot.rest.open_orders()}
