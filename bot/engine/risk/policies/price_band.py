"""How far an entry's price is from the last close, in volatilities of a bar."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import price_band_ratio


def _off_last_close(state: EngineState, market: Market) -> float | None:
    """Of the best ask; as a maker, of the best bid."""
    s = state.settings
    price = market.bid if s.entry_order == "maker" else market.ask
    percent = market.price_bands.percent(s.volatility_method) if market.price_bands is not None else None
    if price is None or not market.bars or percent is None:
        return None
    return price_band_ratio(float(price), market.bars[-1].close, percent)


POLICY = guard_policy(
    Guard(
        "price_band",
        "Entry price from the last close, in bar volatilities",
        "x",
        lambda s: s.volatility_mult,
        _off_last_close,
        "when the price is near the last close again",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    "Entry price from the last close, in bar volatilities; until it is near the close again",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("VOLATILITY_MULT", "VOLATILITY_METHOD", "VOLATILITY_WINDOW", "VOLATILITY_ALPHA", "ATR_WINDOW"),
)
