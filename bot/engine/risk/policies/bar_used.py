"""One BUY bar opens one lot; a holding that a person sold is not bought back on the same bar."""

from bot.engine.risk import target_weight
from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _bar(state: EngineState, market: Market) -> Gate:
    used = market.used_bar_s is not None and market.used_bar_s == market.signal_bar_s
    if used and target_weight.is_asked_for(state):
        return Gate("bar", "One lot a bar", SHUT, "sold by hand", "free", "with the next closed bar")
    value, verdict = ("used", SHUT) if used else ("free", OPEN)
    return Gate("bar", "One lot a bar", verdict, value, "free", "with the next closed bar")


POLICY = RiskPolicy(
    "bar",
    "One lot a bar",
    "The newest BUY bar opened no lot yet; of weights: no person sold the holding on this bar",
    Failure.CRITICAL,
    Backtest.MODELLED,
    judge=_bar,
)
