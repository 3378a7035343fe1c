"""Share of the last minute's requests that failed."""

from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market

CALLS_MIN = 6


def _error_pct(state: EngineState, _market: Market) -> float | None:
    calls, errors = state.risk.recent_api(state.clock.now_ms)
    return 100 * errors / calls if calls >= CALLS_MIN else None


POLICY = guard_policy(
    Guard(
        "api_errors",
        "Failed requests in a minute",
        "%",
        lambda s: s.max_api_error_pct,
        _error_pct,
        "when the exchange answers again",
        broken=True,
    ),
    "Share of the last minute's requests that failed; until the exchange answers again",
    Failure.RECOVERABLE,
    Backtest.LIVE_ONLY,
    ("MAX_API_ERROR_PCT",),
    "no request failed",
)
