"""Best ask over best bid."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy

POLICY = guard_policy(
    Guard(
        "spread",
        "Spread",
        "%",
        lambda s: s.max_spread_pct,
        lambda _state, market: market.spread_pct,
        "when bid and ask come together",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
    ),
    "Best ask over best bid; until they come together",
    Failure.RECOVERABLE,
    Backtest.REFUSED_BY_HAND,
    ("MAX_SPREAD_PCT",),
    "bars hold no quotes, so the spread was never too wide",
)
