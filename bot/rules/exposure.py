"""From a target weight to what is bought or sold (docs/trading-rules.md §10).

A product's share is the quote currency that it may hold at most; a weight of 0..1 says how much of it the strategy
wants. Sizes are whole steps of the base increment, prices whole ticks; `quote_units` as in `bot.rules.sizing`.
"""

import math

from bot.rules.rounding import floor_units
from bot.rules.sizing import is_dust

TIE = 1e-9  # points of the share: a distance this close to the band is on it, and inside


def product_share_quote(equity_quote: float, max_pct: float, products: int) -> float:
    """What one of `products` may hold at most, quote currency = equity x EXPOSURE_MAX_PCT/100 / products."""
    if products < 1 or not (equity_quote > 0.0 and equity_quote < math.inf):
        return 0.0
    return equity_quote * max_pct / 100.0 / products


def rebalance_quote(
    target_weight: float, held_quote: float, share_quote: float, band_pct: float, least_quote: float
) -> float:
    """Quote currency to buy (> 0) or to sell (< 0) so that the holding meets its target; 0.0 = nothing.

    `target_weight` of `share_quote`, clipped to 0..1; `band_pct`: points of the share. Inside the band, its edge
    included, nothing; outside the whole way to the target. Target 0: all that is held, whatever the band. A change
    below `least_quote` waits, but for a sale of everything. What is not known (NaN) never trades.
    """
    if math.isnan(target_weight) or math.isnan(held_quote) or math.isnan(share_quote):
        return 0.0
    target = min(max(target_weight, 0.0), 1.0)
    if target == 0.0:
        return -held_quote if held_quote > 0.0 else 0.0
    if share_quote <= 0.0:
        return 0.0
    if abs(held_quote / share_quote - target) * 100.0 <= band_pct + TIE:
        return 0.0
    change = target * share_quote - held_quote
    return 0.0 if abs(change) < least_quote else change


def sale_steps(quote: float, held_steps: int, price_ticks: int, min_steps: int, min_units: int, unit: float) -> int:
    """Whole steps to sell for `quote`, rounded down, at most what is held; 0 = nothing that the exchange takes.

    A rest that could not be sold alone goes with it: no dust stays behind. `unit`: quote currency of one step at one
    tick.
    """
    if price_ticks <= 0 or held_steps <= 0 or not quote > 0.0:
        return 0
    wanted = floor_units(min(quote / (unit * price_ticks), held_steps * 1.0))
    left = held_steps - wanted
    if left > 0 and is_dust(left, price_ticks, min_steps, min_units):
        wanted = held_steps
    return 0 if is_dust(wanted, price_ticks, min_steps, min_units) else wanted


def asked_quote(wanted_quote: float, fee_pct: float, cash_quote: float) -> float:
    """Quote currency that a purchase worth `wanted_quote` asks for, so that its fee is not missing from what is bought.

    The fee comes on top as far as the cash reaches. More than the cash only where `wanted_quote` alone is more.
    """
    return max(wanted_quote, min(wanted_quote * (1.0 + fee_pct / 100.0), cash_quote))


def purchase_steps(quote: float, price_ticks: int, fee_pct: float, min_steps: int, min_units: int, unit: float) -> int:
    """Whole steps that `quote` buys at the price, fee included, rounded down; 0 = less than the exchange takes."""
    if price_ticks <= 0 or not quote > 0.0:
        return 0
    steps = floor_units(quote / (1.0 + fee_pct / 100.0) / (unit * price_ticks))
    return 0 if is_dust(steps, price_ticks, min_steps, min_units) else steps
