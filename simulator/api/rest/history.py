"""Orders and fills of the past: one, lists with every filter, cursors."""

# ruff: noqa: ARG001  every route takes the same arguments

from typing import Any

from simulator.api.auth import ApiKey, Right
from simulator.api.http import Request, Response, bad_request, ok, whole
from simulator.api.rest.orders import own_order
from simulator.api.service import PREFIX, Api, Router
from simulator.api.views import fill_view, order_view
from simulator.core.orders import Kind, Status, TimeInForce
from simulator.core.validation import parse_instant
from simulator.store import Page

Clause = tuple[str, tuple[Any, ...]]
MAX_ORDERS = 1000
ORDER_SORTS = {"LIMIT_PRICE": "limit_ticks DESC, sequence DESC", "LAST_FILL_TIME": "last_fill_us DESC, sequence DESC"}
FILL_SORTS = {"PRICE": "tick DESC, sequence DESC"}
PLAIN_SORTS = frozenset({"", "UNKNOWN_SORT_BY", "TRADE_TIME"})


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/orders/historical/batch", Right.VIEW, orders)
    router.add("GET", f"{PREFIX}/orders/historical/fills", Right.VIEW, fills)
    router.add("GET", f"{PREFIX}/orders/historical/{{order_id}}", Right.VIEW, order)


def order(api: Api, request: Request, key: ApiKey, order_id: str) -> Response:
    return ok({"order": order_view(own_order(api, key, order_id), api.exchange.venue.user_id)})


def among(column: str, values: list[str]) -> Clause:
    return f"{column} IN ({','.join('?' * len(values))})", tuple(values)


def _choices(request: Request, name: str, known: set[str], *other: str) -> list[str]:
    values = [value.upper() for value in request.many(name, *other)]
    for value in values:
        if value not in known:
            raise bad_request(f"{name} is invalid")
    return values


def _sort(request: Request, sorts: dict[str, str]) -> str:
    wanted = request.one("sort_by").upper()
    if wanted not in PLAIN_SORTS and wanted not in sorts:
        raise bad_request("sort_by is invalid")
    return sorts.get(wanted, "sequence DESC")


def _page(request: Request, where: list[Clause], limit: int, order_by: str) -> Page:
    """A cursor is the last sequence seen, or the offset where another column sorts."""
    text = request.one("cursor")
    if text and not (text.isascii() and text.isdigit() and len(text) < 18):
        raise bad_request("cursor is invalid")
    number = int(text) if text else None
    if order_by == "sequence DESC":
        return Page(where, limit + 1, number, order_by)
    return Page(where, limit + 1, None, order_by, number or 0)


def orders(api: Api, request: Request, key: ApiKey) -> Response:
    limit = whole(request, "limit", MAX_ORDERS)
    if limit < 0:
        raise bad_request("limit is invalid")
    limit = min(limit or MAX_ORDERS, MAX_ORDERS)
    order_by = _sort(request, ORDER_SORTS)
    page = _page(request, order_clauses(request, key), limit, order_by)
    empty = request.one("product_type").upper() == "FUTURE"
    found = [] if empty else api.exchange.store.orders(page)
    more = len(found) > limit
    found = found[:limit]
    cursor = ""
    if more:
        cursor = str(found[-1].sequence if page.order == "sequence DESC" else page.offset + limit)
    user = api.exchange.venue.user_id
    return ok(
        {
            "orders": [order_view(o, user) for o in found],
            "sequence": "0",
            "has_next": more,
            "cursor": cursor,
            "proof_token_required": False,
        }
    )


def order_clauses(request: Request, key: ApiKey) -> list[Clause]:
    """The filters of the order list."""
    portfolio = request.one("retail_portfolio_id") or key.portfolio
    where: list[Clause] = [("portfolio = ?", (key.portfolio if portfolio == key.portfolio else "",))]
    if ids := request.many("order_ids", "order_id"):
        where.append(among("order_id", ids))
    if products := request.many("product_ids", "product_id"):
        where.append(among("product_id", products))
    if statuses := _choices(request, "order_status", {*Status, "UNKNOWN_ORDER_STATUS"}):
        where.append(among("status", statuses))
    if kinds := _choices(request, "order_types", {*Kind, "STOP", "UNKNOWN_ORDER_TYPE"}, "order_type"):
        where.append(among("kind", kinds))
    if sides := _choices(request, "order_side", {"BUY", "SELL", "UNKNOWN_ORDER_SIDE"}):
        where.append(among("side", sides))
    if tifs := _choices(request, "time_in_forces", {*TimeInForce, "UNKNOWN_TIME_IN_FORCE"}):
        where.append(among("tif", tifs))
    for name, clause in (("start_date", "created_us >= ?"), ("end_date", "created_us <= ?")):
        if value := request.one(name):
            where.append((clause, (parse_instant(value, name),)))
    for asset in request.many("asset_filters"):
        where.append(("(product_id LIKE ? OR product_id LIKE ?)", (f"{_plain(asset)}-%", f"%-{_plain(asset)}")))
    if (source := request.one("order_placement_source")) not in ("", "RETAIL_ADVANCED", "UNKNOWN_PLACEMENT_SOURCE"):
        where.append(("? = ''", (source,)))
    return where


def _plain(asset: str) -> str:
    return "".join(c for c in asset if c.isalnum())


def fills(api: Api, request: Request, key: ApiKey) -> Response:
    limit = whole(request, "limit", 100)
    if limit < 0:
        raise bad_request("limit is invalid")
    limit = min(limit or 100, 1000)
    where: list[Clause] = [("portfolio = ?", (key.portfolio,))]
    if ids := request.many("order_ids", "order_id"):
        where.append(among("order_id", ids))
    if trades := request.many("trade_ids", "trade_id"):
        where.append(among("trade_id", trades))
    if products := request.many("product_ids", "product_id"):
        where.append(among("product_id", products))
    for name, clause in (("start_sequence_timestamp", "time_us >= ?"), ("end_sequence_timestamp", "time_us <= ?")):
        if value := request.one(name):
            where.append((clause, (parse_instant(value, name),)))
    page = _page(request, where, limit, _sort(request, FILL_SORTS))
    found = api.exchange.store.fills(page)
    more = len(found) > limit
    found = found[:limit]
    cursor = ""
    if more:
        cursor = str(found[-1].sequence if page.order == "sequence DESC" else page.offset + limit)
    venue = api.exchange.venue
    return ok({"fills": [fill_view(f, venue.listed[f.product_id], venue.user_id) for f in found], "cursor": cursor})
