"""How large the next entry is: percent of equity (the default), fixed, aimed at a volatility, or Kelly.

Where products are held at target weights: what the weight still wants.
"""

from dataclasses import replace
from decimal import Decimal

from bot.engine.risk import target_weight
from bot.engine.risk.kelly import KellyRequest, kelly_size
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.exposure import asked_quote
from bot.rules.position_sizing import regime_quote, volatility_quote
from bot.rules.sizing import VOL_FACTOR_MAX, affordable_quote, capped_quote, entry_quote, quote_units
from shared.money import from_units
from shared.regimes import REGIME_VALUE, regime_name
from shared.settings import GRANULARITY_S


def entry_size_quote(state: EngineState, market: Market) -> Decimal:
    """Quote size of an entry now, floored to the increment (docs/trading-rules.md §4 sizing)."""
    s = state.settings
    if target_weight.is_asked_for(state):
        increment = market.instrument.quote_increment
        return from_units(
            quote_units(purchase_quote(state, market, state.account.taker_rate), float(increment)), increment
        )
    factor = market.volatility.factor if s.vol_risk_adjust else 1.0
    state.risk.last_vol_factor = factor
    quote = capped_quote(_wished(state, market, factor), s.max_order_usd)
    increment = market.instrument.quote_increment
    return from_units(quote_units(quote, float(increment)), increment)


def purchase_quote(state: EngineState, market: Market, fee_rate: Decimal) -> float:
    """What a purchase for the target weight asks for, its fee included (docs/trading-rules.md §10); 0 = nothing."""
    wanted, cash = target_weight.wanted_quote(state, market), float(state.account.cash_available)
    return capped_quote(asked_quote(wanted, float(fee_rate * 100), cash), state.settings.max_order_usd)


def affordable(state: EngineState, market: Market, quote: Decimal) -> Decimal:
    """What an entry of `quote` asks for with the cash that is free; 0 = not enough of it (docs/trading-rules.md §4)."""
    increment = market.instrument.quote_increment
    least = market.instrument.floor_quote(Decimal(str(state.settings.order_min_usd)))
    retry = state.settings.low_funds == "retry"
    asked = affordable_quote(float(quote), float(least), float(state.account.cash_available), retry)
    return quote if asked == float(quote) else from_units(quote_units(asked, float(increment)), increment)


def _wished(state: EngineState, market: Market, factor: float) -> float:
    """By SIZING, then by what the target's regime makes of it."""
    s = state.settings
    quote = _by_mode(state, market, factor)
    return regime_quote(quote, market.size, s.order_min_usd) if s.regime else quote


def _by_mode(state: EngineState, market: Market, factor: float) -> float:
    s = state.settings
    equity = float(state.sizing_equity)
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
            # Before the regime, which bears on every mode alike.
            found = kelly_size(replace(kelly_request(state, market), regime_scale=1.0)).quote
            # Too few results: the percent of equity, under Kelly's cap.
            return found if found is not None else min(percent, max(equity * s.kelly_cap_pct / 100.0, s.order_min_usd))
        case _:
            return percent


def kelly_request(state: EngineState, market: Market) -> KellyRequest:
    """What Kelly's size of the next entry is asked with: the results of this bot's own closed lots, of all products."""
    s, r, price = state.settings, state.risk.results, market.mark
    count = r.wins + r.losses
    return KellyRequest(
        symbol=market.instrument.product_id,
        strategy=state.strategy.name,
        price=float(price) if price is not None else None,
        portfolio_value=max(float(state.sizing_equity), 0.0),
        trades=count,
        win_rate=r.wins / count if count > 0.0 else 0.0,
        average_win=r.gained_pct / r.wins if r.wins > 0.0 else None,
        average_loss=r.lost_pct / r.losses if r.losses > 0.0 else None,
        confidence=s.kelly_confidence,
        cap_pct=s.kelly_cap_pct,
        order_min=s.order_min_usd,
        regime=regime_name(market.values.get(REGIME_VALUE)),
        regime_scale=market.size,
    )
