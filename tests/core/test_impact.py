"""MAX_IMPACT_BP: an entry that would walk the book is refused with the value, an exit goes in parts and always ends."""

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.intents import Note, PlaceOrder, SaveReceipt
from bot.domain.kinds import Side
from bot.domain.orders import OrderSpec, OrderStatus
from bot.domain.price_book import Ladder, buy_impact_bp, sell_impact_bp, sellable_within
from bot.engine.execution import slices
from bot.engine.risk import pretrade
from bot.engine.risk.policy import Gate
from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.documents.risk import GateVerdict
from tests.core.harness import D, Rig, one

BTC = "BTC-USD"
# 100.01 holds 1,000 USD, then little until 102: 2,000 USD walk 99 bp.
THIN = Ladder(((100.01, 10.0), (102.0, 100.0)), whole=True)
DEEP = Ladder(((100.01, 1000.0),), whole=True)
BIDS = Ladder(((99.99, 1000.0),), whole=True)


def book(rig: Rig, asks: Ladder = DEEP, bids: Ladder = BIDS, after_ms: int = 0) -> None:
    rig.send(ev.BookUpdate(BTC, bids, asks), after_ms)


def entries(rig: Rig) -> list[OrderSpec]:
    return [i.spec for i in rig.intents if isinstance(i, PlaceOrder) and i.spec.side is Side.BUY]


def sales(rig: Rig) -> list[OrderSpec]:
    return [i.spec for i in rig.intents if isinstance(i, PlaceOrder) and i.spec.side is Side.SELL]


def gate_of(rig: Rig) -> Gate:
    return next(g for g in rig.view.gates.all(BTC) if g.name == "impact")


def test_an_entry_that_would_walk_the_book_is_refused_with_the_value() -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.price("100")
    book(rig, THIN)
    rig.bar("buy")
    gate = gate_of(rig)
    assert gate.verdict is GateVerdict.SHUT and (gate.value, gate.limit) == ("98.5 bp", "< 50 bp") and not entries(rig)
    book(rig, DEEP)
    rig.price("100")
    assert gate_of(rig).verdict is GateVerdict.OPEN and len(entries(rig)) == 1


def test_the_risk_page_is_told_what_must_be_reached_and_what_must_not() -> None:
    rig = Rig(max_impact_bp=50.0, min_depth_usd=25.0)
    rig.price("100")
    book(rig, THIN)
    limits = {limit.name: limit for limit in rig.view.risk.document().limits}
    assert limits["depth"].at_least and not limits["impact"].at_least
    assert (limits["impact"].state, limits["impact"].unit, limits["impact"].limit) == ("tripped", "bp", 50.0)


def test_off_and_for_maker_entries_nothing_is_asked_of_the_book() -> None:
    for terms in ({"max_impact_bp": 0.0}, {"max_impact_bp": 50.0, "entry_order": "maker"}):
        rig = Rig(**terms)
        rig.price("100")
        book(rig, THIN)
        rig.bar("buy")
        assert gate_of(rig).verdict is GateVerdict.OPEN and len(entries(rig)) == 1


@pytest.mark.parametrize(
    ("offered", "verdict"), [(None, GateVerdict.UNKNOWN), ("19", GateVerdict.UNKNOWN), ("20", GateVerdict.OPEN)]
)
def test_without_a_book_an_entry_goes_where_the_best_ask_holds_it(offered: str | None, verdict: GateVerdict) -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.send(ev.PriceUpdate(BTC, D(100), D("99.99"), D("100.01"), D(offered) if offered else None), 1000)
    assert gate_of(rig).verdict is verdict
    assert gate_of(rig).value == ("0.0 bp" if verdict is GateVerdict.OPEN else "no order book of that depth")


def test_a_book_that_nobody_tells_any_more_is_no_book() -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.price("100")
    book(rig, DEEP)
    assert gate_of(rig).verdict is GateVerdict.OPEN
    rig.tick(4)
    assert gate_of(rig).verdict is GateVerdict.UNKNOWN


def test_a_book_that_ends_before_the_entry_does() -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.price("100")
    book(rig, Ladder(((100.01, 10.0),), whole=True))
    assert gate_of(rig).verdict is GateVerdict.SHUT and gate_of(rig).value == "10,000.0 bp"
    book(rig, Ladder(((100.01, 10.0),), whole=False))
    assert gate_of(rig).verdict is GateVerdict.UNKNOWN


def test_the_order_gate_walks_the_book_once_more() -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.price("100")
    book(rig, DEEP)
    rig.bar("buy")
    spec = one(entries(rig))
    assert rig.asked(pretrade.refusal, spec) is None
    book(rig, THIN)
    found = rig.asked(pretrade.refusal, spec)
    assert found is not None and found.text == "impact: 98.5 bp, limit < 50 bp"


# Exits.


def held(lots: int = 1, size: str = "20", **terms: object) -> Rig:
    """Some lots bought at 100 in a deep book, with a stop at 99."""
    settings: dict[str, object] = {"max_impact_bp": 50.0, "stop_loss_pct": 1.0, "take_profit_order": "market",
                                   "pyramid_min_adverse_pct": 0.0, "pyramid_decay_min_pct": 0.0}  # fmt: skip
    rig = Rig(cash="1000000", **(settings | terms))
    for _ in range(lots):
        book(rig, Ladder(((100.01, 1e6),), whole=True))
        rig.bar("buy")
        rig.fills_all(entries(rig)[-1], size, "100")
        rig.now_ms += 60_000
    rig.strategy.word = "flat"
    assert len(rig.lots) == lots
    return rig


def thin(best: float = 98.5, size: float = 5.0) -> Ladder:
    return Ladder(((best, size), (best * 0.9, 1000.0)), whole=True)


def sell_out(rig: Rig, bids: Ladder, seconds: int = 90, seen: int | None = None) -> list[tuple[int, float]]:
    """Ticks with a book that refills; every sale is filled at once. (ms after the first, size) of each sale."""
    done: list[tuple[int, float]] = []
    seen = len(sales(rig)) if seen is None else seen
    first = rig.now_ms
    for _ in range(seconds):
        for spec in sales(rig)[seen:]:
            assert spec.base_size is not None
            done.append((rig.now_ms - first, float(spec.base_size)))
            rig.fills_all(spec, str(spec.base_size), "98.5")
            seen += 1
        if not rig.lots:
            break
        book(rig, bids=bids)
        rig.tick()
    return done


def test_a_stop_on_a_thin_book_goes_in_parts_within_the_limit_and_no_more_than_the_lot_is_sold() -> None:
    rig = held()
    bids = thin()
    book(rig, bids=bids)
    rig.price("98.5")
    first = one(sales(rig))
    assert first.base_size is not None and first.base_size < 20, "it is sliced"
    done = [(0, float(first.base_size))]
    rig.fills_all(first, str(first.base_size), "98.5")
    done += sell_out(rig, bids)
    assert sum(size for _, size in done) == pytest.approx(20) and not rig.lots and len(done) == 4
    for _, size in done:
        impact = sell_impact_bp(bids, size)
        assert impact is not None and impact < 50
    said = [i.text for i in rig.intents if isinstance(i, Note) and "is sold in parts" in i.text]
    assert len(said) == 1 and "would walk 750 bp (MAX_IMPACT_BP=50)" in said[0]
    assert rig.engine.state.positions.slicing == {}


def test_a_part_waits_for_a_book_that_was_seen_after_the_one_before() -> None:
    rig = held()
    book(rig, bids=thin())
    rig.price("98.5")
    first = one(sales(rig))
    rig.fills_all(first, str(first.base_size), "98.5")
    rig.price("98.4", after_ms=1500)
    rig.tick()
    assert len(sales(rig)) == 1, "the book in memory is the one that was sold into"
    book(rig, bids=thin())
    rig.tick()
    assert len(sales(rig)) == 2


def test_a_book_that_never_refills_ends_in_a_sale_at_market_after_half_a_minute() -> None:
    rig = held()
    empty = Ladder(((98.5, 0.000000001), (88.0, 1000.0)), whole=True)
    book(rig, bids=empty)
    rig.price("98.5")
    assert not sales(rig), "it waits for bids"
    done = sell_out(rig, empty)
    assert [size for _, size in done] == [20.0] and done[0][0] <= slices.SLICES_MS + 2000 and not rig.lots


def test_so_many_parts_and_the_rest_goes_at_market() -> None:
    rig = held(size="1000")
    bids = thin(size=1.0)
    book(rig, bids=bids)
    rig.price("98.5")
    rig.fills_all(one(sales(rig)), str(one(sales(rig)).base_size), "98.5")
    done = sell_out(rig, bids)
    assert not rig.lots and len(done) <= slices.SLICES_MAX and done[-1][1] > 900
    assert done[-1][0] <= slices.SLICES_MS + 3000


def test_without_a_book_an_exit_goes_whole_and_at_once() -> None:
    rig = held()
    rig.tick(5)
    rig.price("98.5")
    assert one(sales(rig)).base_size == 20


def test_a_bid_that_a_part_ate_up_is_no_measure_for_the_next_one() -> None:
    """Else the parts would walk the book one after another, each a little deeper."""
    rig = held()
    book(rig, Ladder(((98.6, 10.0),), whole=True), thin(98.5))
    rig.price("98.5")
    rig.fills_all(one(sales(rig)), str(one(sales(rig)).base_size), "98.5")
    eaten = Ladder(((96.0, 100.0), (90.0, 1000.0)), whole=True)
    for _ in range(3):
        book(rig, Ladder(((98.6, 10.0),), whole=True), eaten, 1000)
        rig.tick()
    assert len(sales(rig)) == 1, "the ask stands where it stood: the bid will come back"
    for _ in range(3):
        book(rig, Ladder(((96.1, 10.0),), whole=True), eaten, 1000)
        rig.tick()
    assert len(sales(rig)) == 2, "the market itself fell: it is sold there"


def test_after_a_start_a_sale_waits_some_seconds_for_the_first_book_and_no_longer() -> None:
    rig = held()
    terms = {"max_impact_bp": 50.0, "stop_loss_pct": 1.0, "take_profit_order": "market"}
    later = Rig(restored=rig.restored(), now_ms=rig.now_ms + 5000, **terms)
    later.price("98.5")
    assert not sales(later)
    later.tick(3)
    assert not sales(later)
    later.tick(2)
    assert one(sales(later)).base_size == 20


def test_a_sale_whose_news_come_late_goes_on_where_it_was() -> None:
    """Else each part that takes some seconds begins the half minute, and the measure of the bid, anew."""
    rig = held(size="1000")
    bids, first_ms, seen = thin(size=1.0), 0, len(sales(rig))
    book(rig, bids=bids)
    rig.price("98.5")
    first_ms = rig.now_ms
    while rig.lots and rig.now_ms - first_ms < 10 * slices.SLICES_MS:
        for _ in range(7):  # nobody tells of the part for seven seconds
            book(rig, bids=bids)
            rig.tick()
        for spec in sales(rig)[seen:]:
            rig.fills_all(spec, str(spec.base_size), "98.5")
        seen = len(sales(rig))
    assert not rig.lots and rig.now_ms - first_ms <= slices.SLICES_MS + 15_000
    assert len([i for i in rig.intents if isinstance(i, Note) and "is sold in parts" in i.text]) == 1


def test_the_rest_goes_at_market_also_after_it_was_refused() -> None:
    rig = held()
    empty = Ladder(((98.5, 0.000000001), (88.0, 1000.0)), whole=True)
    book(rig, bids=empty)
    rig.price("98.5")
    refused: list[int] = []
    for _ in range(100):
        book(rig, bids=empty)
        rig.tick()
        if len(sales(rig)) > len(refused):
            refused.append(rig.now_ms)
            rig.send(ev.VenueRejected(sales(rig)[-1].client_order_id, "busy"))
    assert all(spec.base_size == 20 for spec in sales(rig))
    pauses_s = [round((later - before) / 1000) for before, later in pairwise(refused)]
    assert pauses_s[:5] == [5, 5, 5, 10, 20], "the pauses after a refusal, no further wait for the book"


BACK_MS = 3_600_000


def test_a_sale_in_parts_ends_also_after_the_clock_was_set_back() -> None:
    rig = held()
    empty = Ladder(((98.5, 0.000000001), (88.0, 1000.0)), whole=True)
    book(rig, bids=empty)
    rig.price("98.5")
    rig.tick(2)
    rig.now_ms -= BACK_MS
    assert [size for _, size in sell_out(rig, empty)] == [20.0]


def test_no_sale_waits_for_the_first_book_because_the_clock_was_set_back() -> None:
    """Where the depth connection never comes up, a stop would else wait for as long as the clock was set back."""
    rig = held()
    terms = {"max_impact_bp": 50.0, "stop_loss_pct": 1.0, "take_profit_order": "market"}
    later = Rig(restored=rig.restored(), now_ms=rig.now_ms + 5000, **terms)
    later.tick(10)
    later.now_ms -= BACK_MS
    later.price("98.5")
    assert one(sales(later)).base_size == 20


def test_a_book_is_as_old_as_it_is_after_the_clock_was_set_back() -> None:
    rig = Rig(max_impact_bp=50.0)
    rig.price("100")
    book(rig, DEEP)
    rig.tick(4)
    rig.now_ms -= BACK_MS
    rig.tick()
    assert gate_of(rig).verdict is GateVerdict.UNKNOWN


def test_two_lots_share_what_the_book_takes() -> None:
    rig = held(lots=2)
    bids = Ladder(((98.5, 25.0), (88.0, 1e5)), whole=True)
    book(rig, bids=bids)
    rig.price("98.5")
    first, second = sales(rig)
    assert first.base_size == 20 and second.base_size is not None
    impact = sell_impact_bp(bids, float(first.base_size + second.base_size))
    assert impact is not None and impact < 50.1


@pytest.mark.parametrize("filled", [False, True])
def test_a_restart_in_the_middle_sells_what_is_left_and_nothing_twice(filled: bool) -> None:
    rig = held()
    bids = thin()
    book(rig, bids=bids)
    rig.price("98.5")
    first = one(sales(rig))
    rig.accept(first)
    size = str(first.base_size)
    if filled:
        rig.seen(first, OrderStatus.FILLED, size)
        rig.fill(first, size, "98.5")
    terms = {"max_impact_bp": 50.0, "stop_loss_pct": 1.0, "take_profit_order": "market"}
    later = Rig(restored=rig.restored(), now_ms=rig.now_ms + 5000, ready=False, **terms)
    later.trades = 100
    later.send(ev.FeedChanged(True, "up"))
    if not filled:  # the boot finds out what became of it before anything is decided
        later.seen(first, OrderStatus.FILLED, size)
        later.fill(first, size, "98.5")
    later.send(ev.TradingReady())
    book(later, bids=bids, after_ms=1000)
    later.price("98.5")  # what lapsed while it was not ready is decided anew
    done = sell_out(later, bids, seen=0)
    assert not later.lots and float(size) + sum(part for _, part in done) == pytest.approx(20)
    assert all(spec.client_order_id != first.client_order_id for spec in sales(later))


def test_a_flatten_goes_in_parts_too_and_ends_done() -> None:
    rig = held(stop_loss_pct=1000.0)
    bids = thin(99.9)
    book(rig, bids=bids)
    rig.price("100")
    rig.command(Cmd.FLATTEN)
    first = one(sales(rig))
    assert first.base_size is not None and first.base_size < 20
    rig.fills_all(first, str(first.base_size), "99.9")
    sell_out(rig, bids)
    rig.tick(2)
    receipts = [i.state for i in rig.intents if isinstance(i, SaveReceipt)]
    assert not rig.lots and receipts[-1] is ReceiptState.DONE


# The walk itself.

LEVELS = st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(0.001, 50.0)), min_size=1, max_size=12)


def ladder(rows: list[tuple[float, float]], sign: int) -> Ladder:
    price, found = 100.0, []
    for step, size in rows:
        found.append((price, size))
        price += sign * step
    return Ladder(tuple(found), whole=True)


@given(LEVELS, st.floats(0.01, 300.0))
def test_a_purchase_walks_as_an_independent_reckoning_says(rows: list[tuple[float, float]], base: float) -> None:
    asks = ladder(rows, 1)
    # Whether all that is offered is enough for just that much, rounding decides.
    assume(abs(math.fsum(size for _, size in asks.levels) - base) > 1e-9)
    left, cost = base, 0.0
    for price, size in asks.levels:
        part = min(size, left)
        left, cost = left - part, cost + part * price
    found = buy_impact_bp(asks, cost if left <= 0 else 1e9)
    if left > 0:
        assert found == math.inf and buy_impact_bp(asks._replace(whole=False), 1e9) is None
    else:
        assert found == pytest.approx((cost / base / 100.0 - 1) * 10_000, abs=1e-6)


@given(LEVELS, st.floats(1.0, 500.0))
def test_what_may_be_sold_is_the_most_that_stays_within_the_limit(
    rows: list[tuple[float, float]], limit: float
) -> None:
    bids = ladder(rows, -1)
    most = sellable_within(bids, 100.0, limit)
    total = sum(size for _, size in bids.levels)
    inside = sell_impact_bp(bids, min(most, total) * 0.999)
    assert inside is not None and inside < limit
    if most < total * 0.999:
        beyond = sell_impact_bp(bids, most * 1.0005)
        assert beyond is None or beyond >= limit * 0.999
