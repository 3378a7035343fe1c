"""Volatility of a product's bars in percent of price: standard deviation, EWMA, average true range.

Float64, bar by bar. Sources: sample deviation of log returns (60 bars unless told otherwise); RiskMetrics'
exponentially weighted moving average (weight 0.06 of the newest); Wilder's average true range (14 bars).
"""

import math
from collections import deque

from bot.domain.bars import Bar

WINDOW = 60
EWMA_ALPHA = 0.06
ATR_BARS = 14


class Bands:
    """Feed every closed bar once, in order; read `percent(method)`."""

    __slots__ = ("_alpha", "_atr", "_atr_bars", "_close", "_count", "_ewma", "_returns", "_true_ranges", "_window")

    def __init__(self, window: int = WINDOW, alpha: float = EWMA_ALPHA, atr_bars: int = ATR_BARS) -> None:
        """Bars of the standard deviation, weight of the newest bar in the EWMA, bars of the true range."""
        self._window, self._alpha, self._atr_bars = window, alpha, atr_bars
        self._returns: deque[float] = deque(maxlen=window)
        self._close: float | None = None
        self._count = 0
        self._ewma = 0.0
        self._atr = 0.0
        self._true_ranges = 0.0

    def anew(self) -> "Bands":
        """Another of the same windows that has seen no bar."""
        return Bands(self._window, self._alpha, self._atr_bars)

    def add(self, bar: Bar) -> None:
        """The next closed bar."""
        before, self._close = self._close, bar.close
        if before is None or before <= 0 or bar.close <= 0:
            return
        change = math.log(bar.close / before)
        self._returns.append(change)
        self._ewma = change * change if not self._count else (1 - self._alpha) * self._ewma + self._alpha * change**2
        true_range = max(bar.high, before) - min(bar.low, before)
        self._count += 1
        if self._count <= self._atr_bars:
            self._true_ranges += true_range
            self._atr = self._true_ranges / self._count
        else:
            self._atr += (true_range - self._atr) / self._atr_bars

    def percent(self, method: str) -> float | None:
        """One bar's volatility in percent by `std`, `ewma` or `atr`; None until there are enough bars."""
        if method == "std":
            count = len(self._returns)
            if count < self._window:
                return None
            mean = math.fsum(self._returns) / count
            return 100 * math.sqrt(math.fsum((value - mean) ** 2 for value in self._returns) / (count - 1))
        if self._count < self._atr_bars or not self._close:
            return None
        return 100 * math.sqrt(self._ewma) if method == "ewma" else 100 * self._atr / self._close
