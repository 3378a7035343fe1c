"""A peer whose machine stops, or whose packets are lost, holds nobody up: the connection is left, not wished goodbye.

Over TLS a close waits half a minute for the peer's own close, and a bot that waits for it does not reconnect.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bot.venues.coinbase import stream as stream_module
from bot.venues.coinbase.stream import CoinbaseStream
from bot.venues.net import SystemNet
from tests.coinbase.https_server import authority
from tests.coinbase.test_stream import KEY, Endpoints, QuickRng, Sink, SystemClock, beat, ticker


class Wire:
    """Passes bytes on between a client and `port`; `freeze` loses what is on its way from then on, both ways."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._through: list[asyncio.Event] = []
        self.opened_s: list[float] = []
        self._links: list[asyncio.Task[None]] = []

    def freeze(self) -> None:
        """Only for the connections of now: a new one goes through."""
        for event in self._through:
            event.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened_s.append(time.monotonic())
        through = asyncio.Event()
        through.set()
        self._through.append(through)
        there = await asyncio.open_connection("127.0.0.1", self._port)
        self._links += [
            asyncio.ensure_future(self._pump(reader, there[1], through)),
            asyncio.ensure_future(self._pump(there[0], writer, through)),
        ]

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, through: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            await through.wait()
            sink.write(data)

    def close(self) -> None:
        for link in self._links:
            link.cancel()


@asynccontextmanager
async def exchange(folder: Path) -> AsyncIterator[tuple[Wire, int, Path]]:
    """A stream over TLS behind a wire: (the wire, the port to connect to, its certificate authority)."""

    async def beats(peer: ServerConnection) -> None:
        for number in range(10_000):
            frame = ticker(number) if number % 2 else beat(number)
            await peer.send(stream_module.orjson.dumps(frame).decode())
            await asyncio.sleep(0.05)

    certificate, key = authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serve(beats, "127.0.0.1", 0, ssl=context) as server:
        wire = Wire(next(iter(server.sockets)).getsockname()[1])
        relay = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
        try:
            yield wire, relay.sockets[0].getsockname()[1], certificate
        finally:
            relay.close()
            wire.close()


def market(port: int, certificate: Path, sink: Sink) -> CoinbaseStream:
    where = Endpoints("", "", "", certificate, None)
    return CoinbaseStream(
        "market", f"wss://127.0.0.1:{port}", ("heartbeats", "ticker"), ("BTC-USD",), endpoints=where, key=KEY,
        net=SystemNet(), clock=SystemClock(), rng=QuickRng(), sink=sink,
    )  # fmt: skip


async def wait(until: object, limit_s: float) -> None:
    assert callable(until)
    async with asyncio.timeout(limit_s):
        while not until():
            await asyncio.sleep(0.01)


async def test_a_connection_whose_packets_are_lost_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SILENCE_S", 0.5)
    async with exchange(tmp_path) as (wire, port, certificate):
        sink = Sink()
        task = asyncio.ensure_future(market(port, certificate, sink).run())
        await wait(lambda: sink.changes[-1:] == [(True, "up")], 10)
        wire.freeze()
        await wait(lambda: sink.changes[-1:] == [(False, "silent for 0.5 s")], 5)
        down_s = time.monotonic()
        await wait(lambda: sink.changes[-1:] == [(True, "up")], 5)
        assert wire.opened_s[1] - down_s < 1.0, "the next connection was not begun at once"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_bot_that_ends_does_not_wait_for_a_peer_that_hangs(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (wire, port, certificate):
        sink = Sink()
        task = asyncio.ensure_future(market(port, certificate, sink).run())
        await wait(lambda: sink.changes[-1:] == [(True, "up")], 10)
        wire.freeze()
        began_s = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - began_s < 2.5
