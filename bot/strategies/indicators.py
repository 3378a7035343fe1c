"""Indicators over whole arrays. Definitions are TA-Lib's where it has one; NaN until there are enough bars.

Each takes and returns arrays of one length; entry i comes from entries up to i only. Sums, deviations and
`rsi_window` read a fixed number of bars, so a live window and a year of history give the same bits. EMA, RSI and
ATR remember everything since the first bar, as TA-Lib's do.
"""

import functools
import math
from itertools import accumulate

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Rows of a sliding window handled at once: bounds the memory, not the result.
_CHUNK = 16_384


def _unknown(count: int) -> Floats:
    return np.full(count, np.nan)


def rolling_sum(values: Ints, bars: int) -> Ints:
    """Sum of the newest `bars` whole numbers; entries before bars-1 are 0. Exact, also when the running total wraps."""
    out = np.zeros(len(values), dtype=np.int64)
    if len(values) >= bars:
        total = np.cumsum(values, dtype=np.int64)
        out[bars - 1] = total[bars - 1]
        np.subtract(total[bars:], total[:-bars], out=out[bars:])
    return out


def _over_windows(values: Floats, bars: int, what: str) -> Floats:
    """`np.mean` or `np.std` (population) of each window: the same bits wherever the window lies in the array."""
    out = _unknown(len(values))
    if len(values) < bars:
        return out
    windows = sliding_window_view(values, bars)
    for first in range(0, len(windows), _CHUNK):
        # A copy: numpy sums a contiguous row in one order and a strided one in another.
        block = np.ascontiguousarray(windows[first : first + _CHUNK])
        at = slice(first + bars - 1, first + bars - 1 + len(block))
        out[at] = block.mean(axis=1) if what == "mean" else block.std(axis=1)
    return out


def sma(values: Floats, bars: int) -> Floats:
    """Mean of the newest `bars` values. TA-Lib SMA."""
    return _over_windows(values, bars, "mean")


def rolling_std(values: Floats, bars: int) -> Floats:
    """Population standard deviation of the newest `bars` values. TA-Lib STDDEV."""
    return _over_windows(values, bars, "std")


def zscore(values: Floats, bars: int) -> Floats:
    """(value - mean) / population standard deviation of the newest `bars`; 0 where nothing moved.

    A deviation below 1e-12 of the mean is rounding, not movement.
    """
    mean, std = sma(values, bars), rolling_std(values, bars)
    still = std <= 1e-12 * np.abs(mean)
    out = (values - mean) / np.where(still, 1.0, std)
    out[still] = 0.0
    return out


def ema(values: Floats, bars: int) -> Floats:
    """Exponential average, weight 2 / (bars + 1), begun with the mean of the first `bars`. TA-Lib EMA."""
    out = _unknown(len(values))
    if len(values) >= bars:
        weight = 2.0 / (bars + 1)
        rest = values[bars:].tolist()
        seed = float(values[:bars].mean())
        out[bars - 1 :] = list(accumulate(rest, lambda y, x: y + weight * (x - y), initial=seed))
    return out


def wilder(values: Floats, bars: int) -> Floats:
    """Wilder's average: (previous x (bars - 1) + value) / bars, begun with the mean of the first `bars`."""
    out = _unknown(len(values))
    if len(values) >= bars:
        seed = float(values[:bars].mean())
        rest = values[bars:].tolist()
        out[bars - 1 :] = list(accumulate(rest, lambda y, x: (y * (bars - 1) + x) / bars, initial=seed))
    return out


def _rsi(gain: Floats, loss: Floats, still: float) -> Floats:
    moved = gain + loss
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Floats = 100.0 * gain / moved
    out[moved < 1e-14] = still
    return out


def rsi(close: Floats, bars: int = 14) -> Floats:
    """Relative strength index, 0..100, Wilder's averages since the first bar. TA-Lib RSI (0 where nothing moved)."""
    change = np.diff(close, prepend=close[:1])[1:]
    out = _unknown(len(close))
    out[1:] = _rsi(wilder(np.maximum(change, 0.0), bars), wilder(np.maximum(-change, 0.0), bars), 0.0)
    return out


def rsi_window(close: Floats, bars: int = 14, window: int = 50) -> Floats:
    """`rsi` of each newest `window` closes alone, 0..100; 50 where nothing moved.

    The same averages with a memory that ends: what a bot computes over its window equals research to the bit.
    """
    weights = _rsi_weights(bars, window)
    out = _unknown(len(close))
    if len(close) < window:
        return out
    change = np.diff(close)
    gain = np.correlate(np.maximum(change, 0.0), weights, mode="valid")
    loss = np.correlate(np.maximum(-change, 0.0), weights, mode="valid")
    out[window - 1 :] = _rsi(gain, loss, 50.0)
    return out


@functools.cache
def _rsi_weights(bars: int, window: int) -> Floats:
    """What each change of a window counts in Wilder's average, the oldest first."""
    lags = window - 1 - bars
    if lags < 0:
        raise ValueError(f"a window of {window} closes is too short for RSI-{bars}")
    fade = (bars - 1) / bars
    weights = np.empty(window - 1)
    weights[:lags] = fade ** np.arange(lags) / bars  # newest change first
    weights[lags:] = fade**lags / bars
    return np.ascontiguousarray(weights[::-1])


def newest_rsi_window(close: Floats, bars: int = 14) -> float:
    """The last entry of `rsi_window` of one window of closes, to the bit."""
    weights, change = _rsi_weights(bars, len(close)), close[1:] - close[:-1]
    gain = float(np.correlate(np.maximum(change, 0.0), weights)[0])
    loss = float(np.correlate(np.maximum(-change, 0.0), weights)[0])
    moved = gain + loss
    return 50.0 if moved < 1e-14 else 100.0 * gain / moved


def newest_deviation(values: Floats) -> float:
    """The last entry of `rolling_std` over as many bars as there are values, to the bit."""
    away = values - np.add.reduce(values) / len(values)
    return math.sqrt(np.add.reduce(away * away) / len(values))


def newest_zscore(values: Floats) -> float:
    """The last entry of `zscore` over as many bars as there are values, to the bit."""
    mean, std = float(np.add.reduce(values)) / len(values), newest_deviation(values)
    return 0.0 if std <= 1e-12 * abs(mean) else (float(values[-1]) - mean) / std


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """max(high, previous close) - min(low, previous close); NaN for the first bar. TA-Lib TRANGE."""
    out = _unknown(len(close))
    out[1:] = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    return out


def atr(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Floats:
    """Wilder's average of the true range, in quote currency. TA-Lib ATR."""
    out = _unknown(len(close))
    out[1:] = wilder(true_range(high, low, close)[1:], bars)
    return out


def simple_return(close: Floats, bars: int = 1) -> Floats:
    """close / close `bars` earlier - 1. TA-Lib ROCP."""
    out = _unknown(len(close))
    if len(close) > bars:
        out[bars:] = close[bars:] / close[:-bars] - 1.0
    return out


def log_return(close: Floats) -> Floats:
    """ln(close / previous close)."""
    out = _unknown(len(close))
    out[1:] = np.log(close[1:] / close[:-1])
    return out


def log_return_vol(close: Floats, bars: int) -> Floats:
    """Population standard deviation of the newest `bars` log returns, per bar (not annualised)."""
    out = _unknown(len(close))
    if len(close) > 1:
        out[1:] = rolling_std(log_return(close)[1:], bars)
    return out
