"""`python -m bench.simulator.figures`: COIN-SIM's figures on this machine, in about half a minute.

Everything runs on loopback with files in a temporary folder; servers are processes of their own, so that client
and server do not share an interpreter.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import h11
import jwt
from websockets.asyncio.client import connect

from bench.measurement import Measurement
from bench.simulator.served import Served, serve
from simulator.core.book import Demand, OrderBook
from simulator.core.draws import Draws
from simulator.core.orders import OrderType, SimOrder, TimeInForce
from simulator.core.products import DEFAULT_PRODUCTS
from simulator.core.synthetic import TEMPERS, Synthetic
from simulator.core.times import rfc3339
from simulator.core.validation import parse_order
from simulator.exchange import Config, Exchange
from simulator.inprocess import LocalExchange
from simulator.server.app import HOST, wall_us
from simulator.store import Store

PATH = "/api/v3/brokerage/orders"


def book_events(count: int = 300_000) -> Measurement:
    """Quotes, cancels, orders that join and leave, and takers, against one book."""
    draws, book, resting = Draws("bench"), OrderBook(), []
    product = DEFAULT_PRODUCTS[0]
    for i in range(200):
        book.bids.set_crowd(100_000 - i, 1000)
        book.asks.set_crowd(100_001 + i, 1000)
    script = [(draws.below(10), draws.below(100), draws.below(900) + 1) for _ in range(count)]
    began = time.perf_counter()
    for number, (what, away, size) in enumerate(script):
        buys = bool(number & 1)
        side = book.side(buys)
        tick = 100_000 - away if buys else 100_001 + away
        if what < 6:
            side.set_crowd(tick, size if what < 4 else 0)
        elif what < 8:
            order = SimOrder(
                order_id="", client_order_id="", portfolio="a", product=product, buys=buys, kind=OrderType.LIMIT,
                tif=TimeInForce.GTC, config_key="", config={}, created_us=0, maker_ppm=0, taker_ppm=0, leaves=size,
                limit=tick,
            )  # fmt: skip
            side.join(order)
            resting.append(order)
        elif what == 8 and resting:
            order = resting.pop()
            if order.leaves:
                book.side(order.buys).leave(order)
        else:
            book.take(buys, None, Demand(size // 4 + 1, None, 1), "b")
    rate = count / (time.perf_counter() - began)
    return Measurement("book events, in-process, one core", rate, "1/s", 100_000, at_least=True)


def market_hour() -> Measurement:
    """One simulated hour of the lively market, six products, no clients."""
    exchange = LocalExchange(market="lively")
    began = time.perf_counter()
    exchange.advance(exchange.now_us + 3_600_000_000)
    took = time.perf_counter() - began
    return Measurement("one hour of simulated market without clients", took, "s", 2)


def rss_mb() -> float:
    """This process's resident memory."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def million_orders(count: int) -> list[Measurement]:
    """Memory over many orders through the whole venue and its store (on disk, as in the server)."""
    with tempfile.TemporaryDirectory(prefix="coin-sim-bench-") as folder:
        tape = Synthetic(1, TEMPERS["calm"], DEFAULT_PRODUCTS[:1])
        exchange = Exchange(tape, Store(Path(folder) / "account.db"), Config(funds="1000000000", levels=200), wall_us())
        venue = exchange.venue
        inner = {"base_size": "0.001", "limit_price": "20000.00"}
        dated = {**inner, "end_time": rfc3339(exchange.now_us + 30 * 86_400_000_000)}
        bodies = [
            {"product_id": "BTC-USD", "side": "BUY", "order_configuration": configuration}
            for configuration in ({"limit_limit_gtc": inner}, {"limit_limit_gtd": dated})
        ]
        marks: list[float] = []
        began = time.perf_counter()
        for i in range(count):
            order = parse_order(
                venue, {**bodies[i % 2], "client_order_id": str(i)}, exchange.portfolio, exchange.now_us
            )
            exchange.create(order)
            exchange.cancel(order)
            if i % 20 == 0:  # the cancels of the last twenty are carried out
                exchange.advance(exchange.now_us + venue.rules.queue_us)
            venue.order_events.clear()
            if i % (count // 5) == count // 5 - 1:
                gc.collect()
                marks.append(rss_mb())
        rate = count / (time.perf_counter() - began)
        exchange.store.close()
    growth = marks[-1] - marks[0]
    return [
        Measurement(f"memory grown over {count * 4 // 5:,} orders", growth, "MB", 5),
        Measurement("orders created and cancelled, in-process, on disk", rate, "1/s"),
    ]


def _order_request(served: Served, key: dict[str, str]) -> tuple[h11.Connection, bytes]:
    """One signed order, ready to send."""
    now = int(time.time())
    host = f"{HOST}:{served.port}"
    claims = {"sub": key["name"], "iss": "cdp", "nbf": now, "exp": now + 120, "uri": f"POST {host}{PATH}"}
    token = jwt.encode(claims, key["privateKey"], "ES256", {"kid": key["name"]})
    inner = {"market_market_ioc": {"quote_size": "10"}}
    order = {
        "client_order_id": uuid.uuid4().hex, "product_id": "BTC-USD", "side": "BUY", "order_configuration": inner,
    }  # fmt: skip
    body = json.dumps(order).encode()
    http = h11.Connection(h11.CLIENT)
    headers = [("host", host), ("authorization", f"Bearer {token}"), ("content-length", str(len(body)))]
    head = http.send(h11.Request(method="POST", target=PATH, headers=headers)) or b""
    return http, head + (http.send(h11.Data(data=body)) or b"") + (http.send(h11.EndOfMessage()) or b"")


async def _answer(http: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return body


async def _post_orders(served: Served, rate: int, count: int) -> list[float]:
    """Milliseconds from request written to answer read, at a steady rate.

    All are signed beforehand: a client that has just computed is scheduled later, which is not the server's time.
    """
    key = json.loads((served.folder / "key.json").read_text())
    requests = [_order_request(served, key) for _ in range(count)]
    reader, writer = await asyncio.open_connection(HOST, served.port, ssl=served.context())
    took = []
    start = time.perf_counter()
    for i, (http, request) in enumerate(requests):
        await asyncio.sleep(max(0.0, start + i / rate - time.perf_counter()))
        began = time.perf_counter()
        writer.write(request)
        answer = await _answer(http, reader)
        took.append((time.perf_counter() - began) * 1000)
        if not json.loads(answer)["success"]:
            raise RuntimeError(answer.decode())
    writer.close()
    return took


def order_posts(port: int, rate: int = 50, count: int = 250) -> list[Measurement]:
    with Served(port) as served:
        took = sorted(asyncio.run(_post_orders(served, rate, count)))
        memory = served.rss_mb()
    p99 = took[int(len(took) * 0.99)]
    return [
        Measurement(f"order POST over TLS at {rate}/s, p50", statistics.median(took), "ms"),
        Measurement(f"order POST over TLS at {rate}/s, p99", p99, "ms", 10),
        Measurement("server memory, one product", memory, "MB", 80),
    ]


async def _read(served: Served, seconds: float) -> int:
    """Messages of level2 that one client reads, of all products."""
    count = 0
    uri = f"wss://{HOST}:{served.port}/"
    async with connect(uri, ssl=served.context(), max_size=None, compression=None, max_queue=4096) as stream:
        await stream.send(json.dumps({"type": "subscribe", "channel": "level2", "product_ids": []}))
        while json.loads(await stream.recv())["channel"] != "subscriptions":
            continue
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            await stream.recv(decode=False)
            count += 1
    return count


def stream_rate(port: int, clients: int, products: int, seconds: float = 4.0) -> Measurement:
    """Messages a second that all clients together read off the level2 channel of `products` lively products."""

    async def all_of_them() -> int:
        return sum(await asyncio.gather(*(_read(served, seconds) for _ in range(clients))))

    with Served(port, products) as served:
        rate = asyncio.run(all_of_them()) / seconds
    return Measurement(f"stream messages out, {clients} client(s) together", rate, "1/s", 10_000, at_least=True)


def measure(port: int, orders: int) -> list[Measurement]:
    """All figures, one after another."""
    parts: list[Callable[[], Measurement | list[Measurement]]] = [
        book_events,
        market_hour,
        lambda: order_posts(port),
        lambda: stream_rate(port, 1, 800),
        lambda: stream_rate(port, 20, 50),
        lambda: million_orders(orders),
    ]
    found: list[Measurement] = []
    for part in parts:
        made = part()
        figures = made if isinstance(made, list) else [made]
        for figure in figures:
            sys.stdout.write(figure.line + "\n")
            sys.stdout.flush()
        found += figures
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.simulator.figures", description=__doc__)
    parser.add_argument("--serve", nargs=3, metavar=("FOLDER", "PORT", "PRODUCTS"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=8797, help="a free loopback port")
    parser.add_argument("--orders", type=int, default=50_000, help="orders for the memory figure (1000000: the goal's)")
    given = parser.parse_args()
    if given.serve:
        folder, port, quoted = given.serve
        asyncio.run(serve(Path(folder), int(port), int(quoted)))
        return 0
    sys.stdout.write(f"python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
    return 0 if all(figure.met is not False for figure in measure(given.port, given.orders)) else 1


if __name__ == "__main__":
    sys.exit(main())
