"""The sentinel as a real process beside a real bot and COIN-SIM: entries gone, exits and others' orders left."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.instrument import Instrument
from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.orders import OrderReport, OrderSpec
from bot.venues import registry
from bot.venues.errors import RateLimited
from bot.venues.net import SystemNet
from bot.venues.port import Access, TradingClient, ids_of
from sentinel.decision import Condition, Looker, SilenceWatch
from shared.ports import SystemClock, SystemRng
from shared.settings import Settings
from tests.e2e.system import ROOT, System

ENTRIES = 20
WITHIN_S = 10.0
RSI = "STRATEGY_RSI_REVERSION_"
BUYS = {"STRATEGY": "rsi_reversion", f"{RSI}BUY_BELOW": "99.9", f"{RSI}SELL_ABOVE": "100"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    # Nothing but the test's own orders, and no watchdog that could be quicker than the sentinel.
    made.env |= {"REDUCE_ONLY": "true", "WATCHDOG_SEC": "0"}
    yield made
    made.close()


def floor_price(product: Instrument, price: Decimal) -> Decimal:
    return product.ticks(price) * product.price_increment


async def sent(client: TradingClient, spec: OrderSpec) -> None:
    """In its turn; the exchange counts the bot's requests as well, and refuses what is too many."""
    for _ in range(20):
        await client.admit(spec)
        try:
            await client.create(spec)
        except RateLimited:
            await asyncio.sleep(0.3)
        else:
            return
    raise AssertionError("the exchange takes no order")


class Exchange:
    """The account at COIN-SIM, through a client of the test's own."""

    def __init__(self, system: System) -> None:
        self.settings = Settings(
            data_dir=system.folder,
            sim_port=int(system.env["SIM_PORT"]),
            sim_admin_port=int(system.env["SIM_ADMIN_PORT"]),
        )
        self.venue = registry.load()
        self.ids = ids_of(self.venue, self.settings)

    def run(self, what: Any) -> Any:
        """`what(client)` to its end."""

        async def go() -> Any:
            where, net = self.venue.where(self.settings), SystemNet()
            key = self.venue.load_key(self.settings, where, may_wait=True)
            access = Access(where, key, net, SystemClock(), SystemRng())
            try:
                return await what(self.venue.kill_client(access))
            finally:
                net.close()

        return asyncio.run(go())

    def place(self) -> None:
        """Twenty resting entries and one resting take of the bot's, and one purchase of somebody else's."""

        async def send(client: TradingClient) -> None:
            product = await client.instrument("BTC-USD")
            assert product.price is not None
            low = floor_price(product, product.price / 2)
            high = floor_price(product, product.price * 2)
            size = product.floor_size(Decimal(20) / low)
            mine = [self.ids.make("0badc0de", "entry", n) for n in range(ENTRIES)]
            await sent(client, self.spec(self.ids.make("0badc0de", "buy"), Side.BUY, OrderKind.MARKET, size * 2, None))
            for coid in (*mine, "somebody-elses"):
                await sent(client, self.spec(coid, Side.BUY, OrderKind.LIMIT, size, low))
            await sent(client, self.spec(self.ids.make("0badc0de", "take"), Side.SELL, OrderKind.LIMIT, size, high))

        self.run(send)

    @staticmethod
    def spec(coid: str, side: Side, kind: OrderKind, size: Decimal, price: Decimal | None) -> OrderSpec:
        purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
        market_buy = side is Side.BUY and kind is OrderKind.MARKET
        return OrderSpec(
            coid, "BTC-USD", side, kind, purpose,
            None if market_buy else size, Decimal(50) if market_buy else None,
            price, kind is OrderKind.LIMIT, None, price or Decimal(50_000),
        )  # fmt: skip

    def open(self) -> list[OrderReport]:
        return list(self.run(lambda client: client.open_orders()))

    def kinds(self) -> dict[str, int]:
        """Open orders: entries and exits of the bot's name, and others'."""
        ours = [order for order in self.open() if self.ids.is_ours(order.client_order_id)]
        buys = sum(1 for order in ours if order.side is Side.BUY)
        return {"entries": buys, "exits": len(ours) - buys, "others": len(self.open()) - len(ours)}


def sentinel(system: System, condition: Condition, pid: int) -> tuple[int, dict[str, Any], float]:
    """(exit code, report, seconds)."""
    began_s = time.monotonic()
    command = [sys.executable, "-m", "sentinel", condition.value, str(pid)]
    done = subprocess.run(command, cwd=ROOT, env=system.env, capture_output=True, text=True, timeout=90, check=False)
    assert "-----BEGIN" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout), time.monotonic() - began_s


def test_a_hung_bot_is_ended_and_its_entries_are_gone(system: System) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    exchange = Exchange(system)
    exchange.place()
    os.kill(bot.pid, signal.SIGSTOP)

    watch, looker = SilenceWatch(after_s=3.0), Looker(exchange.settings.paths)
    began_s, found = time.monotonic(), Condition.SILENT
    while found is not Condition.HUNG:
        assert time.monotonic() - began_s < 20, found
        found = watch.judge(looker.look(time.monotonic()))
        time.sleep(0.2)
    assert time.monotonic() - began_s >= 3.0

    code, report, took_s = sentinel(system, found, bot.pid)
    assert (code, report["ended"], report["proven"], report["problem"]) == (0, True, True, None), report
    assert (report["found"], report["cancelled"], report["exits_left"]) == (ENTRIES, ENTRIES, 1)
    assert took_s < WITHIN_S
    assert exchange.kinds() == {"entries": 0, "exits": 1, "others": 1}
    assert bot.wait(5) == -signal.SIGKILL

    again = system.bot()  # the lock is free, and the next run trades
    system.until(lambda s: s["pid"] == again.pid and s["status"] == "running", why="a run after the sentinel")


def test_a_dead_bot_loses_its_entries(system: System) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    exchange = Exchange(system)
    exchange.place()
    bot.kill()
    bot.wait(5)
    code, report, took_s = sentinel(system, Condition.DEAD, bot.pid)
    assert (code, report["ended"], report["cancelled"]) == (0, False, ENTRIES), report
    assert took_s < WITHIN_S
    assert exchange.kinds() == {"entries": 0, "exits": 1, "others": 1}


def test_a_bot_that_is_back_is_left_alone(system: System) -> None:
    """The decision was right when it was made; meanwhile PM2 has started the bot again."""
    system.sim()
    bot = system.bot()
    system.trades()
    exchange = Exchange(system)
    exchange.place()
    code, report, _ = sentinel(system, Condition.DEAD, bot.pid + 1)
    assert code == 75 and "a bot is at work" in report["problem"]
    assert exchange.kinds()["entries"] == ENTRIES
    assert bot.poll() is None


def test_a_hung_bot_that_lost_its_lock_to_a_next_one_is_not_ended(system: System) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    sleeper = system.spawn("http.server", {})  # any process that holds no lock of the bot's
    code, report, _ = sentinel(system, Condition.HUNG, sleeper.pid)
    assert (code, report["ended"]) == (0, False), report
    assert "does not hold" in report["problem"] or "at work" in report["problem"]
    assert sleeper.poll() is None and bot.poll() is None


def test_an_exchange_that_is_gone_is_said(system: System) -> None:
    sim = system.sim()
    bot = system.bot()
    system.trades()
    bot.kill()
    bot.wait(5)
    sim.terminate()
    sim.wait(8)
    began_s = time.monotonic()
    command = [
        sys.executable,
        "-c",
        "import sentinel.__main__ as m; m.CANCEL_S = 2.0; raise SystemExit(m.main(['dead', '1']))",
    ]
    done = subprocess.run(command, cwd=ROOT, env=system.env, capture_output=True, text=True, timeout=60, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["proven"]) == (1, False), report
    assert report["problem"] and time.monotonic() - began_s < 20


def holds(system: System) -> dict[str, str]:
    """Lot id → base size, of a bot that trades."""
    found = system.until(lambda s: s["phase"] == "trading" and any(p["lots"] for p in s["positions"]), 60, "a lot")
    return {lot["lot_id"]: lot["base_size_text"] for p in found["positions"] for lot in p["lots"]}


@pytest.mark.slow
@pytest.mark.parametrize("condition", [Condition.DEAD, Condition.HUNG])
def test_flatten_sells_the_lots_of_a_bot_that_is_gone_and_its_next_run_knows(
    system: System, condition: Condition
) -> None:
    system.env |= {"REDUCE_ONLY": "false", "SENTINEL": "flatten", "TAKE_PROFIT_PCT": "50", "MAX_VOL_SPIKE": "0"} | BUYS
    system.sim()
    bot = system.bot()
    system.trades()
    holds(system)
    system.write_control(version=1, command="pause")
    system.until(lambda s: s["status"] == "paused", why="paused")
    time.sleep(1.5)  # an entry that was under way is filled by now, and its take rests
    lots = holds(system)
    if condition is Condition.DEAD:
        bot.kill()
        bot.wait(5)
    else:
        os.kill(bot.pid, signal.SIGSTOP)
    exchange = Exchange(system)
    code, report, took_s = sentinel(system, condition, bot.pid)
    assert (code, report["proven"], report["unsold"], report["lots_sold"]) == (0, True, None, len(lots)), report
    assert report["takes_cancelled"] >= 1 and took_s < 2 * WITHIN_S
    assert exchange.kinds() == {"entries": 0, "exits": 0, "others": 0}
    assert sum(map(Decimal, report["sold"].values())) == sum(map(Decimal, lots.values()))
    again, report, _ = sentinel(system, Condition.DEAD, bot.pid)
    assert (again, report["lots_sold"]) == (0, len(lots)), "there is nothing more to sell"
    next_run = system.bot()
    found = system.until(lambda s: s["pid"] == next_run.pid and s["status"] == "paused", why="the next run")
    assert all(not position["lots"] for position in found["positions"])
    assert found["differences"] is None and found["risk"]["entries_blocked"] is None, found["risk"]


def test_flatten_sells_nothing_of_a_bot_that_is_to_stop(system: System) -> None:
    system.env |= {"SENTINEL": "flatten"}
    system.sim()
    bot = system.bot()
    system.trades()
    exchange = Exchange(system)
    exchange.place()
    bot.kill()
    bot.wait(5)
    system.write_control(version=1, command="stop")
    code, report, _ = sentinel(system, Condition.DEAD, bot.pid)
    assert (code, report["cancelled"], report["forbidden"], report["unsold"]) == (
        0,
        ENTRIES,
        True,
        "the bot is to stop",
    )
    assert exchange.kinds() == {"entries": 0, "exits": 1, "others": 1}


def test_a_second_bot_loses_its_own_entries_and_nobody_elses(system: System, tmp_path: Path) -> None:
    """Its folder lies in the default bot's, with its own .env; both trade on one account."""
    system.sim()
    second = System(tmp_path / "bots" / "alice")
    second.folder.mkdir(parents=True, mode=0o700)
    own = {"BOT_NAME": "alice", "SIM_PORT": system.env["SIM_PORT"], "SIM_ADMIN_PORT": system.env["SIM_ADMIN_PORT"]}
    shared = {"REDUCE_ONLY": "true", "WATCHDOG_SEC": "0"}
    second.env |= own | shared
    (second.folder / "sim").symlink_to(system.folder / "sim")
    (second.folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in {**own, **shared}.items()))
    bot, default = second.bot(), system.bot()
    second.trades()
    system.trades()
    exchange, theirs = Exchange(system), Exchange(second)
    theirs.settings = replace(theirs.settings, bot_name="alice")
    theirs.ids = ids_of(theirs.venue, theirs.settings)
    exchange.place()

    async def place(client: TradingClient) -> None:
        product = await client.instrument("BTC-USD")
        assert product.price is not None
        low = floor_price(product, product.price / 2)
        for n in range(3):
            coid = theirs.ids.make("0badc0de", "entry", n)
            size = product.floor_size(Decimal(20) / low)
            await sent(client, Exchange.spec(coid, Side.BUY, OrderKind.LIMIT, size, low))

    theirs.run(place)
    assert theirs.kinds()["entries"] == 3
    bot.kill()
    bot.wait(5)
    command = [sys.executable, "-m", "sentinel", "dead", str(bot.pid), "alice"]
    done = subprocess.run(command, cwd=ROOT, env=system.env, capture_output=True, text=True, timeout=90, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["cancelled"], report["proven"]) == (0, 3, True), (report, done.stderr)
    assert theirs.kinds()["entries"] == 0 and exchange.kinds()["entries"] == ENTRIES and default.poll() is None
    second.close()
