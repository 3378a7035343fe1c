"""COIN-SIM without sockets and without a clock: the same core and protocol under virtual time.

Equal seeds and equal calls give equal answers, frames and `event_hash`, byte for byte.
"""

import hashlib
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.api.auth import IssuedKey, Right
from simulator.api.build import build
from simulator.api.delivery import Courier, Delivery
from simulator.api.http import HttpRequest
from simulator.api.service import Api
from simulator.api.ws.hub import StreamHub
from simulator.api.ws.session import StreamSession
from simulator.core.draws import Draws
from simulator.core.faults import Faults
from simulator.core.markets import synthetic
from simulator.core.tape import MarketSource
from simulator.core.venue import MarketState, PublicTrade
from simulator.exchange import Config, Exchange
from simulator.store import Store

HOST = "127.0.0.1:8790"
BOOK_LEVELS = 300
DAY_US = 86_400_000_000
START_US = 20_400 * DAY_US  # 2025-11-08: fixed, so that runs are alike


class LocalStream:
    """One stream connection."""

    def __init__(self, exchange: "LocalExchange", session: StreamSession) -> None:
        self._exchange = exchange
        self._session = session

    @property
    def close_code(self) -> int | None:
        """Set when the venue closed the connection; what it still had to say can be taken."""
        return self._session.close_code

    def send(self, text: str) -> None:
        """One message of the client."""
        if self._session.open:
            self._exchange.hub.receive(self._session, text, self._exchange.now_us)

    def take(self) -> list[str]:
        """The frames since the last call."""
        out = self._session.take_out()
        for text in out:
            self._exchange.note(text.encode())
        return out

    def close(self) -> None:
        self._session.close(1000)
        self._exchange.hub.disconnect(self._session)


class LocalExchange:
    """An exchange in this process. Time moves only by `advance`."""

    def __init__(
        self,
        *,
        seed: int = 1,
        market: str = "calm",
        start_us: int = START_US,
        config: Config | None = None,
        tape: MarketSource | None = None,
        store: Store | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.config = config or Config(seed=seed, levels=BOOK_LEVELS)
        self._tape = tape or synthetic(market, seed)
        self.store = store or Store(None)
        self.faults = faults or Faults(seed)
        self._hash = hashlib.sha256()
        self._curves: dict[str, str] = {}
        self._seed = seed
        self._open(start_us)

    def _open(self, now_us: int) -> None:
        self.exchange = Exchange(self._tape, self.store, self.config, now_us)
        self.exchange.listeners.append(self._on_trades)
        self.api = Api(self.exchange, {}, (HOST,), enforce_limits=self.config.enforce_rate_limits)
        self.courier = Courier(build(self.api), self.faults, self._seed)
        self.hub = StreamHub(self.api, self.faults)
        self.exchange.resume()
        for name in self._curves:
            self._register(name)

    @property
    def now_us(self) -> int:
        """Virtual time, microseconds since 1970."""
        return self.exchange.now_us

    def restart(self) -> None:
        """As if the server had been killed and started again on the same account."""
        for session in list(self.hub.sessions):
            session.close(1006)
        self._open(self.now_us)

    def note(self, data: bytes) -> None:
        """Count bytes that a client saw into the hash."""
        self._hash.update(data)

    def _on_trades(self, market: MarketState, fresh: list[PublicTrade]) -> None:
        for trade in fresh:
            self._hash.update(f"{market.product.product_id}{trade}".encode())

    def event_hash(self) -> str:
        """A hash of all trades, answers and taken frames so far."""
        return self._hash.hexdigest()

    def issue_key(self, rights: Iterable[str] = ("view", "trade"), name: str = "local") -> dict[str, str]:
        """An ES256 key in Coinbase's download format, derived from the seed."""
        full = f"organizations/{name}/apiKeys/{name}"
        self._curves[name] = ",".join(rights)
        return {"name": full, "privateKey": self._register(name)}

    def _register(self, name: str) -> str:
        number = Draws(self._seed, "key", name).bits() + 1
        curve = ec.derive_private_key(number, ec.SECP256R1())
        rights = frozenset(Right(right) for right in self._curves[name].split(","))
        full = f"organizations/{name}/apiKeys/{name}"
        self.api.keys[full] = IssuedKey(full, curve.public_key(), rights, self.exchange.portfolio)
        private = curve.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return private.decode()

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Delivery:
        """One request, now. `target` is path and query; header names in lower case; `host` defaults to HOST.

        The delivery says what the network does to the answer: late, slow, cut, lost.
        """
        given = {"host": HOST, **(headers or {})}
        delivery = self.courier.deliver(HttpRequest.of(method, target, given, body, "127.0.0.1"))
        self.hub.run(self.now_us)
        self.note(delivery.response.body)
        return delivery

    def connect(self) -> LocalStream:
        """A new stream connection, market data and user alike."""
        return LocalStream(self, self.hub.connect(self.now_us))

    def advance(self, to_us: int) -> None:
        """Move virtual time to `to_us`, stopping at everything that is due."""
        while self.now_us < to_us:
            due = self.next_due_us()
            at = min(to_us, due) if due is not None else to_us
            self.exchange.advance(max(at, self.now_us))
            self.hub.run(self.now_us)
            if at >= to_us:
                return

    def next_due_us(self) -> int | None:
        """When something next happens by itself; None = nothing ever does."""
        dues = [self.exchange.driver.next_due_us(), self.hub.next_due_us(self.now_us)]
        return min((due for due in dues if due is not None), default=None)
