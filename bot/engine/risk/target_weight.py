"""What a product holds beside what its target wants (docs/trading-rules.md §10). Money in quote units, weights 0..1."""

import math

from bot.domain.targets import Exposure
from bot.engine.execution import questions
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.exposure import product_share_quote, rebalance_quote


def is_asked_for(state: EngineState) -> bool:
    """Whether products are held at weights here, instead of in lots with exits of their own."""
    return state.strategy.target_type is Exposure


def share_quote(state: EngineState) -> float:
    """What one product may hold at most."""
    s = state.settings
    return product_share_quote(float(state.sizing_equity), s.exposure_max_pct, len(s.products))


def held_quote(state: EngineState, market: Market) -> float:
    """All open lots of the product at mark; NaN without one."""
    held, mark = state.positions.lots.base_held(market.instrument.product_id), market.mark
    return float(held * mark) if mark is not None else math.nan


def held_weight(state: EngineState, market: Market) -> float | None:
    """What is held as a part of the share; None = not known."""
    share, held = share_quote(state), held_quote(state, market)
    return held / share if share > 0.0 and not math.isnan(held) else None


def spoken_holding(state: EngineState, market: Market) -> str:
    """`holds 43.2 % of its share`, for a person."""
    held = held_weight(state, market)
    return f"holds {held * 100:.1f} % of its share" if held is not None else "holds a share that is not known"


def least_quote(state: EngineState, market: Market) -> float:
    """A smaller change waits: ORDER_MIN_USD, or what the exchange takes at least."""
    return max(state.settings.order_min_usd, float(market.instrument.quote_min_size))


def change_quote(state: EngineState, market: Market, band_pct: float, least: float | None = None) -> float:
    """Quote units to buy (> 0) or to sell (< 0) now; 0 = nothing. `band_pct` 0: the whole way to the target."""
    weight = market.target_weight
    if weight is None:
        return 0.0
    smallest = least_quote(state, market) if least is None else least
    return rebalance_quote(weight, held_quote(state, market), share_quote(state), band_pct, smallest)


def no_target(state: EngineState, market: Market) -> str | None:
    """Why there is no target to go by, for a person; None = there is one, of the newest bar, in time."""
    if market.strategy_error is not None:
        return market.strategy_error
    if market.target is None:
        return "the strategy has not answered yet"
    late_s = questions.late_s(state, market)
    if late_s > questions.BAR_LATE_S:
        return f"bars are {late_s:.0f} s late"
    if questions.overdue(state, market):
        return f"no answer for {questions.waited_s(state, market):.0f} s"
    return None if market.target_weight is not None else "the strategy has no opinion"


def wanted_quote(state: EngineState, market: Market) -> float:
    """What is still to be bought for the target, the whole way, before fee and any cap; 0 = nothing."""
    return max(change_quote(state, market, 0.0), 0.0)
