"""A COIN-SIM in a process of its own, for the figures of `bench` that need one."""

import asyncio
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simulator.core.faults import Faults
from simulator.core.products import DEFAULT_PRODUCTS, other_product
from simulator.core.quiet import QuietMarket
from simulator.core.synthetic import TEMPERS, Synthetic
from simulator.core.tape import MarketSource
from simulator.exchange import Config, Exchange
from simulator.server.app import SimServer, wall_us
from simulator.server.files import SimFiles, load_keys, server_context
from simulator.store import Store

QUOTES_EVERY_S = 0.01
PRICE = 10_000


async def serve(folder: Path, port: int, quoted: int) -> None:
    """A server until its input closes: `quoted` products whose quotes never rest, or BTC-USD of the calm market."""
    files = SimFiles(folder)
    files.prepare()
    products = [other_product(f"P{i:03d}-USD") for i in range(quoted)]
    calm = Synthetic(1, TEMPERS["calm"], DEFAULT_PRODUCTS[:1])
    tape: MarketSource = QuietMarket(*products, half_spread_ticks=1) if quoted else calm
    config = Config(funds="1000000000", levels=500, enforce_rate_limits=False)
    exchange = Exchange(tape, Store(files.account), config, wall_us())
    server = SimServer(exchange, load_keys(files, exchange.portfolio), Faults(1), port)
    await server.listen(server_context(files))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stopping.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    flood = asyncio.create_task(_quote(exchange)) if quoted else None
    await server.play(stopping)
    if flood is not None:
        flood.cancel()
    await server.stop()
    exchange.store.close()


async def _quote(exchange: Exchange) -> None:
    """Each product's quotes change once in every slot of level2, a part of the products at a time."""
    markets = list(exchange.venue.markets.values())
    began, done = time.perf_counter(), 0
    while True:
        await asyncio.sleep(QUOTES_EVERY_S)
        due = int((time.perf_counter() - began) * 20 * len(markets))
        for number in range(max(done, due - len(markets)), due):
            book = markets[number % len(markets)].book
            size = 100 + number // len(markets) % 2
            book.bids.set_crowd(PRICE - 1, size)
            book.asks.set_crowd(PRICE + 1, size)
        done = due


class Served:
    """A server process for one measurement."""

    def __init__(self, port: int, quoted: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="coin-sim-bench-")
        self.folder = Path(self._folder.name)
        self.port = port
        command = [
            sys.executable,
            "-m",
            "bench.simulator.figures",
            "--serve",
            self._folder.name,
            str(port),
            str(quoted),
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("the bench's server did not start")

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()
        self._folder.cleanup()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def rss_mb(self) -> float:
        with Path(f"/proc/{self.process.pid}/statm").open() as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
