"""ccxt.pro with REST and streams on one URL, so that its streams begin on connections which served requests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.simulator.conftest import Sim

pro = pytest.importorskip("ccxt.pro")


def client(sim: Sim, *, plain: bool) -> Any:
    key = sim.key()
    made = pro.coinbase({"apiKey": key["name"], "secret": key["privateKey"], "timeout": 5000})
    if plain:
        made.urls["api"] = {"rest": f"http://127.0.0.1:{sim.plain_port}", "ws": f"ws://127.0.0.1:{sim.plain_port}"}
    else:
        made.urls["api"] = {"rest": f"https://{sim.host}", "ws": f"wss://{sim.host}"}
        made.cafile = sim.ca
    made.enableRateLimit = False
    return made


async def _resting(exchange: Any) -> dict[str, Any]:
    """Watch the orders while one is placed, so that there is something to see."""
    watching = asyncio.ensure_future(exchange.watch_orders("SOL/USD"))
    await asyncio.sleep(0.5)
    price = (await exchange.fetch_ticker("SOL/USD"))["last"]
    await exchange.create_order("SOL/USD", "limit", "buy", 0.1, exchange.price_to_precision("SOL/USD", price * 0.6))
    found: dict[str, Any] = dict((await watching)[-1])
    await exchange.cancel_order(found["id"])
    return found


STREAMS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "ticker": lambda x: x.watch_ticker("BTC/USD"),
    "tickers": lambda x: x.watch_tickers(["BTC/USD", "ETH/USD"]),
    "batch": lambda x: x.watch_ticker("ETH/USD", {"channel": "ticker_batch"}),
    "trades": lambda x: x.watch_trades("BTC/USD"),
    "trades of several": lambda x: x.watch_trades_for_symbols(["ETH/USD", "SOL/USD"]),
    "book": lambda x: x.watch_order_book("BTC/USD", 10),
    "book of an alias": lambda x: x.watch_order_book("ETH/USDC", 10),
    "orders": _resting,
}


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_eight_of_eight_streams_on_one_url(open_sim: Sim, *, plain: bool) -> None:
    async def run() -> dict[str, Any]:
        exchange = client(open_sim, plain=plain)
        try:
            await exchange.load_markets()
            for _ in range(3):
                await exchange.fetch_ticker("BTC/USD")
            found = await asyncio.gather(
                *(asyncio.wait_for(watch(exchange), 40) for watch in STREAMS.values()), return_exceptions=True
            )
            return dict(zip(STREAMS, found, strict=True))
        finally:
            await exchange.close()

    found = asyncio.run(run())
    failed = {name: repr(value) for name, value in found.items() if isinstance(value, BaseException)}
    assert not failed
    assert found["ticker"]["last"] > 0 and found["trades"][0]["price"] > 0
    assert found["book"]["bids"][0][0] < found["book"]["asks"][0][0]
    assert found["book of an alias"]["bids"][0][0] < found["book of an alias"]["asks"][0][0]
    assert found["orders"]["status"] == "open"
