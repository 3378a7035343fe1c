"""BUY while the fast average is above the slow one, SELL while it is below (MA_FAST, MA_SLOW).

The level counts, not the crossing bar alone: a bot that starts in an uptrend enters.
"""

import math
from collections.abc import Sequence
from typing import Any

from bot.rules.signals import ma_side
from bot.strategies import arrays
from bot.strategies.base import Bars, SignalArrays
from bot.strategies.plain import PlainStrategy, Said


class SmaCross(PlainStrategy):
    summary = "BUY while the fast moving average is above the slow one."
    uses = ("ma_fast", "ma_slow")

    @property
    def warmup_bars(self) -> int:
        return self.settings.ma_slow

    def at(self, closes: Sequence[float], price_increment: float) -> Said:
        fast_bars, slow_bars = self.settings.ma_fast, self.settings.ma_slow
        ticks = [round(close / price_increment) for close in closes]
        fast, slow = sum(ticks[-fast_bars:]), sum(ticks)
        sma_fast = fast * (price_increment / fast_bars)
        sma_slow = slow * (price_increment / slow_bars)
        gap = (sma_fast / sma_slow - 1.0) * 100.0 if sma_slow else math.nan
        values = {"sma_fast": sma_fast, "sma_slow": sma_slow, "gap_pct": gap}
        return Said(ma_side(fast, fast_bars, slow, slow_bars), gap, values)

    def compute(self, bars: Bars) -> SignalArrays:
        np, rolling_sum = arrays.numpy(), arrays.indicators().rolling_sum
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
