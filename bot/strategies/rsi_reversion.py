"""BUY while the market is oversold by its RSI, SELL while it is overbought: a bet that it comes back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.indicators import rsi_window
from bot.strategies.options import option
from shared.figures import plainly
from shared.settings import Settings, SettingsError

# Closes that the RSI remembers, in multiples of its period: what is older than that weighs less than 0.01 %.
MEMORY = 10


@dataclass(frozen=True, slots=True)
class Options:
    period: int = option(14, "Bars of the RSI.", 2, 1_000)
    buy_below: float = option(30.0, "BUY while the RSI is below this.", 0.0, 100.0)
    sell_above: float = option(70.0, "SELL while the RSI is above this.", 0.0, 100.0)


class RsiReversion(Strategy):
    summary = "BUY while the RSI says oversold, SELL while it says overbought."
    options_type = Options
    options: Options

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        if self.options.buy_below >= self.options.sell_above:
            raise SettingsError(
                [
                    f"STRATEGY_RSI_REVERSION_BUY_BELOW={plainly(self.options.buy_below)} must be below "
                    f"STRATEGY_RSI_REVERSION_SELL_ABOVE={plainly(self.options.sell_above)}"
                ]
            )

    @property
    def warmup_bars(self) -> int:
        return MEMORY * self.options.period

    @property
    def memory_bars(self) -> int:
        return self.warmup_bars

    def compute(self, bars: Bars) -> SignalArrays:
        value = rsi_window(bars.close, self.options.period, self.warmup_bars)
        oversold, overbought = value < self.options.buy_below, value > self.options.sell_above
        return SignalArrays(oversold.astype(np.int8) - overbought.astype(np.int8), value, {"rsi": value})
