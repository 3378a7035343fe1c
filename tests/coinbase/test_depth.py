"""The books that people look at: as an exchange's own book, whatever part of it is kept, and never a crossed one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.venues.coinbase import depth
from bot.venues.coinbase.depth import KEPT, LARGE, MOST, SHOWN, CoinbaseBookStream, DepthBook, near_touch
from bot.venues.coinbase.endpoints import Endpoints
from shared.ports import SystemClock
from tests.coinbase.test_stream import KEY, Net, QuickRng, Socket, beat


def change(side: str, price: object, size: object) -> dict[str, Any]:
    return {"side": side, "event_time": "2026-11-20T00:00:00Z", "price_level": str(price), "new_quantity": str(size)}


def frame(number: int, kind: str, updates: list[dict[str, Any]], product: str = "BTC-USD") -> dict[str, Any]:
    event = {"type": kind, "product_id": product, "updates": updates}
    return {"channel": "l2_data", "sequence_num": number, "events": [event]}


BOOK = [change("bid", 100 - i, 1 + i) for i in range(5)] + [change("offer", 101 + i, 2 + i) for i in range(5)]


def make(net: Net, products: tuple[str, ...] = ("BTC-USD",)) -> CoinbaseBookStream:
    where = Endpoints("", "", "", None, None)
    return CoinbaseBookStream(products, endpoints=where, key=KEY, net=net, clock=SystemClock(), rng=QuickRng())  # type: ignore[arg-type]


async def run(stream: CoinbaseBookStream, until: Callable[[], Any]) -> None:
    async with running(stream):
        await seen(until)


async def seen(what: Callable[[], Any], limit_s: float = 3.0) -> None:
    async with asyncio.timeout(limit_s):
        while not what():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(stream: CoinbaseBookStream) -> AsyncIterator[None]:
    task = asyncio.ensure_future(stream.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_subscribes_and_shows_what_snapshot_and_updates_make() -> None:
    socket = Socket(
        [
            frame(0, "snapshot", BOOK),
            beat(1),
            frame(2, "update", [change("bid", 100, 0), change("offer", "100.5", "0.25")]),
        ]
    )
    stream = make(Net(socket))
    await run(stream, lambda: stream.health.messages == 3)
    assert [m["channel"] for m in socket.sent] == ["heartbeats", "level2"]
    (shown,) = stream.shown()
    assert shown.bids[0] == [99.0, 2.0] and shown.asks[:2] == [[100.5, 0.25], [101.0, 2.0]]
    assert len(shown.bids) == 4 and len(shown.asks) == 6


async def test_nothing_is_shown_of_a_connection_that_is_down() -> None:
    stream = make(Net(Socket([frame(0, "snapshot", BOOK)], end=ConnectionResetError("gone"))))
    seen: list[int] = []

    def down() -> bool:
        seen.append(len(stream.shown()))
        return stream.health.reconnects > 0

    await run(stream, down)
    assert stream.shown() == [] and not stream.health.connected


@pytest.mark.parametrize(
    "updates",
    [
        [{"side": "bid"}],
        [{"side": "bid", "price_level": "x", "new_quantity": "1"}],
        [{"side": "bid", "price_level": None, "new_quantity": "1"}],
        None,
    ],
)
async def test_a_frame_of_another_shape_begins_anew_instead_of_showing_half_a_book(updates: Any) -> None:
    good = Socket([frame(0, "snapshot", BOOK)])
    stream = make(Net(Socket([frame(0, "snapshot", BOOK), frame(1, "update", updates)]), good))
    await run(stream, lambda: stream.health.reconnects == 1 and stream.health.connected)
    assert stream.health.malformed == 1 and len(stream.shown()) == 1


class Later(Socket):
    """The frames of `then` come once `more` is set."""

    def __init__(self, frames: list[Any], then: list[Any]) -> None:
        super().__init__(frames)
        self.then, self.more = then, asyncio.Event()

    async def recv(self) -> str | bytes:
        if not self.frames:
            await self.more.wait()
            self.frames, self.then = self.then, []
        return await super().recv()


async def test_a_crossed_book_is_not_shown_and_is_asked_for_anew(caplog: pytest.LogCaptureFixture) -> None:
    crossed = [frame(0, "snapshot", BOOK), frame(1, "update", [change("bid", 102, 1)])]
    socket = Later(crossed, [beat(2)])
    stream = make(Net(socket, Socket([frame(0, "snapshot", BOOK)])))
    shown: list[Any] = []

    def shown_anew() -> bool:
        if stream.health.messages < 2:
            return False
        if stream.health.messages == 2:
            assert stream.shown() == []
            socket.more.set()
        shown[:] = stream.shown()
        return bool(shown)

    await run(stream, shown_anew)
    assert any("crossed" in line for line in caplog.messages) and stream.health.reconnects == 1
    assert shown and shown[0].bids[0][0] < shown[0].asks[0][0]


async def test_a_product_that_left_is_forgotten_and_its_late_frames_are_too() -> None:
    late = frame(2, "update", [change("bid", 50, 1)], "ETH-USD")
    socket = Later([frame(0, "snapshot", BOOK), frame(1, "snapshot", BOOK, "ETH-USD")], [late])
    stream = make(Net(socket), ("BTC-USD", "ETH-USD"))
    async with running(stream):
        await seen(lambda: stream.health.messages == 2)
        assert [d.product_id for d in stream.shown()] == ["BTC-USD", "ETH-USD"]
        await stream.watch(("BTC-USD",))
        socket.more.set()
        await seen(lambda: stream.health.messages == 3)
        assert [d.product_id for d in stream.shown()] == ["BTC-USD"]


def levels(side: str) -> Any:
    price = st.integers(1, 3000) if side == "bid" else st.integers(3001, 6000)
    return st.tuples(st.just(side), price, st.integers(0, 9))


@given(
    st.lists(levels("bid") | levels("offer"), max_size=60),
    st.lists(st.lists(levels("bid") | levels("offer"), max_size=20), max_size=30),
)
def test_what_is_shown_is_the_top_of_the_exchanges_own_book(first: Any, later: Any) -> None:
    """Against a book that keeps everything; few levels are kept here, so that cutting and running short both happen."""
    whole: dict[tuple[str, int], int] = {}

    def put(rows: Any) -> None:
        for side, price, size in rows:
            whole[side, price] = size
            if not size:
                del whole[side, price]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(depth, "KEPT", 12)
        patched.setattr(depth, "MOST", 20)
        patched.setattr(depth, "SHOWN", 6)
        put(first)
        book = DepthBook([change(*row) for row in first if (row[0], row[1]) in whole], 0.0)
        # A price may be drawn twice; the snapshot holds its last size only.
        book = DepthBook([change(side, price, size) for (side, price), size in whole.items()], 0.0)
        for rows in later:
            put(rows)
            book.apply([change(*row) for row in rows], 1.0)
            for name, side, sign in (("bid", book.bids, -1), ("offer", book.asks, 1)):
                if side.short:
                    assert book.trouble is not None
                    continue
                true = sorted((p for (s, p) in whole if s == name), key=lambda p: sign * p)[:6]
                assert [p for p, _ in side.best(6)] == true
                assert all(whole[name, int(p)] == size for p, size in side.best(6))


def test_a_whole_book_of_a_large_market_leaves_little_behind() -> None:
    rows = [change("bid", 100_000 - i, 1) for i in range(20_000)] + [
        change("offer", 100_001 + i, 1) for i in range(20_000)
    ]
    book = DepthBook(rows, 0.0)
    assert len(book.bids.sizes) == len(book.asks.sizes) == KEPT
    for i in range(5 * MOST):  # a market that runs away upwards
        book.apply([change("bid", 100_001 + i, 1), change("offer", 100_001 + i, 0)], 1.0)
        if book.trouble:
            break
    assert len(book.bids.sizes) <= MOST and book.trouble is not None
    assert len(book.asks.sizes) < SHOWN


SEQUENCES = {
    "best first": (range(3000, 0, -1), range(3001, 6001)),
    "worst first": (range(1, 3001), range(6000, 3000, -1)),
    "few": (range(30, 0, -1), range(31, 61)),
    "no offers": (range(3000, 0, -1), ()),
    "no bids": ((), range(3001, 6001)),
    "nothing": ((), ()),
    "a bid twice": ((3000, *range(3000, 0, -1)), range(3001, 6001)),
    "an offer twice": (range(3000, 0, -1), (3001, *range(3001, 6001))),
}


@pytest.mark.parametrize("which", SEQUENCES)
def test_a_cut_snapshot_shows_the_same_as_the_whole_one(which: str) -> None:
    bids, asks = SEQUENCES[which]
    rows = [change("bid", p, p % 7 + 1) for p in bids] + [change("offer", p, p % 7 + 1) for p in asks]
    whole = frame(7, "snapshot", rows)
    cut = json.loads(near_touch(json.dumps(whole, separators=(",", ":"))))
    assert {k: v for k, v in cut.items() if k != "events"} == {k: v for k, v in whole.items() if k != "events"}
    a, b = (DepthBook(m["events"][0]["updates"], 0.0) for m in (whole, cut))
    for x, y in ((a.bids, b.bids), (a.asks, b.asks)):
        assert x.best(SHOWN) == y.best(SHOWN) and x.horizon == y.horizon and x.sizes == y.sizes
    assert which == "best first" or cut == whole
    if which == "best first":
        assert len(cut["events"][0]["updates"]) == 2 * (KEPT + 1)


@pytest.mark.parametrize("text", ["", "{}", '{"updates":[', '{"updates":[{"side":"offer"', "]" * 50, '{"side":"offer"'])
def test_what_is_no_snapshot_is_left_as_it_is(text: str) -> None:
    assert near_touch(text) == text


async def test_a_large_snapshot_comes_through_the_socket() -> None:
    rows = [change("bid", 9000 - i, 1) for i in range(8000)] + [change("offer", 9001 + i, 1) for i in range(8000)]
    text = json.dumps(frame(0, "snapshot", rows), separators=(",", ":"))
    assert len(text) > LARGE
    stream = make(Net(Socket([text])))
    await run(stream, lambda: stream.health.connected)
    (shown,) = stream.shown()
    assert shown.bids[0] == [9000.0, 1.0] and shown.asks[SHOWN - 1] == [9001.0 + SHOWN - 1, 1.0]
