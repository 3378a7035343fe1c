"""How one connection speaks HTTP: uvicorn's own protocol, which tells the door what it waits for."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashboard.door import ClientConnection, connection_of


class Protocol(H11Protocol):
    """By itself it waits for ever for the end of a request. The door ends what takes too long.

    Each request finds in `scope["state"]` who holds the other end (`peer`), and the connection (`connection`).
    """

    _door: ClientConnection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._door = connection_of(transport)
        if self._door is not None:
            self._door.transport = transport
            self.app_state = {**self.app_state, "peer": self._door.peer, "connection": self._door}

    def handle_events(self) -> None:
        super().handle_events()
        self._tell()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._tell()

    def _tell(self) -> None:
        """Busy with a request, in the middle of one that is not whole, or idle."""
        if self._door is None:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._door.begin()
            return
        self._door.rest()
        half_body = self.conn.their_state is h11.SEND_BODY  # answered already, and still it comes
        if half_body or self.conn.trailing_data[0]:
            self._door.expect()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._door is not None:
            self._door.transport = None
            self._door.released()
        super().connection_lost(exc)


def abort(scope: Any) -> None:
    """Drop the connection of this request at once, with whatever waits in its buffers."""
    found = scope.get("state", {}).get("connection")
    if isinstance(found, ClientConnection):
        found.abort()
