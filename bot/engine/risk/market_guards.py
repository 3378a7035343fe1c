"""What the market itself must be like: spread, depth, volatility."""

import math

from bot.domain.price_book import BP, buy_impact_bp
from bot.engine.risk.sizing import entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import price_band_ratio, spike_ratio


def spread_pct(_state: EngineState, market: Market) -> float | None:
    return market.spread_pct


def ask_depth_quote(_state: EngineState, market: Market) -> float | None:
    """What is offered at the best ask, in quote units."""
    if market.ask is None or market.ask_size is None:
        return None
    return float(market.ask * market.ask_size)


def entry_impact_bp(state: EngineState, market: Market) -> float | None:
    """How far the next entry would walk the book; a bid that rests walks none."""
    if state.settings.entry_order == "maker":
        return 0.0
    return impact_bp(state, market, float(entry_size_quote(state, market)))


def impact_bp(state: EngineState, market: Market, quote: float) -> float | None:
    """Average price of a purchase for `quote` above the best ask, in basis points; None = not known.

    Where no book is kept, what fits into the best ask walks nothing; of more nobody knows. 10,000: the book ends first.
    """
    book = market.fresh_book(state.clock.now_ms)
    if book is not None:
        found = buy_impact_bp(book.asks, quote)
        return min(found, BP) if found is not None else None
    offered = ask_depth_quote(state, market)
    return 0.0 if offered is not None and quote <= offered else None


def volatility_spike(_state: EngineState, market: Market) -> float | None:
    """The last hour's deviation over the last day's; at most the root of 24, by construction."""
    ratio = spike_ratio(market.volatility.sigma_short, market.volatility.sigma_long)
    return ratio if math.isfinite(ratio) else None


def bar_volatility_pct(state: EngineState, market: Market) -> float | None:
    return market.bands.percent(state.settings.vol_band_method)


def off_last_close(state: EngineState, market: Market) -> float | None:
    """How far an entry's price (best ask; as a maker, best bid) is from the last close, in volatilities of a bar."""
    s = state.settings
    price = market.bid if s.entry_order == "maker" else market.ask
    percent = market.price_bands.percent(s.volatility_method) if market.price_bands is not None else None
    if price is None or not market.bars or percent is None:
        return None
    return price_band_ratio(float(price), market.bars[-1].close, percent)
