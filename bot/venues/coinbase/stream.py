"""The stream: connect, subscribe, check, hand over, and come back for ever.

One connection for market data, one for the user channel, so that a burst of prices cannot hold up the news of an
order. Each counts the frames' `sequence_num`; a gap, a silence or a frame that does not hold closes the
connection, and the next one begins with snapshots.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from bot.domain.events import OrderReports, PriceUpdate
from bot.domain.order_ids import PREFIX
from bot.domain.orders import OrderReport
from bot.venues.coinbase import parse
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.keys import stream_token
from bot.venues.net import Connection, Net
from bot.venues.port import BOOK, ORDERS, TICKER, ApiKey, Sink, StreamHealth
from shared.backoff import Backoff
from shared.money import amount
from shared.ports import Clock, Rng
from shared.times import epoch_ms

log = logging.getLogger("stream")
SILENCE_S = 5.0
DEADLINE_STEP_S = 0.5
BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 15.0
STEADY_S = 30.0
# The one channel whose frames carry another name than it is subscribed by.
_SUBSCRIBED = {"l2_data": BOOK}


class StreamFault(Exception):
    """The connection must be given up; the text says why."""


class CoinbaseStream:
    """One connection with its channels. `run()` never ends by itself."""

    def __init__(
        self,
        name: str,
        url: str,
        channels: tuple[str, ...],
        product_ids: tuple[str, ...],
        *,
        endpoints: Endpoints,
        key: ApiKey,
        net: Net,
        clock: Clock,
        rng: Rng,
        sink: Sink,
    ) -> None:
        self._url, self._channels, self._product_ids = url, channels, product_ids
        self._connection: Connection | None = None
        self._endpoints, self._key = endpoints, key
        self._net, self._clock, self._rng, self._sink = net, clock, rng, sink
        self.health = StreamHealth(name, clock.monotonic_s())
        self._expected = 0
        self._given_up: str | None = None
        self._waiting_for: set[str] = set()
        self._readers: dict[str, Callable[[dict[str, Any]], Sequence[PriceUpdate | OrderReports]]] = {
            "ticker": self._ticker,
            "user": self._user,
            "heartbeats": _nothing,
            "subscriptions": _nothing,
        }

    async def watch(self, product_ids: tuple[str, ...]) -> None:
        """From now on these products; a connection that is up is told what joined and what left.

        Orders are heard of products that left, too: some may still be open, and what "unsubscribe" with products does
        to this channel is not documented (its acknowledgement names the user, and no product).
        """
        before, self._product_ids = self._product_ids, product_ids
        connection = self._connection
        if connection is None:
            return
        joined = tuple(product for product in product_ids if product not in before)
        left = tuple(product for product in before if product not in product_ids)
        try:
            for channel in self._channels:
                if channel == "heartbeats":
                    continue
                if joined:
                    await self._say(connection, "subscribe", channel, joined)
                if left and channel != "user":
                    await self._say(connection, "unsubscribe", channel, left)
        except Exception as error:  # the session ends of itself and comes back with the new list
            log.info("%s stream: %s", self.health.name, error)
        for key in [key for key in self.health.channel_s if key[1] in left]:
            del self.health.channel_s[key]

    async def _say(self, connection: Connection, kind: str, channel: str, product_ids: tuple[str, ...]) -> None:
        message = {"type": kind, "channel": channel, "product_ids": list(product_ids), "jwt": stream_token(self._key)}
        await connection.send(orjson.dumps(message).decode())

    async def run(self) -> None:
        """Connect, read, and on any trouble come back with full jitter, for ever."""
        backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S, self._rng, least_s=0.05)
        while True:
            began_s, told = self._clock.monotonic_s(), None
            try:
                async with self._net.connect(self._url, self._endpoints.ca_file) as connection:
                    try:
                        await self._session(connection)
                    except Exception as error:
                        told = error
                        self._down(error)  # before the goodbye: a peer that hangs lets it wait for seconds
                        raise
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if error is not told:
                    self._down(error)
            finally:
                self._connection = None
            if self._clock.monotonic_s() - began_s > STEADY_S:
                backoff.reset()
            self.health.reconnects += 1
            await self._clock.sleep(backoff.next_s())

    def _down(self, error: Exception) -> None:
        note = str(error) or type(error).__name__
        was = self.health.connected
        self.health.connected, self.health.since_ms, self.health.note = False, None, note[:160]
        if was:
            log.warning("%s stream down: %s", self.health.name, note)
        self._sink.stream_changed(self.health.name, False, note[:160])

    def give_up(self, why: str, heard_s: float | None = None) -> None:
        """What the connection holds is too old to be used: it ends with its next frame, or by its silence.

        `heard_s`: frames read since then (monotonic) may have waited in the socket, and prove nothing of now.
        """
        self._given_up = why
        if heard_s is not None and self.health.good_s is not None:
            self.health.good_s = min(self.health.good_s, heard_s)

    async def _session(self, connection: Connection) -> None:
        self._expected, self._given_up = 0, None
        self._waiting_for = set(self._channels) - {"heartbeats"}
        self.health.channel_s.clear()
        self._connection = connection
        for channel in self._channels:
            products = () if channel == "heartbeats" else self._product_ids
            await self._say(connection, "subscribe", channel, products)
        await self._read(connection)

    async def _read(self, connection: Connection) -> None:
        """Every frame until the connection is silent. The deadline moves twice a second, not with each message."""
        loop, health = asyncio.get_running_loop(), self.health
        try:
            async with asyncio.timeout(SILENCE_S) as deadline:
                moved_s = self._clock.monotonic_s()
                while True:
                    self._frame(await connection.recv())
                    assert health.last_s is not None
                    if health.last_s - moved_s >= DEADLINE_STEP_S:
                        moved_s = health.last_s
                        deadline.reschedule(loop.time() + SILENCE_S)
        except TimeoutError:
            raise StreamFault(f"silent for {SILENCE_S:g} s") from None

    def _frame(self, frame: str | bytes) -> None:
        if self._given_up is not None:
            raise StreamFault(self._given_up)
        health = self.health
        health.messages += 1
        health.last_s = self._clock.monotonic_s()
        try:
            message = orjson.loads(frame)
            if message.get("type") == "error":
                raise StreamFault(f"the exchange says: {message.get('message')}")
            channel = message["channel"]
            if not self._in_sequence(message["sequence_num"]):
                return  # told twice
            reader = self._readers.get(channel)
            found = [news for event in message["events"] for news in reader(event)] if reader is not None else ()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            health.malformed += 1
            raise StreamFault(f"unexpected frame format ({type(error).__name__}: {error})") from error
        # Outside the guard: what the engine makes of the news is no fault of the frame.
        for news in found:
            self._sink.event(news)
        self._alive(_SUBSCRIBED.get(channel, channel))
        if health.connected and self._given_up is None:  # this very frame may be what showed that the loop stood still
            health.good_s = health.last_s

    def _in_sequence(self, number: int) -> bool:
        """False = this frame came before. Raises StreamFault for a gap."""
        if number > self._expected:
            self.health.gaps += 1
            raise StreamFault(f"frames {self._expected} to {number - 1} are missing")
        if number < self._expected:
            return False
        self._expected += 1
        return True

    def _alive(self, channel: str) -> None:
        """The stream counts as up once every channel has answered with data."""
        if not self._waiting_for:
            return
        self._waiting_for.discard(channel)
        if not self._waiting_for and not self.health.connected:
            self.health.connected, self.health.note = True, None
            self.health.since_ms = epoch_ms(self._clock.utc())
            log.info("%s stream up", self.health.name)
            self._sink.stream_changed(self.health.name, True, "up")

    def _ticker(self, event: dict[str, Any]) -> list[PriceUpdate]:
        found = []
        for raw in event["tickers"]:
            product_id, price = str(raw["product_id"]), amount(raw["price"])
            if product_id not in self._product_ids:
                continue  # it was on its way when the product left
            if price <= 0:
                # One product's nonsense must not take the stream of all down: no price, no freshness.
                self.health.malformed += 1
                continue
            bid, ask = parse.optional(raw.get("best_bid")), parse.optional(raw.get("best_ask"))
            assert self.health.last_s is not None
            self.health.channel_s[TICKER, product_id] = self.health.last_s
            ask_size = parse.optional(raw.get("best_ask_quantity"))
            found.append(PriceUpdate(product_id, price, bid or None, ask or None, ask_size))
        return found

    def _user_order(self, raw: dict[str, Any]) -> OrderReport | None:
        """A foreign order of an unknown shape must not keep ours away: each snapshot would show it again."""
        try:
            return parse.user_order(raw)
        except (KeyError, TypeError, ValueError):
            if str(raw.get("client_order_id", PREFIX)).startswith(PREFIX):
                raise
            self.health.malformed += 1
            return None

    def _user(self, event: dict[str, Any]) -> list[OrderReports]:
        orders = tuple(filter(None, (self._user_order(raw) for raw in event["orders"])))
        assert self.health.last_s is not None
        self.health.channel_s[ORDERS, None] = self.health.last_s
        return [OrderReports(orders, complete=False, asked_ms=0)] if orders else []


def _nothing(_event: dict[str, Any]) -> tuple[()]:
    """A frame that only proves that the connection lives."""
    return ()
