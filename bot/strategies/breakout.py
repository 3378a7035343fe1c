"""Hold after a close above the highest high of weeks, until one below the lowest low of fewer (Donchian channels)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.strategies import arrays
from bot.strategies.days import ClosedDays, DailyExposure
from bot.strategies.options import option

if TYPE_CHECKING:
    from bot.strategies.days import Floats


@dataclass(frozen=True, slots=True)
class Options:
    entry_days: int = option(55, "A close above the highest high of so many days before it buys.", 2, 365)
    exit_days: int = option(20, "A close below the lowest low of so many days before it sells.", 2, 365)
    hold_days: int = option(120, "A breakout counts for so many days at most; a new one begins anew.", 2, 365)


class Breakout(DailyExposure):
    summary = "Hold after a close above the high of 55 days, until one below the low of 20."
    options_type = Options
    options: Options

    @property
    def days(self) -> int:
        o = self.options
        return max(o.entry_days, o.exit_days) + o.hold_days + 1

    def weigh(self, days: ClosedDays) -> tuple[Floats, Mapping[str, Floats]]:
        np, o = arrays.numpy(), self.options
        top, bottom = _before(days.high, o.entry_days, np.max), _before(days.low, o.exit_days, np.min)
        at = np.arange(len(days.close))
        with np.errstate(invalid="ignore"):
            rose = np.maximum.accumulate(np.where(days.close > top, at, -1)) if len(at) else at
            fell = np.maximum.accumulate(np.where(days.close < bottom, at, -1)) if len(at) else at
        holds = (rose > fell) & (at - rose < o.hold_days)
        weight = np.where(at >= self.days - 1, holds * 1.0, np.nan)
        return weight, {"high": top, "low": bottom}


def _before(values: Floats, days: int, of: object) -> Floats:
    """`of` (np.max, np.min) the `days` entries before each one, NaN until there are so many."""
    np = arrays.numpy()
    out: Floats = np.full(len(values), np.nan)
    if len(values) > days:
        windows = np.lib.stride_tricks.sliding_window_view(values[:-1], days)
        out[days:] = of(windows, axis=1)  # type: ignore[operator]
    return out
