"""REDUCE_ONLY: exits only."""

from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _reduce_only(state: EngineState, _market: Market) -> Gate:
    on = state.settings.reduce_only
    opens = "REDUCE_ONLY=false" if on else None
    return Gate("reduce_only", "Reduce only", SHUT if on else OPEN, "on" if on else "off", "off", opens)


POLICY = RiskPolicy(
    "reduce_only",
    "Reduce only",
    "No entries at all while it is on; exits go on",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("REDUCE_ONLY",),
    judge=_reduce_only,
    standing=True,
)
