"""BUY while the fast average is above the slow one, SELL while it is below (MA_FAST, MA_SLOW).

The level counts, not the crossing bar alone: a bot that starts in an uptrend enters.
"""

from typing import Any

import numpy as np

from bot.rules.signals import ma_side
from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.indicators import rolling_sum


class SmaCross(Strategy):
    summary = "BUY while the fast moving average is above the slow one."
    uses = ("ma_fast", "ma_slow")

    @property
    def warmup_bars(self) -> int:
        return self.settings.ma_slow

    @property
    def memory_bars(self) -> int:
        return self.settings.ma_slow

    def compute(self, bars: Bars) -> SignalArrays:
        fast_bars, slow_bars = self.settings.ma_fast, self.settings.ma_slow
        ticks = bars.close_ticks
        fast: Any = rolling_sum(ticks, fast_bars)
        slow: Any = rolling_sum(ticks, slow_bars)
        side: Any = ma_side(fast, fast_bars, slow, slow_bars)
        warm = min(slow_bars - 1, len(bars))
        with np.errstate(divide="ignore", invalid="ignore"):
            sma_fast = fast * (bars.price_increment / fast_bars)
            sma_slow = slow * (bars.price_increment / slow_bars)
            gap = (sma_fast / sma_slow - 1.0) * 100.0
        for array in (sma_fast, sma_slow, gap):
            array[:warm] = np.nan
        signal = side.astype(np.int8)
        signal[:warm] = 0
        return SignalArrays(signal, gap, {"sma_fast": sma_fast, "sma_slow": sma_slow, "gap_pct": gap})
