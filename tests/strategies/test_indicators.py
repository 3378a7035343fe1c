"""Indicators equal TA-Lib's where it has them, else a slow second implementation."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bot.strategies import indicators as ind
from bot.strategies.base import Bars

talib = pytest.importorskip("talib")
PERIODS = [2, 5, 14, 30]


@pytest.fixture(params=[(400, 1), (3_000, 2), (31, 3)])
def bars(request: pytest.FixtureRequest, make_bars: Callable[..., Bars]) -> Bars:
    count, seed = request.param
    return make_bars(count, seed)


@pytest.mark.parametrize("n", PERIODS)
def test_equal_to_ta_lib(bars: Bars, n: int) -> None:
    c, h, low = bars.close, bars.high, bars.low
    pairs = [
        (ind.sma(c, n), talib.SMA(c, n)),
        (ind.ema(c, n), talib.EMA(c, n)),
        (ind.rsi(c, n), talib.RSI(c, n)),
        (ind.atr(h, low, c, n), talib.ATR(h, low, c, n)),
        (ind.true_range(h, low, c), talib.TRANGE(h, low, c)),
        (ind.simple_return(c, n), talib.ROCP(c, n)),
    ]
    for ours, theirs in pairs:
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    # TA-Lib's deviation is a difference of two large sums; ours is the more exact one.
    assert_allclose(ind.rolling_std(c, n), talib.STDDEV(c, n), rtol=1e-5, atol=1e-5)


def test_against_a_slow_second_implementation(make_bars: Callable[..., Bars]) -> None:
    c = make_bars(300).close
    for i in (29, 30, 150, 299):
        window = c[i - 19 : i + 1]
        assert ind.zscore(c, 20)[i] == pytest.approx((c[i] - window.mean()) / window.std(), rel=1e-9)
        returns = np.log(c[i - 20 + 1 : i + 1] / c[i - 20 : i])
        assert ind.log_return_vol(c, 20)[i] == pytest.approx(returns.std(), rel=1e-9)
    assert_array_equal(ind.log_return(c)[1:], np.log(c[1:] / c[:-1]))


@pytest.mark.parametrize("window", [15, 30, 50, 200])
def test_rsi_window_is_the_rsi_of_that_window_alone(make_bars: Callable[..., Bars], window: int) -> None:
    c = make_bars(400).close
    ours = ind.rsi_window(c, 14, window)
    assert np.isnan(ours[: window - 1]).all()
    for i in range(window - 1, len(c), 17):
        assert ours[i] == pytest.approx(talib.RSI(c[i - window + 1 : i + 1].copy(), 14)[-1], rel=1e-9)
    assert ind.rsi_window(np.full(40, 7.0), 14, 30)[-1] == 50.0


@pytest.mark.parametrize(
    "indicator",
    [
        lambda b: ind.sma(b.close, 20),
        lambda b: ind.rolling_std(b.close, 20),
        lambda b: ind.zscore(b.close, 20),
        lambda b: ind.rsi_window(b.close, 14, 30),
        lambda b: ind.log_return_vol(b.close, 30),
        lambda b: ind.rolling_sum(b.close_ticks, 30),
    ],
)
def test_same_bits_from_any_window(make_bars: Callable[..., Bars], indicator: Callable[[Bars], np.ndarray]) -> None:
    """What a live bot computes over its window is what research computes over history."""
    bars = make_bars(40_000)
    whole = indicator(bars)
    for end in (60, 999, 16_400, 33_333, 40_000):
        for length in (31, 50, 1_000):
            first = max(end - length, 0)
            assert indicator(bars.between(first, end))[-1] == whole[end - 1]


def test_nan_until_known(make_bars: Callable[..., Bars]) -> None:
    c = make_bars(50).close
    for array, first in ((ind.sma(c, 10), 9), (ind.ema(c, 10), 9), (ind.rsi(c, 14), 14), (ind.zscore(c, 20), 19)):
        assert np.isnan(array[:first]).all() and np.isfinite(array[first:]).all()
    short = make_bars(5)
    assert np.isnan(ind.sma(short.close, 10)).all() and np.isnan(ind.ema(short.close, 10)).all()
    assert not ind.rolling_sum(short.close_ticks, 10).any()
    for empty in (ind.sma, ind.ema, ind.zscore, ind.rsi, ind.rsi_window, ind.log_return_vol):
        assert len(empty(np.empty(0), 14)) == 0


def test_rolling_sum_survives_a_wrapped_running_total() -> None:
    values = np.full(100, 2**60, dtype=np.int64)
    assert_array_equal(ind.rolling_sum(values, 3)[2:], np.full(98, 3 * 2**60))


def test_zscore_where_nothing_moves() -> None:
    assert_array_equal(ind.zscore(np.full(30, 0.1), 20)[19:], np.zeros(11))
