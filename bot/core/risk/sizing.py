"""How large the next entry is: percent of equity (the default), fixed, aimed at a volatility, or Kelly."""

from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core.market import Market
from bot.core.rules.position_sizing import kelly_fraction, kelly_quote, volatility_quote
from bot.core.rules.sizing import VOL_FACTOR_MAX, capped_quote, entry_quote, quote_units
from shared.money import from_units
from shared.settings import GRANULARITY_S

if TYPE_CHECKING:
    from bot.core.world import World

KELLY_RESULTS_MIN = 30.0  # closed lots before own results are believed


def entry_size_quote(world: "World", market: Market) -> Decimal:
    """Quote size of an entry now, floored to the increment (trading.md §4 sizing)."""
    s = world.settings
    factor = market.volatility.factor if s.vol_risk_adjust else 1.0
    world.last_vol_factor = factor
    quote = capped_quote(_wished(world, market, factor), s.max_order_usd)
    increment = market.product.quote_increment
    return from_units(quote_units(quote, float(increment)), increment)


def _wished(world: "World", market: Market, factor: float) -> float:
    s = world.settings
    equity = float(world.sizing_equity)
    percent = entry_quote(equity, s.risk_per_trade_pct, s.order_min_usd, factor)
    match s.sizing:
        case "fixed":
            return s.fixed_order_usd
        case "volatility":
            sigma_pct = market.bands.percent(s.vol_band_method)
            if sigma_pct is None:
                return percent
            bars = 86_400 / GRANULARITY_S[s.granularity]
            cap_pct = s.risk_per_trade_pct * VOL_FACTOR_MAX
            return volatility_quote(equity, s.target_day_vol_pct, sigma_pct, bars, cap_pct, s.order_min_usd)
        case "kelly":
            results = world.risk.results
            if results.count < KELLY_RESULTS_MIN:
                return min(percent, max(equity * s.kelly_cap_pct / 100.0, s.order_min_usd))
            fraction = kelly_fraction(results.wins, results.losses, results.gained_pct, results.lost_pct)
            return kelly_quote(equity, fraction, s.kelly_confidence, s.kelly_cap_pct, s.order_min_usd)
        case _:
            return percent
