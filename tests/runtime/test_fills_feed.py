"""Fills by cursor: whatever the list does (lags, doubles, breaks off), no fill of ours is lost, none is misnamed."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.fills_feed import ASKS_MAX, FIRST_MS, OVERLAP_MS, FillsFeed
from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.kinds import Side
from bot.domain.orders import OrderReport, OrderStatus
from bot.venues.errors import ExchangeError, NoAnswerGot, Rejected
from shared.times import epoch_ms
from tests.core.harness import D
from tests.runtime.bot_rig import HandClock

OURS = "ct-main-" + "0" * 32


@dataclass
class Book:
    """The exchange's fills, each shown from its time on plus a lag; and the orders that they belong to."""

    clock: HandClock
    fills: list[tuple[int, Fill]] = field(default_factory=list)  # (shown from, fill)
    orders: dict[str, str] = field(default_factory=dict)  # order id → client order id
    broken: bool = False
    doubled: bool = False
    asked: list[int] = field(default_factory=list)
    order_asks: int = 0
    untold: set[str] = field(default_factory=set)

    def now_ms(self) -> int:
        return epoch_ms(self.clock.utc())

    def make(self, order_id: str, coid: str, lag_ms: int = 0, at_ms: int | None = None) -> Fill:
        at_ms = self.now_ms() if at_ms is None else at_ms
        self.orders[order_id] = coid
        fill = Fill(order_id, f"t{len(self.fills)}", "", "BTC-USD", Side.BUY, D(100), D(1), D(0), "taker", at_ms)
        self.fills.append((self.now_ms() + lag_ms, fill))
        return fill

    async def fills_since(self, since_ms: int) -> tuple[Fill, ...]:
        self.asked.append(since_ms)
        if self.broken:
            raise NoAnswerGot("broke off on page two")
        shown = [f for from_ms, f in self.fills if from_ms <= self.now_ms() and f.exchange_ms >= since_ms]
        shown.sort(key=lambda f: -f.exchange_ms)
        return tuple(shown + shown if self.doubled else shown)

    async def order(self, order_id: str) -> OrderReport:
        self.order_asks += 1
        if order_id in self.untold:
            raise Rejected("404: no such order", "404")
        coid = self.orders[order_id]
        return OrderReport(order_id, coid, "BTC-USD", Side.BUY, OrderStatus.FILLED, D(1), 0)


class Reader:
    """A feed and what it told, over restarts."""

    def __init__(self, book: Book, memory: dict[str, str] | None = None) -> None:
        self.book, self.memory = book, memory or {}
        self.counted: dict[tuple[str, str], str] = {}
        self.kept: str | None = None
        self.begin()

    def begin(self) -> None:
        rest: Any = self.book
        self.feed = FillsFeed(
            rest, self.hear, self.counted.__contains__, lambda order_id: self.memory.get(order_id, ""), self.book.clock
        )
        self.feed.begin(self.kept)

    def hear(self, event: ev.Event) -> None:
        if isinstance(event, ev.FillReports):
            for fill in event.fills:
                key = (fill.order_id, fill.trade_id)
                assert self.counted.get(key, fill.client_order_id) == fill.client_order_id
                if fill.client_order_id.startswith("ct-"):
                    self.counted[key] = fill.client_order_id  # the engine counts ours alone
            if event.through_ms is not None:
                self.kept = str(event.through_ms)

    def read(self) -> None:
        asyncio.run(self.feed.read())


@pytest.fixture
def book() -> Book:
    return Book(HandClock())


def test_a_new_ledger_begins_a_day_back_and_then_reads_what_is_new(book: Book) -> None:
    reader = Reader(book)
    reader.read()
    assert book.asked == [book.now_ms() - FIRST_MS]
    book.clock.turn(600)
    made = book.make("o1", OURS)
    reader.read()
    book.clock.turn(3600)
    reader.read()
    assert book.asked[-1] == made.exchange_ms - OVERLAP_MS, "an hour without fills costs no more than a minute"
    assert reader.counted == {("o1", made.trade_id): OURS}


def test_an_order_in_memory_is_not_asked_for_and_another_once(book: Book) -> None:
    reader = Reader(book, memory={"o1": OURS})
    book.make("o1", OURS)
    book.make("x", "manual-1")
    for _ in range(4):
        book.clock.turn(1)
        reader.read()
    assert book.order_asks == 1 and len(reader.counted) == 1


def test_a_reading_that_breaks_off_moves_nothing(book: Book) -> None:
    reader = Reader(book)
    book.make("o1", OURS)
    book.broken = True
    with pytest.raises(ExchangeError):
        reader.read()
    assert reader.feed.through_ms is None and not reader.counted
    book.broken = False
    reader.read()
    assert len(reader.counted) == 1


def test_an_order_that_is_not_told_yet_comes_with_a_later_reading(book: Book) -> None:
    reader = Reader(book)
    made = book.make("o1", OURS)
    book.untold.add("o1")
    reader.read()
    assert not reader.counted
    book.clock.turn(30)
    book.make("o2", OURS)  # leads the cursor on
    reader.read()
    book.untold.clear()
    book.clock.turn(30)
    reader.read()
    assert ("o1", made.trade_id) in reader.counted


def test_a_busy_stranger_is_asked_for_bit_by_bit(book: Book) -> None:
    reader = Reader(book)
    for number in range(ASKS_MAX * 3):
        book.make(f"x{number}", f"manual-{number}")
        book.clock.turn(10)
    mine = book.make("o1", OURS)
    asks = []
    for _ in range(8):
        before = book.order_asks
        reader.read()
        asks.append(book.order_asks - before)
        book.clock.turn(1)
    assert max(asks) == ASKS_MAX and ("o1", mine.trade_id) in reader.counted


def test_a_time_that_is_yet_to_come_leads_the_cursor_nowhere(book: Book) -> None:
    reader = Reader(book)
    book.make("o1", OURS, at_ms=book.now_ms() + 10**10)
    reader.read()
    book.clock.turn(60)
    book.make("o2", OURS)
    reader.read()
    assert len(reader.counted) == 2


def test_names_are_not_kept_for_ever(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.app.fills_feed.NAMES_KEPT", 3)
    reader = Reader(book)

    def happens(*order_ids: str) -> int:
        book.clock.turn(600)
        for order_id in order_ids:
            book.make(order_id, "manual")
        reader.read()
        return book.order_asks

    assert [happens(f"n{number}") for number in range(5)] == [1, 2, 3, 4, 5]
    assert happens("n2", "n3", "n4") == happens("n4") == 5, "the newest three are known"
    assert happens("n0") == 6, "an older one is asked for anew"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ours", "theirs", "read", "read", "break", "double", "restart", "clock"]),
        st.integers(0, 100_000),
    ),
    min_size=5,
    max_size=60,
)


@given(STEPS)
def test_every_fill_of_ours_is_counted_once_in_the_end(steps: list[tuple[str, int]]) -> None:
    """Lags below the overlap, doubled pages, broken readings, restarts: nothing is lost, nobody else's is taken."""
    book = Book(HandClock())
    reader = Reader(book)
    for number, (what, amount) in enumerate(steps):
        book.clock.turn(amount / 5000)
        match what:
            case "ours":
                book.make(f"o{number}", f"ct-main-{number:032x}", lag_ms=amount)
            case "theirs":
                book.make(f"x{number}", f"manual-{number}", lag_ms=amount)
            case "restart":
                reader.begin()
            case "clock":
                book.clock.turn(amount / 100)
            case _:
                book.broken, book.doubled = what == "break", what == "double"
                try:
                    reader.read()
                except ExchangeError:
                    assert what == "break"
                book.broken = False
    for _ in range(5):
        book.clock.turn(30)
        reader.read()
    wanted = {(f.order_id, f.trade_id): book.orders[f.order_id] for _, f in book.fills if f.order_id.startswith("o")}
    assert reader.counted == wanted
