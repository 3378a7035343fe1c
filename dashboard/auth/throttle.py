"""Slowing guesses: so many in a minute from one address, and so many from all together."""

from collections import deque
from collections.abc import Callable

PER_MINUTE = 5
WINDOW_S = 60.0


class Throttle:
    """Counts failed tries by address and over all. Time is monotonic and handed in, so tests turn the clock."""

    def __init__(self, clock: Callable[[], float], per_minute: int = PER_MINUTE, most: int = 1000) -> None:
        self._clock = clock
        self._limit = per_minute
        self._most = most
        self._by_address: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()
        self.failed = 0
        self.refused = 0

    def wait_s(self, address: str) -> float:
        """Seconds until `address` may try again; 0 = now. A refused try costs no evaluation."""
        now = self._clock()
        waits = [self._wait(self._all, now), self._wait(self._by_address.get(address, deque()), now)]
        return max(waits)

    def _wait(self, tries: deque[float], now: float) -> float:
        while tries and now - tries[0] >= WINDOW_S:
            tries.popleft()
        return WINDOW_S - (now - tries[0]) if len(tries) >= self._limit else 0.0

    def tried(self, address: str) -> None:
        """Count a try before it is evaluated, so that parallel guesses are counted, too."""
        now = self._clock()
        if len(self._by_address) >= self._most:
            self._by_address.clear()
        self._by_address.setdefault(address, deque()).append(now)
        self._all.append(now)

    def succeeded(self, address: str) -> None:
        """Forget the address's tries: its owner got in."""
        mine = self._by_address.pop(address, None)
        for at in mine or ():
            if at in self._all:
                self._all.remove(at)
