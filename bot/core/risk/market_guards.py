"""What the market itself must be like: spread, depth, volatility."""

import math
from typing import TYPE_CHECKING

from bot.core.market import Market
from bot.core.rules.risk import spike_ratio

if TYPE_CHECKING:
    from bot.core.world import World


def spread_pct(_world: "World", market: Market) -> float | None:
    return market.spread_pct


def ask_depth_quote(_world: "World", market: Market) -> float | None:
    """What is offered at the best ask, in quote units."""
    if market.ask is None or market.ask_size is None:
        return None
    return float(market.ask * market.ask_size)


def volatility_spike(_world: "World", market: Market) -> float | None:
    """The last hour's deviation over the last day's; at most the root of 24, by construction."""
    ratio = spike_ratio(market.volatility.sigma_short, market.volatility.sigma_long)
    return ratio if math.isfinite(ratio) else None


def bar_volatility_pct(world: "World", market: Market) -> float | None:
    return market.bands.percent(world.settings.vol_band_method)
