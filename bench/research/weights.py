"""The loop for target weights, and each slow strategy from bars to equity: what `weights_alone` measures.

Minutes hold 69 days at most, so the strategies look back fewer days here than by default; that costs the same per bar.
"""

from collections.abc import Callable, Mapping
from typing import Any

from research import decisions, engine
from research.backtest import settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel
from research.exposure import run_exposure, weights_of

MODEL = MarketModel(maker_pct=0.05, taker_pct=0.1)
COMMON: Mapping[str, str] = {
    "MAX_HISTORY_CANDLES": "100000", "MAX_DAILY_LOSS_PCT": "100", "MAX_DRAWDOWN_PCT": "0", "PROFILE": "prod",
    "STRATEGY_TREND_SHORT_DAYS": "10", "STRATEGY_TREND_MID_DAYS": "30", "STRATEGY_TREND_LONG_DAYS": "60",
    "STRATEGY_BREAKOUT_ENTRY_DAYS": "20", "STRATEGY_BREAKOUT_EXIT_DAYS": "10", "STRATEGY_BREAKOUT_HOLD_DAYS": "40",
    "STRATEGY_DCA_START": "2021-03-01", "STRATEGY_DCA_PARTS": "5",
}  # fmt: skip
STRATEGIES = ("steady", "trend", "breakout", "rebalance", "dca", "grid")
LOOP_S, FAMILY_S = 0.010, 0.030  # goals for a year of minutes


def loop_alone(candles: CandleSet) -> Callable[[], Any]:
    """The loop on a year of weights that are made beforehand, at the default band."""
    settings = settings_for({**COMMON, "STRATEGY": "steady"}, [candles])
    prepared, weights = engine.prepare([candles]), [weights_of(settings, candles)]
    return lambda: run_exposure(prepared, weights, settings, MODEL)


def family(candles: CandleSet, name: str) -> Callable[[], Any]:
    """From prices to ticks, weights, holdings and equity."""
    settings = settings_for({**COMMON, "STRATEGY": name}, [candles])

    def work() -> Any:
        prepared = engine.prepare([candles])
        return decisions.carry_out(prepared, decisions.decide(settings, prepared), settings, MODEL)

    return work


def works(year: CandleSet) -> dict[str, Callable[[int], Callable[[], Any]]]:
    """What can be measured, by its name."""

    def of(name: str) -> Callable[[int], Callable[[], Any]]:
        return lambda _: family(year, name)

    return {"weights": lambda _: loop_alone(year), **{name: of(name) for name in STRATEGIES}}
