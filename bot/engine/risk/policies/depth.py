"""What is offered at the best ask."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy

POLICY = guard_policy(
    Guard(
        "depth",
        "Depth at the best ask",
        "USD",
        lambda s: s.min_depth_usd,
        lambda _state, market: market.ask_depth_quote,
        "when more is offered",
        at_least=True,
        unknown_shuts=True,
        per_product=True,
    ),
    "Money offered at the best ask; until more is offered",
    Failure.RECOVERABLE,
    Backtest.REFUSED_BY_HAND,
    ("MIN_DEPTH_USD",),
    "bars hold no book, so enough was always offered",
)
