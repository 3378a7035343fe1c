"""The last hour's volatility over the last day's."""

import math

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import spike_ratio


def _spike(_state: EngineState, market: Market) -> float | None:
    """At most the root of 24, by construction."""
    ratio = spike_ratio(market.volatility.sigma_short, market.volatility.sigma_long)
    return ratio if math.isfinite(ratio) else None


POLICY = guard_policy(
    Guard(
        "vol_spike",
        "Hourly over daily volatility",
        "x",
        lambda s: s.max_vol_spike,
        _spike,
        "when the market calms down",
        per_product=True,
    ),
    "Volatility of the last hour over that of the last day; until the hour is calmer",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("MAX_VOL_SPIKE",),
)
