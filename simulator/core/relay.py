"""Another venue's market in our books: its levels are the crowd, its trades hit our orders, nothing else is made up."""

# ruff: noqa: ARG002  a tape is asked for more than this one needs to know

from collections.abc import Iterable

from simulator.core import triggers
from simulator.core.bars import Print, SimBar, fold
from simulator.core.driver import print_at
from simulator.core.execution import hit_at_limit, hit_if_crossed
from simulator.core.products import SimProduct
from simulator.core.venue import ExchangeState, MarketState

FINER = {300: 60, 900: 300, 1800: 300, 3600: 300, 7200: 3600, 14_400: 3600, 21_600: 3600, 86_400: 3600}


class RelayTape:
    """History as it was fetched. It prints nothing: the trades come from the feed."""

    begins = 0

    def __init__(self, products: tuple[SimProduct, ...]) -> None:
        self.products = products
        self._bars: dict[tuple[str, int], dict[int, SimBar]] = {}

    def learn(self, product_id: str, seconds: int, bars: Iterable[tuple[int, SimBar]]) -> None:
        """Bars of one length by their start, closed ones."""
        self._bars.setdefault((product_id, seconds), {}).update(bars)

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        return self.bar(product_id, minute * 60, 60)

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        found = self._bars.get((product_id, seconds), {}).get(start_s)
        if found is not None or seconds not in FINER:
            return found
        finer = FINER[seconds]
        return fold(b for at in range(start_s, start_s + seconds, finer) if (b := self.bar(product_id, at, finer)))

    def prints(self, product_id: str, minute: int) -> list[Print]:
        return []

    def over(self, product_id: str, minute: int) -> bool:
        return False

    def gate(self, product_id: str, minute: int) -> str | None:
        return None

    def half_spread(self, product_id: str, minute: int) -> int:
        return 1

    def depth_percent(self, product_id: str, minute: int) -> int:
        return 100


class RelayedMarket:
    """One product's feed, applied to our book."""

    def __init__(self, venue: ExchangeState, market: MarketState) -> None:
        self._venue = venue
        self.market = market

    def snapshot(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], now_us: int) -> None:
        """Replace the crowd by these (tick, steps)."""
        for side, rows in ((self.market.book.bids, bids), (self.market.book.asks, asks)):
            wanted = dict(rows)
            for tick in [tick for tick in side.crowd if tick not in wanted]:
                side.set_crowd(tick, 0)
            for tick, steps in wanted.items():
                side.set_crowd(tick, steps)
        self._uncross(now_us)

    def update(self, rows: Iterable[tuple[bool, int, int]], now_us: int) -> None:
        """Set levels: (bid, tick, steps), 0 deletes."""
        for bid, tick, steps in rows:
            self.market.book.side(bid).set_crowd(tick, steps)
        self._uncross(now_us)

    def _uncross(self, now_us: int) -> None:
        """Orders of ours that the feed's market went through are filled at their own prices."""
        book = self.market.book
        for side in (book.bids, book.asks):
            for tick in list(side.orders):
                hit_if_crossed(self._venue, self.market, side.sign > 0, tick, now_us)

    def trade(self, tick: int, steps: int, maker_buys: bool, now_us: int) -> None:
        """A trade of the feed."""
        book = self.market.book
        side = book.side(maker_buys)
        for better in [t for t in side.orders if (t > tick if maker_buys else t < tick)]:
            for place in list(side.orders[better]):
                side.leave(place.order)
                hit_at_limit(self._venue, self.market, place.order, now_us)
        print_at(self._venue, self.market, Print(0, tick, steps, maker_buys), now_us)
        triggers.on_trade_price(self._venue, self.market, now_us)
