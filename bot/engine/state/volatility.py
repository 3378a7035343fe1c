"""Volatility of one product, bar by bar: sigma(1440) / sigma(60) of one-minute log returns (docs/trading-rules.md §4).

Windows count closed bars: a minute without a trade has no bar, so its move lies in the next bar's return. Sums are
whole numbers (`bot.rules.volatility`), so the factor does not depend on when the bot was started and equals
what research computes over history (`bot.strategies.volatility_arrays`) to the bit.
"""

import math
from collections import deque

from bot.rules.sizing import vol_factor
from bot.rules.volatility import LONG_RETURNS, SHORT_RETURNS, log_return_units, sigma


class _Window:
    """Sum and sum of squares of the newest `size` whole numbers."""

    __slots__ = ("count", "size", "total", "total_squares")

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self.total = 0
        self.total_squares = 0

    def add(self, value: int, leaving: int | None) -> None:
        self.total += value
        self.total_squares += value * value
        self.count += 1
        if leaving is not None:
            self.total -= leaving
            self.total_squares -= leaving * leaving
            self.count -= 1

    @property
    def sigma(self) -> float:
        """NaN until the window is full: half a day must not pass for a day."""
        return sigma(self.total, self.total_squares, self.count) if self.count == self.size else math.nan


class Volatility:
    """Feed every closed bar's close once, in order; read `factor`. A bar costs about a microsecond."""

    __slots__ = ("_close", "_long", "_returns", "_short")

    def __init__(self) -> None:
        self._returns: deque[int] = deque(maxlen=LONG_RETURNS)
        self._long = _Window(LONG_RETURNS)
        self._short = _Window(SHORT_RETURNS)
        self._close: float | None = None

    def add(self, close: float) -> None:
        """The close of the next bar, in quote currency."""
        previous, self._close = self._close, close
        if previous is None:
            return
        value = log_return_units(close, previous)
        returns = self._returns
        self._long.add(value, returns[0] if len(returns) == LONG_RETURNS else None)
        self._short.add(value, returns[-SHORT_RETURNS] if len(returns) >= SHORT_RETURNS else None)
        returns.append(value)

    @property
    def sigma_long(self) -> float:
        """Standard deviation of the newest 1,440 log returns, per bar; NaN until there are so many."""
        return self._long.sigma

    @property
    def sigma_short(self) -> float:
        """The same of the newest 60."""
        return self._short.sigma

    @property
    def factor(self) -> float:
        """`vol_factor` of the two: 0.25 to 1.5, and 1 until both are known."""
        return vol_factor(self.sigma_long, self.sigma_short)
