"""Server time, products, candles, trades and books; the private paths and their public twins."""

# ruff: noqa: ARG001  every route takes the same arguments

import base64
from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import HttpRequest, Response, bad_request, not_found, ok, whole
from simulator.api.service import PREFIX, Api, Router
from simulator.api.views import book_view, candle_view, levels_view, product_view, trade_view
from simulator.core.products import SimProduct
from simulator.core.tape import GRANULARITIES
from simulator.core.times import rfc3339
from simulator.core.units import parse, ratio_text, text
from simulator.core.venue import MarketState

MAX_CANDLES = 350
MAX_TRADES = 100
MAX_LEVELS = 1000
SORT_ORDERS = (
    "PRODUCTS_SORT_ORDER_UNDEFINED",
    "PRODUCTS_SORT_ORDER_VOLUME_24H_DESCENDING",
    "PRODUCTS_SORT_ORDER_LIST_TIME_DESCENDING",
)


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/time", None, server_time)
    for base, right in ((f"{PREFIX}/products", Right.VIEW), (f"{PREFIX}/market/products", None)):
        router.add("GET", base, right, products)
        router.add("GET", f"{base}/{{product_id}}", right, product)
        router.add("GET", f"{base}/{{product_id}}/candles", right, candles)
        router.add("GET", f"{base}/{{product_id}}/ticker", right, ticker)
    router.add("GET", f"{PREFIX}/product_book", Right.VIEW, product_book)
    router.add("GET", f"{PREFIX}/market/product_book", None, product_book)
    router.add("GET", f"{PREFIX}/best_bid_ask", Right.VIEW, best_bid_ask)


def find(api: Api, product_id: str) -> tuple[SimProduct, MarketState]:
    """The product and its market, or 404."""
    product = api.exchange.venue.listed.get(product_id)
    market = api.exchange.venue.market(product_id)
    if product is None or market is None:
        raise not_found(f"Product {product_id[:40]} not supported")
    return product, market


def server_time(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    us = api.now_us
    return ok({"iso": rfc3339(us // 1000 * 1000), "epochSeconds": str(us // 1_000_000), "epochMillis": str(us // 1000)})


def products(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    kind = request.one("product_type").upper()
    if kind not in ("", "SPOT", "FUTURE", "UNKNOWN_PRODUCT_TYPE"):
        raise bad_request("product_type is invalid")
    wanted = request.many("product_ids", "product_id")
    listed = [] if kind == "FUTURE" else list(api.exchange.venue.listed.values())
    if wanted:
        listed = [p for p in listed if p.product_id in wanted]
    tradability = request.flag("get_tradability_status")
    views = [product_view(api.exchange, p, tradability=tradability) for p in listed]
    _in_order(views, request.one("products_sort_order", SORT_ORDERS[0]).upper() or SORT_ORDERS[0])
    limit = whole(request, "limit", 0)
    if limit < 0:
        raise bad_request("limit is invalid")
    first = _begin(request, [view["product_id"] for view in views])
    after = first + limit if limit else len(views)
    page = views[first:after]
    before = max(0, first - (limit or first))
    pagination = {
        "prev_cursor": _cursor(views[before - 1]) if before else "",
        "next_cursor": _cursor(page[-1]) if page and after < len(views) else "",
        "has_next": bool(page) and after < len(views),
        "has_prev": first > 0,
    }
    return ok({"products": page, "num_products": len(page), "pagination": pagination})


def _in_order(views: list[dict[str, Any]], order: str) -> None:
    """Sorts products as the venue does: by the day's volume in quote money, or the newest first; ties stay."""
    if order not in SORT_ORDERS:
        raise bad_request("products_sort_order is invalid")
    if order == "PRODUCTS_SORT_ORDER_LIST_TIME_DESCENDING":
        views.sort(key=lambda view: str(view["new_at"]), reverse=True)
    else:
        views.sort(key=lambda view: parse(view["approximate_quote_24h_volume"]) or 0, reverse=True)


def _cursor(view: dict[str, Any]) -> str:
    """A page's end: the id of its last product, in base64 as the venue writes it."""
    return base64.b64encode(view["product_id"].encode()).decode()


def _begin(request: HttpRequest, ids: list[str]) -> int:
    """Where a page begins: behind the cursor's product, or at the offset. Raises ApiError 400."""
    cursor = request.one("cursor")
    if not cursor:
        return min(max(0, whole(request, "offset", 0)), len(ids))
    try:
        return ids.index(base64.b64decode(cursor, validate=True).decode()) + 1
    except ValueError:  # no base64, no text, or no product of the list
        raise bad_request("cursor is invalid") from None


def product(api: Api, request: HttpRequest, key: IssuedKey | None, product_id: str) -> Response:
    found, _ = find(api, product_id)
    return ok(product_view(api.exchange, found, tradability=request.flag("get_tradability_status")))


def candles(api: Api, request: HttpRequest, key: IssuedKey | None, product_id: str) -> Response:
    found, market = find(api, product_id)
    seconds = GRANULARITIES.get(request.one("granularity"))
    if seconds is None:
        raise bad_request("granularity is invalid")
    start, end = whole(request, "start"), whole(request, "end")
    limit = whole(request, "limit", MAX_CANDLES)
    if start < 0 or end < start or limit < 0 or end > 10**11:
        raise bad_request("start and end argument is invalid")
    if end // seconds - -(-start // seconds) + 1 > MAX_CANDLES:
        raise bad_request("start and end argument is invalid - number of candles requested should be less than 350 ")
    rows = api.exchange.candles[market.product.product_id].window(start, end, seconds, api.exchange.now_us)
    return ok({"candles": [candle_view(found, at, bar) for at, bar in rows[: limit or MAX_CANDLES]]})


def ticker(api: Api, request: HttpRequest, key: IssuedKey | None, product_id: str) -> Response:
    found, market = find(api, product_id)
    limit = whole(request, "limit", MAX_TRADES)
    if limit <= 0:
        raise bad_request("limit is invalid")
    start, end = whole(request, "start", 0), whole(request, "end", 10**12)
    trades: list[dict[str, str]] = []
    for trade in reversed(market.trades):
        if trade.time_us // 1_000_000 < start or len(trades) >= min(limit, MAX_TRADES):
            break
        if trade.time_us // 1_000_000 <= end:
            trades.append(trade_view(found, trade))
    bid, ask = market.book.bids.best(), market.book.asks.best()
    return ok(
        {
            "trades": trades,
            "best_bid": found.price_text(bid) if bid else "",
            "best_ask": found.price_text(ask) if ask else "",
        }
    )


def product_book(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    product_id = request.one("product_id")
    if not product_id:
        raise bad_request("product_id is required")
    found, market = find(api, product_id)
    limit = whole(request, "limit", MAX_LEVELS)
    if limit < 0:
        raise bad_request("limit is invalid")
    book = book_view(api.exchange, found, market, min(limit or MAX_LEVELS, MAX_LEVELS))
    step = request.one("aggregation_price_increment")
    if step:
        atoms = parse(step)
        if atoms is None or atoms <= 0 or atoms % found.tick:
            raise bad_request("aggregation_price_increment is invalid")
        size = atoms // found.tick
        for name, side in (("bids", market.book.bids), ("asks", market.book.asks)):
            book[name] = levels_view(found, grouped(side.levels(), size, side.sign)[: limit or MAX_LEVELS])
    bid, ask = market.book.bids.best(), market.book.asks.best()
    extra = {"last": found.price_text(market.last) if market.last else "", "mid_market": "", "spread_bps": "",
             "spread_absolute": ""}  # fmt: skip
    if bid and ask:
        extra["mid_market"] = ratio_text((bid + ask) * found.tick, 2 * 10**20, 20)
        extra["spread_bps"] = ratio_text((ask - bid) * 20_000, bid + ask)
        extra["spread_absolute"] = text((ask - bid) * found.tick)
    return ok({"pricebook": book, **extra})


def grouped(levels: list[tuple[int, int]], size: int, sign: int) -> list[tuple[int, int]]:
    """Levels gathered to multiples of `size` ticks, away from the other side."""
    sums: dict[int, int] = {}
    for tick, steps in levels:
        at = tick // size * size if sign > 0 else -(-tick // size) * size
        sums[at] = sums.get(at, 0) + steps
    return list(sums.items())


def best_bid_ask(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    wanted = request.many("product_ids", "product_id") or list(api.exchange.venue.products)
    return ok({"pricebooks": [book_view(api.exchange, *find(api, product_id), 1) for product_id in wanted]})
