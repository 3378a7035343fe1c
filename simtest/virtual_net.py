"""The network port: requests go as bytes to COIN-SIM in this process, and answers come back as bytes, late or never."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from simtest.http_adapter import VirtualAdapter
from simtest.network_link import NetworkLink
from simtest.stream_connection import VirtualConnection

T = TypeVar("T")
UNTOLD = "market user"  # a connection is told apart by its first subscription; until then it is either


class VirtualNet:
    """`bot.venues.net.Net` of one process of the bot."""

    def __init__(self, link: NetworkLink) -> None:
        self._link = link
        self._connections: list[VirtualConnection] = []

    def adapter(self) -> Any:
        return VirtualAdapter(self._link)

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        """Send now, and return the answer when it would arrive."""
        del pool
        link, loop = self._link, self._link.loop
        began_us, limit_us = loop.now_us, round(limit_s * 1e6)
        # A thread starts the call a moment later; the round trip is added after it.
        await asyncio.sleep(link.random.uniform(0.0001, 0.002))
        link.sent_us, link.extra_us, link.told = loop.now_us, 0, b""
        error: Exception | None = None
        answer: Any = None
        try:
            answer = call()
        except Exception as raised:
            error = raised
        told = link.told.decode()
        back_us = loop.now_us + link.extra_us + 2 * link.half_rtt_us()
        if back_us - began_us >= limit_us:
            await asyncio.sleep((began_us + limit_us - loop.now_us) / 1e6)
            raise TimeoutError(f"no complete answer within {limit_s:g} s")
        await asyncio.sleep((back_us - loop.now_us) / 1e6)
        if error is not None:
            raise error
        link.truth.sighted(told, loop.now_us, link.life)
        return answer  # type: ignore[no-any-return]

    @asynccontextmanager
    async def _connect(self, url: str) -> AsyncIterator["VirtualConnection"]:
        self._link.truth.opened.setdefault(self._link.life, self._link.loop.now_us)
        await asyncio.sleep(2 * self._link.half_rtt_us() / 1e6)
        if self._link.faults.strike("ws_refuse", UNTOLD):
            raise ConnectionRefusedError(111, f"{url} refused")
        connection = VirtualConnection(self._link, UNTOLD, self._connections.remove)
        self._connections.append(connection)
        try:
            yield connection
        finally:
            connection.close()

    def connect(self, url: str, ca_file: Path | None) -> Any:
        del ca_file
        return self._connect(url)

    @property
    def unread(self) -> int:
        """The longest queue of frames that wait for the program."""
        return max((connection.unread for connection in self._connections), default=0)

    def die(self) -> None:
        """The process is gone: its sockets close."""
        for connection in list(self._connections):
            connection.close()
