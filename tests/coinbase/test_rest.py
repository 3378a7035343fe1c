"""REST against a real HTTPS server: each way in which a request can end, told apart by what the caller must do."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec
from bot.venues.coinbase import rest as rest_module
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.order_requests import DEFINITIVE, order_configuration
from bot.venues.coinbase.rest import CoinbaseRestClient
from bot.venues.errors import Forbidden, NoAnswerGot, RateLimited, Rejected, Unauthorized, Unreachable
from bot.venues.limiter import Limiter
from bot.venues.net import NeverStarted, SystemNet
from bot.venues.port import ApiKey
from shared.money import amount
from shared.ports import SystemClock
from shared.settings import Secret
from tests.coinbase.https_server import Answer, HttpsServer
from tests.coinbase.test_keys import NAME, pem
from tests.coinbase.test_parse import FILL, ORDER

SPEC = OrderSpec(
    "ct-main-" + "0" * 32, "BTC-USD", Side.BUY, OrderKind.MARKET, Purpose.ENTRY, None, amount("25.00"), None, False,
    None,
    amount("100"),
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    made = HttpsServer(tmp_path / "server")
    yield made
    made.close()


@pytest.fixture
def rest(server: HttpsServer) -> Iterator[CoinbaseRestClient]:
    net = SystemNet()
    yield client(server.port, server.ca, net)
    net.close()


def client(port: int, ca: Path, net: SystemNet) -> CoinbaseRestClient:
    clock = SystemClock()
    where = Endpoints(f"127.0.0.1:{port}", "", "", ca, None)
    return CoinbaseRestClient(where, ApiKey(NAME, Secret(pem())), net, clock, Limiter(clock, 1000, 1000))


def refusal(error: str, preview: str = "UNKNOWN_PREVIEW_FAILURE_REASON", message: str = "no") -> bytes:
    response = {"error": error, "message": message, "error_details": "", "preview_failure_reason": preview,
                "new_order_failure_reason": "UNKNOWN_FAILURE_REASON"}  # fmt: skip
    whole = {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "order_id": "", "error_response": response}
    return json.dumps(whole | {"order_configuration": {}}).encode()


OK = json.dumps({"success": True, "order_id": "v1", "success_response": {"order_id": "v1"}}).encode()
OK_INNER = json.dumps({"success": True, "success_response": {"order_id": "v1"}}).encode()


@pytest.mark.parametrize("body", [OK, OK_INNER])
async def test_an_accepted_order(rest: CoinbaseRestClient, server: HttpsServer, body: bytes) -> None:
    server.answers = [Answer(body=body)]
    assert await rest.create(SPEC) == "v1"
    method, path, sent = server.requests[0]
    assert (method, path) == ("POST", "/api/v3/brokerage/orders")
    assert json.loads(sent) == {
        "client_order_id": SPEC.client_order_id,
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"market_market_ioc": {"quote_size": "25"}},
    }


async def test_an_answer_is_parsed_once(
    rest: CoinbaseRestClient, server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed, parse = list[int](), requests.Response.json

    def counted(response: requests.Response, **options: Any) -> Any:
        parsed.append(response.status_code)
        return parse(response, **options)

    monkeypatch.setattr(requests.Response, "json", counted)
    server.answers = [Answer(body=OK)]
    assert await rest.create(SPEC) == "v1"
    assert parsed == [200]


# What a create's answer means. Whatever is not a definitive no may have made an order.
CREATES: list[tuple[str, Answer, type[Exception]]] = [
    *[(f"refused {word}", Answer(body=refusal(word)), Rejected) for word in sorted(DEFINITIVE)[:6]],
    (
        "refused by preview",
        Answer(body=refusal("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")),
        Rejected,
    ),
    ("a reason nobody knows", Answer(body=refusal("SOLAR_FLARE")), NoAnswerGot),
    ("no reason at all", Answer(body=refusal("UNKNOWN_FAILURE_REASON")), NoAnswerGot),
    ("a duplicate id", Answer(body=refusal("DUPLICATE_CLIENT_ORDER_ID")), NoAnswerGot),
    ("success without an id", Answer(body=b'{"success":true}'), NoAnswerGot),
    ("success as text", Answer(body=b'{"success":"true","order_id":"v1"}'), NoAnswerGot),
    ("an empty object", Answer(body=b"{}"), NoAnswerGot),
    ("a list", Answer(body=b"[]"), NoAnswerGot),
    ("null", Answer(body=b"null"), NoAnswerGot),
    ("HTML", Answer(body=b"<html>captive portal</html>"), NoAnswerGot),
    ("an empty body", Answer(body=b""), NoAnswerGot),
    ("cut in the middle", Answer(body=OK, cut=20), NoAnswerGot),
    ("400", Answer(400, b'{"error":"INVALID_ARGUMENT","message":"bad size"}'), Rejected),
    ("401", Answer(401, b"Unauthorized\n"), Unauthorized),
    ("403", Answer(403, b'{"error":"PERMISSION_DENIED"}'), Forbidden),
    ("404", Answer(404, b"<html>who knows</html>"), NoAnswerGot),
    ("408", Answer(408, b""), NoAnswerGot),
    ("409", Answer(409, b""), NoAnswerGot),
    ("429", Answer(429, b'{"errors":[{"id":"rate_limit_exceeded"}]}'), RateLimited),
    ("500", Answer(500, b'{"error":"INTERNAL"}'), NoAnswerGot),
    ("502 HTML", Answer(502, b"<html>bad gateway</html>"), NoAnswerGot),
    ("503", Answer(503, b""), NoAnswerGot),
    ("504", Answer(504, b""), NoAnswerGot),
]


@pytest.mark.parametrize(("answer", "error"), [(a, e) for _, a, e in CREATES], ids=[name for name, *_ in CREATES])
async def test_what_a_create_may_end_in_and_it_is_posted_once(
    rest: CoinbaseRestClient, server: HttpsServer, answer: Answer, error: type[Exception]
) -> None:
    server.answers = [answer]
    with pytest.raises(error) as found:
        await rest.create(SPEC)
    assert type(found.value) is error
    assert [method for method, *_ in server.requests] == ["POST"]
    assert rest.errors <= 1


@pytest.mark.parametrize(
    ("word", "insufficient"),
    [("INSUFFICIENT_FUND", True), ("INSUFFICIENT_FUNDS", True), ("INVALID_LIMIT_PRICE_POST_ONLY", False)],
)
async def test_want_of_funds_is_told_apart(
    rest: CoinbaseRestClient, server: HttpsServer, word: str, insufficient: bool
) -> None:
    server.answers = [Answer(body=refusal(word, message="Insufficient balance in source account"))]
    with pytest.raises(Rejected) as error:
        await rest.create(SPEC)
    assert error.value.insufficient is insufficient
    assert "Insufficient balance" in str(error.value)


async def test_no_whole_answer_in_time_is_unknown_and_the_loop_goes_on(
    rest: CoinbaseRestClient, server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_module, "ORDER_S", 0.3)
    for answer in (Answer(body=OK, delay_s=1.0), Answer(body=OK, drip_s=0.2)):
        server.answers = [answer]
        began = time.monotonic()
        with pytest.raises(NoAnswerGot, match="no complete answer"):
            await rest.create(SPEC)
        assert time.monotonic() - began < 0.8


async def test_nobody_there_means_nothing_was_sent(server: HttpsServer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        net = SystemNet()
        with pytest.raises(Unreachable, match="no connection"):
            await client(probe.getsockname()[1], server.ca, net).create(SPEC)
        net.close()


async def test_another_authority_is_not_trusted_whatever_the_environment_says(
    server: HttpsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HttpsServer(tmp_path / "other")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(server.ca))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    net = SystemNet()
    server.answers = [Answer(body=OK)]
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await client(server.port, other.ca, net).create(SPEC)
    assert server.requests == [], "not a byte of the order left"
    net.close()
    other.close()


async def test_a_tls_record_that_breaks_after_the_order_has_left_is_no_proof_that_nothing_was_sent(
    rest: CoinbaseRestClient, server: HttpsServer
) -> None:
    server.answers = [Answer(broken_tls=True)]
    with pytest.raises(NoAnswerGot, match="the connection broke"):
        await rest.create(SPEC)
    assert [method for method, *_ in server.requests] == ["POST"]


async def test_a_fill_of_an_unknown_shape_keeps_no_other_away(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    odd = [FILL | {"side": "UNKNOWN_ORDER_SIDE"}, FILL | {"price": "0"}, None, {}]
    server.answers = [Answer(body=json.dumps({"fills": [*odd, FILL], "cursor": ""}).encode())]
    assert [fill.trade_id for fill in await rest.fills_since(0)] == [FILL["trade_id"]]
    with pytest.raises(NoAnswerGot):
        await rest.fills_of("0000-1", "ct-main-x")


async def test_the_last_word_is_in_the_thread_that_sends(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    server.answers = [Answer(body=OK)]
    with pytest.raises(Unreachable, match="killed"):
        await rest.create(SPEC, lambda: "killed")
    assert server.requests == []


async def test_a_call_that_never_began_is_taken_back() -> None:
    net, hold, ran = SystemNet(pool_size=1), threading.Event(), []
    first = asyncio.ensure_future(net.run("x", lambda: hold.wait(5), 3))
    await asyncio.sleep(0.05)
    with pytest.raises(NeverStarted):
        await net.run("x", lambda: ran.append(1), 0.1)
    hold.set()
    await first
    await asyncio.sleep(0.05)
    assert ran == [], "it is not sent later"
    net.close()


async def test_a_401_of_a_read_is_tried_once_more_with_a_fresh_token(
    rest: CoinbaseRestClient, server: HttpsServer
) -> None:
    server.answers = [Answer(401, b"Unauthorized\n"), Answer(body=b'{"iso":"2026-11-20T12:00:00Z"}')]
    assert (await rest.server_time()).year == 2026
    server.answers = [Answer(401, b"Unauthorized\n")]
    server.requests.clear()
    with pytest.raises(Unauthorized):
        await rest.server_time()
    assert len(server.requests) == 2


def page(orders: list[dict[str, Any]], cursor: str = "") -> bytes:
    return json.dumps({"orders": orders, "has_next": bool(cursor), "cursor": cursor}).encode()


async def test_every_page_of_a_list_is_read(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    one, two = ORDER | {"order_id": "1"}, ORDER | {"order_id": "2"}
    server.answers = [Answer(body=page([one], "c1")), Answer(body=page([two]))]
    assert [order.order_id for order in await rest.open_orders()] == ["1", "2"]
    assert "cursor=c1" in server.requests[1][1]
    server.answers = [Answer(body=page([one], "c1")), Answer(500, b"")]
    with pytest.raises(NoAnswerGot):
        await rest.open_orders()


async def test_a_venue_that_refuses_several_statuses_is_asked_for_each(
    rest: CoinbaseRestClient, server: HttpsServer
) -> None:
    pending = ORDER | {"order_id": "2", "status": "PENDING"}
    answers = [Answer(400, b'{"error":"INVALID_ARGUMENT"}'), Answer(body=page([ORDER])), Answer(body=page([pending]))]
    server.answers = [*answers, Answer(body=page([]))]
    assert [order.order_id for order in await rest.open_orders()] == ["0000-1", "2"]


async def test_a_foreign_order_of_an_odd_shape_stands_in_nobodys_way(
    rest: CoinbaseRestClient, server: HttpsServer
) -> None:
    odd = {"order_id": "9", "client_order_id": "somebody", "side": "SIDEWAYS"}
    server.answers = [Answer(body=page([odd, ORDER]))]
    assert [order.order_id for order in await rest.open_orders()] == ["0000-1"]
    assert await rest.open_ids() == [("9", "somebody"), ("0000-1", "ct-main-x")]
    server.answers = [Answer(body=page([odd | {"client_order_id": "ct-main-y"}]))]
    with pytest.raises(NoAnswerGot):
        await rest.open_orders()
    assert await rest.open_ids() == [("9", "ct-main-y")], "a kill still finds it"


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b"{}", b'{"can_view":true}', b"<html>"])
async def test_rights_that_are_not_told_are_not_had(rest: CoinbaseRestClient, server: HttpsServer, body: bytes) -> None:
    server.answers = [Answer(body=body)]
    with pytest.raises(NoAnswerGot):
        await rest.key_rights()


def test_the_wire_form_of_each_order() -> None:
    sell = replace(SPEC, side=Side.SELL, quote_size=None, base_size=amount("0.10"))
    assert order_configuration(sell) == {"market_market_ioc": {"base_size": "0.1"}}
    limit = replace(sell, kind=OrderKind.LIMIT, limit_price=amount("1E+5"), post_only=True)
    terms = {"base_size": "0.1", "limit_price": "100000", "post_only": True}
    assert order_configuration(limit) == {"limit_limit_gtc": terms}
    until = order_configuration(replace(limit, end_ms=1_795_176_000_000))
    assert until == {"limit_limit_gtd": terms | {"end_time": "2026-11-20T12:00:00.000Z"}}
