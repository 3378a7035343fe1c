"""A second client: ccxt's Coinbase class through its ordinary life, nothing changed but where it points."""

import time
from collections.abc import Generator
from typing import Any

import pytest

from simulator import admin
from tests.simulator.conftest import Sim

ccxt = pytest.importorskip("ccxt")


def client(sim: Sim, key: str = "key.json") -> Any:
    found = sim.key(key)
    made = ccxt.coinbase({"apiKey": found["name"], "secret": found["privateKey"], "timeout": 5000})
    made.urls["api"]["rest"] = f"https://{sim.host}"
    made.validateServerSsl = sim.ca
    made.session.trust_env = False
    made.enableRateLimit = False
    return made


@pytest.fixture(scope="module")
def exchange(shared_sim: Sim) -> Generator[Any, None, None]:
    made = client(shared_sim)
    made.load_markets()
    yield made


def test_markets_and_currencies(exchange: Any) -> None:
    market = exchange.market("BTC/USD")
    assert market["spot"] and market["active"] and market["precision"] == {"amount": 1e-8, "price": 0.01}
    assert market["taker"] == 0.009 and market["maker"] == 0.005
    assert {"BTC", "ETH", "USD"} <= set(exchange.currencies)


def test_public_data(exchange: Any) -> None:
    assert abs(exchange.fetch_time() / 1000 - exchange.milliseconds() / 1000) < 5
    ticker = exchange.fetch_ticker("BTC/USD")
    assert 0 < ticker["bid"] < ticker["ask"] and ticker["last"] > 0
    tickers = exchange.fetch_tickers(["BTC/USD", "ETH/USD"])
    assert set(tickers) == {"BTC/USD", "ETH/USD"}
    book = exchange.fetch_order_book("BTC/USD", 20)
    assert len(book["bids"]) == len(book["asks"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
    candles = exchange.fetch_ohlcv("BTC/USD", "1m", limit=100)
    assert 95 <= len(candles) <= 101 and candles[0][0] < candles[-1][0]
    assert len(exchange.fetch_trades("BTC/USD", limit=50)) == 50
    assert exchange.fetch_bids_asks(["BTC/USD"])["BTC/USD"]["bid"] > 0


def test_account(exchange: Any) -> None:
    assert exchange.fetch_balance()["USD"]["total"] > 0
    assert exchange.fetch_balance({"v3": True})["USD"]["free"] > 0
    assert any(account["code"] == "USD" for account in exchange.fetch_accounts())
    assert exchange.fetch_trading_fees()["BTC/USD"]["taker"] == 0.009


def test_market_orders_and_fills(exchange: Any) -> None:
    bought = exchange.create_order("BTC/USD", "market", "buy", 100, params={"cost": 100})
    order = exchange.fetch_order(bought["id"])
    assert order["status"] == "closed" and 99.9 < order["cost"] + float(order["fee"]["cost"]) <= 100
    assert [trade["order"] for trade in exchange.fetch_my_trades("BTC/USD", limit=1)] == [bought["id"]]
    sold = exchange.create_order("BTC/USD", "market", "sell", order["filled"])
    assert exchange.fetch_order(sold["id"])["status"] == "closed"


def _until_settled(exchange: Any, order_id: str) -> dict[str, Any]:
    """The order when the engine has done what was asked of it; ccxt passes the queued statuses on as they are."""
    for _ in range(50):
        order: dict[str, Any] = exchange.fetch_order(order_id)
        if order["status"] not in ("CANCEL_QUEUED", "EDIT_QUEUED"):
            break
        time.sleep(0.02)
    return order


def test_limit_orders_of_every_kind(exchange: Any) -> None:
    price = exchange.fetch_ticker("ETH/USD")["last"]
    low = exchange.price_to_precision("ETH/USD", price * 0.5)
    resting = exchange.create_order("ETH/USD", "limit", "buy", 0.1, low, {"postOnly": True})
    assert exchange.fetch_order(resting["id"])["status"] == "open"
    assert resting["id"] in [order["id"] for order in exchange.fetch_open_orders("ETH/USD")]
    exchange.edit_order(resting["id"], "ETH/USD", "limit", "buy", 0.2, low)
    assert _until_settled(exchange, resting["id"])["amount"] == 0.2
    exchange.cancel_order(resting["id"])
    assert _until_settled(exchange, resting["id"])["status"] == "canceled"
    assert resting["id"] in [order["id"] for order in exchange.fetch_canceled_orders("ETH/USD")]
    high = exchange.price_to_precision("ETH/USD", price * 1.04)
    for more in ({"timeInForce": "IOC"}, {"timeInForce": "FOK"}):
        made = exchange.create_order("ETH/USD", "limit", "buy", 0.01, high, more)
        assert exchange.fetch_order(made["id"])["status"] == "closed"
    assert exchange.fetch_closed_orders("ETH/USD")
    stop = exchange.create_order("ETH/USD", "limit", "sell", 0.01, low, {"stopLossPrice": price * 0.6})
    assert exchange.fetch_order(stop["id"])["status"] == "open"
    exchange.cancel_orders([stop["id"]])


def test_our_refusals_come_out_as_its_errors(exchange: Any, sim: Sim) -> None:
    price = exchange.fetch_ticker("BTC/USD")["last"]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order("BTC/USD", "limit", "buy", 100, exchange.price_to_precision("BTC/USD", price * 0.9))
    with pytest.raises(ccxt.InvalidOrder):
        high = exchange.price_to_precision("BTC/USD", price * 1.9)
        exchange.create_order("BTC/USD", "limit", "sell", 0.01, high, {"stopLossPrice": price * 2})
    with pytest.raises(ccxt.ExchangeError, match="INVALID_LIMIT_PRICE_POST_ONLY"):
        over = exchange.price_to_precision("BTC/USD", price * 1.1)
        exchange.create_order("BTC/USD", "limit", "buy", 0.001, over, {"postOnly": True})
    with pytest.raises(ccxt.BadRequest):
        exchange.cancel_order("00000000-0000-0000-0000-000000000000")
    with pytest.raises(ccxt.ExchangeError):
        exchange.fetch_order("00000000-0000-0000-0000-000000000000")
    with pytest.raises(ccxt.BadRequest):
        exchange.fetch_ohlcv("BTC/USD", "1m", since=0, params={"until": 10**12})
    stranger = client(sim)
    stranger.apiKey = "organizations/a/apiKeys/b"
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_accounts()
    sim.faults(rate_limit={"rate": 1, "limit": 1})
    with pytest.raises(ccxt.RateLimitExceeded):
        exchange.fetch_accounts()


def test_an_edwards_key_and_a_key_without_rights(sim: Sim) -> None:
    edwards = client(sim, "key_ed25519.json")
    assert edwards.fetch_balance({"v3": True})["USD"]["total"] > 0
    viewer = admin.make_key(sim.paths, ("view",))
    time.sleep(1.2)
    only_looks = client(sim, viewer.name)
    only_looks.load_markets()
    with pytest.raises(ccxt.PermissionDenied):
        only_looks.create_order("BTC/USD", "market", "buy", 10, params={"cost": 10})
