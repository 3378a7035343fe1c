"""Volatility of a bar, between two limits: of one rule its lower and its upper end."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _bar_pct(state: EngineState, market: Market) -> float | None:
    return market.bands.percent(state.settings.vol_band_method)


LOW = guard_policy(
    Guard(
        "vol_low",
        "Bar volatility, minimum",
        "%",
        lambda s: s.vol_band_low_pct,
        _bar_pct,
        "when the market moves",
        at_least=True,
        unknown_shuts=True,
        per_product=True,
    ),
    "Volatility of a bar at least this; until bars move more",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("VOL_BAND_LOW_PCT",),
)
HIGH = guard_policy(
    Guard(
        "vol_high",
        "Bar volatility, maximum",
        "%",
        lambda s: s.vol_band_high_pct,
        _bar_pct,
        "when the market calms down",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    "Volatility of a bar at most this; until bars move less",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("VOL_BAND_HIGH_PCT",),
)
