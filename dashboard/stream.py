"""The live stream: one watcher, each part drawn once for all who look at the same page, slow readers cut.

A channel is a page as one role sees it. When something changes, the channel's parts are drawn, compared with what
was sent last, and only the changed ones go out. A browser that connects gets them all once.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard import server
from dashboard.hub import Hub
from dashboard.page import Page, Params
from dashboard.page_renderer import PageRenderer
from dashboard.render import fill_age, partial
from dashboard.views.snapshot import Snapshot

log = logging.getLogger(__name__)
MOST_STREAMS = 100
MOST_PER_SESSION = 20
BUFFER_BYTES = 256 * 1024
SLOW_S = 10.0
TICK_S = 1.0
SPACING_S = 0.04
FRAME = ("f-root", "f-mode", "f-pres", "f-pulse", "f-lights", "cmd", "f-acct", "f-nav", "receipts", "f-note")
_GROUP = 2  # clients served before other requests get their turn


class Full(Exception):
    """The limit of streams is reached; the text says which one."""


@dataclass(eq=False, slots=True)
class Client:
    """One open stream: what waits to be sent, and whether it was given up."""

    key: str
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    def push(self, message: bytes) -> bool:
        """Queue a message; False = too much waits already, the client is cut."""
        if self.waiting_bytes + len(message) > BUFFER_BYTES and self.waiting:
            self.cut = True
        else:
            self.waiting.append(message)
            self.waiting_bytes += len(message)
        self.wake.set()
        return not self.cut

    def pop(self) -> bytes | None:
        if not self.waiting:
            return None
        message = self.waiting.popleft()
        self.waiting_bytes -= len(message)
        return message


@dataclass(eq=False, slots=True)
class Channel:
    page: Page
    role: str
    params: Params
    clients: set[Client] = field(default_factory=set)
    last: dict[str, str] = field(default_factory=dict)


def event(parts: Mapping[str, str], s: Snapshot) -> bytes:
    """One server-sent event that carries the parts."""
    text = "".join(partial(target, drawn) for target, drawn in parts.items())
    return ("data: " + fill_age(text, s).replace("\n", "\ndata: ") + "\n\n").encode()


class Broadcaster:
    """All channels. `run` keeps them going; `join` and `leave` are called by the route."""

    def __init__(self, hub: Hub, pages: PageRenderer) -> None:
        self.hub = hub
        self.pages = pages
        self._channels: dict[tuple[str, str, tuple[tuple[str, str], ...]], Channel] = {}

    @property
    def clients(self) -> int:
        return sum(len(c.clients) for c in self._channels.values())

    async def run(self) -> None:
        """Draw and send until cancelled."""
        with self.hub.reader.waiter() as changed:
            while True:
                # Not `wait_for`: until Python 3.12 it loses a cancellation that comes with the change, and never ends.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await changed.wait()
                changed.clear()
                await self._update_all()
                await asyncio.sleep(SPACING_S)

    async def _update_all(self) -> None:
        for key, channel in list(self._channels.items()):
            if not channel.clients:
                del self._channels[key]
                continue
            try:
                await self._update(channel)
            except Exception:  # one page that cannot be drawn must not stop the others
                log.exception("stream.render_failed page=%s", channel.page.key)

    async def draw(self, page: Page, role: str, params: Params) -> tuple[dict[str, str], Snapshot]:
        """Every part of a page with its age marks still in it. Gives way to other requests between the parts."""
        began = time.perf_counter()
        s = self.hub.reader.snapshot()
        data = await page.load(self.hub, s, params)
        drawn = await self.pages.draw(page, s, data, role)
        self.hub.counters.renders += 1
        self.hub.counters.render_s += time.perf_counter() - began
        return drawn, s

    async def _update(self, channel: Channel) -> None:
        drawn, s = await self.draw(channel.page, channel.role, channel.params)
        changed = {key: text for key, text in drawn.items() if channel.last.get(key) != text}
        channel.last = drawn
        changed["f-root"] = drawn["f-root"]
        message = event(changed, s)
        for i, client in enumerate(list(channel.clients)):
            if not client.push(message):
                self.hub.counters.streams_cut += 1
            if i % _GROUP == _GROUP - 1:
                await asyncio.sleep(0)

    async def join(self, page: Page, role: str, params: Params, key: str) -> tuple[Channel, Client]:
        """A new client with every part waiting for it. Raises Full."""
        everyone = [c for channel in self._channels.values() for c in channel.clients]
        if len(everyone) >= MOST_STREAMS:
            raise Full(f"{MOST_STREAMS} pages are open already")
        if sum(c.key == key for c in everyone) >= MOST_PER_SESSION:
            raise Full(f"{MOST_PER_SESSION} pages of this sign-in are open already")
        index = (page.key, role, tuple(sorted(params.items())))
        channel = self._channels.setdefault(index, Channel(page, role, params))
        client = Client(key)
        channel.clients.add(client)  # counted before the first await, so the limits hold
        try:
            if channel.last:
                s = self.hub.reader.snapshot()
                drawn = channel.last
            else:
                drawn, s = await self.draw(page, role, params)
                channel.last = drawn
        except BaseException:
            channel.clients.discard(client)
            raise
        client.waiting.appendleft(event(drawn, s))
        client.waiting_bytes += len(client.waiting[0])
        client.wake.set()
        return channel, client

    def wake(self) -> None:
        """Make every open stream ask whether its sign-in still holds."""
        for channel in self._channels.values():
            for client in channel.clients:
                client.wake.set()

    def leave(self, channel: Channel, client: Client) -> None:
        channel.clients.discard(client)


Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]


class StreamResponse:
    """The ASGI answer that pumps one client's messages until either side ends."""

    def __init__(
        self, broadcaster: Broadcaster, channel: Channel, client: Client, still_in: Callable[[], bool]
    ) -> None:
        self.broadcaster = broadcaster
        self.channel = channel
        self.client = client
        self.still_in = still_in  # a sign-out ends the streams as well

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        gone = asyncio.create_task(_until_gone(receive, self.client))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._pump(send)
        except TimeoutError:
            self.broadcaster.hub.counters.streams_cut += 1
            self.client.cut = True
        finally:
            gone.cancel()
            self.broadcaster.leave(self.channel, self.client)
            if self.client.cut:
                server.abort(scope)

    async def _pump(self, send: Send) -> None:
        client = self.client
        while not client.cut:
            await client.wake.wait()
            client.wake.clear()
            if not self.still_in():
                break
            while (message := client.pop()) is not None:
                async with asyncio.timeout(SLOW_S):
                    await send({"type": "http.response.body", "body": message, "more_body": True})
        if not client.cut:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive, client: Client) -> None:
    """Wait for the browser to leave, then let the pump end."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            client.cut = True
            client.wake.set()
            return
