"""The bot's whole process at a whole exchange, in one thread and virtual time: real bytes both ways, no socket."""

import asyncio
import types
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import pytest
import requests
from coinbase import jwt_generator
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from bot.app import history
from bot.app.application import Application
from bot.app.process import Process, SystemPorts
from bot.strategies import registry
from shared import control
from shared.ports import SystemFs
from shared.settings import Settings
from shared.times import EPOCH
from simtest.virtual_loop import VirtualLoop
from simulator.api.http import HttpRequest
from simulator.api.rest.orders import create
from simulator.core.units import to_atoms
from simulator.exchange import Config
from simulator.inprocess import START_US, LocalExchange

T = TypeVar("T")
STEP_US = 100_000
RTT_S = 0.02


class Refused(Exception):
    """What a test makes of a request, instead of an answer."""


class Clock:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.off_s = 0.0

    def utc(self) -> datetime:
        return EPOCH + timedelta(microseconds=START_US + self._loop.now_us, seconds=self.off_s)

    def monotonic_s(self) -> float:
        return 1000.0 + self._loop.now_us / 1e6

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Rng:
    def __init__(self, life: int) -> None:
        self._random = Random(6 + life)  # each life of the process has an id of its own

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


class Inline:
    async def run(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return work()


class _Adapter(BaseAdapter):
    def __init__(self, net: "Net") -> None:
        super().__init__()
        self._net = net

    def close(self) -> None:
        pass

    def send(self, request: Any, *_args: Any, **_kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body or b""
        status, data = self._net.answer(request, target, body.encode() if isinstance(body, str) else body)
        response = requests.Response()
        response.status_code, response.url = status, request.url
        response.raw, response.headers, response.encoding = BytesIO(data), CaseInsensitiveDict(), "utf-8"
        response.request = request
        return response


class Net:
    """The network seam. `bend`: (method, path, status, body) → what the bot gets of an answer."""

    def __init__(self, state: "Whole") -> None:
        self._world = state
        self.bend: Callable[[str, str, int, bytes], tuple[int, bytes]] = lambda _m, _p, status, body: (status, body)
        self.seen: list[str] = []

    def adapter(self) -> Any:
        return _Adapter(self)

    def answer(self, request: Any, target: str, body: bytes) -> tuple[int, bytes]:
        self._world.move()
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = self._world.exchange.request(request.method, target, headers, body)
        path = target.partition("?")[0].removeprefix("/api/v3/brokerage")
        self.seen.append(f"{request.method} {path}")
        return self.bend(request.method, path, delivery.response.status, delivery.response.body)

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        await asyncio.sleep(RTT_S)
        return call()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["Connection"]:
        connection = Connection(self._world)
        try:
            yield connection
        finally:
            connection.close()

    def connect(self, url: str, ca_file: Path | None) -> Any:
        return self._connect()


class Connection:
    def __init__(self, state: "Whole") -> None:
        self._world, self._frames = state, list[str]()
        self._stream = state.exchange.connect()
        self._waiter: asyncio.Future[None] | None = None
        state.connections.append(self)

    async def send(self, message: str) -> None:
        self._stream.send(message)
        self._world.hand_out()

    def give(self) -> None:
        self._frames += self._stream.take()
        if self._frames and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def recv(self) -> str:
        while not self._frames:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._frames.pop(0)

    def close(self) -> None:
        self._stream.close()
        if self in self._world.connections:
            self._world.connections.remove(self)


class Whole:
    """An exchange that goes on while lives of the bot come and go on one data folder."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, *, market: str = "calm", seed: int = 3, levels: int = 40,
        funds: str = "10000", **settings: Any,
    ) -> None:  # fmt: skip
        self.loop = VirtualLoop()
        terms: dict[str, Any] = {
            "products": ("BTC-USD", "ETH-USD"), "strategy": "always", "edge_gate": False, "depth_view": False,
            "vol_risk_adjust": False, "safe_starts": 0, "max_vol_spike": 0.0, "risk_per_trade_pct": 1.0,
            "max_impact_bp": 0.0,
        }  # fmt: skip
        self.settings = Settings(data_dir=folder, **(terms | settings))
        self.paths = self.settings.paths
        config = Config(seed=seed, levels=levels, funds=funds, enforce_rate_limits=False)
        self.exchange = LocalExchange(seed=seed, market=market, config=config)
        self.connections: list[Connection] = []
        self.paths.prepare()
        self.paths.sim.mkdir(mode=0o700)
        key = self.paths.sim / "key.json"
        key.write_bytes(orjson.dumps(self.exchange.issue_key()))
        key.chmod(0o600)
        control.ensure_control_file(self.paths, None)
        patch.setattr(jwt_generator, "time", types.SimpleNamespace(time=lambda: (START_US + self.loop.now_us) / 1e6))
        patch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, "always": ("simtest.always_buy", "AlwaysBuy")})
        patch.setattr(history, "VOLATILITY_BARS", 60)
        patch.setattr(history, "CHARTS", {})
        self.loop.event_queue.at(0, self._beat)
        self.process: Process | None = None
        self.lives = 0

    # The exchange's side.

    def _beat(self) -> None:
        self.move()
        self.loop.event_queue.at(self.loop.now_us + STEP_US, self._beat)

    def move(self) -> None:
        self.exchange.advance(START_US + self.loop.now_us)
        self.hand_out()

    def hand_out(self) -> None:
        for connection in list(self.connections):
            connection.give()

    def deposit(self, amount: str, currency: str = "USD") -> None:
        accounts = self.exchange.exchange.venue.accounts
        accounts.deposit(self.exchange.exchange.portfolio, currency, to_atoms(amount), self.exchange.now_us)
        self.exchange.exchange.settle()

    def trade_by_hand(self, quote: str, product_id: str = "BTC-USD", coid: str = "manual-1") -> str:
        """A purchase that somebody else makes on the account; its order id."""
        configuration = {"market_market_ioc": {"quote_size": quote}}
        body = {"client_order_id": coid, "product_id": product_id, "side": "BUY", "order_configuration": configuration}
        request = HttpRequest("POST", "/api/v3/brokerage/orders", (), {}, orjson.dumps(body))
        answer = orjson.loads(create(self.exchange.api, request, next(iter(self.exchange.api.keys.values()))).body)
        assert answer["success"], answer
        self.hand_out()
        return str(answer["order_id"])

    # The bot's side.

    def begin(self) -> "asyncio.Task[int]":
        """A life of the process; it goes on as the loop is driven."""
        self.clock, self.net, self.lives = Clock(self.loop), Net(self), self.lives + 1
        net: Any = self.net
        machine = SystemPorts(self.clock, Rng(self.lives), SystemFs(), net, Inline(), Inline(), Inline())
        self.process = process = Process(self.settings, [], machine)
        return self.loop.create_task(process.run(), name="process")

    @property
    def bot(self) -> Application:
        assert self.process is not None
        return self.process.bot

    def drive(self, seconds: float) -> None:
        """Let so much time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, what: Callable[[], object], limit_s: float = 120.0, why: str = "") -> None:
        for _ in range(round(limit_s / 0.1)):
            if what():
                return
            self.drive(0.1)
        raise AssertionError(f"{why or 'it did not come'} in {limit_s:g} virtual s")

    def trades(self) -> None:
        self.until(lambda: self.bot.engine is not None and self.bot.engine.view.control.ready, why="trading")

    def die(self) -> None:
        """The process is gone, without a word."""
        assert self.process is not None
        for connection in list(self.connections):
            connection.close()
        self.loop.drop_everything()
        self.process.lock.release()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.die()
        self.loop.bury()
        self.loop.close()
