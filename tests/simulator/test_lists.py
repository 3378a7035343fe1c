"""Lists as the published API describes them: filters of fills, order of orders and products, pages."""

import base64
import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.inprocess import LocalExchange
from simulator.store import Store
from tests.simulator.local import Local

MARKET = "/market/products"


@pytest.fixture(scope="module")
def traded() -> Local:
    """One fill of each: a market buy, a market sell, a limit buy that took."""
    x = Local()
    x.placed("BUY", "market_market_ioc", base_size="3")
    x.placed("SELL", "market_market_ioc", base_size="1")
    x.placed("BUY", "limit_limit_gtc", base_size="2", limit_price="100.10")
    return x


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        ("", ["2", "1", "3"]),
        ("order_side=BUY", ["2", "3"]),
        ("order_side=SELL", ["1"]),
        ("order_side=UNKNOWN_ORDER_SIDE", ["2", "1", "3"]),
        ("order_types=LIMIT", ["2"]),
        ("order_types=MARKET", ["1", "3"]),
        ("order_types=MARKET&order_types=LIMIT&order_side=BUY", ["2", "3"]),
        ("order_types=TWAP", []),
        ("asset_filters=ABC", ["2", "1", "3"]),
        ("asset_filters=usd", ["2", "1", "3"]),
        ("asset_filters=EUR&asset_filters=ABC", ["2", "1", "3"]),
        ("asset_filters=EUR", []),
        ("asset_filters=AB%25", []),
        ("product_types=SPOT", ["2", "1", "3"]),
        ("product_types=FUTURE", []),
        ("product_types=FUTURE&product_types=SPOT", ["2", "1", "3"]),
        ("product_types=UNKNOWN_PRODUCT_TYPE", ["2", "1", "3"]),
    ],
)
def test_fills_are_filtered(traded: Local, query: str, sizes: list[str]) -> None:
    assert [fill["size"] for fill in traded.ok("GET", f"/orders/historical/fills?{query}")["fills"]] == sizes


@pytest.mark.parametrize("query", ["asset_filters=EUR&asset_filters=ABC", "order_status=UNKNOWN_ORDER_STATUS"])
def test_orders_of_any_of_the_assets_and_without_a_wish(traded: Local, query: str) -> None:
    assert len(traded.ok("GET", f"/orders/historical/batch?{query}")["orders"]) == 3


def test_futures_orders_are_none(traded: Local) -> None:
    assert traded.ok("GET", "/orders/historical/batch?product_type=FUTURE")["orders"] == []


@pytest.mark.parametrize("query", ["order_side=UP", "order_types=GUESS", "product_types=OPTION"])
@pytest.mark.parametrize("path", ["fills", "batch"])
def test_wrong_words_are_400(traded: Local, path: str, query: str) -> None:
    query = query.replace("product_types", "product_type") if path == "batch" else query
    assert traded.call("GET", f"/orders/historical/{path}?{query}")[0] == 400


def test_too_many_assets_are_400(traded: Local) -> None:
    many = ",".join(f"A{i}" for i in range(3000))
    for path in ("fills", "batch"):
        assert traded.call("GET", f"/orders/historical/{path}?asset_filters={many}")[0] == 400


def test_orders_by_the_time_of_their_last_change() -> None:
    x = Local()
    ids = []
    for price in ("90.00", "91.00", "92.00"):
        ids.append(x.placed("BUY", "limit_limit_gtc", base_size="1", limit_price=price))
        x.wait(1)
    created = x.ok("GET", "/orders/historical/batch?sort_by=LAST_UPDATE_TIME")["orders"]
    assert [order["order_id"] for order in created] == ids[::-1]
    x.ok("POST", "/orders/edit", {"order_id": ids[0], "price": "90.50", "size": "1"})
    waiting = x.order(ids[0])
    assert waiting["status"] == "EDIT_QUEUED"
    assert waiting["current_pending_replace"] == {
        "price": "90.5", "size": "1", "replace_accept_timestamp": waiting["last_update_time"],
    }  # fmt: skip
    x.wait(1)
    x.ok("POST", "/orders/batch_cancel", {"order_ids": [ids[1]]})
    x.wait(1)
    orders = x.ok("GET", "/orders/historical/batch?sort_by=LAST_UPDATE_TIME")["orders"]
    assert [order["order_id"] for order in orders] == [ids[1], ids[0], ids[2]]
    times = [order["last_update_time"] for order in orders]
    assert times == sorted(times, reverse=True) and len(set(times)) == 3
    assert all(order["last_update_time"] >= order["created_time"] for order in orders)
    assert x.order(ids[0])["current_pending_replace"] is None
    page = x.ok("GET", "/orders/historical/batch?sort_by=LAST_UPDATE_TIME&limit=2")
    rest = x.ok("GET", f"/orders/historical/batch?sort_by=LAST_UPDATE_TIME&limit=2&cursor={page['cursor']}")
    assert [order["order_id"] for order in (*page["orders"], *rest["orders"])] == [ids[1], ids[0], ids[2]]


def test_an_account_of_before_the_last_change_was_kept_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "account.db"
    x = LocalExchange(store=Store(path))
    x.store.close()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE orders DROP COLUMN updated_us")
        db.execute(
            "INSERT INTO orders (sequence, order_id, portfolio, status, created_us) VALUES (1, 'a', 'p', 'FILLED', 5)"
        )
    found = Store(path)
    row = found.db.execute("SELECT coalesce(updated_us, created_us) FROM orders").fetchone()
    assert row == (5,)


def _ids(answer: dict[str, Any]) -> list[str]:
    return [product["product_id"] for product in answer["products"]]


class Public:
    """The public endpoints of an exchange with its usual products."""

    def __init__(self) -> None:
        self.exchange = LocalExchange()
        self.exchange.api.enforce_limits = False

    def get(self, query: str = "") -> tuple[int, Any]:
        response = self.exchange.request("GET", f"/api/v3/brokerage{MARKET}?{query}").response
        return response.status, orjson.loads(response.body)


@pytest.fixture(scope="module")
def public() -> Public:
    return Public()


def test_products_come_by_volume_each_before_its_alias(public: Public) -> None:
    _, answer = public.get()
    volumes = [float(product["approximate_quote_24h_volume"]) for product in answer["products"]]
    assert volumes == sorted(volumes, reverse=True) and volumes[0] > volumes[-1]
    ids = _ids(answer)
    assert ids[1::2] == [f"{name}C" for name in ids[::2]] and len(ids) == 12
    assert answer["num_products"] == 12
    assert answer["pagination"] == {"prev_cursor": "", "next_cursor": "", "has_next": False, "has_prev": False}
    for order in ("PRODUCTS_SORT_ORDER_UNDEFINED", "PRODUCTS_SORT_ORDER_VOLUME_24H_DESCENDING", ""):
        assert _ids(public.get(f"products_sort_order={order}")[1]) == ids


def test_products_by_the_time_of_their_listing(public: Public) -> None:
    _, answer = public.get("products_sort_order=PRODUCTS_SORT_ORDER_LIST_TIME_DESCENDING")
    times = [product["new_at"] for product in answer["products"]]
    assert times == sorted(times, reverse=True) and len(times) == 12


def test_pages_of_products_meet_and_a_cursor_names_the_last_product(public: Public) -> None:
    whole = _ids(public.get()[1])
    seen: list[str] = []
    query = "limit=5"
    while True:
        _, answer = public.get(query)
        seen += _ids(answer)
        pagination = answer["pagination"]
        assert answer["num_products"] == len(answer["products"])
        if not pagination["has_next"]:
            break
        assert base64.b64decode(pagination["next_cursor"]).decode() == seen[-1]
        query = f"limit=5&cursor={pagination['next_cursor']}"
    assert seen == whole and pagination["has_prev"]
    _, back = public.get(f"limit=5&cursor={pagination['prev_cursor']}")
    assert _ids(back) == whole[5:10]
    assert _ids(public.get("limit=3&offset=4")[1]) == whole[4:7]


@pytest.mark.parametrize("query", ["cursor=%ff", "cursor=QQ==", "cursor=A", "products_sort_order=RANDOM", "limit=-1"])
def test_what_is_no_page_is_400(public: Public, query: str) -> None:
    assert public.get(query)[0] == 400
