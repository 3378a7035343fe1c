"""The stream: gaps, silence, errors, nonsense; it always comes back, and says what it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.domain.events import OrderReports, PriceUpdate
from bot.venues.coinbase import stream as stream_module
from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.stream import CoinbaseStream
from bot.venues.port import ApiKey
from shared.money import amount
from shared.ports import SystemClock
from shared.settings import Secret
from tests.coinbase.test_keys import NAME, pem
from tests.coinbase.test_parse import USER_ORDER

KEY = ApiKey(NAME, Secret(pem()))


class Sink:
    def __init__(self) -> None:
        self.events: list[PriceUpdate | OrderReports] = []
        self.changes: list[tuple[bool, str]] = []

    def event(self, event: PriceUpdate | OrderReports) -> None:
        self.events.append(event)

    def stream_changed(self, name: str, up: bool, note: str) -> None:
        self.changes.append((up, note))


class Socket:
    """One connection with the frames it will give; then it is silent, or raises what it was told to."""

    def __init__(self, frames: list[Any], end: Exception | None = None) -> None:
        self.frames, self.end = list(frames), end
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: str) -> None:
        self.sent.append(json.loads(message))

    async def recv(self) -> str | bytes:
        if self.frames:
            frame = self.frames.pop(0)
            return frame if isinstance(frame, str | bytes) else json.dumps(frame)
        if self.end is not None:
            raise self.end
        await asyncio.sleep(3600)
        raise AssertionError


class Net:
    """Gives the sockets one after the other; after the last one it refuses."""

    def __init__(self, *sockets: Socket) -> None:
        self.sockets = list(sockets)
        self.opened = 0

    @asynccontextmanager
    async def connect(self, url: str, ca_file: Path | None) -> AsyncIterator[Socket]:
        self.opened += 1
        if not self.sockets:
            raise ConnectionRefusedError("nobody there")
        yield self.sockets.pop(0)


class QuickRng:
    def uuid4(self) -> Any: ...
    def uniform(self, low: float, high: float) -> float:
        return 0.001


def make(net: Any, sink: Sink, channels: tuple[str, ...] = ("heartbeats", "ticker")) -> CoinbaseStream:
    where = Endpoints("", "", "", None, None)
    return CoinbaseStream(
        "market", "wss://x", channels, ("BTC-USD",), endpoints=where, key=KEY, net=net, clock=SystemClock(),
        rng=QuickRng(), sink=sink,
    )  # fmt: skip


def ticker(number: int, price: Any = "100.5", **more: Any) -> dict[str, Any]:
    raw = {"product_id": "BTC-USD", "price": price, "best_bid": "100.4", "best_ask": "100.6"} | more
    return {"channel": "ticker", "sequence_num": number, "events": [{"type": "update", "tickers": [raw]}]}


def beat(number: int) -> dict[str, Any]:
    return {"channel": "heartbeats", "sequence_num": number, "events": [{"heartbeat_counter": "3"}]}


async def run(stream: CoinbaseStream, until: Any, limit_s: float = 3.0) -> None:
    task = asyncio.ensure_future(stream.run())
    try:
        async with asyncio.timeout(limit_s):
            while not until():
                await asyncio.sleep(0.002)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_subscribes_with_a_token_for_each_channel_and_hands_over_prices() -> None:
    socket, sink = Socket([beat(0), ticker(1)]), Sink()
    stream = make(Net(socket), sink)
    await run(stream, lambda: sink.events)
    assert sink.events == [PriceUpdate("BTC-USD", amount("100.5"), amount("100.4"), amount("100.6"))]
    assert [(m["type"], m["channel"], m["product_ids"]) for m in socket.sent] == [
        ("subscribe", "heartbeats", []),
        ("subscribe", "ticker", ["BTC-USD"]),
    ]
    assert all(m["jwt"].count(".") == 2 for m in socket.sent)
    assert sink.changes[0] == (True, "up"), "up once the channel gave data, not when the socket opened"


async def test_a_peer_that_hangs_at_the_goodbye_does_not_hold_up_the_news() -> None:
    class Hanging(Net):
        @asynccontextmanager
        async def connect(self, url: str, ca_file: Path | None) -> AsyncIterator[Socket]:
            try:
                yield self.sockets.pop(0)
            finally:
                await asyncio.sleep(3600)

    sink = Sink()
    stream = make(Hanging(Socket([beat(0), ticker(1)], OSError("silent"))), sink)
    await run(stream, lambda: sink.changes[-1:] == [(False, "silent")], limit_s=1.0)
    assert not stream.health.connected


async def test_heartbeats_alone_keep_a_whole_stream_young_and_a_half_one_not() -> None:
    socket, sink = Socket([beat(0), beat(1)]), Sink()
    stream = make(Net(socket), sink)
    await run(stream, lambda: not socket.frames)
    assert stream.health.last_s is not None
    assert stream.health.good_s is None, "no channel has given data: its heartbeats prove no price"

    socket = Socket([beat(0), ticker(1), beat(2), beat(3)])
    stream = make(Net(socket), Sink())
    await run(stream, lambda: not socket.frames and stream.health.messages == 4)
    assert stream.health.good_s == stream.health.last_s


async def test_a_socket_that_only_beats_is_not_up() -> None:
    sink = Sink()
    stream = make(Net(Socket([beat(0), beat(1), {"channel": "subscriptions", "sequence_num": 2, "events": []}])), sink)
    await run(stream, lambda: stream.health.messages == 3)
    assert not stream.health.connected and sink.changes == []


BAD_FRAMES: dict[str, Any] = {
    "gap": [ticker(0), ticker(2)],
    "error": [{"type": "error", "message": "authentication failure"}],
    "not JSON": [ticker(0), "{"],
    "a list": [ticker(0), "[1]"],
    "no channel": [{"sequence_num": 0, "events": []}],
    "no number": [{"channel": "ticker", "events": []}],
    "number as text": [{"channel": "ticker", "sequence_num": "0", "events": []}],
    "price as a list": [ticker(0, price=["1"])],
    "price as a float": [ticker(0, price=100.5)],
    "price without end": [ticker(0, price="1e999999")],
    "no tickers": [{"channel": "ticker", "sequence_num": 0, "events": [{}]}],
    "events null": [{"channel": "ticker", "sequence_num": 0, "events": None}],
    "bad UTF-8": [b"\xff\xfe{}"],
    "deep": ["[" * 100_000],
}


@pytest.mark.parametrize("kind", BAD_FRAMES)
async def test_a_frame_that_does_not_hold_closes_and_the_next_connection_begins_anew(kind: str) -> None:
    sink, good = Sink(), Socket([beat(0), ticker(1, price="7")])
    stream = make(Net(Socket(BAD_FRAMES[kind]), good), sink)
    await run(stream, lambda: any(isinstance(e, PriceUpdate) and e.price == 7 for e in sink.events))
    assert stream.health.reconnects == 1 and stream.health.connected
    assert [up for up, _ in sink.changes][-2:] == [False, True]
    assert len(good.sent) == 2, "subscribed again"
    note = next(note for up, note in sink.changes if not up)
    assert note, "why it went down, for a person"


@pytest.mark.parametrize("end", [ConnectionResetError("reset"), OSError("gone"), EOFError()])
async def test_a_closed_socket_is_opened_again(end: Exception) -> None:
    sink = Sink()
    stream = make(Net(Socket([ticker(0)], end), Socket([ticker(0, price="7")])), sink)
    await run(stream, lambda: len(sink.events) == 2)


async def test_silence_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "SILENCE_S", 0.1)
    sink = Sink()
    stream = make(Net(Socket([ticker(0)]), Socket([ticker(0, price="7")])), sink)
    await run(stream, lambda: len(sink.events) == 2)
    assert (False, "silent for 0.1 s") in sink.changes


async def test_a_busy_stream_is_never_called_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "SILENCE_S", 0.15)
    monkeypatch.setattr(stream_module, "DEADLINE_STEP_S", 0.01)

    class Slow(Socket):
        async def recv(self) -> str | bytes:
            await asyncio.sleep(0.03)
            return await super().recv()

    sink = Sink()
    stream = make(Net(Slow([ticker(n) for n in range(12)])), sink)
    await run(stream, lambda: len(sink.events) == 12)
    assert stream.health.reconnects == 0


async def test_it_never_gives_up() -> None:
    net, sink = Net(), Sink()
    stream = make(net, sink)
    await run(stream, lambda: net.opened > 30)
    assert "nobody there" in (stream.health.note or "")


async def test_a_frame_that_came_before_is_not_news() -> None:
    sink = Sink()
    stream = make(Net(Socket([ticker(0), ticker(1, price="101"), ticker(0, price="99"), ticker(2, price="102")])), sink)
    await run(stream, lambda: len(sink.events) >= 3)
    assert [e.price for e in sink.events if isinstance(e, PriceUpdate)] == [amount("100.5"), 101, 102]


@pytest.mark.parametrize("price", ["0", "-1", ""])
async def test_a_price_that_cannot_be_is_no_price_and_no_reason_to_hang_up(price: str) -> None:
    sink = Sink()
    stream = make(Net(Socket([ticker(0), ticker(1, price=price), ticker(2, price="7")])), sink)
    await run(stream, lambda: len(sink.events) == 2)
    assert stream.health.reconnects == 0 and stream.health.malformed == 1


async def test_the_user_channel_hands_over_orders() -> None:
    frame = {"channel": "user", "sequence_num": 0, "events": [{"type": "snapshot", "orders": [USER_ORDER]}]}
    sink = Sink()
    stream = make(Net(Socket([frame])), sink, ("heartbeats", "user"))
    await run(stream, lambda: sink.events)
    found = sink.events[0]
    assert isinstance(found, OrderReports) and not found.complete and found.orders[0].client_order_id == "ct-main-x"


@pytest.mark.parametrize(
    "odd", [{"creation_time": ""}, {"order_side": "UNKNOWN_ORDER_SIDE"}, {"cumulative_quantity": "much"}]
)
async def test_a_foreign_order_of_an_unknown_shape_does_not_keep_ours_away(odd: dict[str, str]) -> None:
    foreign = USER_ORDER | {"client_order_id": "somebody-else"} | odd
    frame = {"channel": "user", "sequence_num": 0, "events": [{"type": "snapshot", "orders": [foreign, USER_ORDER]}]}
    sink = Sink()
    stream = make(Net(Socket([frame])), sink, ("heartbeats", "user"))
    await run(stream, lambda: sink.events)
    (seen,) = sink.events[:1]
    assert isinstance(seen, OrderReports) and [order.order_id for order in seen.orders] == [USER_ORDER["order_id"]]
    assert stream.health.malformed == 1


async def test_an_empty_snapshot_of_orders_is_data_too() -> None:
    frame = {"channel": "user", "sequence_num": 0, "events": [{"type": "snapshot", "orders": []}]}
    sink = Sink()
    stream = make(Net(Socket([frame])), sink, ("heartbeats", "user"))
    await run(stream, lambda: stream.health.connected)
    assert sink.events == []


async def test_an_error_of_the_engine_is_not_called_a_bad_frame() -> None:
    class Broken(Sink):
        def event(self, event: PriceUpdate | OrderReports) -> None:
            raise KeyError("a defect of ours")

    sink = Broken()
    stream = make(Net(Socket([ticker(0)])), sink)
    await run(stream, lambda: sink.changes)
    assert stream.health.malformed == 0


async def test_each_connection_asks_for_every_product_of_now() -> None:
    """The second one must not forget the last of them, nor the third one that joined since."""
    net, sink = (
        Net(Socket([ticker(0)], OSError("cut")), Socket([ticker(0)], OSError("cut")), Socket([ticker(0)])),
        Sink(),
    )
    first, second, third = net.sockets
    stream = make(net, sink)
    await stream.watch(("BTC-USD", "ETH-USD"))
    task = asyncio.ensure_future(stream.run())
    try:
        async with asyncio.timeout(3):
            while not second.sent:
                await asyncio.sleep(0.001)
            await stream.watch(("BTC-USD", "ETH-USD", "SOL-USD"))
            while len(third.sent) < 2:
                await asyncio.sleep(0.001)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    asked = [[m["product_ids"] for m in socket.sent if m["channel"] == "ticker"] for socket in (first, second, third)]
    assert asked[0] == asked[1][:1] == [["BTC-USD", "ETH-USD"]]
    assert asked[2] == [["BTC-USD", "ETH-USD", "SOL-USD"]]


@pytest.mark.parametrize("channel", ["ticker", "user"])
async def test_prices_of_a_product_that_left_are_not_wanted_and_its_orders_still_are(channel: str) -> None:
    socket = Socket([])
    stream = make(Net(socket), Sink(), ("heartbeats", channel))
    task = asyncio.ensure_future(stream.run())
    try:
        async with asyncio.timeout(3):
            while len(socket.sent) < 2:
                await asyncio.sleep(0.001)
            await stream.watch(("ETH-USD",))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    said = [(m["type"], m["channel"], m["product_ids"]) for m in socket.sent[2:]]
    left = [("unsubscribe", channel, ["BTC-USD"])] if channel == "ticker" else []
    assert said == [("subscribe", channel, ["ETH-USD"]), *left]
