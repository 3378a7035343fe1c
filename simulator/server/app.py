"""The running server: clock, market loop, ports, shutdown."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable
from functools import partial

from shared.files import stat_key
from simulator.api.auth import IssuedKey
from simulator.api.build import build
from simulator.api.delivery import Courier, Delivery
from simulator.api.http import HttpRequest, Response, rate_limited
from simulator.api.limits import Buckets
from simulator.api.service import Api
from simulator.api.ws.hub import StreamHub
from simulator.api.ws.session import StreamSession
from simulator.core.faults import Fault, Faults
from simulator.exchange import Exchange
from simulator.server.files import SimFiles, load_keys
from simulator.server.transport import HttpConnection

log = logging.getLogger("simulator.server")
STEP_S = 0.02
CONNECTIONS_PER_S = 8
LEAP_US = 120_000_000  # a longer pause is not played out trade by trade
LEAP_BACK_US = 5_000_000
KEYS_EVERY_US = 500_000
HOST = "127.0.0.1"


class PortTaken(Exception):
    """Somebody else listens there."""


def wall_us() -> int:
    return time.time_ns() // 1000


class SimServer:
    """REST and both streams on one port."""

    def __init__(self, exchange: Exchange, keys: dict[str, IssuedKey], faults: Faults, port: int) -> None:
        self.exchange = exchange
        self.faults = faults
        self.port = port
        hosts = (f"{HOST}:{port}", f"localhost:{port}", f"[::1]:{port}")
        self.api = Api(exchange, keys, hosts, wall_us=wall_us, enforce_limits=exchange.config.enforce_rate_limits)
        self.service = build(self.api)
        self.courier = Courier(self.service, faults, exchange.config.seed)
        self.hub = StreamHub(self.api, faults)
        self.requests = 0
        self._files: SimFiles | None = None
        self._keys_seen: tuple[int, int, int] | None = None
        self._connecting = Buckets(CONNECTIONS_PER_S, CONNECTIONS_PER_S)
        self._connections: set[HttpConnection] = set()
        self._servers: list[asyncio.Server] = []
        self._maintained = False

    # Front

    def accept(self) -> bool:
        return self.faults.strike(Fault.CONNECTION_REFUSED, wall_us()) is None

    def answer(self, request: HttpRequest) -> Delivery:
        now_us = wall_us()
        self.requests += 1
        self._advance(now_us)
        delivery = self.courier.deliver(request)
        self.hub.run(now_us)
        return delivery

    def connect(self, wake: Callable[[], None], client: str) -> StreamSession | Response:
        now_us = wall_us()
        if self.faults.state(Fault.MAINTENANCE, now_us):
            return Response(503, b"Service Unavailable", "text/plain")
        if self.api.enforce_limits and not self._connecting.take(client, now_us):
            return rate_limited().response
        return self.hub.connect(now_us, wake, client)

    def receive(self, session: StreamSession, text: str) -> None:
        now_us = wall_us()
        self._advance(now_us)
        self.hub.receive(session, text, now_us)

    def disconnect(self, session: StreamSession) -> None:
        self.hub.disconnect(session)

    def watch_keys(self, files: SimFiles) -> None:
        """Take up keys that are issued while this runs."""
        self._files = files
        self._keys_seen = stat_key(files.registry)

    def _look_at_keys(self) -> None:
        if self._files is None:
            return
        seen = stat_key(self._files.registry)
        if seen != self._keys_seen:
            self._keys_seen = seen
            self.api.keys.update(load_keys(self._files, self.exchange.portfolio))
            log.info("keys.loaded count=%d", len(self.api.keys))

    # Running

    def connection(self) -> HttpConnection:
        made = HttpConnection(self)
        self._connections.add(made)
        if len(self._connections) > 64:
            self._connections = {c for c in self._connections if not c.gone}
        return made

    async def listen(self, context: ssl.SSLContext) -> None:
        """Open the port, on IPv6's loopback as well where there is one: "localhost" means either. Raises PortTaken."""
        self._servers.append(await open_port(self.connection, self.port, context))
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            self._servers.append(await loop.create_server(self.connection, "::1", self.port, ssl=context))

    async def listen_plain(self, port: int) -> None:
        """The same without TLS on a port of its own, loopback as well. Raises PortTaken."""
        self._servers.append(await open_port(self.connection, port, None))
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            self._servers.append(await loop.create_server(self.connection, "::1", port))

    async def open_admin(self, factory: Callable[[], asyncio.Protocol], port: int) -> None:
        """Open the admin port. Raises PortTaken."""
        self._servers.append(await open_port(factory, port, None))

    async def play(self, stopping: asyncio.Event) -> None:
        """Let the market run until told to stop."""
        wait = partial(asyncio.wait_for, timeout=STEP_S)
        looked_us = 0
        while not stopping.is_set():
            now_us = wall_us()
            self._advance(now_us)
            self._maintain(now_us)
            if now_us - looked_us > KEYS_EVERY_US:
                looked_us = now_us
                self._look_at_keys()
            self.hub.run(now_us)
            try:
                await wait(stopping.wait())
            except TimeoutError:
                continue

    def _advance(self, now_us: int) -> None:
        """Play the market up to now, or leap there when the machine slept or its clock was set."""
        gap_us = now_us - self.exchange.now_us
        if -LEAP_BACK_US < gap_us < LEAP_US:
            self.exchange.advance(now_us)
            return
        log.warning("clock.leap seconds=%.1f", gap_us / 1e6)
        for session in list(self.hub.sessions):
            session.close(1012)
        self.exchange.leap(now_us)

    def _maintain(self, now_us: int) -> None:
        """Maintenance closes every stream, once."""
        down = bool(self.faults.armed) and self.faults.state(Fault.MAINTENANCE, now_us) is not None
        if down and not self._maintained:
            for session in list(self.hub.sessions):
                session.close(1012)
        if down != self._maintained:
            log.info("maintenance.%s", "began" if down else "ended")
        self._maintained = down

    async def stop(self) -> None:
        """Close ports and connections and save the account."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.end()
        self.exchange.settle()
        await asyncio.sleep(0)


async def open_port(
    factory: Callable[[], asyncio.Protocol], port: int, context: ssl.SSLContext | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(factory, HOST, port, ssl=context, backlog=256, start_serving=True)
    except OSError as taken:
        raise PortTaken(f"port {port} on {HOST} is taken: {taken.strerror}") from taken
