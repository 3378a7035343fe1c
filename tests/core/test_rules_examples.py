"""The worked examples of docs/trading-rules.md §9, to 1e-9, and the other figures that the specification states."""

import math

import pytest

from tests.core.rulebook import r


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-9, rel=0)


def test_adverse_need() -> None:
    assert r.adverse_need_pct(10, 1.5, 0.02, 0.4) == near(1.22809612961697)
    assert r.adverse_need_pct(70, 1.5, 0.02, 0.4) == 0.4
    assert r.adverse_need_pct(70, 1.5, 0.02, 0.0) == near(1.5 * math.exp(-1.4))


def test_scalp_tp_exp() -> None:
    def tp(k: int, floor: float = 1.55) -> float:
        return r.scalp_tp_pct(k, 1.9, r.DECAY_EXP, 0.9802, 0.2, floor, True)

    assert tp(0) == 1.9
    assert tp(3) == near(1.9 * 0.9802 * 0.9802 * 0.9802)
    assert f"{tp(3):.12f}".startswith("1.78935987")
    assert tp(12) == 1.55
    assert 1.4946 <= tp(12, floor=0.0) < 1.4947


def test_scalp_tp_linear() -> None:
    assert r.scalp_tp_pct(1, 1.9, r.DECAY_LINEAR, 0.9802, 0.2, 1.55, True) == near(1.7)
    assert r.scalp_tp_pct(2, 1.9, r.DECAY_LINEAR, 0.9802, 0.2, 1.55, True) == 1.55


@pytest.mark.parametrize("per_unit", [10, 100, 1000, 100_000, 100_000_000])
def test_runner_levels(per_unit: int) -> None:
    """Open at 100 with ticks of 0.1 down to 1e-8: the levels are exact at every tick size that holds them."""
    open_ticks = 100 * per_unit
    tp = r.runner_tp_pct(1.9, 2.0)
    assert tp == near(3.8)
    assert r.take_ticks(open_ticks, tp) * 10 == 1038 * per_unit
    assert r.trail_activation_ticks(open_ticks, 1.9) * 10 == 1019 * per_unit
    trail = r.trail_stop_ticks(103 * per_unit, 0.4)
    if per_unit >= 1000:
        assert trail * 1000 == 102_588 * per_unit
    else:
        assert trail == 102_588 * per_unit // 1000


def test_round_trip() -> None:
    entry_fee, exit_fee = r.fee_quote(100.0, 0.75), r.fee_quote(103.8, 0.75)
    assert (entry_fee, exit_fee) == (near(0.75), near(0.7785))
    assert r.pnl_quote(100.0, 103.8, 1.0, entry_fee, exit_fee) == near(2.2715)


def test_first_fee_tier_loses() -> None:
    """Market in and out at 0.90 % costs over 1.8 %: no default scalp passes the edge gate, the runner does."""
    assert r.round_trip_cost_pct(1.9, 0.9, 0.9) == near(1.8171)
    assert r.edge_open(1.9, 0.9, 0.9, 0.05)
    assert not r.edge_open(1.55, 0.9, 0.9, 0.05)
    assert not r.edge_open(1.8, 0.9, 0.9, 0.05)
    assert r.edge_open(1.55, 0.9, 0.5, 0.05)
    assert r.edge_open(3.8, 0.9, 0.9, 0.05)


def test_float_floor_traps() -> None:
    assert 0.29 / 0.01 < 29 and math.floor(0.29 / 0.01) == 28
    assert r.quote_units(0.29, 0.01) == 29
    assert math.ceil(1_000_000 * (1 + 1.55 / 100)) == 1_015_501 and r.take_ticks(1_000_000, 1.55) == 1_015_500
    assert math.floor(1000 * (1 - 7 / 100)) == 929 and r.stop_ticks(1000, 7) == 930
    assert r.floor_units(29.0001) == 29 and r.ceil_units(29.0001) == 30


def test_snap_both_ways() -> None:
    """A hair off a whole number is that number, for small and for large counts; more than a hair is not."""
    assert 0.1 * 3 / 0.1 > 3
    assert r.ceil_units(0.1 * 3 / 0.1) == 3 and r.ceil_units(2.9999999999) == 3
    assert r.floor_units(0.29 / 0.01) == 29 and r.floor_units(29.0000000001) == 29
    beyond, below = math.nextafter(1e9, 2e9), math.nextafter(1e9, 0)  # 1.2e-7 and 1.2e-7 / 2 away
    assert r.ceil_units(beyond) == 10**9 and r.floor_units(below) == 10**9
    assert r.ceil_units(3.000001) == 4 and r.floor_units(2.999999) == 2
    assert r.ceil_units(-0.5) == 0 and r.floor_units(-0.5) == -1
