"""`python -m simulator.fuzz`: requests and stream messages of every kind of wrongness, for as long as you like.

Each step takes a well-formed message, damages it in one or more places (or not at all), and sends it to an exchange
in this process under virtual time. What must never happen: an answer of 500, a stream that breaks, money that is
made or lost, a hold without its order, a crossed book. A seed and a step number name every case; the same seed
gives the same messages.
"""

import argparse
import copy
import json
import random
import sys
import time
from collections import Counter
from typing import Any

import jwt
import orjson

from simulator.api.service import PREFIX
from simulator.api.ws.hub import CHANNELS
from simulator.core.markets import MARKETS
from simulator.core.units import ONE
from simulator.exchange import Config
from simulator.inprocess import HOST, LocalExchange, LocalStream

SIZE, PRICE, MONEY = "0.001", "60000.00", "25"
WHEN = "2026-09-22T00:00:00Z"
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "market_market_ioc": {"quote_size": MONEY},
    "market_market_fok": {"quote_size": MONEY},
    "sor_limit_ioc": {"base_size": SIZE, "limit_price": PRICE},
    "limit_limit_gtc": {"base_size": SIZE, "limit_price": PRICE, "post_only": False},
    "limit_limit_gtd": {"base_size": SIZE, "limit_price": PRICE, "end_time": WHEN, "post_only": False},
    "limit_limit_fok": {"base_size": SIZE, "limit_price": PRICE},
    "trigger_bracket_gtd": {"limit_price": "90000.00", "stop_trigger_price": "50000.00", "end_time": WHEN},
    "stop_limit_stop_limit_gtc": {
        "base_size": SIZE, "limit_price": PRICE, "stop_price": PRICE, "stop_direction": "STOP_DIRECTION_STOP_DOWN",
    },
    "trigger_bracket_gtc": {"base_size": SIZE, "limit_price": "90000.00", "stop_trigger_price": "50000.00"},
    "twap_limit_gtd": {"base_size": SIZE, "limit_price": PRICE, "end_time": WHEN, "number_buckets": "5"},
    "scaled_limit_gtc": {"base_size": "0.01", "num_orders": 4, "min_price": "55000.00", "max_price": PRICE},
}  # fmt: skip
GETS = (
    "/time", "/products", "/market/products", "/products/BTC-USD", "/market/products/BTC-USD",
    "/products/BTC-USD/candles", "/market/products/BTC-USD/candles", "/products/BTC-USD/ticker", "/product_book",
    "/market/product_book", "/best_bid_ask", "/accounts", "/accounts/x", "/transaction_summary", "/key_permissions",
    "/portfolios", "/portfolios/x", "/orders/historical/batch", "/orders/historical/fills", "/orders/historical/x",
    "/payment_methods", "/convert/trade/x", "/v2/accounts", "/v2/currencies", "/v2/exchange-rates", "/v2/time",
    "/cfm/balance_summary", "/cfm/positions", "/cfm/positions/x",
)  # fmt: skip
QUERY = {
    "limit": "10", "cursor": "5", "offset": "1", "start": "1789990000", "end": "1789996000", "product_id": "BTC-USD",
    "granularity": "ONE_MINUTE", "product_ids": "BTC-USD", "order_ids": "x", "order_status": "OPEN",
    "order_side": "BUY", "order_types": "LIMIT", "time_in_forces": "GOOD_UNTIL_CANCELLED", "start_date": WHEN,
    "sort_by": "LIMIT_PRICE", "asset_filters": "BTC", "aggregation_price_increment": "1", "product_type": "SPOT",
    "product_types": "SPOT", "products_sort_order": "PRODUCTS_SORT_ORDER_LIST_TIME_DESCENDING", "trade_ids": "x",
    "get_all_products": "True", "start_sequence_timestamp": WHEN, "currency": "USD", "portfolio_type": "DEFAULT",
}  # fmt: skip
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**30, -(10**30), 0.1, 1e308, "", " ", "0", "-1", "1e5", "NaN", "Infinity", "1" * 70,
    "0.0000000000000000000001", "99999999999999999999", "BUY", "\x00", "é", "\U0001f600", "x" * 5000, [], {}, [[]],
    [{}], {"": {}}, {"value": "1", "currency": "USD"}, "BTC-USD", "NO-PE", "2020-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)  # fmt: skip


class Broken(Exception):
    """Something happened that never may; the text says what and how to see it again."""


class Fuzzer:
    """One exchange and the damage done to it."""

    def __init__(self, seed: int) -> None:
        self.seed, self.number = seed, 0
        self._random = random.Random(seed)  # noqa: S311  damage, not secrets
        config = Config(seed=seed, levels=30, enforce_rate_limits=False, funds="100000")
        self.local = LocalExchange(seed=seed, market=self._random.choice(sorted(MARKETS)), config=config)
        accounts, portfolio = self.local.exchange.venue.accounts, self.local.exchange.portfolio
        accounts.deposit(portfolio, "BTC", 3 * ONE, self.local.now_us)
        self._key = self.local.issue_key(("view", "trade", "transfer"))
        self._stream = self.local.connect()
        self._seen: list[str] = ["nope"]  # order ids, so that cancels and edits find their orders
        self.statuses: Counter[str] = Counter()
        self._told_at = ""  # the time of the last stream message

    def step(self) -> None:
        """One message. Raises Broken."""
        self.number += 1
        kind = self._random.random()
        if kind < 0.6:
            self._request(*self._post())
        elif kind < 0.8:
            self._request("GET", self._target(), b"")
        else:
            self._say()
        if self.number % 5 == 0:
            self.local.advance(self.local.now_us + self._random.choice((1_000, 30_000, 500_000)))
        if self.number % 25 == 0:
            self._check()

    def _damaged(self, value: Any) -> Any:
        """`value` with none, one or a few of its parts replaced, dropped or added."""
        value = copy.deepcopy(value)
        for _ in range(self._random.choice((0, 0, 1, 1, 2, 4))):
            parts = [value]
            while isinstance(parts[-1], dict) and parts[-1] and self._random.random() < 0.7:
                parts.append(parts[-1][self._random.choice(sorted(parts[-1]))])
            holder = next((part for part in reversed(parts) if isinstance(part, dict)), None)
            if holder is None:
                return copy.deepcopy(self._random.choice(JUNK))
            name = self._random.choice([*sorted(holder), "reduce_only", "retail_portfolio_id", "leverage", "x"])
            if self._random.random() < 0.2:
                holder.pop(name, None)
            else:
                holder[name] = copy.deepcopy(self._random.choice(JUNK))
        return value

    def _post(self) -> tuple[str, str, bytes]:
        choose = self._random.choice
        order_id = choose(self._seen)
        name = choose(sorted(CONFIGURATIONS))
        order = {
            "client_order_id": f"f{self.number}", "product_id": choose(("BTC-USD", "BTC-USDC")),
            "side": choose(("BUY", "SELL")), "order_configuration": {name: CONFIGURATIONS[name]},
        }  # fmt: skip
        if self._random.random() < 0.1:
            bracket = {"trigger_bracket_gtc": {"limit_price": "90000.00", "stop_trigger_price": "50000.00"}}
            order["attached_order_configuration"] = bracket
        path, body = choose(
            (
                ("/orders", order), ("/orders", order), ("/orders", order), ("/orders/preview", order),
                ("/orders/batch_cancel", {"order_ids": [order_id]}),
                ("/orders/edit", {"order_id": order_id, "price": "59000.00", "size": "0.002"}),
                ("/orders/edit_preview", {"order_id": order_id, "price": "59000.00", "size": "0.002"}),
                ("/orders/close_position", {"client_order_id": "c", "product_id": "BTC-USD"}),
                ("/convert/quote", {"from_account": "USD", "to_account": choose(("USDC", "PYUSD")), "amount": "5"}),
                ("/portfolios", {"name": "n"}),
                ("/portfolios/move_funds", {"funds": {"value": "1", "currency": "USD"},
                                            "source_portfolio_uuid": self.local.exchange.portfolio,
                                            "target_portfolio_uuid": "x"}),
            )
        )  # fmt: skip
        raw = json.dumps(self._damaged(body)).encode() if self._random.random() < 0.97 else self._random.randbytes(40)
        return "POST", PREFIX + path, raw

    def _target(self) -> str:
        path = self._random.choice(GETS)
        if path.endswith("/x") and self._random.random() < 0.5:
            path = path[:-1] + self._random.choice([*self._seen, "%00%ff", "..", "x" * 3000])
        names = self._random.sample(sorted(QUERY), self._random.randrange(4))
        values = {name: QUERY[name] if self._random.random() < 0.6 else self._random.choice(JUNK) for name in names}
        query = "&".join(f"{name}={str(value)[:200].replace('&', '')}" for name, value in values.items())
        return f"{path if path.startswith('/v2') else PREFIX + path}?{query}"

    def _token(self, uri: str | None) -> str:
        now = self.local.now_us // 1_000_000
        claims = {"sub": self._key["name"], "iss": "cdp", "nbf": now, "exp": now + 120, "uri": uri}
        return jwt.encode(claims, self._key["privateKey"], "ES256", {"kid": self._key["name"]})

    def _request(self, method: str, target: str, body: bytes) -> None:
        token = self._token(f"{method} {HOST}{target.partition('?')[0]}")
        response = self.local.request(method, target, {"authorization": f"Bearer {token}"}, body).response
        self.statuses[str(response.status)] += 1
        if response.status >= 500:
            raise Broken(f"{response.status} to {method} {target[:300]} {body[:1000]!r}: {response.body[:300]!r}")
        if response.status == 200 and target == PREFIX + "/orders":
            answer = orjson.loads(response.body)
            self.statuses["orders accepted" if answer["success"] else "orders refused"] += 1
            if answer["success"]:
                self._seen = [*self._seen[-40:], answer["order_id"]]

    def _say(self) -> None:
        """One message on the stream, which a wrong one must not end."""
        message = {
            "type": self._random.choice(("subscribe", "unsubscribe")), "channel": self._random.choice(sorted(CHANNELS)),
            "product_ids": self._random.choice(([], ["BTC-USD"], ["BTC-USDC", "ETH-USD"])), "jwt": self._token(None),
        }  # fmt: skip
        self._stream.send(json.dumps(self._damaged(message)))
        for text in self._stream.take():
            self.statuses["frames"] += 1
            at = str(orjson.loads(text).get("timestamp", "")).rstrip("Z")
            if at and at < self._told_at:
                raise Broken(f"a message of {at} came after one of {self._told_at}")
            self._told_at = at or self._told_at
        if self._stream.close_code is not None:
            if self._stream.close_code >= 1011:
                raise Broken(f"the stream was closed with {self._stream.close_code}")
            self._stream = self._fresh_stream()

    def _fresh_stream(self) -> LocalStream:
        """After the five seconds without a subscription, or ninety without a message."""
        return self.local.connect()

    def _check(self) -> None:
        venue = self.local.exchange.venue
        accounts = venue.accounts
        for currency in {wallet.currency for wallet in accounts.wallets.values()}:
            if accounts.sum(currency):
                raise Broken(f"{accounts.sum(currency)} atoms of {currency} came from nowhere")
            held = sum(wallet.held for wallet in accounts.wallets.values() if wallet.currency == currency)
            if held != sum(order.hold for order in venue.open.values() if order.held == currency):
                raise Broken(f"holds of {currency} are not those of the open orders")
        for name, market in venue.markets.items():
            bid, ask = market.book.bids.best(), market.book.asks.best()
            if bid is not None and ask is not None and bid >= ask:
                raise Broken(f"the book of {name} is crossed: {bid} {ask}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (2)")
    parser.add_argument("--seed", type=int, default=1, help="first seed; each 2,000 messages begin a new exchange")
    parser.add_argument("--steps", type=int, default=2000, help="messages for each seed")
    given = parser.parse_args()
    end, seed, steps, statuses = time.monotonic() + given.minutes * 60, given.seed, 0, Counter[str]()
    while time.monotonic() < end:
        fuzzer = Fuzzer(seed)
        try:
            while fuzzer.number < given.steps and time.monotonic() < end:
                fuzzer.step()
        except Exception as broken:
            sys.stderr.write(f"seed {seed}, message {fuzzer.number}: {type(broken).__name__}: {broken}\n")
            return 1
        statuses.update(fuzzer.statuses)
        steps, seed = steps + fuzzer.number, seed + 1
    shown = ", ".join(f"{name}: {count:,}" for name, count in sorted(statuses.items()))
    sys.stdout.write(f"{steps:,} messages, seeds {given.seed} to {seed - 1}, nothing broke\n{shown}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
