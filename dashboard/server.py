"""How the socket is served: time limits for headers that never end, a list of open connections to cut slow ones."""

import asyncio
import functools
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashboard.auth.peer import Peers

HEADER_TIMEOUT_S = 10.0
MOST_CONNECTIONS = 600
_open: dict[Any, asyncio.Transport] = {}


@functools.cache
def peers() -> Peers:
    """How this process names the users who connect."""
    return Peers()


class Protocol(H11Protocol):
    """uvicorn's own protocol, which by itself waits for ever for the end of a request's header."""

    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(_open) >= MOST_CONNECTIONS:
            transport.abort()
            return
        _open[transport.get_extra_info("peername")] = transport
        self.app_state = {**self.app_state, "peer": peers().of(transport.get_extra_info("socket"))}
        self._await_header()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_header()
        elif self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _await_header(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self._give_up)

    def _give_up(self) -> None:
        self._header_timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        _open.pop(self.transport.get_extra_info("peername"), None)
        if self._header_timer is not None:
            self._header_timer.cancel()
        super().connection_lost(exc)


def abort(scope: Any) -> None:
    """Drop the connection of this request at once, with whatever waits in its buffers."""
    client = scope.get("client")
    transport = _open.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()


def connections() -> int:
    """Open connections."""
    return len(_open)
