"""Orders and fills of the past: one, lists with every filter, cursors."""

# ruff: noqa: ARG001  every route takes the same arguments

from collections.abc import Collection
from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import HttpRequest, Response, bad_request, ok, whole
from simulator.api.order_views import fill_view, order_view
from simulator.api.rest.orders import own_order
from simulator.api.service import PREFIX, Api, Router
from simulator.core.orders import OrderType, SimOrderStatus, TimeInForce
from simulator.core.products import other_product
from simulator.core.validation import parse_instant
from simulator.store import HistoryQuery

Clause = tuple[str, tuple[Any, ...]]
MAX_ORDERS = 1000
ORDER_SORTS = {
    "LIMIT_PRICE": "limit_ticks DESC, sequence DESC",
    "LAST_FILL_TIME": "last_fill_us DESC, sequence DESC",
    "LAST_UPDATE_TIME": "coalesce(updated_us, created_us) DESC, sequence DESC",
}
KINDS = frozenset({*OrderType, "STOP", "ROLL_OPEN", "ROLL_CLOSE", "LIQUIDATION"})
SIDES = frozenset({"BUY", "SELL"})
STATUSES, TIMES_IN_FORCE = frozenset(SimOrderStatus), frozenset(TimeInForce)
PRODUCT_TYPES = frozenset({"SPOT", "FUTURE"})
MAX_ASSETS = 200
NOTHING: Clause = ("1 = 0", ())
FILL_SORTS = {"PRICE": "tick DESC, sequence DESC"}
PLAIN_SORTS = frozenset({"", "UNKNOWN_SORT_BY", "TRADE_TIME"})


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/orders/historical/batch", Right.VIEW, orders)
    router.add("GET", f"{PREFIX}/orders/historical/fills", Right.VIEW, fills)
    router.add("GET", f"{PREFIX}/orders/historical/{{order_id}}", Right.VIEW, order)


def order(api: Api, request: HttpRequest, key: IssuedKey, order_id: str) -> Response:
    return ok({"order": order_view(own_order(api, key, order_id), api.exchange.venue.user_id)})


def among(column: str, values: list[str]) -> Clause:
    return f"{column} IN ({','.join('?' * len(values))})", tuple(values)


def _choices(request: HttpRequest, name: str, known: Collection[str], unknown: str, *other: str) -> list[str]:
    """The wished values; `unknown` is the venue's word for no wish. Raises ApiError 400."""
    values = [value.upper() for value in request.many(name, *other)]
    for value in values:
        if value not in known and value != unknown:
            raise bad_request(f"{name} is invalid")
    return [value for value in values if value != unknown]


def _spot_wanted(request: HttpRequest, name: str) -> bool:
    """False where products of other types alone are asked for: there are none here."""
    wanted = _choices(request, name, PRODUCT_TYPES, "UNKNOWN_PRODUCT_TYPE")
    return not wanted or "SPOT" in wanted


def _assets(request: HttpRequest) -> list[Clause]:
    """Products whose base or quote is any of the assets that are asked for."""
    assets = [_plain(asset) for asset in request.many("asset_filters")]
    if not assets:
        return []
    if len(assets) > MAX_ASSETS:
        raise bad_request("asset_filters is invalid")
    patterns = [pattern for asset in assets for pattern in (f"{asset}-%", f"%-{asset}")]
    return [(f"({' OR '.join(['product_id LIKE ?'] * len(patterns))})", tuple(patterns))]


def _sort(request: HttpRequest, sorts: dict[str, str]) -> str:
    wanted = request.one("sort_by").upper()
    if wanted not in PLAIN_SORTS and wanted not in sorts:
        raise bad_request("sort_by is invalid")
    return sorts.get(wanted, "sequence DESC")


def _page(request: HttpRequest, where: list[Clause], limit: int, order_by: str) -> HistoryQuery:
    """A cursor is the last sequence seen, or the offset where another column sorts."""
    text = request.one("cursor")
    if text and not (text.isascii() and text.isdigit() and len(text) < 18):
        raise bad_request("cursor is invalid")
    number = int(text) if text else None
    if order_by == "sequence DESC":
        return HistoryQuery(where, limit + 1, number, order_by)
    return HistoryQuery(where, limit + 1, None, order_by, number or 0)


def orders(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    limit = whole(request, "limit", MAX_ORDERS)
    if limit < 0:
        raise bad_request("limit is invalid")
    limit = min(limit or MAX_ORDERS, MAX_ORDERS)
    order_by = _sort(request, ORDER_SORTS)
    page = _page(request, order_clauses(request, key), limit, order_by)
    found = api.exchange.store.orders(page)
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


def order_clauses(request: HttpRequest, key: IssuedKey) -> list[Clause]:
    """The filters of the order list."""
    portfolio = request.one("retail_portfolio_id") or key.portfolio
    where: list[Clause] = [("portfolio = ?", (key.portfolio if portfolio == key.portfolio else "",))]
    if ids := request.many("order_ids", "order_id"):
        where.append(among("order_id", ids))
    if products := request.many("product_ids", "product_id"):
        where.append(among("product_id", products))
    if statuses := _choices(request, "order_status", STATUSES, "UNKNOWN_ORDER_STATUS"):
        where.append(among("status", statuses))
    if kinds := _choices(request, "order_types", KINDS, "UNKNOWN_ORDER_TYPE", "order_type"):
        where.append(among("kind", kinds))
    if sides := _choices(request, "order_side", SIDES, "UNKNOWN_ORDER_SIDE"):
        where.append(among("side", sides))
    if tifs := _choices(request, "time_in_forces", TIMES_IN_FORCE, "UNKNOWN_TIME_IN_FORCE"):
        where.append(among("tif", tifs))
    for name, clause in (("start_date", "created_us >= ?"), ("end_date", "created_us < ?")):
        if value := request.one(name):
            where.append((clause, (parse_instant(value, name),)))
    where += _assets(request)
    if not _spot_wanted(request, "product_type"):
        where.append(NOTHING)
    if (source := request.one("order_placement_source")) not in ("", "RETAIL_ADVANCED", "UNKNOWN_PLACEMENT_SOURCE"):
        where.append(("? = ''", (source,)))
    return where


def _plain(asset: str) -> str:
    return "".join(c for c in asset if c.isalnum())


def fills(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    limit = whole(request, "limit", 100)
    if limit < 0:
        raise bad_request("limit is invalid")
    limit = min(limit or 100, 1000)
    page = _page(request, fill_clauses(request, key), limit, _sort(request, FILL_SORTS))
    found = api.exchange.store.fills(page)
    more = len(found) > limit
    found = found[:limit]
    cursor = ""
    if more:
        cursor = str(found[-1].sequence if page.order == "sequence DESC" else page.offset + limit)
    user, listed = api.exchange.venue.user_id, api.exchange.venue.listed
    views = [fill_view(f, listed.get(f.product_id) or other_product(f.product_id), user) for f in found]
    return ok({"fills": views, "cursor": cursor, "proof_token_required": False})


def _of_orders(column: str, values: list[str]) -> Clause:
    """Fills of orders of which a column is among the values."""
    clause, given = among(f"orders.{column}", values)
    # The clause is made of constants of this module; every value is bound.
    return f"EXISTS (SELECT 1 FROM orders WHERE orders.order_id = fills.order_id AND {clause})", given  # noqa: S608


def fill_clauses(request: HttpRequest, key: IssuedKey) -> list[Clause]:
    """The filters of the list of fills."""
    where: list[Clause] = [("portfolio = ?", (key.portfolio,))]
    if ids := request.many("order_ids", "order_id"):
        where.append(among("order_id", ids))
    if kinds := _choices(request, "order_types", KINDS, "UNKNOWN_ORDER_TYPE", "order_type"):
        where.append(_of_orders("kind", kinds))
    if sides := _choices(request, "order_side", SIDES, "UNKNOWN_ORDER_SIDE"):
        where.append(_of_orders("side", sides))
    if not _spot_wanted(request, "product_types"):
        where.append(NOTHING)
    where += _assets(request)
    if trades := request.many("trade_ids", "trade_id"):
        where.append(among("trade_id", trades))
    if products := request.many("product_ids", "product_id"):
        where.append(among("product_id", products))
    for name, clause in (("start_sequence_timestamp", "time_us >= ?"), ("end_sequence_timestamp", "time_us <= ?")):
        if value := request.one(name):
            where.append((clause, (parse_instant(value, name),)))
    return where
