"""Hold the products that rose most beside the others that are traded, at a scaled weight (cross-sectional momentum)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.strategies import arrays
from bot.strategies.base import Bars, ExposureArrays
from bot.strategies.days import YEAR_DAYS, ClosedDays, DaysExposure, at_bars, closed_days, scaled
from bot.strategies.options import option
from shared.settings import SettingsError

if TYPE_CHECKING:
    from bot.strategies.days import Floats
    from shared.settings import Settings

STALE_DAYS = 3  # a day without a bar counts with the close of the last one before it, if that is no older


@dataclass(frozen=True, slots=True)
class Options:
    short_days: int = option(7, "Shortest look-back of the comparison.", 1, 365)
    mid_days: int = option(14, "Middle look-back of the comparison.", 1, 365)
    long_days: int = option(28, "Longest look-back of the comparison.", 1, 365)
    top: int = option(2, "So many products are held, those that rose most.", 1, 1000)
    every_days: int = option(7, "Days from one comparison to the next; what is held stays between them.", 1, 365)
    target_vol_pct: float = option(40.0, "Volatility a year that each holding is scaled to; 1000 = never.", 1.0, 1000.0)
    vol_days: int = option(28, "Days over which the volatility is measured.", 5, 365)


class Relative(DaysExposure):
    """Ranks are of closed UTC days, the same ones for every product, whatever bars a product lacks.

    On every `every_days`-th day since 1970 the products are ranked by their returns over each window, and the means of
    the three ranks are compared; of equal means the larger sum of returns counts. Among the first `top` a product is
    held if that sum is above zero. A product without a close in reach of a day is not ranked: absent, not zero.
    """

    summary = "Hold the two products that rose most in 7, 14 and 28 days, scaled to a volatility; compared once a week."
    options_type = Options
    options: Options
    needs_peers = True
    uses = (*DaysExposure.uses, "products")

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        if len(settings.products) < 2:
            raise SettingsError([f"STRATEGY={self.name} compares products: PRODUCTS needs two at least"])

    @property
    def days(self) -> int:
        o = self.options
        return max(o.short_days, o.mid_days, o.long_days, o.vol_days) + o.every_days + STALE_DAYS

    def compute(self, bars: Bars) -> ExposureArrays:
        np, days = arrays.numpy(), closed_days(bars)
        if not len(days.day):
            return ExposureArrays(np.empty(0))
        calendar = np.arange(days.day[0], days.day[-1] + 1)
        closes = np.stack([_closes(one, calendar) for one in (bars, *bars.peers.values())])
        rank, rise = self._ranked(closes)
        own = np.where(rank <= self.options.top, np.where(rise > 0.0, scaled(self._volatility(closes[0]),
                       self.options.target_vol_pct), 0.0), 0.0)  # fmt: skip
        decided = np.where(np.isnan(rise), math.nan, own)
        last = calendar - calendar % self.options.every_days - calendar[0]  # the newest day of comparison, as an index
        known, at = last >= 0, np.maximum(last, 0)
        held, shown = np.where(known, decided[at], math.nan), np.where(known, rank[at], math.nan)
        weight, place = (at_bars(array[days.day - calendar[0]], days) for array in (held, shown))
        return ExposureArrays(weight, {"rank": place})

    def _ranked(self, closes: Floats) -> tuple[Floats, Floats]:
        """(place of the first row among all, 1 = best; its sum of returns), day by day; NaN where it has none."""
        np, o = arrays.numpy(), self.options
        moves = np.stack([_changes(closes, back) for back in (o.short_days, o.mid_days, o.long_days)])
        total = moves.sum(axis=0)
        there = ~np.isnan(total)
        moves = np.where(there, moves, -np.inf)
        # Rank of product p over a window: one more than the products that rose more.
        better = (moves[:, None, :, :] > moves[:, :, None, :]).sum(axis=2)
        mean = np.where(there, better.sum(axis=0), np.iinfo(np.int64).max)
        with np.errstate(invalid="ignore"):
            ahead = (mean < mean[0]) | ((mean == mean[0]) & (total > total[0]))
        return np.where(there[0], 1.0 + ahead.sum(axis=0), math.nan), total[0]

    def _volatility(self, close: Floats) -> Floats:
        """Population deviation of the newest daily log returns x sqrt(365), NaN until there are so many."""
        np, days = arrays.numpy(), self.options.vol_days
        out: Floats = np.full(len(close), math.nan)
        if len(close) > days:
            steps = np.diff(np.log(close))
            out[days:] = np.lib.stride_tricks.sliding_window_view(steps, days).std(axis=1) * math.sqrt(YEAR_DAYS)
        return out


def _closes(bars: Bars, calendar: Any) -> Floats:
    """The close of each day of the calendar; NaN where there is none that is no older than STALE_DAYS."""
    np = arrays.numpy()
    days: ClosedDays = closed_days(bars)
    if not len(days.day):
        nothing: Floats = np.full(len(calendar), math.nan)
        return nothing
    at = np.searchsorted(days.day, calendar, side="right") - 1
    fresh = (at >= 0) & (calendar - days.day[np.maximum(at, 0)] <= STALE_DAYS)
    found: Floats = np.where(fresh, days.close[np.maximum(at, 0)], math.nan)
    return found


def _changes(closes: Floats, back: int) -> Floats:
    """Return over `back` days, row by row; NaN where either close is missing."""
    np = arrays.numpy()
    out: Floats = np.full(closes.shape, math.nan)
    if closes.shape[1] > back:
        out[:, back:] = closes[:, back:] / closes[:, :-back] - 1.0
    return out
