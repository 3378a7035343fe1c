"""MalformedRequest requests get the venue's kind of error and status, never a 500: tables, and a fuzz of everything."""

# ruff: noqa: E501  a table reads best in rows

import json
import random
import socket
import ssl
import string
import time
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.inprocess import HOST
from tests.simulator.conftest import Sim
from tests.simulator.local import PREFIX, Local

LIMIT = {"client_order_id": "x", "product_id": "ABC-USD", "side": "BUY",
         "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}}}  # fmt: skip


def limit(**inner: Any) -> dict[str, Any]:
    return {**LIMIT, "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "90"} | inner}}


@pytest.fixture(scope="module")
def x() -> Local:
    return Local()


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "text", 5, None, {**LIMIT, "side": "LONG"}, {**LIMIT, "side": None}, {**LIMIT, "client_order_id": ""},
        {**LIMIT, "client_order_id": 5}, {**LIMIT, "client_order_id": "x" * 129}, {**LIMIT, "product_id": None},
        {**LIMIT, "order_configuration": None}, {**LIMIT, "order_configuration": {}},
        {**LIMIT, "order_configuration": {"limit_limit_gtc": 5}}, {**LIMIT, "order_configuration": {"nope": {}}},
        {**LIMIT, "order_configuration": {"limit_limit_gtc": {}, "limit_limit_fok": {}}},
        limit(base_size="many"), limit(base_size=[]), limit(base_size={}), limit(base_size="1e5"), limit(base_size="NaN"),
        limit(base_size="Infinity"), limit(base_size=None), limit(limit_price=None), limit(limit_price="0x10"),
        limit(post_only="maybe"), limit(base_size="1" * 65), limit(base_size="1_000"), limit(base_size=True),
        {**LIMIT, "retail_portfolio_id": "somebody else's"}, {**LIMIT, "attached_order_configuration": {"x": 1}},
    ],
)  # fmt: skip
def test_malformed_orders_are_400(x: Local, body: Any) -> None:
    status, answer = x.call("POST", "/orders", body)
    assert status == 400 and answer["error"] == "INVALID_ARGUMENT" and answer["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/products/ABC-USD/candles", 400), ("GET", "/products/ABC-USD/candles?granularity=ONE_MINUTE", 400),
        ("GET", "/products/ABC-USD/candles?granularity=ONE_MINUTE&start=a&end=b", 400),
        ("GET", "/products/ABC-USD/candles?granularity=ONE_MINUTE&start=5&end=4", 400),
        ("GET", "/products/ABC-USD/candles?granularity=UNKNOWN_GRANULARITY&start=1&end=2", 400),
        ("GET", f"/products/ABC-USD/candles?granularity=ONE_MINUTE&start=0&end={'9' * 30}", 400),
        ("GET", "/products/NO-PE/candles?granularity=ONE_MINUTE&start=1&end=2", 404),
        ("GET", "/products/NO-PE", 404), ("GET", "/products/%00%ff", 404), ("GET", "/products/ABC-USD/ticker?limit=-1", 400),
        ("GET", "/products/ABC-USD/ticker?limit=x", 400), ("GET", "/product_book", 400),
        ("GET", "/product_book?product_id=NO-PE", 404),
        ("GET", "/product_book?product_id=ABC-USD&aggregation_price_increment=zero", 400),
        ("GET", "/accounts?limit=x", 400), ("GET", "/accounts?cursor=zz", 400), ("GET", "/accounts/nope", 404),
        ("GET", "/orders/historical/batch?cursor=zz", 400), ("GET", "/orders/historical/batch?order_status=SLEEPING", 400),
        ("GET", "/orders/historical/batch?start_date=yesterday", 400), ("GET", "/orders/historical/batch?limit=-5", 400),
        ("GET", "/orders/historical/batch?sort_by=MOOD", 400), ("GET", "/orders/historical/fills?cursor=-1", 400),
        ("GET", "/orders/historical/fills?start_sequence_timestamp=x", 400), ("GET", "/orders/historical/nope", 404),
        ("GET", "/portfolios?portfolio_type=X", 400), ("GET", "/portfolios/nope", 404), ("GET", "/nope", 404),
        ("GET", "/orders", 405), ("DELETE", "/time", 405), ("GET", "/v2/accounts?limit=0", 400),
        ("GET", "/convert/trade/nope", 404), ("GET", "/payment_methods/nope", 404),
    ],
)  # fmt: skip
def test_wrong_queries_get_their_status(x: Local, method: str, path: str, status: int) -> None:
    found, answer = x.call(method, path)
    assert found == status and (answer["error"] in ("INVALID_ARGUMENT", "NOT_FOUND", "unknown"))


@pytest.mark.parametrize(
    ("changed", "accepted"),
    [
        ({}, True),
        ({"uri": "GET api.coinbase.com/api/v3/brokerage/accounts"}, True),
        ({"uri": f"GET https://{HOST}/api/v3/brokerage/accounts"}, True),
        ({"uri": None, "uris": [f"GET {HOST}/api/v3/brokerage/accounts"]}, True),
        ({"iss": "coinbase-cloud", "aud": ["retail_rest_api_proxy"]}, True),
        ({"nbf": -60, "exp": 60}, True),
        ({"nbf": 4, "exp": 120}, True),
        ({"uri": f"POST {HOST}/api/v3/brokerage/accounts"}, False),
        ({"uri": f"GET {HOST}/api/v3/brokerage/orders"}, False),
        ({"uri": "GET evil.example/api/v3/brokerage/accounts"}, False),
        ({"uri": None}, False),
        ({"uri": 5}, False),
        ({"sub": "organizations/x/apiKeys/y"}, False),
        ({"iss": "me"}, False),
        ({"nbf": -720, "exp": -600}, False),
        ({"nbf": 900, "exp": 1020}, False),
        ({"nbf": 0, "exp": 600}, False),
        ({"nbf": None}, False),
        ({"exp": None}, False),
        ({"exp": "soon"}, False),
        ({"nbf": True}, False),
    ],
)
def test_tokens(x: Local, changed: dict[str, Any], accepted: bool) -> None:
    now = x.venue.now_us // 1_000_000
    claims = {"uri": f"GET {HOST}{PREFIX}/accounts"} | changed
    for name in ("nbf", "exp"):
        if isinstance(claims.get(name), int) and not isinstance(claims[name], bool):
            claims[name] += now
    uri = claims.pop("uri")
    response = x.venue.request(
        "GET", f"{PREFIX}/accounts", {"authorization": f"Bearer {x.token(uri, **claims)}"}
    ).response
    assert response.status == (200 if accepted else 401)
    if not accepted:
        assert response.body == b"Unauthorized\n"


@pytest.mark.parametrize(
    ("claimed", "accepted"),
    [
        (f"api.coinbase.com{PREFIX}/accounts", True),  # hummingbot's: cut behind "com", the host from the SDK
        (f"{HOST}{PREFIX}/accounts", True),
        (f"{HOST}/com{PREFIX}/accounts", True),
        (f"api.coinbase.com/com{PREFIX}/accounts", True),
        (f"api.coinbase.com{PREFIX}/orders", False),
        (f"evil.example{PREFIX}/accounts", False),
        (f"{HOST}/com/com{PREFIX}/accounts", False),
    ],
)
def test_a_connector_whose_base_url_ends_with_com_signs_the_path_with_or_without_it(
    x: Local, claimed: str, *, accepted: bool
) -> None:
    headers = {"authorization": f"Bearer {x.token(f'GET {claimed}')}"}
    status = x.venue.request("GET", f"/com{PREFIX}/accounts", headers).response.status
    assert status == (200 if accepted else 401)


def test_a_path_without_the_lead_is_not_signed_with_it(x: Local) -> None:
    headers = {"authorization": f"Bearer {x.token(f'GET {HOST}/com{PREFIX}/accounts')}"}
    assert x.venue.request("GET", f"{PREFIX}/accounts", headers).response.status == 401


def test_tokens_of_strangers_and_other_algorithms(x: Local) -> None:
    now = x.venue.now_us // 1_000_000
    name = x.key["name"]
    claims = {"sub": name, "iss": "cdp", "nbf": now, "exp": now + 120, "uri": f"GET {HOST}{PREFIX}/accounts"}
    stranger = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    tokens = [
        jwt.encode(claims, stranger, "ES256", {"kid": name}),
        jwt.encode(claims, edwards, "EdDSA", {"kid": name}),
        jwt.encode(claims, "secret" * 8, "HS256", {"kid": name}),
        jwt.encode(claims, None, "none", {"kid": name}),
        jwt.encode(claims, x.key["privateKey"], "ES256"),
        jwt.encode(claims, x.key["privateKey"], "ES256", {"kid": "nobody"}),
        x.token(claims["uri"])[:-4] + "AAAA", "a.b.c", "", "é", "a" * 10_000,
    ]  # fmt: skip
    for token in tokens:
        assert x.venue.request("GET", f"{PREFIX}/accounts", {"authorization": f"Bearer {token}"}).response.status == 401
    for header in ({}, {"authorization": ""}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}):
        assert x.venue.request("GET", f"{PREFIX}/accounts", header).response.status == 401


def test_a_key_sees_only_what_its_rights_are() -> None:
    x = Local(rights=("view",))
    assert x.call("GET", "/accounts")[0] == 200
    status, answer = x.call("POST", "/orders", LIMIT)
    assert (status, answer["error"], answer["message"]) == (403, "PERMISSION_DENIED", "Missing required scopes")


def test_too_many_requests_are_429() -> None:
    x = Local()
    x.venue.api.enforce_limits = True
    statuses = [x.call("GET", "/accounts")[0] for _ in range(40)]
    assert statuses.count(200) == 30 and statuses.count(429) == 10
    x.wait(1)
    assert x.call("GET", "/accounts")[0] == 200


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["BUY", "ABC-USD", "1", "-1", "1e400", "0.0000000000000000000001", "99999999999999999999999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = [
    "client_order_id", "product_id", "side", "order_configuration", "leverage", "margin_type", "retail_portfolio_id",
    "attached_order_configuration", "order_ids", "order_id", "price", "size", "stop_price", "name", "funds", "from_account",
    "to_account", "amount", "source_portfolio_uuid", "target_portfolio_uuid", "preview_id",
]  # fmt: skip
INNER = ["base_size", "quote_size", "limit_price", "post_only", "end_time", "stop_price", "stop_direction",
         "stop_trigger_price", "start_time", "bucket_duration", "number_buckets"]  # fmt: skip
KINDS = ["market_market_ioc", "limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok", "sor_limit_ioc",
         "stop_limit_stop_limit_gtc", "trigger_bracket_gtc", "twap_limit_gtd", "scaled_limit_gtc"]  # fmt: skip
POSTS = ["/orders", "/orders/preview", "/orders/edit", "/orders/edit_preview", "/orders/batch_cancel",
         "/orders/close_position", "/portfolios", "/portfolios/move_funds", "/convert/quote"]  # fmt: skip
GETS = ["/accounts", "/products", "/products/ABC-USD", "/products/ABC-USD/candles", "/products/ABC-USD/ticker",
        "/product_book", "/best_bid_ask", "/orders/historical/batch", "/orders/historical/fills", "/portfolios",
        "/transaction_summary", "/v2/accounts", "/v2/exchange-rates", "/convert/trade/x", "/cfm/balance_summary"]  # fmt: skip
QUERY = ["limit", "cursor", "start", "end", "granularity", "product_id", "product_ids", "order_ids", "order_status",
         "start_date", "sort_by", "currency", "offset", "asset_filters", "aggregation_price_increment", "order_side",
         "order_types", "product_types", "products_sort_order"]  # fmt: skip
VALID = {
    "client_order_id": "fuzz", "product_id": "ABC-USD", "side": "BUY", "order_id": "nope", "price": "90", "size": "1",
    "amount": "1", "from_account": "USD", "to_account": "USDC", "name": "n",
}  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed() -> Local:
    return Local()


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(POSTS),
    st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=4),
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(INNER), JUNK, max_size=4),
    st.sampled_from(["BUY", "SELL"]),
)
def test_no_body_makes_a_500(
    fuzzed: Local, path: str, fields: dict[str, Any], kind: str, inner: dict[str, Any], side: str
) -> None:
    good = {"base_size": "1", "limit_price": "90.00", "stop_price": "120", "end_time": "2025-12-01T00:00:00Z"}
    body = {**VALID, "side": side, "order_configuration": {kind: good | inner}} | fields
    try:
        json.dumps(body).encode()
    except UnicodeEncodeError:
        return
    status, answer = fuzzed.call("POST", path, body)
    assert status in (200, 400, 403, 404), (status, answer)
    assert fuzzed.venue.exchange.venue.accounts.sum("USD") == 0


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(GETS),
    st.lists(
        st.tuples(
            st.sampled_from(QUERY),
            st.text(string.printable, max_size=12) | st.integers(-(10**20), 10**20).map(str) | st.just("ONE_DAY"),
        ),
        max_size=4,
    ),
)
def test_no_query_makes_a_500(fuzzed: Local, path: str, query: list[tuple[str, str]]) -> None:
    status, answer = fuzzed.call("GET", f"{path}?{urlencode(query)}")
    assert status in (200, 400, 404), (status, answer)


def _raw(sim: Sim, data: bytes, timeout: float = 3.0) -> bytes:
    context = ssl.create_default_context(cafile=sim.ca)
    found = b""
    with socket.create_connection(("127.0.0.1", sim.port), timeout) as plain:
        plain.settimeout(timeout)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            try:
                tls.sendall(data)
                while chunk := tls.recv(65_536):
                    found += chunk
            except (TimeoutError, OSError):
                pass
    return found


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST /api/v3/brokerage/orders HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b""),
        (b"POST /api/v3/brokerage/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_500_000, b"413"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"40"),
    ],
)  # fmt: skip
def test_what_is_no_http_is_answered_or_dropped_and_the_server_lives(sim: Sim, data: bytes, status: bytes) -> None:
    answer = _raw(sim, data)
    assert (answer.split(b" ", 2)[1].startswith(status)) if answer else not status or status == b"413"
    with sim.http() as http:
        assert http.get("/time").status_code == 200


def test_random_bytes_do_not_bring_the_server_down(sim: Sim) -> None:
    random_ = random.Random(5)
    for _ in range(15):
        with socket.create_connection(("127.0.0.1", sim.port), 2) as plain:
            plain.sendall(random_.randbytes(300))
        _raw(sim, random_.randbytes(300) + b"\r\n\r\n", 0.3)
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    _raw(sim, upgrade + random_.randbytes(500), 0.5)
    _raw(sim, upgrade[:-2] + b"Sec-WebSocket-Version: 99\r\n\r\n", 0.5)
    began = time.monotonic()
    with sim.http() as http:
        assert http.get("/time").status_code == 200
    assert time.monotonic() - began < 1
