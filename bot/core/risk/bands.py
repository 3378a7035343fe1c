"""Volatility of a product's bars in percent of price: standard deviation, EWMA, average true range.

Float64, bar by bar, O(1) each. Sources: sample deviation of log returns over 60 bars; RiskMetrics' exponentially
weighted moving average (lambda 0.94); Wilder's average true range over 14 bars.
"""

import math
from collections import deque

from bot.core.model import Bar

WINDOW = 60
EWMA_LAMBDA = 0.94
ATR_BARS = 14


class Bands:
    """Feed every closed bar once, in order; read `percent(method)`."""

    __slots__ = ("_atr", "_close", "_count", "_ewma", "_returns", "_true_ranges")

    def __init__(self) -> None:
        self._returns: deque[float] = deque(maxlen=WINDOW)
        self._close: float | None = None
        self._count = 0
        self._ewma = 0.0
        self._atr = 0.0
        self._true_ranges = 0.0

    def add(self, bar: Bar) -> None:
        """The next closed bar."""
        before, self._close = self._close, bar.close
        if before is None or before <= 0 or bar.close <= 0:
            return
        change = math.log(bar.close / before)
        self._returns.append(change)
        self._ewma = change * change if not self._count else EWMA_LAMBDA * self._ewma + (1 - EWMA_LAMBDA) * change**2
        true_range = max(bar.high, before) - min(bar.low, before)
        self._count += 1
        if self._count <= ATR_BARS:
            self._true_ranges += true_range
            self._atr = self._true_ranges / self._count
        else:
            self._atr += (true_range - self._atr) / ATR_BARS

    def percent(self, method: str) -> float | None:
        """One bar's volatility in percent by `std`, `ewma` or `atr`; None until there are enough bars."""
        if method == "std":
            count = len(self._returns)
            if count < WINDOW:
                return None
            mean = math.fsum(self._returns) / count
            return 100 * math.sqrt(math.fsum((value - mean) ** 2 for value in self._returns) / (count - 1))
        if self._count < ATR_BARS or not self._close:
            return None
        return 100 * math.sqrt(self._ewma) if method == "ewma" else 100 * self._atr / self._close
