"""What the exchange's lists say, where they end, and what is counted of every answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.domain.timeframe import Timeframe
from bot.venues.coinbase.rest import CoinbaseRestClient
from bot.venues.errors import ExchangeError, Forbidden, NoAnswerGot, RateLimited, Rejected, Unauthorized
from bot.venues.net import SystemNet
from tests.coinbase.https_server import Answer, HttpsServer
from tests.coinbase.test_parse import ACCOUNT, CANDLE, FILL, ORDER, PRODUCT
from tests.coinbase.test_rest import client


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


def told(server: HttpsServer, *bodies: Any) -> None:
    server.requests.clear()
    server.answers = [Answer(body=json.dumps(body).encode()) for body in bodies]


def asked(server: HttpsServer) -> list[tuple[str, dict[str, list[str]]]]:
    """(path, parameters) of every request."""
    return [(urlsplit(path).path, parse_qs(urlsplit(path).query)) for _, path, _ in server.requests]


@pytest.mark.parametrize("body", [{}, {"orders": None}, {"orders": {}}, {"accounts": None, "fills": "none"}])
async def test_an_answer_without_its_list_is_not_an_empty_list(
    rest: CoinbaseRestClient, server: HttpsServer, body: dict[str, Any]
) -> None:
    for read in (rest.open_orders, rest.balances, lambda: rest.fills_of("v1", "ct")):
        told(server, body)
        with pytest.raises(NoAnswerGot, match="without"):
            await read()


@pytest.mark.parametrize(
    ("pages", "read"),
    [
        ([{"has_next": True, "cursor": "c"}, {"has_next": False, "cursor": "d"}], 2),
        ([{"has_next": False, "cursor": "c"}], 1),
        ([{"has_next": True, "cursor": ""}], 1),
        ([{"cursor": "c"}, {"cursor": ""}], 2),
        ([{}], 1),
    ],
)
async def test_where_a_list_ends(
    rest: CoinbaseRestClient, server: HttpsServer, pages: list[dict[str, Any]], read: int
) -> None:
    told(server, *({"fills": [FILL | {"trade_id": str(n)}], **page} for n, page in enumerate(pages)), {"fills": []})
    assert [fill.trade_id for fill in await rest.fills_of("v1", "ct")] == [str(n) for n in range(read)]
    assert len(server.requests) == read


async def test_a_page_with_nothing_on_it_is_the_last(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    told(server, {"fills": [], "has_next": True, "cursor": "c"})
    assert await rest.fills_of("v1", "ct") == ()


async def test_a_list_without_an_end_is_no_answer(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    told(server, *[{"orders": [ORDER], "has_next": True, "cursor": "c"}] * 3)
    with pytest.raises(NoAnswerGot, match="more than 3 pages of orders"):
        await rest.orders_since(0, None, 3)
    assert len(server.requests) == 3


async def test_a_product_of_an_odd_shape_stands_in_no_others_way(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    odd, other = PRODUCT | {"base_increment": "-1"}, PRODUCT | {"product_id": "ETH-USD"}
    told(server, {"products": [odd | {"product_id": "ODD-USD"}, PRODUCT, other]})
    assert [entry.instrument.product_id for entry in await rest.listed()] == ["BTC-USD", "ETH-USD"]
    told(server, {"products": [odd | {"product_id": "ODD-USD"}, PRODUCT, other]})
    found = await rest.products(["ETH-USD", "ODD-USD"])
    assert [product.product_id for product in found] == ["ETH-USD"], "and none that was not asked for"
    assert asked(server)[0][1]["product_ids"] == ["ETH-USD", "ODD-USD"]


async def test_spreads_of_products_with_both_sides(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    def book(product_id: str, bid: str | None, ask: str | None) -> dict[str, Any]:
        sides = {"bids": bid, "asks": ask}
        return {"product_id": product_id, **{k: [{"price": v, "size": "1"}] if v else [] for k, v in sides.items()}}

    books = [book("A-USD", "99", "101"), book("B-USD", None, "1"), book("C-USD", "2", "1"), book("D-USD", "1", None)]
    told(server, {"pricebooks": books})
    assert await rest.spreads(["A-USD", "B-USD", "C-USD", "D-USD"]) == {"A-USD": 2.0}
    told(server)
    assert await rest.spreads([]) == {}
    assert not server.requests


async def test_what_a_search_asks_for(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    told(server, {"orders": [ORDER]}, {"orders": []})
    assert [order.order_id for order in await rest.orders_since(1_795_176_000_000, "BTC-USD")] == ["0000-1"]
    await rest.orders_since(1_795_176_000_000)
    (_, first), (_, second) = asked(server)
    assert first["start_date"] == second["start_date"] == ["2026-11-20T12:00:00Z"]
    assert first["product_ids"] == ["BTC-USD"] and "product_ids" not in second


async def test_bars_come_in_the_order_of_time(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    told(server, {"candles": [CANDLE | {"start": str(start)} for start in (120, 0, 60)]})
    assert [bar.start_s for bar in await rest.candles("BTC-USD", Timeframe.MINUTE, 0, 180)] == [0, 60, 120]
    path, terms = asked(server)[0]
    assert path.endswith("/products/BTC-USD/candles")
    assert (terms["start"], terms["end"], terms["granularity"]) == (["0"], ["180"], ["ONE_MINUTE"])


async def test_what_became_of_each_cancel(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    rows = [{"order_id": "1", "success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON"}]
    rows.append({"order_id": "2", "success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER"})
    told(server, {"results": rows})
    assert await rest.cancel(["1", "2"]) == {"1": None, "2": "UNKNOWN_CANCEL_ORDER"}
    assert json.loads(server.requests[0][2]) == {"order_ids": ["1", "2"]}


async def test_balances_of_all_pages(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    other = ACCOUNT | {"currency": "USD"}
    told(server, {"accounts": [ACCOUNT], "has_next": True, "cursor": "c"}, {"accounts": [other], "has_next": False})
    assert [balance.currency for balance in await rest.balances()] == ["BTC", "USD"]


OUTCOMES: list[tuple[int, bytes, type[ExchangeError], bool, int, int]] = [
    # status, body, what is raised, whether somebody answered, 403s, 429s
    (403, b"{}", Forbidden, True, 1, 0),
    (429, b"{}", RateLimited, True, 0, 1),
    (404, b'{"error":"NOT_FOUND"}', Rejected, True, 0, 0),
    (500, b"", NoAnswerGot, False, 0, 0),
]


@pytest.mark.parametrize(("status", "body", "error", "answered", "forbidden", "limited"), OUTCOMES)
async def test_what_is_counted_of_an_answer_that_is_none(
    rest: CoinbaseRestClient, server: HttpsServer, status: int, body: bytes, error: type[ExchangeError],
    answered: bool, forbidden: int, limited: int,
) -> None:  # fmt: skip
    server.answers = [Answer(status, body)]
    with pytest.raises(error):
        await rest.instrument("BTC-USD")
    assert (rest.calls, rest.errors, rest.forbidden, rest.rate_limited) == (1, 1, forbidden, limited)
    assert (rest.answered_s is not None, rest.silent_since_s is None) == (answered, answered)
    assert rest.last_error and rest.last_ms is None
    assert sum(rest.latencies.document().counts) == 1
    since_s = rest.silent_since_s
    server.answers = [Answer(status, body)]
    with pytest.raises(error):
        await rest.instrument("BTC-USD")
    assert rest.silent_since_s == since_s, "the first one counts"
    told(server, PRODUCT)
    await rest.instrument("BTC-USD")
    assert (rest.calls, rest.errors, rest.last_error, rest.silent_since_s) == (3, 2, None, None)
    assert rest.answered_s is not None and rest.last_ms is not None and 0 < rest.last_ms < 60_000
    assert sum(rest.latencies.document().counts) == 3


async def test_a_401_is_no_answer_of_the_exchange_about_anything(rest: CoinbaseRestClient, server: HttpsServer) -> None:
    server.answers = [Answer(401, b"Unauthorized\n")] * 2
    with pytest.raises(Unauthorized):
        await rest.instrument("BTC-USD")
    assert (rest.calls, rest.errors, rest.answered_s) == (2, 2, None)
