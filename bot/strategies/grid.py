"""Hold more the lower the price stands within the range of the last weeks, in equal steps (a grid)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.strategies import arrays
from bot.strategies.base import Bars, ExposureArrays
from bot.strategies.days import ClosedDays, DaysExposure, at_bars, closed_days
from bot.strategies.options import option

if TYPE_CHECKING:
    from bot.strategies.days import Floats


@dataclass(frozen=True, slots=True)
class Options:
    days: int = option(30, "Closed days whose highest and lowest price are the grid's ends.", 2, 365)
    steps: int = option(10, "Steps between all of the share, at the lower end, and nothing, at the upper.", 2, 100)


class Grid(DaysExposure):
    summary = "Hold more the lower the price stands within its range of 30 days, in ten steps."
    options_type = Options
    options: Options

    @property
    def days(self) -> int:
        return self.options.days + 1

    def compute(self, bars: Bars) -> ExposureArrays:
        np = arrays.numpy()
        days = closed_days(bars)
        top, bottom = (at_bars(array, days) for array in self._range(days))
        with np.errstate(invalid="ignore", divide="ignore"):
            depth = (top - bars.close) / (top - bottom)
            step = np.floor(np.clip(depth, 0.0, 1.0) * self.options.steps)
        return ExposureArrays(step / self.options.steps, {"top": top, "bottom": bottom})

    def _range(self, days: ClosedDays) -> tuple[Floats, Floats]:
        """Highest high and lowest low of the newest closed days, entry by entry; NaN until there are so many."""
        np, count = arrays.numpy(), self.options.days
        top, bottom = np.full((2, len(days.close)), np.nan)
        if len(days.close) > count:  # the first day may lack its morning
            windows = np.lib.stride_tricks.sliding_window_view
            top[count:], bottom[count:] = windows(days.high, count)[1:].max(axis=1), windows(days.low, count)[1:].min(1)
        return top, bottom
