"""Paper trading's feed: Coinbase's public REST and stream, or another COIN-SIM's, into our books."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import orjson
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.backoff import Backoff
from shared.ports import SystemRng
from shared.settings import Settings
from shared.tls import client_context, roots
from simulator.core.bars import SimBar
from simulator.core.products import GATES, SimProduct
from simulator.core.relay import RelayTape
from simulator.core.units import to_atoms
from simulator.exchange import Exchange
from simulator.server.feed import Feed, FeedError

log = logging.getLogger("simulator.relay")
REST = "https://api.coinbase.com"
STREAM = "wss://advanced-trade-ws.coinbase.com"
PAGE = 300
T = TypeVar("T")
TIMEOUT_S = 10
SILENCE_S = 10.0
CLOSE_S = 0.5  # a stop does not wait longer for the other side
BACKOFF_S = (0.5, 30.0)
PACE_S = 0.11  # between requests: the venue takes ten public ones a second
PAUSE_S = 0.2  # more between background requests: far below the venue's public limit
LENGTHS = {"ONE_MINUTE": 60, "FIVE_MINUTE": 300, "ONE_HOUR": 3600, "ONE_DAY": 86_400}
DEEPER = {"ONE_MINUTE": 48, "FIVE_MINUTE": 10, "ONE_HOUR": 4, "ONE_DAY": 2}  # pages that are fetched in the background
STALE = GATES["cancel_only"]._replace(status_message="The relayed feed is interrupted: only cancels are accepted.")


def product_of(raw: dict[str, Any]) -> SimProduct:
    """Our product from the venue's own description. Raises ValueError or KeyError."""
    return SimProduct(
        raw["product_id"], raw.get("base_name", ""), raw.get("quote_name", ""), raw["price_increment"],
        raw["base_increment"], raw["quote_increment"], raw["base_min_size"], raw["base_max_size"],
        raw["quote_min_size"], raw["quote_max_size"], raw.get("price") or "1", 1,
    )  # fmt: skip


async def in_daemon_thread(call: Callable[[], T]) -> T:
    """As `asyncio.to_thread`, but a stop does not wait for a request that hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = call()
        except Exception as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, daemon=True).start()
    return await done


class Relay:
    """Fetches history, then follows the stream for ever."""

    def __init__(self, settings: Settings) -> None:
        upstream = settings.sim_upstream
        self._rest = f"https://{upstream}" if upstream else REST
        self._stream = f"wss://{upstream}" if upstream else STREAM
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy nor another CA by the environment
        self._session.verify = settings.sim_upstream_ca or roots()
        self._context = client_context(settings.sim_upstream_ca or None)
        self._wanted = settings.products
        self._products: dict[str, SimProduct] = {}
        self.connected = False

    # History

    def _get(self, path: str, **query: str | int) -> dict[str, Any]:
        time.sleep(PACE_S)
        answer = self._session.get(f"{self._rest}/api/v3/brokerage/market{path}", params=query, timeout=TIMEOUT_S)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _fetch_products(self) -> tuple[SimProduct, ...]:
        found = []
        for name in self._wanted:
            try:
                found.append(product_of(self._get(f"/products/{name}")))
            except (ValueError, KeyError) as error:
                log.warning("relay.product_left_out product_id=%s reason=%s", name, error)
        if not found:
            raise FeedError(f"none of {', '.join(self._wanted)} can be relayed")
        return tuple(found)

    def _page(self, tape: RelayTape, product: SimProduct, name: str, end_s: int) -> int:
        """Fetch one page of candles that ends at `end_s`; gives how many came."""
        seconds = LENGTHS[name]
        start = end_s - PAGE * seconds + seconds
        raw = self._get(f"/products/{product.product_id}/candles", granularity=name, start=start, end=end_s)
        rows = [(int(c["start"]), _bar(product, c)) for c in raw["candles"]]
        tape.learn(product.product_id, seconds, rows)
        return len(rows)

    def _prepare(self) -> RelayTape:
        tape = RelayTape(self._fetch_products())
        for product in tape.products:
            self._products[product.product_id] = product
            for name, seconds in LENGTHS.items():
                self._page(tape, product, name, int(time.time()) // seconds * seconds - seconds)
        return tape

    async def prepare(self, stopping: asyncio.Event) -> RelayTape | None:
        """The products and the latest candles; waits for the venue with back-off. None = told to stop."""
        backoff = Backoff(*BACKOFF_S, SystemRng())
        while not stopping.is_set():
            try:
                return await in_daemon_thread(self._prepare)
            except (requests.RequestException, FeedError, ValueError, KeyError) as error:
                log.warning("relay.waiting upstream=%s reason=%s", self._rest, str(error)[:200])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), backoff.next_s())
        return None

    async def deepen(self, tape: RelayTape) -> None:
        """Fetch older candles, page by page, in the background."""
        for product in tape.products:
            for name, seconds in LENGTHS.items():
                end = int(time.time()) // seconds * seconds - PAGE * seconds
                for _ in range(DEEPER[name] - 1):
                    try:
                        if not await in_daemon_thread(partial(self._page, tape, product, name, end)):
                            break
                    except (requests.RequestException, ValueError, KeyError) as error:
                        log.info("relay.history_short product_id=%s reason=%s", product.product_id, str(error)[:100])
                        break
                    end -= PAGE * seconds
                    await asyncio.sleep(PAUSE_S)
        log.info("relay.history_complete products=%d", len(tape.products))

    # Stream

    async def follow(self, exchange: Exchange) -> None:
        """Follow the feed for ever; while it is away the products take cancels only."""
        feed = Feed(exchange)
        feed.interrupt(STALE)
        backoff = Backoff(*BACKOFF_S, SystemRng())
        while True:
            try:
                await self._one_connection(feed)
            except (OSError, WebSocketException, TimeoutError, FeedError, ValueError, KeyError) as error:
                log.warning("relay.disconnected reason=%s", str(error)[:200] or type(error).__name__)
            if self.connected:
                backoff.reset()
            self.connected = False
            feed.interrupt(STALE)
            await asyncio.sleep(backoff.next_s())

    async def _one_connection(self, feed: Feed) -> None:
        async with connect(
            self._stream, ssl=self._context, max_size=None, open_timeout=TIMEOUT_S, close_timeout=CLOSE_S
        ) as stream:
            feed.begin()
            for channel in ("heartbeats", "level2", "market_trades"):
                products = list(self._products) if channel != "heartbeats" else []
                message = {"type": "subscribe", "channel": channel, "product_ids": products}
                await stream.send(orjson.dumps(message).decode())
            while True:
                text = await asyncio.wait_for(stream.recv(decode=False), SILENCE_S)
                self.connected = feed.receive(orjson.loads(text), time.time_ns() // 1000) or self.connected


def _bar(product: SimProduct, raw: dict[str, str]) -> SimBar:
    open_, high, low, close = (to_atoms(raw[name]) // product.tick for name in ("open", "high", "low", "close"))
    return SimBar(open_, high, low, close, max(1, to_atoms(raw["volume"]) // product.step))
