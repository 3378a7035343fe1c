"""What the logistic model looks at (docs/trading-rules.md §3.4). One row per bar, NaN until it is known.

Every feature reads a fixed number of bars, so a bot's window and a year of history give the same rows to the bit.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.strategies import indicators as ind
from bot.strategies.base import Bars

Floats = NDArray[np.float64]

BASELINE = ("return_1", "return_5", "rsi_14", "sma_gap_10_30")
EXTENDED = (*BASELINE, "zscore_20", "volatility_20", "volume_zscore_20", "range", "momentum_15", "momentum_60")
# Bars that a row needs, its own included: SMA-30 and an RSI over as many closes; 60 bars of momentum and its start.
BASELINE_BARS = 30
EXTENDED_BARS = 61


def names(mode: str) -> tuple[str, ...]:
    """The features of MODEL_MODE, in the order of the columns."""
    return EXTENDED if mode == "extended" else BASELINE


def bars_needed(mode: str) -> int:
    """Bars that a row needs, its own included."""
    return EXTENDED_BARS if mode == "extended" else BASELINE_BARS


def sma_gap(bars: Bars, fast: int, slow: int) -> Floats:
    """fast average / slow average - 1, from exact sums of ticks; NaN before `slow` bars."""
    ticks = bars.close_ticks
    fast_sum: Any = ind.rolling_sum(ticks, fast)
    slow_sum: Any = ind.rolling_sum(ticks, slow)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap: Floats = (fast_sum * slow) / (slow_sum * fast) - 1.0
    gap[: slow - 1] = np.nan
    return gap


def rows(bars: Bars, mode: str) -> Floats:
    """Shape (bars, features). Returns and gaps are fractions, RSI is 0..1, range is (high - low) / close."""
    close = bars.close
    columns = [
        ind.simple_return(close, 1),
        ind.simple_return(close, 5),
        ind.rsi_window(close, 14, BASELINE_BARS) / 100.0,
        sma_gap(bars, 10, 30),
    ]
    if mode == "extended":
        columns += [
            ind.zscore(close, 20),
            ind.log_return_vol(close, 20),
            ind.zscore(bars.volume, 20),
            (bars.high - bars.low) / close,
            ind.simple_return(close, 15),
            ind.simple_return(close, 60),
        ]
    table = np.array(columns)  # a feature's values lie side by side: fits read whole columns
    table[:, : bars_needed(mode) - 1] = np.nan
    return table.T


def newest_row(bars: Sequence[Sequence[float]], price_increment: float, mode: str) -> Floats:
    """The last row of `rows` over bars (start_s, open, high, low, close, volume), at least `bars_needed(mode)` of them.

    The same sums in the same order, so the same bits, at a tenth of the work: a bot needs no row but this one.
    """
    newest = bars[-bars_needed(mode) :]
    close = np.array([bar[4] for bar in newest])
    if len(close) < bars_needed(mode) or not (close > 0.0).all():  # what cannot be divided by is left to arrays
        whole: Floats = rows(Bars.from_rows(newest, price_increment, 60), mode)[-1]
        return whole
    last = newest[-1][4]
    found = [
        last / newest[-2][4] - 1.0,
        last / newest[-6][4] - 1.0,
        ind.newest_rsi_window(close[-BASELINE_BARS:], 14) / 100.0,
        _newest_gap(np.rint(close[-30:] / price_increment).astype(np.int64), 10, 30),
    ]
    if mode == "extended":
        _, _, high, low, _, _ = newest[-1]
        found += [
            ind.newest_zscore(close[-20:]),
            ind.newest_deviation(np.log(close[-20:] / close[-21:-1])),
            ind.newest_zscore(np.array([bar[5] for bar in newest[-20:]])),
            (high - low) / last,
            last / newest[-16][4] - 1.0,
            last / newest[-61][4] - 1.0,
        ]
    return np.array(found)


def _newest_gap(ticks: NDArray[np.int64], fast: int, slow: int) -> float:
    """The last entry of `sma_gap`."""
    fast_sum, slow_sum = int(ticks[-fast:].sum()), int(ticks[-slow:].sum())
    return float(fast_sum * slow) / float(slow_sum * fast) - 1.0 if slow_sum else math.nan


def next_is_up(bars: Bars) -> NDArray[np.bool_]:
    """For each bar but the last: does the next bar close above it, in whole ticks?"""
    ticks = bars.close_ticks
    return np.asarray(ticks[1:] > ticks[:-1])
