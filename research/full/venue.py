"""The in-process exchange behind its own protocol: signed requests, parsed answers."""

from decimal import Decimal
from typing import Any

import jwt
import orjson

from bot.domain.instrument import Instrument
from bot.domain.kinds import OrderKind
from bot.domain.orders import OrderReport, OrderSpec
from bot.venues.coinbase import parse
from research.engine import MarketModel, Prepared
from research.errors import ResearchError
from research.full.tape import DEPTH, BarTape
from shared.money import plain
from shared.times import from_epoch_ms, iso_ms
from simulator.core.fees import Tier
from simulator.core.venue import VenueRules
from simulator.exchange import Config
from simulator.inprocess import HOST, LocalExchange
from simulator.store import Store

PREFIX = "/api/v3/brokerage"
LEVELS = 40
# Bars say nothing of quotes between their prints, so none come and go there: what would be drawn fills nothing.
STILL_US = 10**15


class BacktestVenue:
    """The exchange's protocol as the driver needs it: signed requests, parsed answers."""

    def __init__(self, prepared: Prepared, model: MarketModel, start_us: int) -> None:
        maker, taker = (round(pct * 10_000) for pct in (model.maker_pct, model.taker_pct))
        rules = VenueRules(maker_ppm=maker, taker_ppm=taker, band=0, queue_us=0)
        config = Config(
            funds=plain(Decimal(str(model.cash))),
            rules=rules,
            levels=LEVELS,
            enforce_rate_limits=False,
            quotes_us=STILL_US,
        )
        tape, self._half_spread = BarTape(prepared, model.through), model.spread_ticks
        self.local = LocalExchange(start_us=start_us, config=config, tape=tape, store=Store(None))
        venue = self.local.exchange.venue
        # One tier whatever is traded: the loop's fees don't change either.
        venue.tiers = (Tier("fixed", 0, None, maker, taker),)
        venue.tier = venue.tiers[0]
        self._key = self.local.issue_key()

    def advance(self, us: int) -> None:
        self.local.advance(us)

    def stand_at(self, product_id: str, tick: int) -> None:
        """Bids and asks without end, half the spread away: market orders of any size fill there, as bars say."""
        book = self.local.exchange.venue.markets[product_id].book
        for side in (book.side(True), book.side(False)):
            # Keys grow towards the better price: what is better than the quote goes.
            quote = tick - self._half_spread * side.sign
            for at in [at for at in side.crowd if at * side.sign > quote * side.sign]:
                side.set_crowd(at, 0)
            side.set_crowd(quote, DEPTH * 10**8)

    def ask(self, method: str, path: str, query: str = "", body: Any = None) -> Any:
        """The JSON answer to one signed request. Raises ResearchError for anything but 200."""
        now_s = self.local.now_us // 1_000_000
        claims = {
            "sub": self._key["name"], "iss": "cdp", "nbf": now_s - 5, "exp": now_s + 100,
            "uri": f"{method} {HOST}{PREFIX}{path}",
        }  # fmt: skip
        token = jwt.encode(claims, self._key["privateKey"], "ES256", {"kid": self._key["name"], "nonce": "0"})
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        target = f"{PREFIX}{path}{query}"
        answer = self.local.request(method, target, headers, b"" if body is None else orjson.dumps(body)).response
        if answer.status != 200:
            raise ResearchError(f"the simulator answered {answer.status} to {method} {path}: {answer.body[:200]!r}")
        return orjson.loads(answer.body)

    def products(self) -> tuple[Instrument, ...]:
        return tuple(parse.product(raw) for raw in self.ask("GET", "/products")["products"])

    def balances(self) -> tuple[Any, ...]:
        return tuple(parse.balance(raw) for raw in self.ask("GET", "/accounts", "?limit=250")["accounts"])

    def order(self, order_id: str) -> OrderReport:
        return parse.venue_order(self.ask("GET", f"/orders/historical/{order_id}")["order"])

    def when(self, order_id: str) -> tuple[int, int]:
        """Where an order's last fill stands among all: by time, and of one print the lowest price first."""
        order = self.local.store.order(order_id)
        return ((order.last_fill_us or 0), (order.limit or 0)) if order is not None else (0, 0)

    def fills(self, order_id: str, client_order_id: str) -> tuple[Any, ...]:
        raw = self.ask("GET", "/orders/historical/fills", f"?order_ids={order_id}&limit=250")
        return tuple(parse.fill(item, client_order_id) for item in raw["fills"])


def configuration(spec: OrderSpec) -> dict[str, dict[str, Any]]:
    if spec.kind is OrderKind.MARKET:
        word, size = ("quote_size", spec.quote_size) if spec.quote_size is not None else ("base_size", spec.base_size)
        assert size is not None
        return {"market_market_ioc": {word: plain(size)}}
    assert spec.base_size is not None and spec.limit_price is not None and spec.end_ms is not None
    terms = {
        "base_size": plain(spec.base_size),
        "limit_price": plain(spec.limit_price),
        "post_only": spec.post_only,
        "end_time": iso_ms(from_epoch_ms(spec.end_ms)),
    }
    return {"limit_limit_gtd": terms}
