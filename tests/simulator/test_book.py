"""Price-time priority: the book against a naive one that keeps every participant in a list."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.core.book import Demand, OrderBook
from simulator.core.orders import OrderType, SimOrder, TimeInForce
from tests.simulator.markets import PRODUCT


def order(number: int, buys: bool, tick: int, steps: int, portfolio: str = "me") -> SimOrder:
    return SimOrder(
        order_id=str(number), client_order_id=str(number), portfolio=portfolio, product=PRODUCT, buys=buys,
        kind=OrderType.LIMIT, tif=TimeInForce.GTC, config_key="", config={}, created_us=0, maker_ppm=0, taker_ppm=0,
        steps=steps, leaves=steps, limit=tick,
    )  # fmt: skip


@dataclass
class Naive:
    """One side as a list of [tick, who, steps] in order of arrival; who None is the crowd."""

    rows: list[list] = field(default_factory=list)

    def set_crowd(self, tick: int, steps: int) -> None:
        there = sum(row[2] for row in self.rows if row[0] == tick and row[1] is None)
        if steps > there:
            self.rows.append([tick, None, steps - there])
        over = there - steps
        for row in reversed([row for row in self.rows if row[0] == tick and row[1] is None]):
            gone = min(row[2], max(0, over))
            row[2] -= gone
            over -= gone
        self.rows = [row for row in self.rows if row[2]]

    def take(self, best_first: list[list], want: int) -> list[tuple[int, str | None, int]]:
        found = []
        for row in best_first:
            steps = min(row[2], want)
            if steps:
                row[2] -= steps
                want -= steps
                found.append((row[0], row[1], steps))
        self.rows = [row for row in self.rows if row[2]]
        return found


def merged(matches: list[tuple[int, str | None, int]]) -> list[tuple[int, str | None, int]]:
    out: list[tuple[int, str | None, int]] = []
    for tick, who, steps in matches:
        if out and out[-1][0] == tick and out[-1][1] == who:
            out[-1] = (tick, who, out[-1][2] + steps)
        else:
            out.append((tick, who, steps))
    return out


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("crowd"), st.integers(90, 99), st.integers(0, 30)),
        st.tuples(st.just("join"), st.integers(90, 99), st.integers(1, 30)),
        st.tuples(st.just("leave"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("take"), st.integers(88, 100), st.integers(1, 60)),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(ACTIONS, st.booleans())
def test_the_book_serves_in_order_of_price_then_time(actions: list[tuple[str, int, int]], buys: bool) -> None:
    book, naive = OrderBook(), Naive()
    side = book.side(buys)
    resting: list[SimOrder] = []
    for number, (what, a, b) in enumerate(actions):
        tick = a if buys else 200 - a
        if what == "crowd":
            side.set_crowd(tick, b)
            naive.set_crowd(tick, b)
        elif what == "join":
            made = order(number, buys, tick, b)
            side.join(made)
            resting.append(made)
            naive.rows.append([tick, made.order_id, b])
        elif what == "leave" and resting:
            gone = resting.pop(a % len(resting))
            side.leave(gone)
            naive.rows = [row for row in naive.rows if row[1] != gone.order_id]
        elif what == "take":
            ranked = sorted(naive.rows, key=lambda row: -row[0] if buys else row[0])
            reach = [row for row in ranked if (row[0] >= tick if buys else row[0] <= tick)]
            expected = merged(naive.take(reach, b))
            matches = book.take(not buys, tick, Demand(b, None, 1), "other")
            assert merged([(m.tick, m.maker.order_id if m.maker else None, m.steps) for m in matches]) == expected
            resting = [o for o in resting if o.leaves]
        totals: dict[int, int] = {}
        for row in naive.rows:
            totals[row[0]] = totals.get(row[0], 0) + row[2]
        assert dict(side.levels()) == totals
        assert [t for t, _ in side.levels()] == sorted(totals, reverse=buys)


def test_a_budget_buys_what_it_can_and_no_more() -> None:
    book = OrderBook()
    book.asks.set_crowd(100, 3)
    book.asks.set_crowd(101, 10)
    demand = Demand(None, 700, 1)
    matches = book.take(True, None, demand, "me")
    assert [(m.tick, m.steps) for m in matches] == [(100, 3), (101, 3)]
    assert demand.budget == 700 - 300 - 303


def test_crowd_that_leaves_does_not_move_an_order_forward_while_any_stands_behind() -> None:
    book = OrderBook()
    book.bids.set_crowd(100, 10)
    mine = order(1, True, 100, 5)
    book.bids.join(mine)
    book.bids.set_crowd(100, 30)  # twenty more behind
    book.bids.set_crowd(100, 12)  # eighteen of those leave
    matches = book.take(False, 100, Demand(11, None, 1), "other")
    assert [(m.steps, m.maker is mine) for m in matches] == [(10, False), (1, True)]
