"""COIN-SIM under virtual time, with the activity of others on the account."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson

from simtest.plan import Plan
from simtest.product_rules import ProductRules
from simtest.virtual_loop import VirtualLoop
from simulator.api.auth import Right
from simulator.api.delivery import Delivery
from simulator.api.http import HttpRequest
from simulator.api.rest.orders import create
from simulator.core.bars import Print, SimBar
from simulator.core.markets import synthetic
from simulator.core.orders import SimOrder
from simulator.core.products import GATES, OPEN, served
from simulator.core.tape import MINUTE_US, MarketSource
from simulator.core.triggers import run_timers
from simulator.core.units import text, to_atoms
from simulator.core.venue import VenueRules
from simulator.exchange import Config
from simulator.inprocess import LocalExchange, LocalStream
from simulator.store import HistoryQuery

BOOK_LEVELS = 60
BARS_KEPT = 1_500
HEARTBEAT_US = 1_000_000


class VirtualVenue:
    """The exchange, on the loop's clock."""

    def __init__(self, plan: Plan, loop: VirtualLoop) -> None:
        self.loop, self.plan = loop, plan
        self.start_us = plan.start_s * 1_000_000
        wanted = (*plan.products, *plan.listed)
        products = tuple(replace(p, quote_min_size=plan.quote_min) for p in served(wanted) if p.product_id in wanted)
        s = plan.settings
        rules = VenueRules(
            idempotency=plan.mode,
            maker_ppm=round(s.get("sim_maker_fee_pct", 0.5) * 10_000),
            taker_ppm=round(s.get("sim_taker_fee_pct", 0.9) * 10_000),
            queue_us=s.get("sim_queue_ms", 25) * 1000,
        )
        config = Config(
            seed=plan.seed,
            funds=f"{s.get('sim_funds', 10_000):.2f}",
            rules=rules,
            levels=BOOK_LEVELS,
            quotes_us=plan.quotes_ms * 1000,
            enforce_rate_limits=s.get("sim_rate_limits", True),
        )
        tape: Any = ShockedMarketSource(synthetic(plan.market, plan.seed, products))
        self.tape = tape
        self.sim = LocalExchange(seed=plan.seed, start_us=self.start_us, config=config, tape=tape)
        self.key = self.sim.issue_key()
        self.product_rules = ProductRules({p.product_id: p for p in products}, self.price)
        self.streams: list[tuple[LocalStream, Callable[[list[str], int | None], None]]] = []
        self.hash = hashlib.sha256()
        self.events = 0
        self.transfers: list[dict[str, str]] = []
        self.gates: list[tuple[int, str, str]] = []
        self.frozen = False
        self.told: deque[tuple[int, bytes]] = deque(maxlen=50)  # earlier answers about balances
        for currency, amount in plan.deposits:
            self.transfer(currency, amount)
        loop.event_queue.at(0, self._beat)
        loop.event_queue.at(0, self._market)

    @property
    def now_us(self) -> int:
        return self.start_us + self.loop.now_us

    def note(self, kind: str, data: bytes) -> None:
        """Add an event to the run's hash."""
        self.hash.update(b"%d %s %d\n" % (self.loop.now_us, kind.encode(), len(data)))
        self.hash.update(data)
        self.events += 1

    def _move(self) -> None:
        exchange = self.sim.exchange
        if self.now_us > exchange.now_us:
            if self.frozen:  # no price moves, yet cancels that wait in the engine's queue are carried out
                exchange.now_us = self.now_us
                run_timers(exchange.venue, self.now_us)
                exchange.settle()
            else:
                exchange.advance(self.now_us)
        self.sim.hub.run(self.now_us)
        self.hand_out()

    def _beat(self) -> None:
        """Deliver stream frames at least once a second."""
        self._move()
        self.loop.event_queue.at(self.loop.now_us - self.loop.now_us % HEARTBEAT_US + HEARTBEAT_US, self._beat)

    def _market(self) -> None:
        if self.frozen:
            return
        self._move()
        due = self.sim.exchange.driver.next_due_us()
        at = max((due or self.now_us) - self.start_us, self.loop.now_us + self.plan.grain_ms * 1000)
        self.loop.event_queue.at(at, self._market)

    def hand_out(self) -> None:
        """Deliver the waiting frames of every stream."""
        for stream, give in list(self.streams):
            frames = stream.take()
            if frames or stream.close_code is not None:
                give(frames, stream.close_code)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Delivery:
        """Answer one request at the present time."""
        self._move()
        if method == "POST" and target == "/api/v3/brokerage/orders":
            body = self.product_rules.enforce(body)
        delivery = self.sim.request(method, target, headers, body)
        response = delivery.response
        if _describes_products(target) and response.status == 200:
            delivery = replace(delivery, response=replace(response, body=self.product_rules.describe(response.body)))
        self.hand_out()
        return delivery

    def connect(self, give: Callable[[list[str], int | None], None]) -> LocalStream:
        stream = self.sim.connect()
        self.streams.append((stream, give))
        return stream

    def disconnect(self, stream: LocalStream) -> None:
        stream.close()
        self.streams = [pair for pair in self.streams if pair[0] is not stream]

    # What others do.

    @property
    def portfolio(self) -> str:
        return self.sim.exchange.portfolio

    def orders(self) -> list[SimOrder]:
        """Every order that the venue ever accepted, oldest first."""
        rows = self.sim.store.db.execute("SELECT sequence, body FROM orders ORDER BY sequence").fetchall()
        return [self.sim.store._order(sequence, body) for sequence, body in rows]

    def own_post(self, body: dict[str, Any]) -> dict[str, Any]:
        """An order that a person, or another program, makes on this account."""

        self._move()
        api = self.sim.api
        request = HttpRequest("POST", "/api/v3/brokerage/orders", (), {}, orjson.dumps(body))
        key = next(iter(api.keys.values()))
        answer: dict[str, Any] = orjson.loads(create(api, request, key).body)
        self.sim.hub.run(self.now_us)
        self.hand_out()
        return answer

    def transfer(self, currency: str, amount: str) -> None:
        """A deposit (or, negative, a withdrawal as far as money is free)."""
        atoms = to_atoms(amount)
        accounts = self.sim.exchange.venue.accounts
        if atoms < 0:
            atoms = -min(-atoms, accounts.available(self.portfolio, currency))
        accounts.deposit(self.portfolio, currency, atoms, self.now_us)
        self.sim.store.save(self.sim.exchange.venue)
        self.transfers.append({"at_us": str(self.loop.now_us), "currency": currency, "amount": text(atoms)})

    def set_gate(self, product_id: str, name: str) -> None:
        self.sim.exchange.set_gate(product_id, GATES.get(name, OPEN))
        self.gates.append((self.loop.now_us, product_id, name))

    def set_key(self, rights: Iterable[str]) -> None:
        """The bot's key has these rights from now on."""
        keys = self.sim.api.keys
        for name, key in keys.items():
            keys[name] = replace(key, rights=frozenset(map(Right, rights)))

    def mend_key(self) -> None:
        """The key as it was issued."""
        self.set_key(("view", "trade"))

    def price(self, product_id: str) -> str:
        market = self.sim.exchange.venue.markets[product_id]
        return market.product.price_text(market.last or 1)

    def balances(self) -> dict[str, str]:
        """Totals by currency."""
        return {w.currency: text(w.total) for w in self.sim.exchange.venue.accounts.of(self.portfolio)}

    def fees(self) -> dict[str, Any]:
        """The fee tier in force; rates in millionths of the notional."""
        tier = self.sim.exchange.venue.tier
        return {"tier": tier.name, "maker_ppm": tier.maker_ppm, "taker_ppm": tier.taker_ppm}

    def worth(self, prices: dict[str, float]) -> float:
        """The account in USD at given prices of products; what has none counts nothing."""
        total = 0.0
        for wallet in self.sim.exchange.venue.accounts.of(self.portfolio):
            price = 1.0 if wallet.currency == "USD" else prices.get(f"{wallet.currency}-USD", 0.0)
            total += wallet.total / 1e20 * price
        return total

    def fill_count(self) -> int:
        return int(self.sim.store.db.execute("SELECT count(*) FROM fills").fetchone()[0])

    def bars(self, length_s: int, before: int) -> dict[str, list[list[Any]]]:
        """Product → [start in s, high, low, close] of every bar, from `before` bars before the run on.

        Of a run of days only the first bars are told.
        """
        from_s, found = self.plan.start_s - before * length_s, {}
        now_us = min(self.now_us, (from_s + BARS_KEPT * length_s) * 1_000_000)
        for product_id, market in self.sim.exchange.venue.markets.items():
            rows = self.sim.exchange.candles[product_id].window(from_s, now_us // 1_000_000, length_s, now_us)
            price_text = market.product.price_text
            found[product_id] = [[at, *map(price_text, (bar.high, bar.low, bar.close))] for at, bar in reversed(rows)]
        return found

    def shock(self, product_id: str, factor: float, seconds: float) -> None:
        """The price goes to `factor` of what it was for some seconds, and comes back."""
        self.tape.shock(product_id, self.now_us, self.now_us + round(seconds * 1e6), factor)

    def calm(self) -> None:
        """Restore normal trading of every product."""
        self.product_rules.clear()
        self.mend_key()
        for product_id in (*self.plan.products, *self.plan.listed):
            self.set_gate(product_id, "online")

    def freeze(self) -> None:
        """Stop the market: what is open now stays open."""
        self.frozen = True

    def truth(self) -> dict[str, Any]:
        """Orders, fills and balances as the exchange has them."""
        orders = [
            {
                "order_id": o.order_id,
                "client_order_id": o.client_order_id,
                "product_id": o.product.product_id,
                "side": "BUY" if o.buys else "SELL",
                "status": str(o.status),
                "kind": str(o.kind),
                "filled": o.product.size_text(o.filled),
                "created_us": o.created_us - self.start_us,
                "done_us": o.done_us - self.start_us if o.done_us is not None else None,
                "cancel_message": o.cancel_message,
                "size": o.product.size_text(o.steps) if o.steps is not None else None,
                "quote": text(o.quote) if o.quote is not None else None,
                "limit": o.product.price_text(o.limit) if o.limit is not None else None,
            }
            for o in self.orders()
        ]
        listed = self.sim.exchange.venue.listed
        fills = [
            {
                "order_id": f.order_id,
                "trade_id": f.trade_id,
                "product_id": f.product_id,
                "side": "BUY" if f.buys else "SELL",
                "price": listed[f.product_id].price_text(f.tick),
                "size": listed[f.product_id].size_text(f.steps),
                "fee": text(f.fee),
                "value": text(f.value),
                "us": f.time_us - self.start_us,
            }
            for f in self.sim.store.fills(HistoryQuery((), 10_000_000, None, "sequence ASC"))
        ]
        products = {
            p.product_id: {
                "price_increment": p.price_increment,
                "base_increment": p.base_increment,
                "quote_increment": p.quote_increment,
                "base_min_size": p.base_min_size,
                "quote_min_size": p.quote_min_size,
                "last": self.price(p.product_id),
            }
            for p in self.sim.exchange.venue.products.values()
        }
        return {
            "orders": orders,
            "fills": fills,
            "balances": self.balances(),
            "funds": self.sim.config.funds,
            "transfers": self.transfers,
            "products": products,
            "gates": self.gates,
        }


def _describes_products(target: str) -> bool:
    path = target.partition("?")[0]
    return path.startswith("/api/v3/brokerage/products") and not path.endswith(("/candles", "/ticker"))


class ShockedMarketSource:
    """A market source with temporary price shocks."""

    def __init__(self, tape: MarketSource) -> None:
        self._tape = tape
        self._shocks: list[tuple[str, int, int, float]] = []

    def __getattr__(self, name: str) -> Any:
        """Everything that a shock does not change."""
        return getattr(self._tape, name)

    def shock(self, product_id: str, from_us: int, until_us: int, factor: float) -> None:
        self._shocks.append((product_id, from_us, until_us, factor))

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        bar = self._tape.minute(product_id, minute)
        touched = [s for s in self._shocks if s[0] == product_id and s[1] // MINUTE_US <= minute <= s[2] // MINUTE_US]
        if bar is None or not touched:
            return bar
        return fold_prints(self.prints(product_id, minute)) or bar

    def prints(self, product_id: str, minute: int) -> list[Print]:
        prints = self._tape.prints(product_id, minute)
        for name, from_us, until_us, factor in self._shocks:
            if name == product_id:
                prints = [
                    p._replace(tick=max(1, round(p.tick * factor)))
                    if from_us <= minute * MINUTE_US + p.offset_us < until_us
                    else p
                    for p in prints
                ]
        return prints


def fold_prints(prints: list[Print]) -> SimBar | None:
    """The bar of a minute's trades; None = there were none."""
    if not prints:
        return None
    ticks = [p.tick for p in prints]
    return SimBar(ticks[0], max(ticks), min(ticks), ticks[-1], sum(p.steps for p in prints))
