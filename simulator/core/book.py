"""One product's book: price-time priority over whole ticks and steps.

The crowd's liquidity is one number a level; orders of accounts stand in it with the crowd's steps that are in
front of them. Crowd that joins stands behind everyone, crowd that leaves does so from behind: an order's place in
the queue never gets better but by trades and cancels before it.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from simulator.core.orders import SimOrder


class Match(NamedTuple):
    """Steps that met at a price. `maker` None: the crowd. `own`: maker and taker are one user's, nothing traded."""

    tick: int
    steps: int
    maker: SimOrder | None
    own: bool = False


class Queued:
    """An order in its level's queue."""

    __slots__ = ("ahead", "order")

    def __init__(self, ahead: int, order: SimOrder) -> None:
        self.ahead = ahead  # steps of the crowd between the order before and this one
        self.order = order


class BookSide:
    """Bids or asks. `sign` is +1 for bids: keys are sign * tick, ascending, so that the best is last."""

    __slots__ = ("changed", "crowd", "keys", "orders", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.crowd: dict[int, int] = {}
        self.orders: dict[int, list[Queued]] = {}
        self.keys: list[int] = []
        self.changed: set[int] = set()

    def best(self) -> int | None:
        return self.keys[-1] * self.sign if self.keys else None

    def total(self, tick: int) -> int:
        steps = self.crowd.get(tick, 0)
        queue = self.orders.get(tick)
        return steps + sum(place.order.leaves for place in queue) if queue else steps

    def levels(self, limit: int | None = None) -> list[tuple[int, int]]:
        """(tick, steps), best first."""
        keys = self.keys if limit is None else self.keys[-limit:] if limit else []
        if self.orders:
            return [(key * self.sign, self.total(key * self.sign)) for key in reversed(keys)]
        crowd, sign = self.crowd, self.sign
        return [(key * sign, crowd[key * sign]) for key in reversed(keys)]

    def set_crowd(self, tick: int, steps: int) -> None:
        """Make the crowd's liquidity at `tick` exactly `steps`; 0 removes it."""
        before = self.crowd.get(tick, 0)
        if before == steps:
            return
        self.changed.add(tick)
        queue = self.orders.get(tick)
        if queue:
            self._shrink_ahead(queue, steps)
        if steps:
            if not before and not queue:
                insort(self.keys, tick * self.sign)
            self.crowd[tick] = steps
        else:
            del self.crowd[tick]
            if not queue:
                self._drop_key(tick)

    @staticmethod
    def _shrink_ahead(queue: list[Queued], steps: int) -> None:
        """Crowd leaves from behind: only what no longer fits in front of the orders is taken from there."""
        over = sum(place.ahead for place in queue) - steps
        for place in reversed(queue):
            if over <= 0:
                return
            gone = min(place.ahead, over)
            place.ahead -= gone
            over -= gone

    def _drop_key(self, tick: int) -> None:
        key = tick * self.sign
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]

    def join(self, order: SimOrder) -> None:
        """Queue `order` at its limit, behind all who are there."""
        tick = order.limit_price
        crowd = self.crowd.get(tick, 0)
        queue = self.orders.get(tick)
        if queue is None:
            if not crowd:
                insort(self.keys, tick * self.sign)
            queue = self.orders[tick] = []
        queue.append(Queued(crowd - sum(place.ahead for place in queue), order))
        self.changed.add(tick)

    def leave(self, order: SimOrder) -> None:
        """Take `order` out of its queue; the crowd before it moves up to the next order."""
        tick = order.limit_price
        queue = self.orders[tick]
        at = next(i for i, place in enumerate(queue) if place.order is order)
        if at + 1 < len(queue):
            queue[at + 1].ahead += queue[at].ahead
        del queue[at]
        self._tidy(tick)

    def _tidy(self, tick: int) -> None:
        self.changed.add(tick)
        if tick in self.orders and not self.orders[tick]:
            del self.orders[tick]
            if tick not in self.crowd:
                self._drop_key(tick)

    def take_at(self, tick: int, want: int, portfolio: str | None) -> list[Match]:
        """Take up to `want` steps of the level in time priority. The makers' `leaves` shrink here."""
        queue = self.orders.get(tick)
        crowd = self.crowd.get(tick, 0)
        if not queue:
            taken = min(crowd, want)
            self.set_crowd(tick, crowd - taken)
            return [Match(tick, taken, None)] if taken else []
        matches = []
        while want and queue:
            place = queue[0]
            if place.ahead:
                taken = min(place.ahead, want)
                place.ahead -= taken
                crowd -= taken
                matches.append(Match(tick, taken, None))
                want -= taken
                continue
            maker = place.order
            taken = min(maker.leaves, want)
            maker.leaves -= taken
            want -= taken
            matches.append(Match(tick, taken, maker, maker.portfolio == portfolio))
            if not maker.leaves:
                del queue[0]
        if want and crowd:
            taken = min(crowd, want)
            crowd -= taken
            matches.append(Match(tick, taken, None))
        if crowd:
            self.crowd[tick] = crowd
        else:
            self.crowd.pop(tick, None)
        if not queue:
            del self.orders[tick]
            if not crowd:
                self._drop_key(tick)
        self.changed.add(tick)
        return matches


class Demand:
    """What a taker still wants: steps, or what an amount of quote money buys."""

    __slots__ = ("budget", "steps", "unit")

    def __init__(self, steps: int | None, budget: int | None, unit: int) -> None:
        self.steps = steps
        self.budget = budget
        self.unit = unit

    def at(self, tick: int) -> int:
        """Steps wanted at `tick`."""
        if self.budget is not None:
            affordable = self.budget // (tick * self.unit)
            return affordable if self.steps is None else min(affordable, self.steps)
        return self.steps or 0

    def serve(self, tick: int, steps: int) -> None:
        if self.budget is not None:
            self.budget -= tick * self.unit * steps
        if self.steps is not None:
            self.steps -= steps


class OrderBook:
    """Both sides of one product."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)

    def side(self, buys: bool) -> BookSide:
        """Where orders of that side rest."""
        return self.bids if buys else self.asks

    def crosses(self, buys: bool, limit: int) -> bool:
        """True where an order at `limit` would trade at once."""
        best = self.side(not buys).best()
        return best is not None and (best <= limit if buys else best >= limit)

    def take(self, buys: bool, limit: int | None, demand: Demand, portfolio: str | None) -> list[Match]:
        """Match a taker against the other side, best price first, oldest first."""
        makers = self.side(not buys)
        matches: list[Match] = []
        while makers.keys:
            tick = makers.keys[-1] * makers.sign
            if limit is not None and (tick > limit if buys else tick < limit):
                break
            want = demand.at(tick)
            if not want:
                break
            for match in makers.take_at(tick, want, portfolio):
                demand.serve(tick, match.steps)
                matches.append(match)
        return matches

    def meets_own(self, buys: bool, reach: int, portfolio: str) -> bool:
        """True where a taker that goes as far as `reach` would meet an order of its own account."""
        makers = self.side(not buys)
        return any(
            place.order.portfolio == portfolio
            for tick, queue in makers.orders.items()
            if (tick <= reach if buys else tick >= reach)
            for place in queue
        )

    def reachable(self, buys: bool, limit: int | None, demand: Demand, portfolio: str) -> list[Match]:
        """As `take` without taking, the taker's own orders left out: for FOK, previews and holds."""
        makers = self.side(not buys)
        matches: list[Match] = []
        for key in reversed(makers.keys):
            tick = key * makers.sign
            if limit is not None and (tick > limit if buys else tick < limit):
                break
            want = demand.at(tick)
            if not want:
                break
            there = makers.crowd.get(tick, 0)
            for place in makers.orders.get(tick, ()):
                if place.order.portfolio != portfolio:
                    there += place.order.leaves
            steps = min(want, there)
            if steps:
                demand.serve(tick, steps)
                matches.append(Match(tick, steps, None))
        return matches
