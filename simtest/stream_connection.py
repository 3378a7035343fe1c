"""One stream between the exchange and the bot, with the faults of its frames."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from functools import partial

from simtest import frame_faults
from simtest.network_link import NetworkLink
from simulator.inprocess import LocalStream

CLIENT_ID = re.compile(r'"client_order_id":"([^"]+)"')


class ConnectionClosed(ConnectionError):
    """The stream ended."""


class VirtualConnection:
    """One stream: JSON frames in order, a little later than they were sent, through the stream faults."""

    def __init__(self, link: NetworkLink, name: str, closed: Callable[["VirtualConnection"], None]) -> None:
        self._link, self.name, self._closed = link, name, closed
        self._in: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._open = True
        self._last_us = 0
        self._frame_faults = frame_faults.FrameFaults(link.faults, name)
        self.stream: LocalStream = link.venue.connect(self._given)

    async def send(self, message: str) -> None:
        self._check()
        self._frame_faults.learn(message)
        self.name = self._frame_faults.name
        self._link.loop.event_queue.at(
            self._link.loop.now_us + self._link.half_rtt_us(), lambda: self._arrived(message)
        )

    def _arrived(self, message: str) -> None:
        if self._open:
            self.stream.send(message)
            self._link.venue.hand_out()

    def _given(self, texts: list[str], close_code: int | None) -> None:
        """Send frames of the exchange on their way, or the close code."""
        for text in texts:
            if not (self._about_orders(text) if self.name == "user" else self._sent_on(text)):
                return
        if close_code is not None:
            self._fail(ConnectionClosed(f"closed by the exchange with {close_code}"))

    def _about_orders(self, text: str) -> bool:
        """As `_sent_on`, for a frame that names the orders it is about."""
        with self._link.faults.about(self.name, lambda: self._link.states_of(CLIENT_ID.findall(text))):
            return self._sent_on(text)

    def _sent_on(self, text: str) -> bool:
        """Whether the connection still stands after this frame."""
        loop = self._link.loop
        for late_us, changed in self._frame_faults.apply(text):
            if changed is None:
                self._fail(ConnectionClosed("the connection was cut"))
                return False
            at_us = max(loop.now_us + self._link.half_rtt_us() + late_us, self._last_us)
            self._last_us = at_us
            loop.event_queue.at(at_us, partial(self._deliver, changed, self._frame_faults.gap))
        return True

    def _deliver(self, text: str, shows_gap: bool) -> None:
        if not self._open or self._error is not None:
            return
        self._link.venue.note(self.name, text.encode())
        self._link.truth.frame(self.name, text, self._link.loop.now_us)
        self._link.truth.sighted(text, self._link.loop.now_us, self._link.life)
        if shows_gap:
            self._link.truth.gaps.setdefault(id(self), self._link.loop.now_us)
        self._in.append(text)
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._open and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        if not self._open:
            raise ConnectionClosed("closed")

    @property
    def unread(self) -> int:
        """The number of frames that arrived and are unread."""
        return len(self._in)

    async def recv(self) -> str | bytes:
        while not self._in:
            if self._error is not None:
                raise self._error
            self._check()
            self._waiter = self._link.loop.create_future()
            await self._waiter
        return self._in.popleft()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._link.truth.gaps.pop(id(self), None)
            self._link.venue.disconnect(self.stream)
            self._closed(self)
