"""BUY while the price stands clearly above where it was some bars ago, SELL while it stands clearly below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.strategies import arrays
from bot.strategies.base import Bars, SignalArrays
from bot.strategies.options import option
from bot.strategies.plain import PlainStrategy, Said


@dataclass(frozen=True, slots=True)
class Options:
    bars: int = option(60, "Bars over which the move is measured.", 1, 10_000)
    min_pct: float = option(0.5, "Move in percent that counts, up or down.", 0.0, 100.0)


class Momentum(PlainStrategy):
    summary = "BUY after a rise over the last bars, SELL after a fall."
    options_type = Options
    options: Options

    @property
    def warmup_bars(self) -> int:
        return self.options.bars + 1

    def at(self, closes: Sequence[float], price_increment: float) -> Said:  # noqa: ARG002 - prices as they are
        before, now = closes[0], closes[-1]
        ratio = now / before if before else math.inf if now > 0 else math.nan
        move = (ratio - 1.0) * 100.0
        return Said((move > self.options.min_pct) - (move < -self.options.min_pct), move, {"move_pct": move})

    def compute(self, bars: Bars) -> SignalArrays:
        np = arrays.numpy()
        move = arrays.indicators().simple_return(bars.close, self.options.bars) * 100.0
        up, down = move > self.options.min_pct, move < -self.options.min_pct
        return SignalArrays(up.astype(np.int8) - down.astype(np.int8), move, {"move_pct": move})
