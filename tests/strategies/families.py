"""The strategies that look back whole days, with settings under which short histories are enough."""

import numpy as np

from bot.strategies.base import Bars
from shared.settings import Settings

FAMILIES = ("breakout", "dca", "grid", "rebalance", "relative", "steady", "trend")
OWN = {
    "STRATEGY_TREND_SHORT_DAYS": "2", "STRATEGY_TREND_MID_DAYS": "4", "STRATEGY_TREND_LONG_DAYS": "7",
    "STRATEGY_TREND_VOL_DAYS": "5", "STRATEGY_STEADY_VOL_DAYS": "5", "STRATEGY_BREAKOUT_ENTRY_DAYS": "4",
    "STRATEGY_BREAKOUT_EXIT_DAYS": "2", "STRATEGY_BREAKOUT_HOLD_DAYS": "10", "STRATEGY_GRID_DAYS": "4",
    "STRATEGY_RELATIVE_SHORT_DAYS": "2", "STRATEGY_RELATIVE_MID_DAYS": "4", "STRATEGY_RELATIVE_LONG_DAYS": "7",
    "STRATEGY_RELATIVE_VOL_DAYS": "5", "STRATEGY_RELATIVE_EVERY_DAYS": "3",
    "STRATEGY_DCA_DIP_DAYS": "4", "STRATEGY_DCA_DIP_PCT": "2", "STRATEGY_DCA_START": "2023-11-30",
    "STRATEGY_DCA_PARTS": "12", "STRATEGY_DCA_EVERY_DAYS": "1",
}  # fmt: skip


def short(granularity: str = "ONE_HOUR") -> Settings:
    """Settings under which every family decides after three weeks."""
    return Settings(granularity=granularity, strategy_options=OWN)


def hours(count: int, seed: int = 1, start_s: int = 1_700_006_400 + 7 * 3600, sigma: float = 0.01) -> Bars:
    """A random walk of hourly bars that begins in the middle of a day; one in fifty is missing."""
    g = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(g.normal(0, sigma, count)))
    start = start_s + 3600 * np.cumsum(1 + (g.random(count) < 0.02))
    return Bars(start, close, close * 1.004, close * 0.996, close, np.ones(count), 0.01, 3600)
