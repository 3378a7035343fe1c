"""The scanner in a running bot on COIN-SIM: what joins gets history and prices without a restart, lots keep theirs."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.app import scan
from bot.app.offload import DaemonOffload, ThreadOffload
from bot.app.process import Process, SystemPorts
from bot.domain.bars import Bar
from bot.venues.errors import RateLimited
from bot.venues.net import SystemNet
from shared.documents.status import Phase
from shared.ports import SystemClock, SystemFs, SystemRng
from shared.settings import Settings
from tests.core.harness import market_of
from tests.simulator.conftest import Sim


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    found = Sim(tmp_path_factory.mktemp("sim")).start()
    yield found
    found.stop(signal.SIGKILL)


@asynccontextmanager
async def running(sim: Sim, **changes: Any) -> AsyncIterator[Process]:
    terms: dict[str, Any] = {
        "data_dir": sim.folder, "sim_port": sim.port, "sim_admin_port": sim.admin_port, "products": ("BTC-USD",),
        "strategy": "sma_cross", "scanner_max_products": 3, "scanner_min_volume_usd": 0.0, "max_spread_pct": 0.0,
        "reduce_only": True,
    }  # fmt: skip
    settings = Settings(**(terms | changes))
    settings.paths.prepare()
    pools, net = (ThreadOffload("files"), ThreadOffload("market"), DaemonOffload("strategy")), SystemNet()
    process = Process(settings, [], SystemPorts(SystemClock(), SystemRng(), SystemFs(), net, *pools))
    run = asyncio.get_running_loop().create_task(process.run())
    try:
        await until(lambda: run.done() or process.bot.boot.phase is Phase.TRADING)
        assert not run.done(), process.bot.error
        yield process
    finally:
        process.stop.set()
        assert await asyncio.wait_for(run, 20) == 0
        for pool in pools[:2]:  # nothing waits for the strategy's thread
            pool.close()
        net.close()


async def until(right: Callable[[], bool], timeout_s: float = 20.0) -> None:
    for _ in range(round(timeout_s / 0.05)):
        if right():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not in time")


async def test_products_join_and_leave_without_a_restart_and_stay_after_one(
    sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(sim) as process:
        bot = process.bot
        assert bot.engine is not None and bot.rest is not None
        await until(lambda: len(bot.engine.view.markets.product_ids) == 3)
        picked = set(bot.engine.view.markets.product_ids)
        joined = picked - {"BTC-USD"}
        assert len(joined) >= 2
        # History and prices of what joined.
        await until(lambda: all(market_of(bot.engine, name).bid is not None for name in picked))
        await until(lambda: all(len(bot.engine.view.markets.bars(name)) >= 100 for name in picked))
        gates = [gate for name in picked for gate in bot.engine.view.gates.all(name) if gate.name == "vol_spike"]
        assert len(gates) == len(picked) and all(gate.value is not None for gate in gates)
        shown = {name for stream in bot.streams for channel, name in stream.health.channel_s if channel == "ticker"}
        assert shown == picked

        # Fewer are wanted: the others leave, and their prices are no longer asked for.
        bot.settings = replace(bot.settings, scanner_max_products=1)
        await scan.scan(bot, bot.rest)
        assert len(bot.engine.view.markets.product_ids) == 1
        left = picked - set(bot.engine.view.markets.product_ids)
        await asyncio.sleep(1.5)
        shown = {name for stream in bot.streams for channel, name in stream.health.channel_s if channel == "ticker"}
        assert not shown & left
        assert all(stream.health.connected and stream.health.reconnects == 0 for stream in bot.streams)
        chosen = bot.engine.view.records.values["picked"]

    async def later(*_: Any) -> None:
        """The first scan after a start may choose anew, and on a busy machine it would have done so by now."""

    monkeypatch.setattr(scan, "scan", later)
    async with running(sim, scanner_max_products=1) as process:
        assert process.bot.engine is not None
        assert ",".join(process.bot.engine.view.markets.product_ids) == chosen, "the choice survives a restart"


async def test_a_scan_that_fails_leaves_the_choice(sim: Sim) -> None:
    async with running(sim) as process:
        bot = process.bot
        assert bot.engine is not None and bot.rest is not None
        await until(lambda: bot.engine is not None and len(bot.engine.view.markets.product_ids) == 3)
        before = tuple(bot.engine.view.markets.product_ids)
        bot.settings = replace(bot.settings, scanner_min_volume_usd=1e12)
        await scan.scan(bot, bot.rest)
        assert tuple(bot.engine.view.markets.product_ids) == before


async def test_a_busy_exchange_chooses_nothing(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 429 says nothing of a product: the choice stays as it is and the scan is made again, sooner."""
    async with running(sim) as process:
        bot = process.bot
        assert bot.engine is not None and bot.rest is not None
        await until(lambda: bot.engine is not None and len(bot.engine.view.markets.product_ids) == 3)
        before, candles = tuple(bot.engine.view.markets.product_ids), bot.rest.candles

        async def busy(product_id: str, *rest: Any) -> tuple[Bar, ...]:
            if product_id == before[0]:
                raise RateLimited("429: too many requests")
            return await candles(product_id, *rest)

        monkeypatch.setattr(bot.rest, "candles", busy)
        with pytest.raises(RateLimited):
            await scan.scan(bot, bot.rest)
        assert tuple(bot.engine.view.markets.product_ids) == before
