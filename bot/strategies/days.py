"""Closed UTC days, made of whatever bars the bot has: what strategies that decide once a day look at.

A day counts from the moment at which its last bar has closed, at the latest when a bar of a later day has. Days
without any bar are left out, so a window of days is one of days with trades.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bot.strategies import arrays
from bot.strategies.base import Bars, ExposureArrays, ExposureStrategy
from shared.settings import GRANULARITIES, GRANULARITY_S, SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DAY_S = 86_400
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """One entry per UTC day with bars, oldest first. `day`: days since 1970. Prices in quote currency.

    `seen`: the first bar after whose end the day is closed; as many as there are bars where none is. The first day
    may have begun before the first bar, so its high and low are not to be relied on; its close is.
    """

    day: Ints
    high: Floats
    low: Floats
    close: Floats
    seen: Ints
    bars: int


def closed_days(bars: Bars) -> ClosedDays:
    """The days of `bars`; the newest may still be open, `seen` says so."""
    np, start, count = arrays.numpy(), bars.start_s, len(bars)
    if not count:
        return ClosedDays(start, bars.high, bars.low, bars.close, start, 0)
    day = np.arange(start[0] // DAY_S, start[-1] // DAY_S + 1)
    first = np.searchsorted(start, day * DAY_S)
    end = np.append(first[1:], count)
    there = end > first
    day, first, end = day[there], first[there], end[there]
    high, low = np.maximum.reduceat(bars.high, first), np.minimum.reduceat(bars.low, first)
    last = end - 1
    seen = np.where(start[last] + bars.granularity_s >= (day + 1) * DAY_S, last, end)
    return ClosedDays(day, high, low, bars.close[last], seen, count)


def bars_of(days: int, settings: Settings) -> int:
    """Bars that hold so many closed days for certain, wherever the first one begins."""
    return (days + 1) * -(-DAY_S // GRANULARITY_S[settings.granularity])


def require_history(name: str, days: int, settings: Settings) -> None:
    """Raises SettingsError where the bot does not keep bars of so many days."""
    if bars_of(days, settings) > settings.max_history_candles:
        held = settings.max_history_candles * GRANULARITY_S[settings.granularity] // DAY_S
        raise SettingsError(
            [
                f"STRATEGY={name} looks back {days} days, and MAX_HISTORY_CANDLES={settings.max_history_candles} bars "
                f"of {settings.granularity} are {held}: set GRANULARITY={' or '.join(GRANULARITIES[-2:])}, or keep more"
            ]
        )


class DaysExposure(ExposureStrategy):
    """A strategy of weights whose window is a number of closed days."""

    uses: ClassVar[tuple[str, ...]] = ("granularity", "max_history_candles")

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        require_history(self.name, self.days, settings)

    @property
    @abstractmethod
    def days(self) -> int:
        """Closed days that decide the newest weight."""

    @property
    def warmup_bars(self) -> int:
        return bars_of(self.days, self.settings)

    @property
    def memory_bars(self) -> int:
        return self.warmup_bars


class DailyExposure(DaysExposure):
    """One whose weight changes once a UTC day: derive, give `days` and `weigh`."""

    @abstractmethod
    def weigh(self, days: ClosedDays) -> tuple[Floats, Mapping[str, Floats]]:
        """(weight, values) after each day, entry d from days 0..d only; NaN = no opinion, or not known."""

    def compute(self, bars: Bars) -> ExposureArrays:
        days = closed_days(bars)
        weight, values = self.weigh(days)
        shown = {name: at_bars(array, days) for name, array in values.items()}
        return ExposureArrays(at_bars(weight, days), shown)


def at_bars(of_days: Floats, days: ClosedDays) -> Floats:
    """What is known of the newest closed day, for each bar; NaN before the first."""
    np = arrays.numpy()
    lengths = np.diff(days.seen, prepend=0, append=days.bars)
    found: Floats = np.repeat(np.concatenate([[math.nan], of_days]), lengths)
    return found


def yearly_volatility(close: Floats, days: int) -> Floats:
    """Population deviation of the newest `days` daily log returns x sqrt(365): 0.6 = 60 % a year. NaN until then."""
    np = arrays.numpy()
    found: Floats = arrays.indicators().log_return_vol(close, days) * np.sqrt(YEAR_DAYS)
    return found


def scaled(volatility: Floats, target_pct: float) -> Floats:
    """Part of the share with which the holding's volatility is `target_pct` percent a year, at most 1."""
    np = arrays.numpy()
    with np.errstate(divide="ignore"):
        part: Floats = np.minimum(target_pct / 100.0 / volatility, 1.0)
    return part
