"""An in-process exchange with signed requests."""

import json
import uuid
from typing import Any

import jwt

from simulator.core.bars import Print
from simulator.core.venue import VenueRules
from simulator.exchange import Config
from simulator.inprocess import HOST, LocalExchange
from tests.simulator.markets import DEFAULT_RULES, quiet

PREFIX = "/api/v3/brokerage"


class Local:
    """A quiet exchange of one product ABC-USD around 100.00, and one account's requests."""

    def __init__(
        self, rules: VenueRules = DEFAULT_RULES, *, rights: tuple[str, ...] = ("view", "trade", "transfer")
    ) -> None:
        config = Config(rules=rules, levels=50, enforce_rate_limits=False)
        self.venue = LocalExchange(config=config, tape=quiet())
        self.key = self.venue.issue_key(rights)
        market = self.venue.exchange.venue.markets["ABC-USD"]
        for i in range(5):
            market.book.bids.set_crowd(9_990 - 10 * i, 5_000)
            market.book.asks.set_crowd(10_010 + 10 * i, 5_000)
        self.venue.exchange.venue.trade(market, 10_000, 1, True, self.venue.now_us)
        self.venue.exchange.settle()

    def token(self, uri: str | None = None, **changed: Any) -> str:
        now = self.venue.now_us // 1_000_000
        claims = {"sub": self.key["name"], "iss": "cdp", "nbf": now, "exp": now + 120, "uri": uri} | changed
        claims = {k: v for k, v in claims.items() if v is not None}
        return jwt.encode(claims, self.key["privateKey"], "ES256", {"kid": self.key["name"], "nonce": uuid.uuid4().hex})

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, parsed body)."""
        path = path if path.startswith("/v2") else PREFIX + path
        bare = path.partition("?")[0]
        headers = {"authorization": f"Bearer {self.token(f'{method} {HOST}{bare}')}"}
        raw = b"" if body is None else json.dumps(body).encode()
        response = self.venue.request(method, path, headers, raw).response
        return response.status, json.loads(response.body) if "json" in response.content_type else response.body

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, found = self.call(method, path, body)
        assert status == 200, found
        return found

    def place(self, side: str, kind: str, client_order_id: str | None = None, **inner: Any) -> dict[str, Any]:
        """The answer to a create."""
        body = {
            "client_order_id": client_order_id or uuid.uuid4().hex, "product_id": "ABC-USD", "side": side,
            "order_configuration": {kind: inner},
        }  # fmt: skip
        found: dict[str, Any] = self.ok("POST", "/orders", body)
        return found

    def placed(self, side: str, kind: str, **inner: Any) -> str:
        """The order id of a create that must be accepted."""
        answer = self.place(side, kind, **inner)
        assert answer["success"], answer
        return str(answer["order_id"])

    def order(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ok("GET", f"/orders/historical/{order_id}")["order"]
        return found

    def buy_base(self, size: str = "10") -> None:
        self.placed("BUY", "market_market_ioc", base_size=size)

    def print_(self, price: int, steps: int = 1000, *, maker_buys: bool = True) -> None:
        """A trade of the crowd at `price` ticks."""
        exchange = self.venue.exchange
        exchange.driver.players[0].play(Print(0, price, steps, maker_buys), exchange.now_us)
        exchange.settle()
        self.venue.hub.run(exchange.now_us)

    def wait(self, seconds: float) -> None:
        self.venue.advance(self.venue.now_us + int(seconds * 1_000_000))

    def balance(self, currency: str) -> tuple[str, str]:
        """(available, hold)."""
        for account in self.ok("GET", "/accounts")["accounts"]:
            if account["currency"] == currency:
                return account["available_balance"]["value"], account["hold"]["value"]
        return "0", "0"
