"""BUY while the price stands clearly above where it was some bars ago, SELL while it stands clearly below."""

from dataclasses import dataclass

import numpy as np

from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.indicators import simple_return
from bot.strategies.options import option


@dataclass(frozen=True, slots=True)
class Options:
    bars: int = option(60, "Bars over which the move is measured.", 1, 10_000)
    min_pct: float = option(0.5, "Move in percent that counts, up or down.", 0.0, 100.0)


class Momentum(Strategy):
    summary = "BUY after a rise over the last bars, SELL after a fall."
    options_type = Options
    options: Options

    @property
    def warmup_bars(self) -> int:
        return self.options.bars + 1

    @property
    def memory_bars(self) -> int:
        return self.options.bars + 1

    def compute(self, bars: Bars) -> SignalArrays:
        move = simple_return(bars.close, self.options.bars) * 100.0
        up, down = move > self.options.min_pct, move < -self.options.min_pct
        return SignalArrays(up.astype(np.int8) - down.astype(np.int8), move, {"move_pct": move})
