"""A strategy for tests: a BUY signal on every bar, so that orders come as often as the rules allow."""

import numpy as np

from bot.strategies.base import Bars, SignalArrays, Strategy


class AlwaysBuy(Strategy):
    summary = "BUY on every bar; for simulated runs only."

    @property
    def warmup_bars(self) -> int:
        return 1

    @property
    def memory_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> SignalArrays:
        count = len(bars)
        return SignalArrays(np.ones(count, dtype=np.int8), np.full(count, np.nan))
