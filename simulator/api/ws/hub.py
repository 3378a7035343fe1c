"""All stream connections of one exchange: who gets what, and when.

Nothing here waits: `receive` takes a client's text, `run` is called often and sends what is due.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from simulator.api import auth
from simulator.api.auth import Right
from simulator.api.futures import balance_summary
from simulator.api.limits import Buckets
from simulator.api.service import Api
from simulator.api.ws import channels, frames
from simulator.api.ws.channels import FIVE_MINUTES
from simulator.api.ws.frames import Envelope
from simulator.api.ws.session import FIRST_SUBSCRIBE_US, QUIET_US, StreamSession
from simulator.api.ws.tickers import TICKER_US, Tickers
from simulator.api.ws.users import Users
from simulator.core.faults import Faults
from simulator.core.venue import MarketState, PublicTrade

log = logging.getLogger("simulator.stream")
# The rhythm of each channel: of level2, trades, candles (BTC-USD's) and heartbeats as recorded in August 2026 (the
# documents: 250 ms for trades, a second for candles), of ticker_batch as documented; for status they name none.
LEVEL2_US = 50_000
TRADES_US = 100_000
CANDLES_US = 10_000_000
BATCH_US = 5_000_000
HEARTBEAT_US = 1_000_000
STATUS_US = 5_000_000
MESSAGES_PER_S = 8  # without a token, from one address
MARKET_CHANNELS = frozenset({"ticker", "ticker_batch", "level2", "market_trades", "candles", "status"})
FUTURES = "futures_balance_summary"
PRIVATE_CHANNELS = frozenset({"user", FUTURES})
CHANNELS = MARKET_CHANNELS | PRIVATE_CHANNELS | {"heartbeats"}
WIRE_NAMES = {"level2": "l2_data"}


class StreamHub:
    """The stream side of an exchange."""

    def __init__(self, api: Api, faults: Faults) -> None:
        self.api = api
        self.exchange = api.exchange
        self.faults = faults
        self.sessions: dict[StreamSession, None] = {}
        self._readers: dict[tuple[str, str], dict[StreamSession, None]] = {}
        self._envelope = Envelope(client_id=api.exchange.config.client_id)
        self._due = dict.fromkeys(("level2", "trades", "ticker", "candles", "batch", "heartbeat", "status"), 0)
        self._speaking = Buckets(MESSAGES_PER_S, MESSAGES_PER_S)
        self._opened = 0
        self._tickers = Tickers(api.exchange)
        self._users = Users(api.exchange, faults, self._send)
        self._trades: dict[str, list[PublicTrade]] = {}
        self._moved: set[str] = set()  # products that traded since the last ticker_batch
        self._candles_sent: dict[str, str] = {}
        self.messages = 0
        api.exchange.listeners.append(self._on_trades)

    def connect(self, now_us: int, wake: Callable[[], None] | None = None, client: str = "") -> StreamSession:
        """A new connection; `client` is its address, "" for one of its own."""
        self._opened += 1
        client = client or f"stream {self._opened}"
        session = StreamSession(now_us, self._envelope, self.faults, last_sent_us=now_us, client=client)
        if wake is not None:
            session.wake = wake
        self.sessions[session] = None
        log.info("stream.opened streams=%d", len(self.sessions))
        return session

    def disconnect(self, session: StreamSession) -> None:
        if session in self.sessions:
            del self.sessions[session]
            log.info("stream.closed streams=%d", len(self.sessions))
        for readers in self._readers.values():
            readers.pop(session, None)

    # What clients say

    def receive(self, session: StreamSession, text: str | bytes, now_us: int) -> None:
        """One message of a client."""
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            session.raw(frames.error_frame("failure to parse message"))
            return
        if self.api.enforce_limits and not message.get("jwt") and not self._speaking.take(session.client, now_us):
            session.raw(frames.error_frame("rate limit exceeded"))
            return
        kind, channel = message.get("type"), message.get("channel")
        if kind not in ("subscribe", "unsubscribe") or not isinstance(channel, str) or channel not in CHANNELS:
            session.raw(frames.error_frame("failure to subscribe"))
            return
        products = self._products(channel, message.get("product_ids"))
        if products is None:
            session.raw(frames.error_frame("failure to subscribe"))
            return
        if not self._allowed(session, channel, message):
            session.raw(frames.error_frame("authentication failure"))
            return
        if kind == "subscribe":
            self._subscribe(session, channel, products, now_us)
        else:
            given = bool(message.get("product_ids")) and channel in MARKET_CHANNELS
            self._unsubscribe(session, channel, products if given else None)
        self._send(session, "subscriptions", self._acknowledgement(session), now_us)

    def _products(self, channel: str, given: Any) -> list[str] | None:
        """The wished products; all when none are named; None when the list is wrong."""
        if channel == "heartbeats":
            return ["heartbeats"]
        if channel == FUTURES:
            return [""]
        if given is None or given == []:
            return [""] if channel == "user" else list(self.exchange.venue.products)
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            return None
        if any(name not in self.exchange.venue.listed for name in given):
            return None
        return list(dict.fromkeys(given))

    def _allowed(self, session: StreamSession, channel: str, message: dict[str, Any]) -> bool:
        token = message.get("jwt")
        private = channel in PRIVATE_CHANNELS
        if token is None or token == "":
            return not private
        if not isinstance(token, str):
            return False
        try:
            key = auth.check(token, self.api.keys, self.api.now_us / 1e6, None)
        except auth.TokenRejected as refused:
            log.info("stream.refused channel=%s reason=%s", channel, refused)
            return False
        if private:
            if Right.VIEW not in key.rights:
                return False
            session.portfolio = key.portfolio
        return True

    def _books(self, channel: str, names: Iterable[str]) -> list[str]:
        """Whose market data are read under these names: an alias (BTC-USDC) has the book of what it stands for.

        As the venue does it, messages carry that product's own name (BTC-USD).
        """
        if channel not in MARKET_CHANNELS:
            return list(names)
        aliases = self.exchange.venue.aliases
        return list(dict.fromkeys(aliases.get(name, name) for name in names))

    def _subscribe(self, session: StreamSession, channel: str, products: list[str], now_us: int) -> None:
        if channel == "level2":
            self._level2(now_us)  # so that a new reader's snapshot and the next update meet exactly
        session.subscriptions.setdefault(channel, {}).update(dict.fromkeys(products))
        books = self._books(channel, products)
        for name in books:
            self._readers.setdefault((channel, name), {})[session] = None
        self._snapshots(session, channel, books, now_us)

    def _unsubscribe(self, session: StreamSession, channel: str, products: list[str] | None) -> None:
        held = session.subscriptions.get(channel, {})
        gone = list(held) if products is None else products
        for name in gone:
            held.pop(name, None)
        still = self._books(channel, held)
        for name in self._books(channel, gone):
            if name not in still:
                self._readers.get((channel, name), {}).pop(session, None)
        if not held:
            session.subscriptions.pop(channel, None)

    def _acknowledgement(self, session: StreamSession) -> str:
        shown = {
            channel: [self.exchange.venue.user_id] if channel in PRIVATE_CHANNELS else sorted(products)
            for channel, products in sorted(session.subscriptions.items())
        }
        return orjson.dumps([{"subscriptions": shown}]).decode()

    # What they get at once

    def _snapshots(self, session: StreamSession, channel: str, products: list[str], now_us: int) -> None:
        if channel == "user":
            self._users.snapshot(session, now_us)
            return
        if channel == FUTURES:
            self._futures(session, "snapshot", now_us)
            return
        venue = self.exchange.venue
        if channel == "status":
            markets = [venue.markets[name] for name in products if name in venue.markets]
            self._send(session, "status", frames.status("snapshot", markets), now_us)
            return
        for name in products:
            market = venue.markets.get(name)
            if market is not None:
                if channel == "ticker":
                    self._tickers.begin(market, now_us)
                for events in channels.snapshot(self.exchange, channel, market, self._trades.get(name, ()), now_us):
                    self._send(session, channel, events, now_us)

    def _futures(self, session: StreamSession, kind: str, now_us: int) -> None:
        """The futures balance of the session's portfolio, unless it is what the session knows."""
        summary = balance_summary(self.exchange.venue.accounts, session.portfolio)
        if kind == "snapshot" or summary != session.futures:
            session.futures = summary
            self._send(session, FUTURES, frames.futures_balance(kind, summary), now_us)

    # What comes by itself

    def _send(self, session: StreamSession, channel: str, events: str, now_us: int) -> None:
        name = WIRE_NAMES.get(channel, channel)
        self.messages += 1
        session.send(name, self._envelope.head(name, now_us), events, now_us)

    def _cast(self, channel: str, product_id: str, events: str, now_us: int) -> None:
        """One body to all readers of a product's channel."""
        readers = self._readers.get((channel, product_id))
        if not readers:
            return
        name = WIRE_NAMES.get(channel, channel)
        head = self._envelope.head(name, now_us)
        self.messages += len(readers)
        for session in list(readers):
            session.send(name, head, events, now_us)

    def _on_trades(self, market: MarketState, fresh: list[PublicTrade]) -> None:
        name = market.product.product_id
        self._moved.add(name)
        if self._readers.get(("market_trades", name)):
            self._trades.setdefault(name, []).extend(fresh)

    def run(self, now_us: int) -> None:
        """Send all that is due."""
        self._users.run(self.sessions, now_us)
        if self._is_due("level2", LEVEL2_US, now_us):
            self._level2(now_us)
        if self._is_due("trades", TRADES_US, now_us):
            for name, waiting in self._trades.items():
                if waiting:
                    product = self.exchange.venue.markets[name].product
                    self._cast("market_trades", name, frames.trades(product, "update", waiting[::-1]), now_us)
            self._trades.clear()
        if self._is_due("ticker", TICKER_US, now_us):
            self._ticker(now_us)
        if self._is_due("candles", CANDLES_US, now_us):
            self._candles(now_us)
        if self._is_due("batch", BATCH_US, now_us):
            self._ticker_batch(now_us)
        if self._is_due("heartbeat", HEARTBEAT_US, now_us):
            self._cast("heartbeats", "heartbeats", frames.heartbeat(now_us, self.exchange.started_us), now_us)
            for session in [s for s in self.sessions if FUTURES in s.subscriptions]:
                self._futures(session, "update", now_us)
            self._idle(now_us)
        if self._is_due("status", STATUS_US, now_us):
            self._all_status(now_us)
        self._status(now_us)

    def next_due_us(self, now_us: int) -> int | None:
        """When `run` next has something to do by itself; None without connections."""
        if not self.sessions:
            return None
        late = [session.delayed[0][0] for session in self.sessions if session.delayed]
        return max(now_us + 1, min([*self._due.values(), *late]))

    def _is_due(self, name: str, every_us: int, now_us: int) -> bool:
        if now_us < self._due[name] <= now_us + every_us:  # further off only when the clock was put back
            return False
        self._due[name] = now_us - now_us % every_us + every_us
        return True

    def _idle(self, now_us: int) -> None:
        """Close who never subscribed, and who has had nothing to read for long."""
        for session in list(self.sessions):
            if (
                not session.subscriptions and not session.number and now_us - session.opened_us >= FIRST_SUBSCRIBE_US
            ) or (now_us - session.last_sent_us >= QUIET_US and not session.dead):
                session.close(1000)

    def _level2(self, now_us: int) -> None:
        for name, market in self.exchange.venue.markets.items():
            bids, asks = market.book.bids, market.book.asks
            if not (bids.changed or asks.changed):
                continue
            if self._readers.get(("level2", name)):
                self._cast("level2", name, channels.level2_update(market, now_us), now_us)
            bids.changed.clear()
            asks.changed.clear()

    def _candles(self, now_us: int) -> None:
        start = now_us // 1_000_000 // FIVE_MINUTES * FIVE_MINUTES
        for name, market in self.exchange.venue.markets.items():
            if not self._readers.get(("candles", name)):
                continue
            rows = [
                (at, bar)
                for at in (start - FIVE_MINUTES, start)
                if (bar := self.exchange.candles[name].bar(at, FIVE_MINUTES, now_us))
            ]
            for row in rows:
                events = frames.candles(market.product, "update", [row])
                key = f"{name}/{row[0]}"
                if self._candles_sent.get(key) != events:
                    known = key in self._candles_sent or row[0] == start
                    self._candles_sent[key] = events
                    if known:
                        self._cast("candles", name, events, now_us)
        if len(self._candles_sent) > 1000:
            self._candles_sent = dict(list(self._candles_sent.items())[-100:])

    def _ticker(self, now_us: int) -> None:
        for name, market in self.exchange.venue.markets.items():
            if not self._readers.get(("ticker", name)):
                self._tickers.forget(name)
                continue
            for events in self._tickers.updates(market, now_us):
                self._cast("ticker", name, events, now_us)

    def _ticker_batch(self, now_us: int) -> None:
        for name in sorted(self._moved):
            market = self.exchange.venue.markets[name]
            if market.last is not None and self._readers.get(("ticker_batch", name)):
                figures = self.exchange.candles[name].figures(now_us)
                events = frames.ticker_batch(market.product, "update", market.last, figures)
                self._cast("ticker_batch", name, events, now_us)
        self._moved.clear()

    def _all_status(self, now_us: int) -> None:
        """Every product that a reader subscribed to, changed or not."""
        venue = self.exchange.venue
        for session in list(self.sessions):
            names = self._books("status", session.subscriptions.get("status", ()))
            markets = [venue.markets[name] for name in names if name in venue.markets]
            if markets:
                self._send(session, "status", frames.status("update", markets), now_us)

    def _status(self, now_us: int) -> None:
        for name, market in self.exchange.venue.markets.items():
            if market.gate_changed:
                market.gate_changed = False
                log.info("product.status product_id=%s status=%s message=%s", name, market.gate.status,
                         market.gate.status_message or "none")  # fmt: skip
                self._cast("status", name, frames.status("update", [market]), now_us)
