"""Each rule as a table, boundaries included."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.core.rulebook import r


@pytest.mark.parametrize(
    ("p", "use_ma", "side", "signal"),
    [
        (0.46, False, 0, r.SIGNAL_BUY),
        (0.45, False, 0, r.SIGNAL_SELL),  # exactly at BUY is not above it, and it is below SELL
        (0.50, False, 0, r.SIGNAL_BUY),  # both hold: BUY is judged first
        (0.44, False, 0, r.SIGNAL_SELL),
        (0.50, True, 1, r.SIGNAL_BUY),
        (0.50, True, -1, r.SIGNAL_SELL),  # the filter shuts BUY, SELL is judged next
        (0.50, True, 0, r.SIGNAL_FLAT),
        (0.60, True, -1, r.SIGNAL_FLAT),
        (0.10, True, 1, r.SIGNAL_FLAT),
        (math.nan, False, 1, r.SIGNAL_FLAT),
    ],
)
def test_decide(p: float, use_ma: bool, side: int, signal: int) -> None:
    assert r.decide(p, 0.45, 0.55, use_ma, side) == signal


def test_decide_gap_between_thresholds() -> None:
    for p, signal in ((0.61, r.SIGNAL_BUY), (0.6, r.SIGNAL_FLAT), (0.4, r.SIGNAL_FLAT), (0.39, r.SIGNAL_SELL)):
        assert r.decide(p, 0.6, 0.4, False, 0) == signal


def test_ma_side_is_exact_at_a_tie() -> None:
    assert r.ma_side(300, 3, 1000, 10) == 0
    assert r.ma_side(301, 3, 1000, 10) == 1
    assert r.ma_side(300, 3, 1001, 10) == -1


@pytest.mark.parametrize(
    ("open_ticks", "pct", "take"),
    [
        (10_000, 1.9, 10_190),
        (10_001, 1.9, 10_192),
        (3, 1.0, 4),
        (10_000.5, 1.0, 10_101),
        (99_999_999, 0.01, 100_009_999),
    ],
)
def test_take_rounds_up(open_ticks: float, pct: float, take: int) -> None:
    assert r.take_ticks(open_ticks, pct) == take


@pytest.mark.parametrize(
    ("open_ticks", "pct", "stop"),
    [(10_000, 1.0, 9_900), (10_001, 1.0, 9_900), (10_000, 100.0, 0), (10_000, 1000.0, 0), (3, 50.0, 1)],
)
def test_stop_rounds_down_and_is_off_at_zero(open_ticks: float, pct: float, stop: int) -> None:
    assert r.stop_ticks(open_ticks, pct) == stop


@pytest.mark.parametrize(
    ("price", "active", "peak", "result"),
    [
        (10_189, False, 0, (False, 0, 0)),
        (10_190, False, 0, (True, 10_190, 10_149)),  # exactly at the activation
        (10_300, True, 10_190, (True, 10_300, 10_258)),
        (10_200, True, 10_300, (True, 10_300, 10_258)),
        (9_000, True, 10_300, (True, 10_300, 10_258)),  # once active, active for good
    ],
)
def test_trail_step(price: int, active: bool, peak: int, result: tuple[bool, int, int]) -> None:
    assert r.trail_step(price, 10_000, active, peak, 1.9, 0.4) == result


@pytest.mark.parametrize(
    ("price", "take", "stop", "runner", "trail", "trail_at", "reason"),
    [
        (9_900, 10_380, 9_900, False, False, 0, r.EXIT_STOP),
        (9_901, 10_380, 9_900, False, False, 0, r.EXIT_NONE),
        (10_379, 10_380, 9_900, False, False, 0, r.EXIT_NONE),
        (10_380, 10_380, 9_900, False, False, 0, r.EXIT_TAKE),
        (10_258, 10_380, 9_900, True, True, 10_258, r.EXIT_TRAIL),
        (10_259, 10_380, 9_900, True, True, 10_258, r.EXIT_NONE),
        (10_258, 10_380, 9_900, False, True, 10_258, r.EXIT_NONE),  # a scalp never trails
        (10_258, 10_380, 9_900, True, False, 10_258, r.EXIT_NONE),
        (10_258, 10_200, 9_900, True, True, 10_258, r.EXIT_TRAIL),  # trailing before take
        (10_258, 10_200, 10_300, True, True, 10_258, r.EXIT_STOP),  # stop before both
        (1, 10_380, 0, False, False, 0, r.EXIT_NONE),  # stop off
        (99_999, 0, 0, False, False, 0, r.EXIT_NONE),  # the take rests at the exchange
    ],
)
def test_exit_order(price: int, take: int, stop: int, runner: bool, trail: bool, trail_at: int, reason: int) -> None:
    assert r.exit_reason(price, take, stop, runner, trail, trail_at) == reason


def test_judge_lot_walks_a_runner_from_entry_to_trailing_exit() -> None:
    active, peak = False, 0
    seen = []
    for price in (10_000, 10_189, 10_190, 10_300, 10_259, 10_258):
        reason, active, peak, stop = r.judge_lot(price, 10_000, 10_380, 0, True, active, peak, 1.9, 0.4)
        seen.append((reason, active, peak, stop))
    assert seen == [
        (r.EXIT_NONE, False, 0, 0),
        (r.EXIT_NONE, False, 0, 0),
        (r.EXIT_NONE, True, 10_190, 10_149),
        (r.EXIT_NONE, True, 10_300, 10_258),
        (r.EXIT_NONE, True, 10_300, 10_258),
        (r.EXIT_TRAIL, True, 10_300, 10_258),
    ]


def test_adverse_gate_boundaries() -> None:
    assert r.adverse_limit_ticks(10_000, 1.5) == 9_850
    assert r.adverse_open(9_850, 10_000, 1.5)
    assert not r.adverse_open(9_851, 10_000, 1.5)
    assert r.adverse_limit_ticks(10_001, 1.5) == 9_850  # 9,850.985: the tick above has not fallen far enough
    assert r.adverse_open(10_000, 10_000, 0.0)


def test_adverse_need_at_the_ends() -> None:
    assert r.adverse_need_pct(0, 1.5, 0.02, 0.4) == 1.5
    assert r.adverse_need_pct(-30, 1.5, 0.02, 0.4) == 1.5  # the clock went back
    assert r.adverse_need_pct(1e9, 1.5, 0.02, 0.4) == 0.4
    assert r.adverse_need_pct(500, 1.5, 0.0, 0.4) == 1.5
    assert r.adverse_need_pct(0, 0.3, 0.02, 0.4) == 0.4


def test_add_anchor() -> None:
    assert r.add_anchor_ms(30, 20, 10) == 30
    assert r.add_anchor_ms(0, 20, 10) == 20
    assert r.add_anchor_ms(0, 0, 10) == 10


def test_pause_and_caps() -> None:
    assert r.pause_open(0.0, 0.0) and r.pause_open(5.0, 5.0) and not r.pause_open(4.999, 5.0)
    assert r.lots_open(19, 0, 20) and not r.lots_open(19, 1, 20) and not r.lots_open(20, 0, 20)


def test_kinds_and_scalp_tp_without_decay() -> None:
    assert (r.entry_kind(0), r.entry_kind(1)) == (r.LOT_RUNNER, r.LOT_SCALP)
    assert r.scalp_tp_pct(9, 1.9, r.DECAY_EXP, 0.5, 0.2, 1.55, False) == 1.9
    assert r.scalp_tp_pct(0, 1.2, r.DECAY_EXP, 0.5, 0.2, 1.55, True) == 1.55


OPEN_GATES: dict[str, object] = {
    "signal": r.SIGNAL_BUY,
    "bar_used": False,
    "open_lots": 3,
    "in_flight": 0,
    "total_lots": 5,
    "total_in_flight": 1,
    "max_lots": 20,
    "max_total_lots": 60,
    "breaker": False,
    "allow_pyramiding": True,
    "seconds_since_add": 60.0,
    "min_seconds_between": 60.0,
    "price_ticks": 9_850,
    "last_entry_ticks": 10_000.0,
    "need_pct": 1.5,
    "edge": True,
}
SHUT_BY = [
    ({"signal": r.SIGNAL_FLAT}, r.ENTRY_NO_BUY),
    ({"signal": r.SIGNAL_SELL}, r.ENTRY_NO_BUY),
    ({"bar_used": True}, r.ENTRY_BAR_USED),
    ({"in_flight": 1}, r.ENTRY_IN_FLIGHT),
    ({"breaker": True}, r.ENTRY_BREAKER),
    ({"allow_pyramiding": False}, r.ENTRY_NO_PYRAMIDING),
    ({"open_lots": 20, "total_lots": 22}, r.ENTRY_LOTS_FULL),
    ({"total_lots": 59}, r.ENTRY_TOTAL_LOTS_FULL),
    ({"seconds_since_add": 59.999}, r.ENTRY_PAUSE),
    ({"price_ticks": 9_851}, r.ENTRY_NOT_ADVERSE),
    ({"edge": False}, r.ENTRY_NO_EDGE),
]


@pytest.mark.parametrize(("change", "reason"), [({}, r.ENTRY_OPEN), *SHUT_BY])
def test_each_gate_shuts_alone(change: dict[str, object], reason: int) -> None:
    assert r.entry_reason(**{**OPEN_GATES, **change}) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{}, {"seconds_since_add": 0.0}, {"price_ticks": 20_000}, {"allow_pyramiding": False}]
)
def test_a_runner_needs_no_pause_and_no_fall(change: dict[str, object]) -> None:
    assert r.entry_reason(**{**OPEN_GATES, "open_lots": 0, **change}) == r.ENTRY_OPEN  # type: ignore[arg-type]


def test_first_shut_gate_wins() -> None:
    state = dict(OPEN_GATES)
    for change, reason in reversed(SHUT_BY[2:]):
        state |= change
        if reason in (r.ENTRY_NO_PYRAMIDING,):
            assert r.entry_reason(**state) == reason  # type: ignore[arg-type]
            state["allow_pyramiding"] = True
            continue
        assert r.entry_reason(**state) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("long", "short", "factor"),
    [
        (0.001, 0.001, 1.0),
        (0.0012, 0.001, 1.2),
        (0.01, 0.001, 1.5),
        (0.001, 0.01, 0.25),
        (0.001, 0.0, 1.0),
        (0.0, 0.001, 1.0),
        (math.nan, 0.001, 1.0),
        (0.001, math.nan, 1.0),
    ],
)
def test_vol_factor(long: float, short: float, factor: float) -> None:
    assert r.vol_factor(long, short) == pytest.approx(factor, abs=1e-12)


def test_entry_quote() -> None:
    assert r.entry_quote(1000.0, 20.0, 5.0, 1.0) == 200.0
    assert r.entry_quote(1000.0, 20.0, 5.0, 0.25) == 50.0
    assert r.entry_quote(10.0, 20.0, 5.0, 1.0) == 5.0
    assert r.entry_quote(-10.0, 20.0, 5.0, 1.0) == 5.0
    assert r.useful_quote(200.0, 5.0) == 50.0 and r.useful_quote(12.0, 5.0) == 5.0 and r.useful_quote(5.0, 5.0) == 5.0
    assert [r.affordable_quote(200.0, 5.0, have, False) for have in (200.0, 199.0, 50.0, 49.9)] == [
        200.0,
        199.0,
        50.0,
        0.0,
    ]
    assert [r.affordable_quote(200.0, 5.0, have, True) for have in (200.0, 199.0, 5.0, 4.9)] == [200.0, 5.0, 5.0, 0.0]
    assert r.funds_open(5.0, 5.0) and not r.funds_open(5.01, 5.0)


def test_base_steps() -> None:
    # 200 USD at 50,000.00 with 0.90 %: 200 / 1.009 / 50,000 = 0.003964321..., in steps of 1e-8
    units = r.quote_units(200.0, 1e-10)
    assert units == 2_000_000_000_000
    assert r.base_steps(units, 5_000_000, 9_000) == 396_432
    assert r.base_steps(units, 5_000_000, 0) == 400_000
    assert r.base_steps(0, 5_000_000, 0) == r.base_steps(units, 0, 0) == 0
    assert r.base_steps(9_000_000_000_000_000_000, 1, 9_000) == 9_000_000_000_000_000_000 * 10**6 // 1_009_000


def test_dust() -> None:
    assert r.is_dust(9, 100, 10, 0) and not r.is_dust(10, 100, 10, 0)
    assert r.is_dust(10, 100, 10, 1001) and not r.is_dust(10, 100, 10, 1000)


def test_break_even_earns_nothing() -> None:
    price = r.break_even_price(100.0, 0.9, 0.5)
    assert r.pnl_quote(100.0, price, 2.0, 1.8, 2.0 * price * 0.005) == pytest.approx(0.0, abs=1e-12)
    assert r.break_even_pct(0.9, 0.5) == pytest.approx(price - 100.0, abs=1e-12)
    tp = r.break_even_pct(0.9, 0.5)
    assert r.edge_open(tp, 0.9, 0.5, 0.0) and not r.edge_open(tp - 1e-6, 0.9, 0.5, 0.0)


def test_day_turns_at_midnight_utc_only() -> None:
    def ms(text: str) -> int:
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)

    last, first = ms("2026-03-01T23:59:59.999"), ms("2026-03-02T00:00:00.000")
    assert r.day_turned(last, first) and not r.day_turned(last - 5, last)
    assert not r.day_turned(first, last)
    assert r.day_start_ms(first + 1) == first and r.utc_day(first) == r.utc_day(last) + 1


def test_day_pnl_and_breaker() -> None:
    assert r.day_pnl(True, 1080.0, 1000.0, 100.0, 7.0) == -20.0
    assert r.day_pnl(False, 1080.0, 1000.0, 100.0, 7.0) == 7.0
    assert r.breaker_tripped(-20.0, 1000.0, 2.0, 0.0)
    assert not r.breaker_tripped(-19.99, 1000.0, 2.0, 0.0)
    assert r.breaker_tripped(-10.0, 1000.0, 2.0, 10.0) and not r.breaker_tripped(-9.99, 1000.0, 2.0, 10.0)
    assert r.breaker_tripped(1080.1 - 1000.1 - 100.0, 1000.0, 2.0, 0.0)  # a float hair above -20


def test_promotion() -> None:
    runner, active, peak = [False, False, False], [False, True, True], [0, 5, 7]
    assert r.promote(runner, active, peak, 3) == 2
    assert (runner, active, peak) == ([False, False, True], [False, True, False], [0, 5, 0])
    assert r.promote(runner, active, peak, 3) == -1
    assert r.promotion_index([False, False, True], 2) == 1  # what lies behind the count is not read
    assert r.promotion_index([], 0) == -1
    assert r.scalps_before(runner, 3) == 2 and r.scalps_before(np.zeros(4, np.bool_), 4) == 4


def test_sigma_matches_numpy() -> None:
    prices = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, 500)))
    units = [r.log_return_units(b, a) for a, b in zip(prices[:-1].tolist(), prices[1:].tolist(), strict=True)]
    got = r.sigma(sum(units), sum(u * u for u in units), len(units))
    assert got == pytest.approx(np.std(np.diff(np.log(prices)), ddof=1), rel=1e-6)
    assert math.isnan(r.sigma(5, 25, 1)) and r.sigma(0, 0, 10) == 0.0
    assert r.sigma(0, 2 * 10**12, 2) == pytest.approx(math.sqrt(2) * 0.01)
    assert r.log_return_units(1.0, 0.0) == 0
    assert r.log_return_units(100.0, 1.0) == 50_000_000 and r.log_return_units(0.0, 1.0) == 0
