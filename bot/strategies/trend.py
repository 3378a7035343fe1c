"""Hold what has risen over weeks and months, less of it where it swings more (time-series momentum)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.strategies import arrays
from bot.strategies.days import ClosedDays, DailyExposure, scaled, yearly_volatility
from bot.strategies.options import option

if TYPE_CHECKING:
    from bot.strategies.days import Floats


@dataclass(frozen=True, slots=True)
class Options:
    short_days: int = option(20, "Shortest look-back of the trend.", 1, 365)
    mid_days: int = option(60, "Middle look-back of the trend.", 1, 365)
    long_days: int = option(120, "Longest look-back of the trend.", 1, 365)
    target_vol_pct: float = option(40.0, "Volatility a year that the holding is scaled to; 1000 = never.", 1.0, 1000.0)
    vol_days: int = option(30, "Days over which the volatility is measured.", 5, 365)


class Trend(DailyExposure):
    summary = "Hold what stands above its price of 20, 60 and 120 days ago, a third for each, scaled to a volatility."
    options_type = Options
    options: Options

    @property
    def days(self) -> int:
        o = self.options
        return max(o.short_days, o.mid_days, o.long_days, o.vol_days) + 1

    def weigh(self, days: ClosedDays) -> tuple[Floats, Mapping[str, Floats]]:
        o, change = self.options, arrays.indicators().simple_return
        moves = [change(days.close, back) for back in (o.short_days, o.mid_days, o.long_days)]
        trend = sum((move > 0.0) * 1.0 for move in moves) / 3.0 + sum(moves) * 0.0  # NaN until all are known
        volatility = yearly_volatility(days.close, o.vol_days)
        return trend * scaled(volatility, o.target_vol_pct), {"trend": trend, "volatility_pct": volatility * 100.0}
