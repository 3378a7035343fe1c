"""What must hold for every input: exact levels, stops that never fall, sizes that funds cover, one runner."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.core.rulebook import r

ticks = st.integers(1, 10**8)
pct4 = st.integers(1, 999_999).map(lambda n: n / 10_000)  # 0.0001 .. 99.9999 %, four decimals


def exact(pct: float) -> Decimal:
    return Decimal(repr(pct))


@given(ticks, pct4)
def test_levels_equal_exact_arithmetic(open_ticks: int, pct: float) -> None:
    up = open_ticks * (1 + exact(pct) / 100)
    down = open_ticks * (1 - exact(pct) / 100)
    assert r.take_ticks(open_ticks, pct) == int(up.to_integral_value(ROUND_CEILING))
    assert r.trail_activation_ticks(open_ticks, pct) == int(up.to_integral_value(ROUND_CEILING))
    assert r.stop_ticks(open_ticks, pct) == int(down.to_integral_value(ROUND_FLOOR))
    assert r.trail_stop_ticks(open_ticks, pct) == int(down.to_integral_value(ROUND_FLOOR))
    assert r.adverse_limit_ticks(open_ticks, pct) == int(down.to_integral_value(ROUND_FLOOR))


@given(
    st.integers(1000, 10**8),
    st.lists(st.floats(0.5, 2.0), min_size=1, max_size=60),
    st.integers(1, 999).map(lambda n: n / 100),
    st.integers(1, 999).map(lambda n: n / 100),
)
def test_trailing_stop_never_falls(open_ticks: int, path: list[float], activate: float, distance: float) -> None:
    active, peak, last = False, 0, 0
    for factor in path:
        price = int(open_ticks * factor)
        active, peak, stop = r.trail_step(price, open_ticks, active, peak, activate, distance)
        assert stop >= last
        assert not active or stop < peak
        assert active or price < open_ticks * (1 + activate / 100) + 1
        last = stop


@given(
    st.floats(0.01, 20),
    st.sampled_from([r.DECAY_EXP, r.DECAY_LINEAR]),
    st.floats(0.01, 1.0),
    st.floats(0, 5),
    st.floats(0.01, 20),
    st.integers(0, 200),
)
def test_scalp_tp_falls_with_k_and_keeps_its_floor(
    tp: float, mode: int, factor: float, dec: float, floor: float, k: int
) -> None:
    now, later = (r.scalp_tp_pct(n, tp, mode, factor, dec, floor, True) for n in (k, k + 1))
    assert floor <= later <= now <= max(tp, floor)


@given(st.floats(0, 1e5), st.floats(0, 1e4), st.floats(0, 50), st.floats(0, 5), st.floats(0, 50))
def test_adverse_need_falls_with_time(minutes: float, more: float, start: float, decay: float, floor: float) -> None:
    now = r.adverse_need_pct(minutes, start, decay, floor)
    assert floor <= r.adverse_need_pct(minutes + more, start, decay, floor) <= now <= max(start, floor)


@given(st.integers(0, 9 * 10**18), st.integers(1, 10**9), st.integers(0, 100_000))
def test_size_with_its_fee_never_costs_more_than_the_quote(units: int, price: int, fee_ppm: int) -> None:
    steps = r.base_steps(units, price, fee_ppm)
    assert steps * price * (10**6 + fee_ppm) <= units * 10**6
    # One step more would: the floor is the greatest size that fits (two floors in a row lose less than a step).
    assert (steps + 1) * price * (10**6 + fee_ppm) > units * 10**6


@given(st.integers(0, 10**12), st.sampled_from(["0.01", "0.001", "0.00000001", "1", "0.05"]))
def test_a_multiple_of_an_increment_counts_exactly(count: int, increment: str) -> None:
    value = float(Decimal(increment) * count)
    assert r.quote_units(value, float(increment)) == count


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_exactly_one_runner_while_there_are_lots(opens: list[bool], data: st.DataObject) -> None:
    """Open and close lots at random: the rules keep exactly one runner whenever a lot is open."""
    runner: list[bool] = []
    for is_open in opens:
        if is_open or not runner:
            runner.append(r.entry_kind(len(runner)) == r.LOT_RUNNER)
        else:
            closed = runner.pop(data.draw(st.integers(0, len(runner) - 1)))
            newest_before = len(runner) - 1
            promoted = r.promote(runner, [True] * len(runner), [9] * len(runner), len(runner))
            assert promoted == (newest_before if closed and runner else -1)
        assert sum(runner) == (1 if runner else 0)
        assert r.scalps_before(runner, len(runner)) == max(len(runner) - 1, 0)
