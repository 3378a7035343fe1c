"""Paper: another venue's feed in our books, with a second COIN-SIM as that venue; our orders filled against it."""

import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.core.relay import RelayedMarket
from simulator.core.units import to_atoms
from simulator.core.validation import parse_order
from simulator.exchange import Exchange
from tests.simulator.conftest import Sim
from tests.simulator.markets import quiet_exchange


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_paper_follows_its_upstream_and_survives_it(tmp_path: Path, shared_sim: Sim) -> None:
    upstream = Sim(tmp_path / "up", settings={"SIM_MARKET": "calm"})
    upstream.folder.mkdir()
    upstream.start()
    paper = Sim(
        tmp_path / "paper",
        settings={
            "COIN_MODE": "paper", "SIM_UPSTREAM": upstream.host, "SIM_UPSTREAM_CA": upstream.ca, "PRODUCTS": "BTC-USD",
        },
    )  # fmt: skip
    paper.folder.mkdir()
    try:
        paper.start()
        client, source = paper.sdk(), upstream.sdk()
        until(lambda: not client.get_product("BTC-USD").cancel_only)
        theirs, ours = (c.get_product_book("BTC-USD", 200).to_dict()["pricebook"] for c in (source, client))
        shared = {tuple(row.items()) for row in theirs["bids"]} & {tuple(row.items()) for row in ours["bids"]}
        assert len(shared) > 150  # the same levels, but for what moved between the two looks
        now = int(time.time()) // 60 * 60
        window = ("BTC-USD", str(now - 7200), str(now - 3600), "ONE_MINUTE")
        assert client.get_candles(*window).to_dict() == source.get_candles(*window).to_dict()
        assert [p.product_id for p in client.get_products().products] == ["BTC-USD"]
        order = client.market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="100")
        filled = client.get_order(order.success_response["order_id"]).order
        assert filled.status == "FILLED"
        assert abs(float(filled.average_filled_price) / float(theirs["asks"][0]["price"]) - 1) < 0.01
        upstream.stop(signal.SIGKILL)
        until(lambda: bool(client.get_product("BTC-USD").cancel_only))
        assert not client.market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="10").success
        upstream.start()
        until(lambda: not client.get_product("BTC-USD").cancel_only)
        assert client.market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="10").success
        assert paper.stop() == 0
    finally:
        paper.stop(signal.SIGKILL)
        upstream.stop(signal.SIGKILL)


@pytest.fixture
def fed() -> tuple[Exchange, RelayedMarket]:
    exchange = quiet_exchange()
    exchange.venue.accounts.deposit(exchange.portfolio, "ABC", to_atoms("10"), exchange.now_us)
    relayed = RelayedMarket(exchange.venue, exchange.venue.markets["ABC-USD"])
    relayed.snapshot([(9_990, 500), (9_980, 500)], [(10_010, 500), (10_020, 500)], exchange.now_us)
    return exchange, relayed


def place(exchange: Exchange, side: str, price: str, size: str = "0.3") -> str:
    body = {
        "client_order_id": uuid.uuid4().hex, "product_id": "ABC-USD", "side": side,
        "order_configuration": {"limit_limit_gtc": {"base_size": size, "limit_price": price, "post_only": True}},
    }  # fmt: skip
    return exchange.create(parse_order(exchange.venue, body, exchange.portfolio, exchange.now_us)).order_id


def filled(exchange: Exchange, order_id: str) -> tuple[int, int]:
    exchange.settle()
    order = exchange.find(order_id)
    assert order is not None
    return order.filled, order.filled_value // (order.filled * order.product.unit) if order.filled else 0


def test_a_feed_that_goes_through_an_order_fills_it_at_its_price(fed: tuple[Exchange, RelayedMarket]) -> None:
    exchange, relayed = fed
    order_id = place(exchange, "BUY", "99.95")
    relayed.update([(True, 9_990, 0), (False, 9_995, 100)], exchange.now_us)
    assert filled(exchange, order_id) == (300, 9_995)


def test_a_trade_at_an_orders_level_serves_who_was_there_first(fed: tuple[Exchange, RelayedMarket]) -> None:
    exchange, relayed = fed
    order_id = place(exchange, "SELL", "100.10")
    relayed.trade(10_010, 500, False, exchange.now_us)
    assert filled(exchange, order_id) == (0, 0)
    relayed.trade(10_010, 100, False, exchange.now_us)
    assert filled(exchange, order_id) == (100, 10_010)
    relayed.trade(10_011, 1, False, exchange.now_us)  # beyond it: the rest must have gone first
    assert filled(exchange, order_id) == (300, 10_010)


def test_a_new_snapshot_replaces_the_crowd_and_leaves_our_orders(fed: tuple[Exchange, RelayedMarket]) -> None:
    exchange, relayed = fed
    order_id = place(exchange, "BUY", "99.00")
    relayed.snapshot([(9_970, 5)], [(10_050, 7)], exchange.now_us)
    book = exchange.venue.markets["ABC-USD"].book
    assert book.bids.levels() == [(9_970, 5), (9_900, 300)] and book.asks.levels() == [(10_050, 7)]
    assert filled(exchange, order_id) == (0, 0)
