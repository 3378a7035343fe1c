"""Every answer and every message of a running server against our own schema: each field, its type, its words."""

import json
import re
import time
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from coinbase.rest import RESTClient

from simulator import admin
from simulator.api.build import build
from simulator.api.ws.hub import CHANNELS, WIRE_NAMES
from simulator.inprocess import LocalExchange
from tests.simulator import schema_stream
from tests.simulator.conftest import Sim
from tests.simulator.schema import DEC, Either, Many, Mismatch, Null, OneOf, Opt, check
from tests.simulator.schema_rest import API, CREATED, ERROR, NO_FUTURES, REFUSED, RIGHTS, ROUTES, TOO_MANY
from tests.simulator.streams import Stream

Call = tuple[str, str, Any]  # (route, path, body)


def _plain(price: float) -> str:
    """To the tick, as the schema writes amounts: an order is shown with the text that it was made with."""
    return f"{price:.2f}".rstrip("0").rstrip(".")


@pytest.fixture(scope="module")
def client(shared_sim: Sim) -> RESTClient:
    """With every right."""
    made = shared_sim.sdk(admin.make_key(shared_sim.paths, ("view", "trade", "transfer")).name)
    for _ in range(40):
        try:
            made.get(f"{API}/key_permissions")
            return made
        except requests.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the key was not taken up")


def ask(client: RESTClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """(status, answer)."""
    path, _, query = path.partition("?")
    params: Any = dict(part.split("=", 1) for part in query.split("&")) if query else None
    try:
        if method in ("GET", "DELETE"):
            return 200, getattr(client, method.lower())(path, params=params)
        return 200, getattr(client, method.lower())(path, data=body or {})
    except requests.HTTPError as error:
        assert error.response is not None
        return error.response.status_code, error.response.json()


class Traded:
    """One order of every kind on a server, in every state that lasts."""

    def __init__(self, client: RESTClient) -> None:
        self.client = client
        self.price = float(client.get(f"{API}/products/ETH-USD")["price"])
        later = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        low, high = self._price(0.6), self._price(1.5)
        rest = {"base_size": "0.05", "limit_price": low}
        stop = {
            "base_size": "0.05",
            "limit_price": low,
            "stop_price": self._price(0.7),
            "stop_direction": "STOP_DIRECTION_STOP_DOWN",
        }
        bracket = {"base_size": "0.05", "limit_price": high, "stop_trigger_price": low}
        scaled = {"base_size": "0.1", "num_orders": 2, "min_price": low, "max_price": self._price(0.65),
                  "price_distribution": "FLAT", "size_distribution": "EVENLY_SPLIT"}  # fmt: skip
        self.configurations: list[tuple[str, str, dict[str, Any]]] = [
            ("BUY", "market_market_ioc", {"quote_size": "2000"}),
            ("SELL", "market_market_ioc", {"base_size": "0.05"}),
            ("BUY", "limit_limit_gtc", {**rest, "post_only": True}),
            ("BUY", "limit_limit_gtd", {**rest, "end_time": later}),
            ("BUY", "limit_limit_fok", {"base_size": "0.01", "limit_price": self._price(1.04)}),
            ("BUY", "sor_limit_ioc", {"base_size": "0.01", "limit_price": self._price(1.04)}),
            ("SELL", "stop_limit_stop_limit_gtc", stop),
            ("SELL", "stop_limit_stop_limit_gtd", {**stop, "end_time": later}),
            ("SELL", "trigger_bracket_gtc", bracket),
            ("SELL", "trigger_bracket_gtd", {**bracket, "end_time": later}),
            ("BUY", "twap_limit_gtd", {**rest, "end_time": later, "bucket_duration": "600s"}),
            ("BUY", "scaled_limit_gtc", scaled),
        ]
        self.ids = {kind: self.place(side, kind, inner) for side, kind, inner in self.configurations}

    def _price(self, part: float) -> str:
        return _plain(self.price * part)

    def place(self, side: str, kind: str, inner: dict[str, Any], **more: Any) -> str:
        body = {"client_order_id": uuid.uuid4().hex, "product_id": "ETH-USD", "side": side,
                "order_configuration": {kind: inner}, **more}  # fmt: skip
        status, answer = ask(self.client, "POST", f"{API}/orders", body)
        assert status == 200 and answer["success"], answer
        check(answer, CREATED, f"POST /orders {kind}")
        return str(answer["order_id"])

    def entry_with_a_bracket(self) -> str:
        attached = {"trigger_bracket_gtc": {"limit_price": self._price(1.5), "stop_trigger_price": self._price(0.6)}}
        inner = {"quote_size": "100"}
        return self.place("BUY", "market_market_ioc", inner, attached_order_configuration=attached)

    def cancel_all(self) -> None:
        ids = [
            o["order_id"]
            for o in self.client.get(f"{API}/orders/historical/batch", params={"order_status": "OPEN"})["orders"]
        ]
        if ids:
            self.client.post(f"{API}/orders/batch_cancel", data={"order_ids": ids})


@pytest.fixture(scope="module")
def traded(client: RESTClient) -> Generator[Traded, None, None]:
    made = Traded(client)
    yield made
    made.cancel_all()


def _reads(traded: Traded) -> Iterator[Call]:
    now = int(time.time())
    candles = f"start={now - 3600}&end={now}&granularity=FIVE_MINUTE"
    for base in ("/products", "/market/products"):
        yield f"GET {API}{base}", f"{API}{base}?get_tradability_status=true", None
        yield f"GET {API}{base}/{{product_id}}", f"{API}{base}/BTC-USDC", None
        yield f"GET {API}{base}/{{product_id}}/candles", f"{API}{base}/BTC-USD/candles?{candles}", None
        yield f"GET {API}{base}/{{product_id}}/ticker", f"{API}{base}/BTC-USD/ticker?limit=20", None
    for base in ("", "/market"):
        yield f"GET {API}{base}/product_book", f"{API}{base}/product_book?product_id=BTC-USD&limit=50", None
    (account, *_) = traded.client.get(f"{API}/accounts")["accounts"]
    yield f"GET {API}/accounts/{{uuid}}", f"{API}/accounts/{account['uuid']}", None
    for plain in ("/time", "/best_bid_ask", "/accounts", "/transaction_summary", "/key_permissions", "/portfolios",
                  "/orders/historical/batch", "/orders/historical/fills", "/payment_methods", "/cfm/balance_summary",
                  "/cfm/positions", "/cfm/sweeps"):  # fmt: skip
        yield f"GET {API}{plain}", f"{API}{plain}", None
    (method, *_) = traded.client.get(f"{API}/payment_methods")["payment_methods"]
    yield f"GET {API}/payment_methods/{{method_id}}", f"{API}/payment_methods/{method['id']}", None
    for plain in ("/v2/time", "/v2/currencies", "/v2/currencies/crypto", "/v2/exchange-rates", "/v2/accounts"):
        yield f"GET {plain}", plain, None
    for order_id in traded.ids.values():
        yield f"GET {API}/orders/historical/{{order_id}}", f"{API}/orders/historical/{order_id}", None


def _writes(traded: Traded) -> Iterator[Call]:
    orders = f"POST {API}/orders"
    for side, kind, inner in traded.configurations:
        body = {"product_id": "ETH-USD", "side": side, "order_configuration": {kind: inner}}
        yield f"{orders}/preview", f"{API}/orders/preview", body
    broke = {
        "product_id": "ETH-USD",
        "side": "BUY",
        "order_configuration": {"market_market_ioc": {"quote_size": "90000000"}},
    }
    yield f"{orders}/preview", f"{API}/orders/preview", broke
    yield orders, f"{API}/orders", {**broke, "client_order_id": uuid.uuid4().hex}
    resting = traded.ids["limit_limit_gtc"]
    edit = {"order_id": resting, "price": _plain(traded.price * 0.61), "size": "0.06"}
    yield f"{orders}/edit_preview", f"{API}/orders/edit_preview", edit
    yield f"{orders}/edit", f"{API}/orders/edit", edit
    one = f"GET {API}/orders/historical/{{order_id}}"
    yield one, f"{API}/orders/historical/{resting}", None  # the edit waits, or is in its history
    yield f"{orders}/edit", f"{API}/orders/edit", {**edit, "order_id": "nobody"}
    yield f"{orders}/batch_cancel", f"{API}/orders/batch_cancel", {"order_ids": [resting, "nobody"]}
    yield one, f"{API}/orders/historical/{resting}", None
    entry = traded.entry_with_a_bracket()
    yield one, f"{API}/orders/historical/{entry}", None
    attached = traded.client.get(f"{API}/orders/historical/{entry}")["order"]["attached_order_id"]
    yield one, f"{API}/orders/historical/{attached}", None
    position = {"client_order_id": "x", "product_id": "ETH-USD", "size": "1"}
    yield f"{orders}/close_position", f"{API}/orders/close_position", position
    quote = {"from_account": "USD", "to_account": "USDC", "amount": "5"}
    yield f"POST {API}/convert/quote", f"{API}/convert/quote", quote
    trade = traded.client.post(f"{API}/convert/quote", data=quote)["trade"]["id"]
    yield f"GET {API}/convert/trade/{{trade_id}}", f"{API}/convert/trade/{trade}", None
    yield f"POST {API}/convert/trade/{{trade_id}}", f"{API}/convert/trade/{trade}", quote
    yield from _portfolio_writes(traded)


def _portfolio_writes(traded: Traded) -> Iterator[Call]:
    yield f"POST {API}/portfolios", f"{API}/portfolios", {"name": uuid.uuid4().hex[:12]}
    mine = traded.client.get(f"{API}/key_permissions")["portfolio_uuid"]
    other = traded.client.post(f"{API}/portfolios", data={"name": uuid.uuid4().hex[:12]})["portfolio"]["uuid"]
    move = {"funds": {"value": "1", "currency": "USD"}, "source_portfolio_uuid": mine, "target_portfolio_uuid": other}
    yield f"POST {API}/portfolios/move_funds", f"{API}/portfolios/move_funds", move
    back = {**move, "source_portfolio_uuid": other, "target_portfolio_uuid": mine}
    yield f"POST {API}/portfolios/move_funds", f"{API}/portfolios/move_funds", back
    yield f"GET {API}/portfolios/{{uuid}}", f"{API}/portfolios/{mine}", None
    yield f"PUT {API}/portfolios/{{uuid}}", f"{API}/portfolios/{other}", {"name": uuid.uuid4().hex[:12]}
    yield f"DELETE {API}/portfolios/{{uuid}}", f"{API}/portfolios/{other}", None


def test_the_schema_names_every_route_that_is_served_and_its_right() -> None:
    routes = build(LocalExchange().api).router.routes
    rights = {f"{route.method} /{'/'.join(route.parts)}": route.right or "" for route in routes}
    assert set(rights) == set(ROUTES)
    assert rights == {route: RIGHTS.get(route, "view") for route in ROUTES}


def test_every_route_answers_as_the_schema_says(client: RESTClient, traded: Traded) -> None:
    seen: set[str] = set()
    for calls in (_reads(traded), _writes(traded)):
        for route, path, body in calls:
            status, answer = ask(client, route.split(" ")[0], path, body)
            assert status == 200, (route, answer)
            check(answer, ROUTES[route], f"{route} {path}")
            seen.add(route)
    for route in NO_FUTURES:
        method, path = route.split(" ")
        status, answer = ask(client, method, re.sub(r"\{\w+\}", "x", path))
        assert status == 404
        check(answer, ERROR, route)
        seen.add(route)
    assert set(ROUTES) == seen
    orders = client.get(f"{API}/orders/historical/batch")["orders"]
    assert {next(iter(order["order_configuration"])) for order in orders} >= set(traded.ids)


def test_errors_are_of_the_venues_shapes(client: RESTClient, sim: Sim) -> None:
    for method, path, body, wanted in (
        ("GET", f"{API}/orders/historical/nobody", None, 404), ("GET", f"{API}/products/NO-PE", None, 404),
        ("GET", f"{API}/nothing", None, 404), ("POST", f"{API}/accounts", {}, 405),
        ("GET", f"{API}/accounts?limit=x", None, 400), ("POST", f"{API}/orders", {}, 400),
    ):  # fmt: skip
        status, answer = ask(client, method, path, body)
        assert status == wanted
        check(answer, ERROR, path)
    sim.faults(rate_limit={"rate": 1, "limit": 1})
    status, answer = ask(client, "GET", f"{API}/accounts")
    assert status == 429
    check(answer, TOO_MANY, "429")
    with sim.http() as http:
        refused = http.get("/accounts")
        assert (refused.status_code, refused.text) == (401, "Unauthorized\n")


def test_every_channel_says_what_the_schema_says(sim: Sim, traded: Traded) -> None:
    with Stream(sim) as stream:
        for channel in sorted(CHANNELS):
            stream.subscribe(channel, [] if channel in ("heartbeats", "futures_balance_summary") else ["ETH-USD"])
        stream.socket.send(json.dumps({"type": "subscribe", "channel": "nothing"}))
        stream.for_seconds(2)
        traded.place("BUY", "market_market_ioc", {"quote_size": "50"})
        traded.cancel_all()
        stream.for_seconds(10)
    kinds: dict[str, set[str]] = {}
    for frame in stream.frames:
        if "channel" not in frame:
            check(frame, schema_stream.ERROR, "error")
            kinds.setdefault("error", set())
            continue
        channel = frame["channel"]
        check(frame, schema_stream.message(channel), channel)
        kinds.setdefault(channel, set()).update(str(event.get("type")) for event in frame["events"])
    both = {"snapshot", "update"}
    wanted = {WIRE_NAMES.get(channel, channel): both for channel in CHANNELS}
    assert kinds == wanted | {"heartbeats": {"None"}, "subscriptions": {"None"}, "error": set()}
    assert set(schema_stream.EVENTS) == set(wanted) | {"subscriptions"}


@pytest.mark.parametrize(
    ("found", "shape"),
    [
        ({"a": "1"}, {"a": DEC, "b": DEC}), ({"a": "1", "b": "2"}, {"a": DEC}), ({"a": 1}, {"a": DEC}),
        ({"a": "1.50"}, {"a": DEC}), ({"a": "1e5"}, {"a": DEC}), ({"a": None}, {"a": Opt(DEC)}),
        ({"a": ""}, {"a": Null(DEC)}), ([], Many(DEC, 1)), (["1", "x"], Many(DEC)), ("UP", OneOf("BUY", "SELL")),
        ({"success": True}, Either(CREATED, REFUSED)), (None, {"a": Opt(DEC)}),
    ],
)  # fmt: skip
def test_the_check_finds_what_is_wrong(found: Any, shape: Any) -> None:
    with pytest.raises(Mismatch):
        check(found, shape, "here")
