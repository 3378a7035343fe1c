"""One BUY bar opens one lot."""

from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _bar(_state: EngineState, market: Market) -> Gate:
    used = market.used_bar_s is not None and market.used_bar_s == market.signal_bar_s
    value, verdict = ("used", SHUT) if used else ("free", OPEN)
    return Gate("bar", "One lot a bar", verdict, value, "free", "with the next closed bar")


POLICY = RiskPolicy(
    "bar",
    "One lot a bar",
    "The newest BUY bar opened no lot yet",
    Failure.CRITICAL,
    Backtest.MODELLED,
    judge=_bar,
)
