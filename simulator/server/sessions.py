"""Replay of a recorded stream session: the book as it was, change by change.

One JSON a line, plain or gzipped: the message itself, or {"ts": seconds, "data": "<the message's text>"}. Or a table
of the book's changes (`book_tables`).
"""

import asyncio
import gzip
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from shared.times import epoch_ms, parse_time
from simulator.core.bars import SimBar
from simulator.core.products import DEFAULT_PRODUCTS, GATES, SimProduct, other_product
from simulator.core.relay import RelayTape
from simulator.core.replay import BadRecording
from simulator.core.units import to_atoms
from simulator.exchange import Exchange
from simulator.server.book_tables import book_frames, holds_book
from simulator.server.feed import Feed, level

log = logging.getLogger("simulator.replay")
HEAD_LINES = 200  # snapshots stand at a session's beginning
ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
ENDED = GATES["cancel_only"]._replace(status_message="The recording has ended: only cancels are accepted.")


def is_session(path: Path) -> bool:
    """Whether a file holds a session, by its name, or a book, by its header. Raises BadRecording, OSError."""
    return _is_messages(path) or holds_book(path)


def _is_messages(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def frames(path: Path, product_if_unnamed: str = "") -> Iterator[tuple[float, dict[str, Any]]]:
    """(seconds, frame) of every message. Raises BadRecording."""
    if not _is_messages(path):
        yield from book_frames(path, product_if_unnamed)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _frame(line, f"{path.name} line {number}")
    except (EOFError, gzip.BadGzipFile) as error:
        raise BadRecording(f"{path.name}: {error}") from error


def _frame(line: bytes, where: str) -> tuple[float, dict[str, Any]]:
    try:
        raw = orjson.loads(line)
        frame = orjson.loads(raw["data"]) if "data" in raw else raw
        at = float(raw["ts"]) if "ts" in raw else epoch_ms(parse_time(frame["timestamp"])) / 1000
        return at, {"channel": frame["channel"], "events": list(frame["events"]), "timestamp": frame.get("timestamp")}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadRecording(f"{where}: not a message of a stream session ({error})") from error


def _product(product_id: str, updates: list[dict[str, str]]) -> SimProduct:
    """The table's product, or one whose tick is the finest price of the snapshot."""
    for product in DEFAULT_PRODUCTS:
        if product.product_id == product_id:
            return product
    finest = max((_decimals(u["price_level"]) for u in updates), default=2)
    return other_product(product_id, "1" if not finest else "0." + "0" * (finest - 1) + "1", updates[0]["price_level"])


def _decimals(text: str) -> int:
    exponent = Decimal(text).as_tuple().exponent
    return min(8, max(0, -exponent)) if isinstance(exponent, int) else 0


class RecordedSession:
    """A recorded session with the history that it carries itself (its candles' snapshot)."""

    def __init__(self, path: Path, speed: float, product_if_unnamed: str = "BTC-USD") -> None:
        self._path = path
        self._otherwise = product_if_unnamed
        self._speed = speed
        self._candles: list[dict[str, str]] = []
        products: dict[str, SimProduct] = {}
        self.began_s: float | None = None
        for number, (at, frame) in enumerate(frames(path, product_if_unnamed)):
            self.began_s = at if self.began_s is None else self.began_s
            if number >= HEAD_LINES:
                break
            for event in frame["events"]:
                if frame["channel"] == "l2_data" and event.get("type") == "snapshot":
                    products.setdefault(event["product_id"], _product(event["product_id"], event["updates"]))
                elif frame["channel"] == "candles" and event.get("type") == "snapshot":
                    self._candles += event["candles"]
        if not products:
            raise BadRecording(f"{path.name}: no level2 snapshot in its first {HEAD_LINES} messages")
        self.products = tuple(products.values())

    def tape(self, now_us: int) -> RelayTape:
        """History: the session's own candles, shifted so that its first message is now."""
        tape = RelayTape(self.products)
        by_id = {product.product_id: product for product in self.products}
        shift = (now_us // 300_000_000 - int(self.began_s or 0) // 300) * 300
        for raw in self._candles:
            product = by_id.get(raw["product_id"])
            if product is not None:
                first, high, low, last = (level(product, raw[n], "0")[0] for n in ("open", "high", "low", "close"))
                bar = SimBar(first, high, low, last, max(1, to_atoms(raw["volume"]) // product.step))
                tape.learn(product.product_id, 300, [(int(raw["start"]) + shift, bar)])
        return tape

    async def play(self, exchange: Exchange) -> None:
        """Apply every frame at its time; at the end the products take cancels only."""
        feed, loop = Feed(exchange), asyncio.get_running_loop()
        began, first, number = loop.time(), self.began_s or 0.0, 0
        for at, frame in frames(self._path, self._otherwise):
            wait = began + (at - first) / self._speed - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            feed.receive({**frame, "sequence_num": number}, exchange.now_us)
            if not number and not _is_messages(self._path):
                _price_by_quotes(exchange)
            number += 1
            if number % 50 == 0:
                await asyncio.sleep(0)
        feed.interrupt(ENDED)
        log.info("replay.ended file=%s messages=%d", self._path.name, number)


def _price_by_quotes(exchange: Exchange) -> None:
    """A table of the book alone has no trade that would say what the price is: the best bid stands for it."""
    for market in exchange.venue.markets.values():
        if market.last is None:
            market.last = market.book.bids.best()
