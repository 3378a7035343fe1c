"""Buy in equal parts on a schedule, one part more on a dip, and keep it all (dollar-cost averaging)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from bot.strategies import arrays
from bot.strategies.days import ClosedDays, DailyExposure
from bot.strategies.options import option
from shared.settings import SettingsError

if TYPE_CHECKING:
    from bot.strategies.days import Floats
    from shared.settings import Settings

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Options:
    start: str = option("2026-01-05", "UTC day after whose end the first part is bought, such as 2026-01-05.")
    parts: int = option(20, "Equal parts that the whole share is bought in.", 1, 1000)
    every_days: int = option(7, "Days from one part to the next.", 1, 365)
    dip_pct: float = option(
        10.0, "A part more when a day closes so far below the highest close; 100 = never.", 0.1, 100.0
    )
    dip_days: int = option(30, "Days over which the highest close is looked for.", 2, 365)


class Dca(DailyExposure):
    """The weight follows what the parts are worth, so that no change of price makes it buy or sell.

    Parts are bought at the closes of their days, and the weight is theirs in what they and the cash for the others are
    worth. After the last day of the plan there is no opinion: what is held is kept.
    """

    summary = "Buy the share in 20 weekly parts, one more on a day 10 % below the highest close of 30, and keep it."
    options_type = Options
    options: Options

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        try:
            self._start_day = (date.fromisoformat(self.options.start) - EPOCH).days
        except ValueError as error:
            shown = f"STRATEGY_{self.name.upper()}_START={self.options.start}"
            raise SettingsError([f"{shown} is not a day; write it like 2026-01-05"]) from error

    @property
    def days(self) -> int:
        return self.options.parts * self.options.every_days + self.options.dip_days + 1

    def weigh(self, days: ClosedDays) -> tuple[Floats, Mapping[str, Floats]]:
        np, o, close = arrays.numpy(), self.options, days.close
        since = days.day - self._start_day
        begun = since >= 0
        due = np.where(begun, since // o.every_days + 1, 0)
        more = np.diff(due, prepend=due[:1] * 0)  # parts that became due with each day, those of days without bars too
        top = np.full(len(close), np.nan)
        if len(close) >= o.dip_days:
            top[o.dip_days - 1 :] = np.lib.stride_tricks.sliding_window_view(close, o.dip_days).max(axis=1)
        with np.errstate(invalid="ignore"):
            fallen = close <= top * (1.0 - o.dip_pct / 100.0)
        dips = fallen & ~np.concatenate([[False], fallen[:-1]])[: len(fallen)] & begun
        bought = np.minimum(np.cumsum(more + dips), o.parts)
        coins = np.cumsum(np.diff(bought, prepend=0) / close)
        worth = coins * close
        weight = worth / (worth + (o.parts - bought))
        planned = begun & (since < o.parts * o.every_days)
        return np.where(planned, weight, np.nan), {"parts": np.where(planned, bought * 1.0, np.nan)}
