"""A price book as the engine knows it, and what an order would pay in it: the walk from the best price on.

Floats, as they judge only: what is sent is cut to whole increments elsewhere.
"""

import math
from typing import NamedTuple

BP = 10_000.0
FRESH_MS = 3_000  # the shell tells of each book every second


class Ladder(NamedTuple):
    """One side: (price, base size), best first. `whole`: nothing lies beyond the last level."""

    levels: tuple[tuple[float, float], ...]
    whole: bool


class PriceBook(NamedTuple):
    """Both sides as they were told at `seen_ms` of the engine's clock."""

    bids: Ladder
    asks: Ladder
    seen_ms: int

    @property
    def spread(self) -> float | None:
        """Best ask less best bid; None where a side is empty."""
        return self.asks.levels[0][0] - self.bids.levels[0][0] if self.asks.levels and self.bids.levels else None


def buy_impact_bp(asks: Ladder, quote: float) -> float | None:
    """Average price paid for `quote` above the best ask, in basis points; infinite where the book holds less, None
    where its known part does."""
    if not asks.levels:
        return math.inf if asks.whole else None
    left, base = quote, 0.0
    for price, size in asks.levels:
        if left <= price * size:
            base += left / price
            return max((quote / base / asks.levels[0][0] - 1.0) * BP, 0.0) if base > 0.0 else 0.0
        left -= price * size
        base += size
    return math.inf if asks.whole else None


def sell_impact_bp(bids: Ladder, base: float) -> float | None:
    """Average price got for `base` below the best bid, in basis points; infinite or None as for a purchase."""
    if not bids.levels:
        return math.inf if bids.whole else None
    left, quote = base, 0.0
    for price, size in bids.levels:
        if left <= size:
            quote += left * price
            return max((1.0 - quote / base / bids.levels[0][0]) * BP, 0.0) if base > 0.0 else 0.0
        left -= size
        quote += size * price
    return math.inf if bids.whole else None


def sellable_within(bids: Ladder, best: float, limit_bp: float) -> float:
    """Most base units that the known bids take at an average less than `limit_bp` below the price `best`."""
    floor = best * (1.0 - limit_bp / BP)
    base = quote = 0.0
    for price, size in bids.levels:
        if quote + price * size <= floor * (base + size):
            # Within this level the average reaches the floor: (quote + price x) / (base + x) = floor.
            return base + (quote - floor * base) / (floor - price) if price < floor else base
        base += size
        quote += price * size
    return base
