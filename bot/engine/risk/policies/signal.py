"""The strategy says BUY on a bar that is not late."""

from bot.engine.execution import questions
from bot.engine.risk.policy import FAULT, OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.settings import GRANULARITY_S

BAR_LATE_S = 60


def _signal(state: EngineState, market: Market) -> Gate:
    need = state.strategy.warmup_bars
    if market.strategy_error is not None:
        return Gate("signal", "Signal", FAULT, market.strategy_error, "BUY", "when the strategy is fixed")
    if len(market.bars) < need:
        return Gate("signal", "Signal", SHUT, f"{len(market.bars)} bars", f"{need} bars", "when the bars are there")
    if market.question is not None:
        return _unanswered(state, market)
    late_s = _late_s(state, market)
    if late_s > BAR_LATE_S:
        value = f"bars are {late_s:.0f} s late"
        return Gate("signal", "Signal", FAULT, value, f"≤ {BAR_LATE_S} s", "with the next bar")
    value = market.signal.upper()
    if market.probability is not None:
        value += f", p {market.probability:.3f}"
    verdict = OPEN if market.signal == "buy" else SHUT
    return Gate("signal", "Signal", verdict, value, "BUY", "with a closed bar that says buy")


def _unanswered(state: EngineState, market: Market) -> Gate:
    """The newest bar is not judged yet: what the strategy said of an older one is no signal any more."""
    if not questions.overdue(state, market):
        return Gate("signal", "Signal", SHUT, "computing", "BUY", "with the strategy's answer")
    value = f"no answer for {questions.waited_s(state, market):.0f} s"
    return Gate("signal", "Signal", FAULT, value, "BUY", "when the strategy answers, or after a restart")


def _late_s(state: EngineState, market: Market) -> float:
    """How late the bar after the newest known one is. What an old bar said is no signal for the price of now."""
    if not market.bars:
        return 0.0
    due_s = market.bars[-1].start_s + 2 * GRANULARITY_S[state.settings.granularity]
    return (state.clock.now_ms + (state.clock.offset_ms or 0)) / 1000 - due_s


POLICY = RiskPolicy(
    "signal",
    "Signal",
    "The strategy says BUY on the newest closed bar, which is at most a minute late",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    judge=_signal,
)
