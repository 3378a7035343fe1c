"""One stream between the exchange and the bot, with everything that can happen to its frames."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from simtest import frame_faults
from simtest.network_link import NetworkLink
from simulator.inprocess import LocalStream


class ConnectionClosed(ConnectionError):
    """The stream ended."""


class VirtualConnection:
    """One stream: JSON frames in order, a little later than they were sent, through the stream faults."""

    def __init__(self, wire: NetworkLink, name: str, closed: Callable[["VirtualConnection"], None]) -> None:
        self._wire, self.name, self._closed = wire, name, closed
        self._in: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._open = True
        self._last_us = 0
        self._frame_faults = frame_faults.FrameFaults(wire.faults, name)
        self.stream: LocalStream = wire.venue.connect(self._given)

    async def send(self, message: str) -> None:
        self._check()
        self._frame_faults.learn(message)
        self.name = self._frame_faults.name
        self._wire.loop.event_queue.at(
            self._wire.loop.now_us + self._wire.half_rtt_us(), lambda: self._arrived(message)
        )

    def _arrived(self, message: str) -> None:
        if self._open:
            self.stream.send(message)
            self._wire.venue.hand_out()

    def _given(self, texts: list[str], close_code: int | None) -> None:
        """Frames leave the exchange now."""
        loop = self._wire.loop
        for text in texts:
            for late_us, bent in self._frame_faults.bend(text):
                if bent is None:
                    self._fail(ConnectionClosed("the connection was cut"))
                    return
                at_us = max(loop.now_us + self._wire.half_rtt_us() + late_us, self._last_us)
                self._last_us = at_us
                loop.event_queue.at(at_us, partial(self._deliver, bent, self._frame_faults.gap))
        if close_code is not None:
            self._fail(ConnectionClosed(f"closed by the exchange with {close_code}"))

    def _deliver(self, text: str, shows_gap: bool) -> None:
        if not self._open or self._error is not None:
            return
        self._wire.venue.note(self.name, text.encode())
        self._wire.truth.frame(self.name, text, self._wire.loop.now_us)
        self._wire.truth.sighted(text, self._wire.loop.now_us, self._wire.life)
        if shows_gap:
            self._wire.truth.gaps.setdefault(id(self), self._wire.loop.now_us)
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
        """Frames that arrived and wait for the program."""
        return len(self._in)

    async def recv(self) -> str | bytes:
        while not self._in:
            if self._error is not None:
                raise self._error
            self._check()
            self._waiter = self._wire.loop.create_future()
            await self._waiter
        return self._in.popleft()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._wire.truth.gaps.pop(id(self), None)
            self._wire.venue.disconnect(self.stream)
            self._closed(self)
