"""Frames of a Coinbase stream, applied to our books: from a connection (paper) or from a recorded session."""

from collections.abc import Iterable
from typing import Any

from simulator.core.products import GATES, SimProduct, TradingStatus
from simulator.core.relay import RelayedMarket
from simulator.core.units import to_atoms
from simulator.exchange import Exchange


class FeedError(Exception):
    """The feed said something that cannot be used: it is to be begun anew."""


class Feed:
    """One stream's frames, in order, into all products of an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._markets = {name: RelayedMarket(exchange.venue, market) for name, market in exchange.venue.markets.items()}
        self._number = -1

    def begin(self) -> None:
        """A new connection: numbers start at 0."""
        self._number = -1

    def interrupt(self, gate: TradingStatus) -> None:
        """Shut every product until its next snapshot."""
        for name in self._markets:
            self._exchange.set_gate(name, gate)

    def receive(self, frame: dict[str, Any], now_us: int) -> bool:
        """Apply one frame; True when it held a book's snapshot. Raises FeedError, ValueError, KeyError."""
        if frame.get("type") == "error":
            raise FeedError(str(frame.get("message")))
        number = int(frame["sequence_num"])
        if number != self._number + 1:
            raise FeedError(f"frame {self._number + 1} is missing, {number} came")
        self._number = number
        snapshot = False
        if frame["channel"] == "l2_data":
            for event in frame["events"]:
                snapshot = self._level2(event, now_us) or snapshot
        elif frame["channel"] == "market_trades":
            for event in frame["events"]:
                if event["type"] == "update":
                    self._trades(event["trades"], now_us)
                else:
                    self._seed_last(event["trades"])
        self._exchange.settle()
        return snapshot

    def _level2(self, event: dict[str, Any], now_us: int) -> bool:
        relayed = self._markets.get(event["product_id"])
        if relayed is None:
            return False
        product = relayed.market.product
        rows = [(u["side"] == "bid", *level(product, u["price_level"], u["new_quantity"])) for u in event["updates"]]
        if event["type"] != "snapshot":
            relayed.update(rows, now_us)
            return False
        relayed.snapshot(((t, s) for bid, t, s in rows if bid), ((t, s) for bid, t, s in rows if not bid), now_us)
        self._exchange.set_gate(product.product_id, GATES["online"])
        return True

    def _seed_last(self, trades: list[dict[str, str]]) -> None:
        """The last price, known before the first trade comes."""
        for raw in trades[:1]:
            relayed = self._markets.get(raw["product_id"])
            if relayed is not None and relayed.market.last is None:
                relayed.market.last = level(relayed.market.product, raw["price"], "0")[0]

    def _trades(self, trades: Iterable[dict[str, str]], now_us: int) -> None:
        for raw in reversed(list(trades)):  # the feed lists the newest first
            relayed = self._markets.get(raw["product_id"])
            if relayed is None:
                continue
            tick, steps = level(relayed.market.product, raw["price"], raw["size"])
            if steps:
                relayed.trade(tick, steps, raw["side"] == "BUY", now_us)


def level(product: SimProduct, price: str, size: str) -> tuple[int, int]:
    """(tick, steps) of a price and a size."""
    return to_atoms(price) // product.tick, to_atoms(size) // product.step
