"""Rate limits for guesses: a number per minute and peer, so that one peer's failures delay no other."""

from collections import deque
from collections.abc import Callable

from dashboard.auth.peer import RemotePeer

PER_MINUTE = 5
STRANGERS_PER_MINUTE = 60
WINDOW_S = 60.0


class Throttle:
    """Counts failed tries of one kind by peer. Time is monotonic and handed in, so tests turn the clock.

    Beyond this machine a guesser may have many addresses: those that never signed in have one more limit together,
    which those that did, and the users of this machine, are not under. Memory is bounded: the longest silent go first.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        per_minute: int = PER_MINUTE,
        strangers: int = STRANGERS_PER_MINUTE,
        most: int = 1000,
    ) -> None:
        self._clock = clock
        self._limit = per_minute
        self._strangers_limit = strangers
        self._most = most
        self._by_peer: dict[str, deque[float]] = {}
        self._strangers: deque[float] = deque()
        self._known: dict[str, None] = {}
        self.refused = 0

    def wait_s(self, peer: RemotePeer) -> float:
        """Seconds until `peer` may try again; 0 = now. A refused try costs no evaluation."""
        now = self._clock()
        mine = self._wait(self._by_peer.get(peer.key, deque()), self._limit, now)
        return max(mine, self._wait(self._strangers, self._strangers_limit, now)) if self._stranger(peer) else mine

    def tried(self, peer: RemotePeer) -> None:
        """Count a try before it is evaluated, so that parallel guesses are counted, too."""
        now = self._clock()
        mine = self._by_peer.pop(peer.key, None) or deque(maxlen=self._limit)
        mine.append(now)
        while len(self._by_peer) >= self._most:
            del self._by_peer[next(iter(self._by_peer))]
        self._by_peer[peer.key] = mine
        if self._stranger(peer):
            self._strangers.append(now)

    def succeeded(self, peer: RemotePeer) -> None:
        """Forget the peer's tries: its owner got in."""
        mine = self._by_peer.pop(peer.key, None)
        for at in mine or () if self._stranger(peer) else ():
            if at in self._strangers:
                self._strangers.remove(at)
        self._known.pop(peer.key, None)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[peer.key] = None

    def _stranger(self, peer: RemotePeer) -> bool:
        return not peer.here and peer.key not in self._known

    @staticmethod
    def _wait(tries: deque[float], limit: int, now: float) -> float:
        while tries and now - tries[0] >= WINDOW_S:
            tries.popleft()
        return WINDOW_S - (now - tries[0]) if len(tries) >= limit else 0.0
