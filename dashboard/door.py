"""The door before TLS and HTTP: how many connections each peer may hold, and until when a request must be complete.

A peer is a unix user on this machine, an address beyond it. Whoever takes too many is refused, or loses their own
oldest waiting ones; whoever has signed in keeps a share that others cannot fill. A refusal costs a tenth of a served
connection: a flood is over for the others as soon as it was counted.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.auth.peer import Peers, RemotePeer

HEADER_TIMEOUT_S = 5.0
OLD_S = 1.0  # a waiting connection of this age makes room for a new one of the same peer
ACCEPTS_A_TURN = 64  # then others of the event loop get theirs
BACKLOG = 4096
_UNREAD_MS = 30_000
_KNOWN_S = 12 * 3600.0
_MOST_KNOWN = 1000
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Connections at once."""

    most: int = 600
    kept: int = 150  # of them, for peers that have signed in
    per_peer: int = 200
    waiting_per_peer: int = 64  # without a request under way

    @classmethod
    def behind_proxy(cls) -> "ConnectionLimits":
        """All of a proxy's clients are one peer here: limits by client are the proxy's."""
        return cls(per_peer=600, waiting_per_peer=300)


class ClientConnection:
    """One accepted connection: waiting for a whole request, or busy with one."""

    __slots__ = ("_late", "busy", "door", "gone", "peer", "since", "sock", "transport")

    def __init__(self, door: "Door", sock: socket.socket, peer: RemotePeer) -> None:
        self.door = door
        self.sock = sock
        self.peer = peer
        self.busy = False
        self.gone = False
        self.since = 0.0  # when it began to wait
        self.transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None

    def expect(self) -> None:
        """From now on the rest of a request must come in time."""
        if self._late is None and not self.gone:
            self._late = asyncio.get_running_loop().call_later(HEADER_TIMEOUT_S, self._too_late)

    def begin(self) -> None:
        """A request's header is there."""
        self._relax()
        if not self.busy and not self.gone:
            self.busy = True
            self.door.stops_waiting(self)

    def rest(self) -> None:
        """The answer is out; the next request may come or not."""
        if self.busy and not self.gone:
            self.busy = False
            self.door.starts_waiting(self)

    def signed_in(self) -> None:
        """Its peer has shown who it is."""
        self.door.know(self.peer.key)

    def drop(self) -> None:
        """End it. Whatever reads it sees an end, be that TLS, HTTP or nobody yet."""
        self.released()
        with contextlib.suppress(OSError):  # the other end was faster
            self.sock.shutdown(socket.SHUT_RDWR)

    def abort(self) -> None:
        """End it at once, with whatever waits in its buffers."""
        if self.transport is not None:
            self.transport.abort()

    def released(self) -> None:
        """It counts no more."""
        self._relax()
        if not self.gone:
            self.gone = True
            self.door.forget(self)

    def _relax(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        self.door.dropped += 1
        self.drop()


class AcceptedSocket(socket.socket):
    """An accepted connection's socket, which says when it is closed."""

    connection: ClientConnection | None = None

    def close(self) -> None:
        if self.connection is not None:
            _open.pop(self.fileno(), None)
            self.connection.released()
            self.connection = None
        super().close()


# By the number of the file: it is another's only after this socket's own close took it out.
_open: dict[int, ClientConnection] = {}


def connection_of(transport: Any) -> ClientConnection | None:
    """The connection that this transport serves; None = it did not come through a door."""
    sock = transport.get_extra_info("socket")
    return None if sock is None else _open.get(sock.fileno())


def connections() -> int:
    """Open connections of this process."""
    return len(_open)


class Door:
    """Counts connections, all of them and by peer, and decides on each new one."""

    def __init__(
        self, peers: Peers, limits: ConnectionLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.peers = peers
        self._clock = clock
        self.limits = limits or ConnectionLimits()
        self._held: dict[str, set[ClientConnection]] = {}
        self._waiting: dict[str, dict[ClientConnection, None]] = {}  # oldest first
        self._all = 0
        self._known: dict[str, float] = {}
        self.refused = 0
        self.dropped = 0

    def know(self, key: str) -> None:
        """This peer has a share of the connections kept for it, for half a day from its last request."""
        self._known.pop(key, None)
        while len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = self._clock()

    def knows(self, key: str) -> bool:
        at = self._known.get(key)
        return at is not None and self._clock() - at < _KNOWN_S

    def admit(self, sock: AcceptedSocket) -> bool:
        """Admit a new connection, or refuse it. It is waiting from here on."""
        peer = self.peers.of(sock)
        if not self._room_for(peer.key):
            self.refused += 1
            return False
        made = ClientConnection(self, sock, peer)
        sock.connection = made
        _open[sock.fileno()] = made
        self._held.setdefault(peer.key, set()).add(made)
        self._all += 1
        self.starts_waiting(made)
        made.expect()
        return True

    def _room_for(self, key: str) -> bool:
        """Makes room where the limits ask for it: by the oldest waiting connection of whoever holds too many."""
        limits = self.limits
        full = len(self._held.get(key, ())) >= limits.per_peer
        if (full or len(self._waiting.get(key, ())) >= limits.waiting_per_peer) and not self._drop_oldest(key, OLD_S):
            return False
        known = self.knows(key)
        if self._all >= limits.most or (not known and self._of_strangers() >= limits.most - limits.kept):
            strangers = [k for k in self._waiting if not self.knows(k)]
            most = max(strangers, key=lambda k: len(self._waiting[k]), default=None)
            return most is not None and self._drop_oldest(most)
        return True

    def _of_strangers(self) -> int:
        return sum(len(held) for key, held in self._held.items() if not self.knows(key))

    def _drop_oldest(self, key: str, least_age_s: float = 0.0) -> bool:
        oldest = next(iter(self._waiting.get(key, ())), None)
        if oldest is None or self._clock() - oldest.since < least_age_s:
            return False
        self.dropped += 1
        oldest.drop()
        return True

    def starts_waiting(self, one: ClientConnection) -> None:
        one.since = self._clock()
        self._waiting.setdefault(one.peer.key, {})[one] = None

    def stops_waiting(self, one: ClientConnection) -> None:
        waiting = self._waiting.get(one.peer.key, {})
        waiting.pop(one, None)
        if not waiting:
            self._waiting.pop(one.peer.key, None)

    def forget(self, one: ClientConnection) -> None:
        self.stops_waiting(one)
        held = self._held.get(one.peer.key, set())
        held.discard(one)
        if not held:
            self._held.pop(one.peer.key, None)
        self._all -= 1


class Listener(socket.socket):
    """A listening socket with a door: what may not in is reset here, before anything is kept for it."""

    door: Door
    _turn = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that may in. Raises BlockingIOError where none waits, and to give way to others."""
        while True:
            self._turn += 1
            if self._turn > ACCEPTS_A_TURN:
                self._turn = 0
                raise BlockingIOError
            try:
                plain, address = super().accept()
            except BlockingIOError:
                self._turn = 0
                raise
            made = AcceptedSocket(fileno=plain.detach())
            if self.door.admit(made):
                if hasattr(socket, "TCP_USER_TIMEOUT"):  # an answer that is never read ends, too
                    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
                return made, address
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            made.close()
