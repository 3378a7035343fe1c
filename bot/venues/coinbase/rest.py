"""REST by the official SDK: its calls block, so they run in a small pool, each with a time limit in all.

An order is POSTed once. Reads may be repeated by whoever calls; this module never repeats anything but a 401,
once, with a fresh token.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.order_ids import PREFIX
from bot.domain.orders import OrderReport, OrderSpec
from bot.domain.timeframe import Timeframe
from bot.venues.coinbase import parse
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.order_requests import created_id, order_configuration
from bot.venues.coinbase.transport import READ_S, classified, make_client
from bot.venues.errors import (
    ExchangeError,
    Forbidden,
    NoAnswerGot,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from bot.venues.limiter import Limiter, Priority
from bot.venues.net import Net, NeverStarted
from bot.venues.port import ApiKey, KeyRights, Listing
from shared.latency import Latencies
from shared.money import ZERO
from shared.ports import Clock
from shared.times import from_epoch_ms, iso_ms, iso_seconds, parse_time

log = logging.getLogger("rest")
T = TypeVar("T")
API = "/api/v3/brokerage"
ORDER_S = 8.0
PAGES_MAX = 200
BARS_PAGE = 300
_GRANULARITY = {
    Timeframe.MINUTE: "ONE_MINUTE",
    Timeframe.FIVE_MINUTES: "FIVE_MINUTE",
    Timeframe.QUARTER_HOUR: "FIFTEEN_MINUTE",
    Timeframe.HOUR: "ONE_HOUR",
    Timeframe.DAY: "ONE_DAY",
}
CANCEL_BATCH = 100


class CoinbaseRestClient:
    """One client of the exchange's REST. `pool` names its threads: cancel and kill have a client of their own."""

    def __init__(
        self, endpoints: Endpoints, key: ApiKey, net: Net, clock: Clock, limiter: Limiter, pool: str = "main"
    ) -> None:
        self._endpoints, self._key, self._net, self._clock = endpoints, key, net, clock
        self._limiter, self._pool = limiter, pool
        self._local = threading.local()
        self._one_status = False
        self.fee_rate = ZERO  # of the notional, for fills whose commission is not stated (FEE_RATE_PCT)
        self.calls = 0
        self.errors = 0
        self.forbidden = 0  # 403s: the key may have lost a right
        self.rate_limited = 0
        self.latencies = Latencies()
        self.last_ms: float | None = None
        self.last_error: str | None = None
        self.answered_s: float | None = None  # the last answer of any kind, a no among them
        self.silent_since_s: float | None = None  # since when nothing was answered that was asked

    # The SDK below.

    def _client(self) -> Any:
        """The calling thread's own SDK client: a requests session is not safe to share."""
        client = getattr(self._local, "client", None)
        if client is None:
            client = make_client(self._endpoints, self._key)
            client.session.mount("https://", self._net.adapter())
            self._local.client = client
        return client

    async def _get(self, path: str, params: dict[str, Any] | None = None, limit_s: float = READ_S) -> Any:
        # What the kill path looks for is as urgent as its cancels.
        priority = Priority.CANCEL if self._pool == "kill" else Priority.DATA
        raw = await self._call(lambda: self._client().get(API + path, params=params or {}), priority, limit_s)
        if not isinstance(raw, dict):
            raise NoAnswerGot(f"the answer is not a JSON object ({type(raw).__name__})")
        return raw

    async def _call(self, call: Callable[[], Any], priority: Priority, limit_s: float) -> Any:
        """One request with its classification; a 401 is tried once more with a fresh token."""
        await self._limiter.take(priority)
        try:
            return await self._timed(call, limit_s)
        except Unauthorized:
            await self._limiter.take(priority)
            return await self._timed(call, limit_s)

    async def _timed(self, call: Callable[[], Any], limit_s: float, pool: str | None = None) -> Any:
        started_s = self._clock.monotonic_s()
        self.calls += 1
        try:
            answer = await self._net.run(pool or self._pool, lambda: classified(call), limit_s)
        except NeverStarted as error:
            self._failed(str(error))
            raise Unreachable(str(error)) from None
        except TimeoutError as error:
            self._took(started_s)
            self._failed(str(error))
            raise NoAnswerGot(str(error)) from None
        except ExchangeError as error:
            self._took(started_s)
            if isinstance(error, RateLimited):
                self.rate_limited += 1
                self._limiter.throttled()
            self.forbidden += isinstance(error, Forbidden)
            self._failed(str(error), answered=isinstance(error, RateLimited | Forbidden | Rejected))
            raise
        self.last_ms = self._took(started_s)
        self.last_error = None
        self._answered()
        return answer

    def _took(self, started_s: float) -> float:
        took_ms = (self._clock.monotonic_s() - started_s) * 1000
        self.latencies.add(took_ms)
        return took_ms

    def _answered(self) -> None:
        self.answered_s, self.silent_since_s = self._clock.monotonic_s(), None

    def _failed(self, text: str, *, answered: bool = False) -> None:
        self.errors += 1
        self.last_error = text[:200]
        if answered:  # a no is an answer: the exchange is there
            self._answered()
        elif self.silent_since_s is None:
            self.silent_since_s = self._clock.monotonic_s()

    # What the bot asks.

    async def server_time(self) -> datetime:
        """The exchange's time."""
        raw = await self._get("/time", limit_s=5.0)
        return _parsed(lambda: parse_time(raw["iso"]))

    async def key_rights(self) -> KeyRights:
        """What the key may do. What is not said is not known: an answer without it is none."""
        raw: dict[str, Any] = await self._get("/key_permissions")
        view, trade, transfer = (raw.get(name) for name in ("can_view", "can_trade", "can_transfer"))
        if not (isinstance(view, bool) and isinstance(trade, bool) and isinstance(transfer, bool)):
            raise NoAnswerGot("the answer lacks the key's permissions")
        return KeyRights(view, trade, transfer, str(raw["portfolio_uuid"]) if raw.get("portfolio_uuid") else None)

    async def instrument(self, product_id: str) -> Instrument:
        """One instrument. Raises Rejected where there is none."""
        raw = await self._get(f"/products/{product_id}")
        return _parsed(lambda: parse.product(raw))

    async def products(self, product_ids: Sequence[str]) -> tuple[Instrument, ...]:
        """These products as they are now, in one request; what cannot be parsed is left out."""
        raw = await self._get("/products", {"product_ids": list(product_ids)})
        found = []
        for item in _parsed(lambda: list(raw["products"])):
            try:
                found.append(parse.product(item))
            except (KeyError, TypeError, ValueError):
                continue
        return tuple(product for product in found if product.product_id in product_ids)

    async def listed(self) -> tuple[Listing, ...]:
        """Every spot product with what was traded in 24 hours; what cannot be parsed is left out."""
        raw = await self._get("/products", {"product_type": "SPOT"})
        found = []
        for item in _parsed(lambda: list(raw["products"])):
            try:
                found.append(Listing(parse.product(item), parse.volume_quote(item)))
            except (KeyError, TypeError, ValueError):
                continue
        return tuple(found)

    async def spreads(self, product_ids: list[str]) -> dict[str, float]:
        """Best ask over best bid in percent of the mid, of each product with both sides."""
        if not product_ids:
            return {}
        raw = await self._get("/best_bid_ask", {"product_ids": product_ids})
        return _parsed(lambda: dict(filter(None, (parse.spread_pct(book) for book in raw["pricebooks"]))))

    async def fees(self) -> FeeRates:
        """The live tier."""
        raw = await self._get("/transaction_summary", {"product_type": "SPOT"})
        return _parsed(lambda: parse.fee_rates(raw))

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance, all pages."""
        pages = await self._pages("/accounts", {"limit": 250}, "accounts")
        return _parsed(lambda: tuple(parse.balance(raw) for raw in pages))

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """Every order that may still fill, own and foreign, all pages."""
        pages = await self._working()
        return _parsed(lambda: _venue_orders(pages))

    async def open_ids(self) -> list[tuple[str, str]]:
        """(order id, client order id) of every order that may still fill: all that a cancel needs to know, so that
        an order with an odd field elsewhere cannot stand in the way of a kill."""
        pages = await self._working()
        return _parsed(lambda: [(str(raw["order_id"]), str(raw["client_order_id"])) for raw in pages])

    async def _working(self) -> list[Any]:
        """PENDING and QUEUED hide from the OPEN filter, and some venues refuse several statuses at once."""
        path = "/orders/historical/batch"
        if not self._one_status:
            try:
                return await self._pages(path, {"order_status": list(parse.WORKING), "limit": 1000}, "orders")
            except Rejected as error:
                log.info("orders by several statuses are refused (%s): asked for one by one", error)
                self._one_status = True
        found = await self._pages(path, {"order_status": ["OPEN"], "limit": 1000}, "orders")
        for status in parse.WORKING[1:]:
            try:
                found += await self._pages(path, {"order_status": [status], "limit": 1000}, "orders")
            except Rejected:
                log.debug("no orders by status %s", status)
        return found

    async def orders_since(
        self, since_ms: int, product_id: str | None = None, pages_max: int = PAGES_MAX
    ) -> tuple[OrderReport, ...]:
        """Every order created since, whatever its status, all pages: the search for an order without an answer."""
        params: dict[str, Any] = {"start_date": iso_seconds(from_epoch_ms(since_ms)), "limit": 1000}
        if product_id:
            params["product_ids"] = [product_id]
        pages = await self._pages("/orders/historical/batch", params, "orders", pages_max)
        return _parsed(lambda: _venue_orders(pages))

    async def order(self, order_id: str) -> OrderReport:
        """One order by the exchange's id."""
        raw = await self._get(f"/orders/historical/{order_id}")
        return _parsed(lambda: parse.venue_order(raw["order"]))

    async def fills_of(self, order_id: str, client_order_id: str) -> tuple[Fill, ...]:
        """Every fill of one order."""
        pages = await self._pages("/orders/historical/fills", {"order_ids": [order_id], "limit": 100}, "fills")
        return _parsed(lambda: tuple(parse.fill(raw, client_order_id, self.fee_rate) for raw in pages))

    async def fills_since(self, since_ms: int, pages_max: int = PAGES_MAX) -> tuple[Fill, ...]:
        """Every fill of the account executed since (the exchange's clock), all pages; none names our ids."""
        params = {"start_sequence_timestamp": iso_ms(from_epoch_ms(since_ms)), "limit": 1000}
        pages = await self._pages("/orders/historical/fills", params, "fills", pages_max)
        return tuple(filter(None, (self._any_fill(raw) for raw in pages)))

    def _any_fill(self, raw: Any) -> Fill | None:
        """A fill of the account, ours or not; one of an unknown shape is left out, or it would keep all others away.

        Were it ours, its order would lack it and be asked for its fills by name.
        """
        try:
            return parse.fill(raw, "", self.fee_rate)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.info("skipping a fill of unexpected format (%s: %s)", type(error).__name__, error)
            return None

    async def candles(self, product_id: str, timeframe: Timeframe, start_s: int, end_s: int) -> tuple[Bar, ...]:
        """Bars with start in [start_s, end_s], at most 300, oldest first; minutes without a trade are absent."""
        params = {"start": str(start_s), "end": str(end_s), "granularity": _GRANULARITY[timeframe], "limit": BARS_PAGE}
        raw = await self._get(f"/products/{product_id}/candles", params)
        return _parsed(lambda: tuple(sorted(parse.bar(item) for item in raw["candles"])))

    async def admit(self, spec: OrderSpec) -> None:
        """Wait for the order's turn in the request budget: seconds, where the exchange throttles."""
        await self._limiter.take(Priority.EXIT if spec.reduce_only else Priority.ENTRY)

    async def create(self, spec: OrderSpec, shut: Callable[[], str | None] | None = None) -> str:
        """POST one admitted order, once; the answer is the exchange's id. `shut` has the last word, in the thread
        that sends: a reason there and nothing is sent.

        Raises Unreachable (nothing was sent), Rejected, RateLimited, Unauthorized, Forbidden (no order was made),
        or NoAnswerGot (it may exist).
        """
        body = {
            "client_order_id": spec.client_order_id,
            "product_id": spec.product_id,
            "side": spec.side.value,
            "order_configuration": order_configuration(spec),
        }

        def post() -> Any:
            reason = shut() if shut is not None else None
            if reason is not None:
                raise Unreachable(reason)
            return self._client().post(f"{API}/orders", data=body)

        # Threads of their own: a read that hangs must not hold up an order until nobody knows what became of it.
        pool = "orders" if self._pool == "main" else self._pool
        try:
            raw = await self._timed(post, ORDER_S, pool)
        except Rejected as error:
            if error.code != "INVALID_ARGUMENT":
                # 404, 408, 409, a proxy's page: not the exchange's considered no, so it is looked up.
                raise NoAnswerGot(str(error)) from None
            raise
        return created_id(raw)

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        """Ask to cancel up to 100 orders; id → None where the request was taken, else the exchange's reason."""
        call = lambda: self._client().post(f"{API}/orders/batch_cancel", data={"order_ids": order_ids})  # noqa: E731
        raw = await self._call(call, Priority.CANCEL, ORDER_S)
        return _parsed(
            lambda: {
                str(item["order_id"]): None if item["success"] else str(item["failure_reason"])
                for item in raw["results"]
            }
        )

    async def _pages(self, path: str, params: dict[str, Any], name: str, pages_max: int = PAGES_MAX) -> list[Any]:
        found: list[Any] = []
        cursor = ""
        for _ in range(pages_max):
            raw = await self._get(path, {**params, **({"cursor": cursor} if cursor else {})})
            page = raw.get(name)
            if not isinstance(page, list):
                # "Nothing" and "not told" are two things: an answer without its list is no answer.
                raise NoAnswerGot(f"an answer without {name}")
            found.extend(page)
            cursor = str(raw.get("cursor") or "")
            more = raw.get("has_next", bool(cursor))
            if not page or not cursor or not more:
                return found
        raise NoAnswerGot(f"more than {pages_max} pages of {name}")


def _venue_orders(pages: list[Any]) -> tuple[OrderReport, ...]:
    """The orders of a list. A foreign one of an unknown shape is left out; an own one makes the list invalid."""
    found = []
    for raw in pages:
        try:
            found.append(parse.venue_order(raw))
        except (KeyError, TypeError, ValueError, AttributeError):
            if not isinstance(raw, dict) or str(raw.get("client_order_id", PREFIX)).startswith(PREFIX):
                raise
            log.debug("skipping a foreign order of unexpected format")
    return tuple(found)


def _parsed(read: Callable[[], T]) -> T:
    """`read()`, or NoAnswerGot where the answer's shape does not hold."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoAnswerGot(f"unexpected answer format ({type(error).__name__}: {error})") from error
