"""The reference model: levels by the examples of docs/trading-rules.md, and what prices prove.

A price proves something only where every bot that may have judged it judged so; the tests try all of those.
"""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtest.reference import levels
from simtest.reference.lots import NEVER_US, NEWS_US, BoughtLot, OwnFill, OwnOrder, ProductRule, lots_from, reigns
from simtest.reference.prices import PriceSeries
from simtest.reference.signals import says_buy
from simtest.reference.spans import TimeSpans

S = 1_000_000
RULE = ProductRule(Decimal("0.01"), Decimal("0.001"), Decimal("0.01"), Decimal("5"))
SETTINGS: dict[str, Any] = {
    "take_profit_pct": 1.9, "runner_tp_mult": 2.0, "scalp_tp_decay_enable": True, "scalp_tp_dec_mode": "exp",
    "scalp_tp_decay_factor": 0.9802, "scalp_tp_dec_pct": 0.2, "scalp_tp_min_pct": 1.55,
    "pyramid_min_adverse_pct": 1.5, "pyramid_decay_lambda": 0.02, "pyramid_decay_min_pct": 0.4,
}  # fmt: skip


def of(*texts: str) -> levels.Levels:
    return frozenset(map(Decimal, texts))


@pytest.mark.parametrize(
    ("mode", "scalps", "pct"),
    [("exp", 0, "1.9"), ("exp", 3, "1.7893598"), ("exp", 12, "1.55"), ("linear", 1, "1.7"), ("linear", 2, "1.55")],
)
def test_a_scalps_take_is_that_of_the_examples(mode: str, scalps: int, pct: str) -> None:
    found = levels.scalp_take_pct({**SETTINGS, "scalp_tp_dec_mode": mode}, scalps)
    assert abs(found - Decimal(pct)) < Decimal("1e-6")


def test_a_scalps_take_does_not_decay_where_that_is_off() -> None:
    assert levels.scalp_take_pct({**SETTINGS, "scalp_tp_decay_enable": False}, 9) == Decimal("1.9")


@pytest.mark.parametrize(("minutes", "pct"), [(10, "1.22809612961697"), (70, "0.4"), (-5, "1.5")])
def test_the_fall_that_is_needed_decays(minutes: float, pct: str) -> None:
    assert abs(levels.adverse_need_pct(SETTINGS, minutes) - Decimal(pct)) < Decimal("1e-13")


def test_the_runner_of_the_examples() -> None:
    tick, opened = Decimal("0.001"), Decimal(100)
    assert levels.take_levels(opened, levels.runner_take_pct(SETTINGS), tick) == of("103.8")
    assert levels.activation_levels(opened, Decimal("1.9"), tick) == of("101.9")
    assert levels.trail_levels(Decimal(103), Decimal("0.4"), tick) == of("102.588")


def test_a_stop_of_the_whole_price_is_none() -> None:
    assert levels.stop_levels(Decimal(100), Decimal(100), Decimal("0.01")) == levels.NO_LEVELS
    assert levels.stop_levels(Decimal(100), Decimal("99.99"), Decimal("0.01")) == of("0.01")


def test_a_level_beside_a_tick_may_be_rounded_either_way() -> None:
    tick = Decimal("0.01")
    assert levels.take_levels(Decimal("100.000000001"), Decimal(1), tick) == of("101", "101.01")
    assert levels.take_levels(Decimal(100), Decimal(1), tick) == of("101")
    assert levels.take_levels(Decimal("100.001"), Decimal(1), tick) == of("101.01")


@given(st.decimals("0.01", "99999", places=4), st.decimals("0", "50", places=3), st.sampled_from(("0.01", "0.00001")))
def test_rounding_favours_the_lot(opened: Decimal, pct: Decimal, increment: str) -> None:
    tick = Decimal(increment)
    slack = tick * levels.NEAR_TICK
    up, down = opened * (1 + pct / 100), opened * (1 - pct / 100)
    for at in levels.take_levels(opened, pct, tick):
        assert up - slack <= at < up + tick + slack
    for at in levels.stop_levels(opened, pct, tick):
        assert down - tick - slack < at <= down + slack


TICKS = st.lists(st.tuples(st.integers(0, 3000), st.integers(95, 105)), max_size=25)
HOLD_MS = 1000


def judged(ticks: list[tuple[int, Decimal]], last_ms: int) -> list[tuple[int, Decimal]]:
    """What a bot judges that judged a price at `last_ms`, and never two within a second."""
    found = []
    for at, price in ticks:
        if at - last_ms >= HOLD_MS:
            found.append((at, price))
            last_ms = at
    return found


def series_of(steps: list[tuple[int, int]]) -> list[tuple[int, Decimal]]:
    at, ticks = 0, []
    for gap, price in steps:
        at += gap
        ticks.append((at, Decimal(price)))
    return ticks


@given(TICKS, st.integers(-HOLD_MS, 0), st.integers(95, 105))
def test_a_stand_was_judged_by_every_bot(steps: list[tuple[int, int]], last_ms: int, level: int) -> None:
    ticks = series_of(steps)
    seen = judged(ticks, last_ms)
    for stand in PriceSeries(ticks, HOLD_MS).stands(0, 10**9, lambda price: price <= level):
        assert any(stand.first_us <= at <= stand.sure_us and price <= level for at, price in seen)


@given(TICKS, st.integers(-HOLD_MS, 0))
def test_a_sure_peak_was_judged_by_every_bot(steps: list[tuple[int, int]], last_ms: int) -> None:
    ticks = series_of(steps)
    seen = judged(ticks, last_ms)
    for at, peak in PriceSeries(ticks, HOLD_MS).sure_peaks(0, 10**9):
        assert max(price for us, price in seen if us <= at) >= peak


def test_a_price_that_stands_is_found() -> None:
    ticks = [(0, Decimal(100)), (500, Decimal(99)), (1000, Decimal(99)), (1600, Decimal(98)), (1700, Decimal(101))]
    series = PriceSeries(ticks, HOLD_MS)
    assert next(series.stands(0, 5000, lambda price: price <= 99)) == (500, 1600)
    assert list(series.stands(0, 5000, lambda price: price <= 98)) == []
    assert list(series.sure_peaks(0, 5000)) == [(1000, Decimal(99))]


def test_each_bar_is_judged_by_itself() -> None:
    series = PriceSeries([(60, Decimal(99)), (120, Decimal(101))], 0)
    assert [stand.sure_us for stand in series.stands(0, 200, lambda price: price <= 99)] == [60]


def test_a_wild_price_must_come_twice() -> None:
    ticks = [(0, Decimal(100)), (10, Decimal(1)), (20, Decimal(1)), (1100, Decimal(1))]
    found = list(PriceSeries(ticks, HOLD_MS).stands(0, 5000, lambda price: price <= 50))
    assert found == [(20, 1100)], "the first of them is doubted"


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=8), st.integers(0, 60), st.integers(0, 30))
def test_spans_are_sets_of_moments(parts: list[tuple[int, int]], begin: int, length: int) -> None:
    spans = TimeSpans((first, first + more) for first, more in parts)
    covered = {at for first, more in parts for at in range(2 * first, 2 * (first + more) + 1)}  # in half steps
    wanted = range(2 * begin, 2 * (begin + length) + 1)
    assert spans.touch(begin, begin + length) == any(at in covered for at in wanted)
    free = {at for first, last in spans.gaps(begin, begin + length) for at in range(2 * first + 1, 2 * last)}
    inner = {at for at in wanted if at not in covered}
    assert free == {at for at in inner if 2 * begin < at < 2 * (begin + length)}


def order(lot: str, us: int, size: str, *, buys: bool = True, price: str = "100", done: bool = True) -> OwnOrder:
    fills = [OwnFill(us, Decimal(size), Decimal(price), Decimal("0.1"))]
    return OwnOrder(f"{lot}-{us}", lot, "X-USD", buys, None, None, us - 1, us - 1, us if done else None, fills)


def lots(*orders: OwnOrder) -> list[BoughtLot]:
    return lots_from(orders, {"X-USD": RULE}, 0)


def test_a_lot_is_what_its_fills_make_it() -> None:
    (lot,) = lots(order("a", 10, "1"), order("a", 20, "1", price="102"), order("a", 30, "2", buys=False, price="103"))
    assert (lot.open_price, lot.opened_us, lot.whole_us, lot.closed_us) == (Decimal(101), 10, 20, 30)
    assert lot.left(25) == 2 and lot.left(30) == 0
    assert lot.result == 206 - 202 - Decimal("0.3")


def test_a_rest_that_cannot_be_sold_closes_the_lot() -> None:
    (small,) = lots(order("a", 10, "1"), order("a", 20, "0.995", buys=False))
    assert (small.closed_us, small.unsure_us) == (20, 20), "0.005 is below the least size"
    (near,) = lots(order("a", 10, "1"), order("a", 20, "0.95", buys=False))
    assert (near.closed_us, near.unsure_us) == (NEVER_US, 20), "5 USD: the next price decides"
    (large,) = lots(order("a", 10, "1"), order("a", 20, "0.9", buys=False))
    assert (large.closed_us, large.unsure_us) == (NEVER_US, NEVER_US)


def test_what_was_bought_may_be_dust_from_the_first() -> None:
    (lot,) = lots(order("a", 10, "0.01"))
    assert lot.dust and lot.unsure_us == 10


def test_the_newest_lot_becomes_the_runner() -> None:
    made = lots(
        order("a", 100 * S, "1"),
        order("b", 200 * S, "1"),
        order("c", 300 * S, "1"),
        order("a", 400 * S, "1", buys=False),
        order("b", 500 * S, "1", buys=False),
        order("c", 600 * S, "1", buys=False),
        order("d", 700 * S, "1"),
    )
    found = reigns(made, lambda _from, _to: False)
    assert [(r.lot.lot_id, r.from_us // S, r.promoted, r.sure) for r in found] == [
        ("a", 100, False, True), ("c", 400, True, True), ("d", 700, False, True),
    ]  # fmt: skip


def test_who_is_promoted_is_unsure_where_a_lot_opened_at_that_moment() -> None:
    made = lots(
        order("a", 100 * S, "1"),
        order("b", 200 * S, "1"),
        order("a", 400 * S, "1", buys=False),
        order("c", 400 * S + NEWS_US // 2, "1"),
    )
    assert [(r.lot.lot_id, r.sure) for r in reigns(made, lambda _from, _to: False)] == [("a", True), ("b", False)]


def test_news_that_was_hidden_makes_more_unsure() -> None:
    made = lots(
        order("a", 100 * S, "1"),
        order("b", 200 * S, "1"),
        order("a", 400 * S, "1", buys=False),
        order("c", 400 * S + 10 * NEWS_US, "1"),
    )
    assert [r.sure for r in reigns(made, lambda _from, _to: False)] == [True, True]
    assert [r.sure for r in reigns(made, lambda _from, _to: True)] == [True, False]


def test_signals() -> None:
    closes = [Decimal(price) for price in (3, 2, 1, 4)]
    plain = {"regime": False, "ma_fast": 1, "ma_slow": 3}
    cross, always = plain | {"strategy": "sma_cross"}, plain | {"strategy": "always"}
    assert says_buy(cross, closes) is True and says_buy(cross, closes[:3]) is False
    assert says_buy(cross, [Decimal(2)] * 3) is False, "equal is no signal"
    assert says_buy(cross, closes[:2]) is None
    assert says_buy(always, closes) is True and says_buy(always, []) is None
    assert says_buy(plain | {"strategy": "logistic"}, closes) is None
    assert says_buy(always | {"regime": True}, closes) is None, "which regime it was is not reckoned"


@pytest.mark.parametrize(
    ("majority", "weights", "rises", "falls"),
    [(0.5, "", True, False), (0.4, "", True, False), (0.5, "always:3", True, True), (0.7, "always:3", True, True),
     (0.8, "always:3", True, False)],
)  # fmt: skip
def test_signals_of_several(majority: float, weights: str, rises: bool, falls: bool) -> None:
    """`always` says BUY; the averages say BUY when prices rise, SELL when they fall."""
    settings = {
        "regime": False, "strategy": "combined", "strategies": ("always", "sma_cross"), "ma_fast": 1, "ma_slow": 3,
        "strategies_majority": majority, "strategies_weights": weights,
    }  # fmt: skip
    up, down = [Decimal(price) for price in (1, 2, 3)], [Decimal(price) for price in (3, 2, 1)]
    assert says_buy(settings, up) is rises and says_buy(settings, down) is falls
    assert says_buy(settings, up[:2]) is None
    assert says_buy(settings | {"strategies": ("always", "momentum")}, up) is None
