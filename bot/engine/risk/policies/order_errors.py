"""Share of the recent orders that were refused or got no answer."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market

OUTCOMES_MIN = 6  # fewer say nothing about a rate


def _error_pct(state: EngineState, _market: Market) -> float | None:
    outcomes = state.risk.recent_outcomes(state.clock.now_ms)
    if len(outcomes) < OUTCOMES_MIN:
        return None
    return 100 * outcomes.count(False) / len(outcomes)


POLICY = guard_policy(
    Guard(
        "order_errors",
        "Orders refused or unanswered",
        "%",
        lambda s: s.max_error_rate_pct,
        _error_pct,
        "in ten minutes at most",
        broken=True,
    ),
    "Share of the recent orders that were refused or unanswered; until the failed ones are ten minutes old, or Start",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("MAX_ERROR_RATE_PCT",),
    "no order failed",
    restart=lambda state: state.risk.outcomes.clear(),
)
