"""The price books: the best levels of each product, kept from the level2 channel, for people and for MAX_IMPACT_BP.

It has a connection of its own, whose trouble holds nothing up: without a book an entry must fit into the best ask.
Only the levels near the touch are kept (a whole book of BTC-USD has 45,000). What lies beyond the worst level of the
snapshot is not known, so when too much of the kept part was traded away, the connection begins anew with a snapshot.
A snapshot of 5 MB would hold the event loop for a tenth of a second, and with it the way of a kill: it is cut to the
part near the touch before it is parsed.
"""

import heapq
import logging
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import orjson

from bot.domain.events import BookUpdate, OrderReports, PriceUpdate
from bot.domain.price_book import Ladder
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.stream import CoinbaseStream
from bot.venues.net import Net
from bot.venues.port import BOOK, ApiKey
from shared.documents.market import DepthDoc
from shared.ports import Clock, Rng
from shared.times import epoch_ms

log = logging.getLogger("depth")
SHOWN = 20  # levels of each side
KEPT = 400  # levels of each side that a snapshot leaves
MOST = 1200  # more than these, and the side is cut back to KEPT
LARGE = 250_000  # characters of a frame that is cut before it is parsed
Update = Mapping[str, Any]


class DepthSide:
    """One side of a book: size by price, known as far as `horizon`."""

    __slots__ = ("_sign", "horizon", "sizes")

    def __init__(self, sign: int, levels: Iterable[tuple[float, float]] = ()) -> None:
        self._sign = sign  # 1 = bids (the highest is best), -1 = offers
        self.sizes: dict[float, float] = {}
        self.horizon: float | None = None  # the worst price that is known; None = the whole side is
        for price, size in levels:
            if size > 0:
                self.sizes[price] = size
        self._cut()

    def put(self, price: float, size: float) -> None:
        """The level's new size; 0 takes it away."""
        if size <= 0:
            self.sizes.pop(price, None)
        elif self.horizon is None or (price - self.horizon) * self._sign >= 0:
            self.sizes[price] = size
            if len(self.sizes) > MOST:
                self._cut()

    def _cut(self) -> None:
        if len(self.sizes) > KEPT:
            best = self.best(KEPT)
            self.sizes = dict(best)
            self.horizon = best[-1][0]

    def best(self, count: int) -> list[tuple[float, float]]:
        """The best `count` levels, best first."""
        pick = heapq.nlargest if self._sign > 0 else heapq.nsmallest
        return pick(count, self.sizes.items())

    def ladder(self) -> Ladder:
        """Every level that is kept, best first."""
        return Ladder(tuple(self.best(len(self.sizes))), self.horizon is None)

    @property
    def short(self) -> bool:
        """Fewer levels are left than are shown, and more may lie beyond the horizon."""
        return self.horizon is not None and len(self.sizes) < SHOWN


class DepthBook:
    """The best levels of one product. Raises KeyError, TypeError or ValueError on an update of another shape."""

    __slots__ = ("asks", "at_s", "bids")

    def __init__(self, updates: Iterable[Update], at_s: float) -> None:
        rows = [(u["side"] == "bid", float(u["price_level"]), float(u["new_quantity"])) for u in updates]
        self.bids = DepthSide(1, ((price, size) for bid, price, size in rows if bid))
        self.asks = DepthSide(-1, ((price, size) for bid, price, size in rows if not bid))
        self.at_s = at_s  # of the newest frame, by the monotonic clock

    def apply(self, updates: Iterable[Update], at_s: float) -> None:
        """One frame's changes; sizes are absolute."""
        bids, asks = self.bids, self.asks
        for u in updates:
            (bids if u["side"] == "bid" else asks).put(float(u["price_level"]), float(u["new_quantity"]))
        self.at_s = at_s

    @property
    def trouble(self) -> str | None:
        """Why the book cannot be shown; None = it can."""
        if self.bids.short or self.asks.short:
            return "the kept levels were traded away"
        if self.bids.sizes and self.asks.sizes and max(self.bids.sizes) >= min(self.asks.sizes):
            return "a crossed book"
        return None


def near_touch(frame: str) -> str:
    """A snapshot's frame with the first levels of each side only. Any other frame, and one whose levels do not come
    best first, bids before offers, is returned as it is."""
    key = '"updates":['
    begin = frame.find(key) + len(key)
    end, offers = frame.find("]", begin), frame.find('{"side":"offer"', begin)
    if begin < len(key) or offers < 0 or not offers < end or frame.find(key, begin) >= 0:
        return frame
    rows = "[" + _first_objects(frame, begin, offers) + "," + _first_objects(frame, offers, end) + "]"
    try:
        levels = orjson.loads(rows)
        bids = [float(level["price_level"]) for level in levels if level["side"] == "bid"]
        asks = [float(level["price_level"]) for level in levels if level["side"] == "offer"]
    except (ValueError, KeyError, TypeError):
        return frame
    best_first = all(a > b for a, b in pairwise(bids)) and all(a < b for a, b in pairwise(asks))
    whole = len(bids) + len(asks) == len(levels) and levels[: len(bids)] == [x for x in levels if x["side"] == "bid"]
    return frame[: begin - 1] + rows + frame[end + 1 :] if best_first and whole and bids and asks else frame


def _first_objects(frame: str, begin: int, end: int) -> str:
    """The first KEPT + 1 objects between `begin` and `end`: one more than is kept, so that the cut shows."""
    last = begin
    for _ in range(KEPT + 1):
        at = frame.find("}", last, end)
        if at < 0:
            break
        last = at + 1
    return frame[begin:last]


class _Nobody:
    """Prices and orders never come on this connection, and nobody waits for it."""

    def event(self, event: PriceUpdate | OrderReports) -> None:
        raise AssertionError(f"{type(event).__name__} on the depth connection")

    def stream_changed(self, name: str, up: bool, note: str) -> None:
        log.debug("%s %s: %s", name, "up" if up else "down", note)


class CoinbaseBookStream(CoinbaseStream):
    """The connection with the level2 channel, and the books that came of it."""

    def __init__(
        self, product_ids: tuple[str, ...], *, endpoints: Endpoints, key: ApiKey, net: Net, clock: Clock, rng: Rng
    ) -> None:
        super().__init__(
            "depth",
            endpoints.market_ws,
            ("heartbeats", "level2"),
            product_ids,
            endpoints=endpoints,
            key=key,
            net=net,
            clock=clock,
            rng=rng,
            sink=_Nobody(),
        )
        self._books: dict[str, DepthBook] = {}
        self._readers["l2_data"] = self._level2

    def shown(self) -> list[DepthDoc]:
        """The best levels of each product that has a sound book; empty while the connection is down."""
        now_s, now_ms = self._clock.monotonic_s(), epoch_ms(self._clock.utc())
        found = []
        for product_id in list(self._books):
            book = self._sound(product_id)
            if book is None:
                continue
            at_ms = now_ms - round(max(now_s - book.at_s, 0.0) * 1000)
            bids, asks = ([list(level) for level in side.best(SHOWN)] for side in (book.bids, book.asks))
            found.append(DepthDoc(product_id=product_id, bids=bids, asks=asks, at_ms=at_ms))
        return found

    def told(self, product_id: str) -> BookUpdate | None:
        """All that is kept of one product's book; None where there is no sound one."""
        book = self._sound(product_id)
        return BookUpdate(product_id, book.bids.ladder(), book.asks.ladder()) if book is not None else None

    def _sound(self, product_id: str) -> DepthBook | None:
        if not self.health.connected:
            self._books.clear()
            return None
        book = self._books.get(product_id)
        if book is not None and product_id not in self._product_ids:
            del self._books[product_id]
            return None
        if book is not None and (trouble := book.trouble) is not None:
            self.give_up(f"{product_id}: {trouble}")
            return None
        return book

    def _frame(self, frame: str | bytes) -> None:
        if len(frame) > LARGE:
            frame = near_touch(frame if isinstance(frame, str) else frame.decode())
        super()._frame(frame)

    def _level2(self, event: dict[str, Any]) -> tuple[()]:
        product_id, updates = str(event["product_id"]), event["updates"]
        at_s = self.health.last_s
        assert at_s is not None
        if product_id not in self._product_ids:
            return ()  # it was on its way when the product left
        if event["type"] == "snapshot":
            self._books[product_id] = DepthBook(updates, at_s)
        elif product_id in self._books:  # an update before its snapshot tells nothing
            self._books[product_id].apply(updates, at_s)
        self.health.channel_s[BOOK, product_id] = at_s
        return ()
