"""The prices of one product as they reached the bot, and what they prove.

A bot may skip a price that follows another one within TICK_INTERVAL_SEC. So a price proves something only where it, and
all that came after it, stood on one side of a level for longer than that: then at least one of them was judged.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

WILD = Decimal("2.9")  # a price that is so many times the last one must come twice


class Stand(NamedTuple):
    """Prices on one side of a level: from the first of them on; by `sure_us` one of them was judged."""

    first_us: int
    sure_us: int


class PriceSeries:
    """Ascending in time. `hold_us`: how long prices must stand before one of them was judged for certain."""

    def __init__(self, ticks: Iterable[tuple[int, Decimal]], hold_us: int) -> None:
        self.ticks = list(ticks)
        self.hold_us = hold_us
        self._times = [us for us, _ in self.ticks]

    def between(self, from_us: int, to_us: int) -> list[tuple[int, Decimal]]:
        """The prices that came in this time, both ends included."""
        return self.ticks[bisect_left(self._times, from_us) : bisect_right(self._times, to_us)]

    def stands(self, from_us: int, to_us: int, holds: Callable[[Decimal], bool]) -> Iterator[Stand]:
        """Every time at which it is sure that a price for which `holds` was judged; a stand may be given often."""
        first_us: int | None = None
        last: Decimal | None = None
        for us, price in self.between(from_us, to_us):
            wild = last is not None and not (price < last * WILD and last < price * WILD)
            last = price
            if not holds(price) or wild:
                first_us = None
                continue
            first_us = us if first_us is None else first_us
            if us - first_us >= self.hold_us:
                yield Stand(first_us, us)

    def lowest(self, from_us: int, to_us: int) -> Decimal | None:
        return min((price for _, price in self.between(from_us, to_us)), default=None)

    def highest(self, from_us: int, to_us: int) -> Decimal | None:
        return max((price for _, price in self.between(from_us, to_us)), default=None)

    def sure_peaks(self, from_us: int, to_us: int) -> Iterator[tuple[int, Decimal]]:
        """(when, price): from then on the highest price that was judged is at least this; rising."""
        peak: Decimal | None = None
        recent: list[tuple[int, Decimal]] = []
        for us, price in self.between(from_us, to_us):
            recent.append((us, price))
            while len(recent) > 1 and recent[1][0] <= us - self.hold_us:
                recent.pop(0)
            if us - recent[0][0] < self.hold_us:
                continue
            low = min(at for _, at in recent)
            if peak is None or low > peak:
                peak = low
                yield us, peak
