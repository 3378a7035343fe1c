"""Hold always, less in wild times and more in calm ones (volatility-targeted buy and hold)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.strategies.days import ClosedDays, DailyExposure, scaled, yearly_volatility
from bot.strategies.options import option

if TYPE_CHECKING:
    from bot.strategies.days import Floats


@dataclass(frozen=True, slots=True)
class Options:
    target_vol_pct: float = option(40.0, "Volatility a year that the holding is scaled to.", 1.0, 1000.0)
    vol_days: int = option(30, "Days over which the volatility is measured.", 5, 365)


class VolatilityHold(DailyExposure):
    summary = "Hold always, scaled so that the account swings about as much in wild times as in calm ones."
    options_type = Options
    options: Options

    @property
    def days(self) -> int:
        return self.options.vol_days + 1

    def weigh(self, days: ClosedDays) -> tuple[Floats, Mapping[str, Floats]]:
        volatility = yearly_volatility(days.close, self.options.vol_days)
        return scaled(volatility, self.options.target_vol_pct), {"volatility_pct": volatility * 100.0}
