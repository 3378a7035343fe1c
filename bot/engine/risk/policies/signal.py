"""The strategy says BUY on a bar that is not late, or wants a larger holding."""

from bot.engine.execution import questions
from bot.engine.risk import target_weight
from bot.engine.risk.policy import FAULT, OPEN, SHUT, UNKNOWN, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.regimes import REGIME_SIZE, REGIME_VALUE, regime_name, regime_words


def _signal(state: EngineState, market: Market) -> Gate:
    need = state.strategy.warmup_bars
    if market.strategy_error is not None:
        return Gate("signal", "Signal", FAULT, market.strategy_error, "BUY", "when the strategy is fixed")
    if len(market.bars) < need:
        return Gate("signal", "Signal", SHUT, f"{len(market.bars)} bars", f"{need} bars", "when the bars are there")
    if market.question is not None:
        return _unanswered(state, market)
    late_s = questions.late_s(state, market)
    if late_s > questions.BAR_LATE_S:
        value = f"bars are {late_s:.0f} s late"
        return Gate("signal", "Signal", FAULT, value, f"≤ {questions.BAR_LATE_S} s", "with the next bar")
    if target_weight.is_asked_for(state):
        return _weight(state, market)
    value = market.signal.upper()
    if market.probability is not None:
        value += f", p {market.probability:.3f}"
    verdict = OPEN if market.signal == "buy" else SHUT
    if verdict is SHUT and state.settings.regime:
        value += _regime(market)
    return Gate("signal", "Signal", verdict, value, "BUY", "with a closed bar that says buy")


def _regime(market: Market) -> str:
    """Why a BUY of the strategy may be no BUY here: nothing is entered in this regime, or it is not known yet."""
    name = regime_name(market.values.get(REGIME_VALUE))
    if name is None:
        return "; the regime is not known yet"
    return f"; no entries in the regime {regime_words(name)}" if market.values.get(REGIME_SIZE) == 0.0 else ""


def _unanswered(state: EngineState, market: Market) -> Gate:
    """The newest bar is not judged yet: what the strategy said of an older one is no signal any more."""
    if not questions.overdue(state, market):
        return Gate("signal", "Signal", SHUT, "computing", "BUY", "with the strategy's answer")
    value = f"no answer for {questions.waited_s(state, market):.0f} s"
    return Gate("signal", "Signal", FAULT, value, "BUY", "when the strategy answers, or after a restart")


def _weight(state: EngineState, market: Market) -> Gate:
    """Whether more of the product is wanted than is held (docs/trading-rules.md §10)."""
    target, held = market.target_weight, target_weight.held_weight(state, market)
    band = state.settings.exposure_band_pct
    if target is None:
        return Gate("signal", "Target weight", SHUT, "no opinion", "a weight", "with a closed bar that says one")
    if held is None:
        return Gate("signal", "Target weight", UNKNOWN, "holding not known", None, "with a price and the balances")
    value = f"{target_weight.spoken_holding(state, market)}, target {target * 100:.1f} %"
    verdict = OPEN if target_weight.change_quote(state, market, band) > 0.0 else SHUT
    limit = max(target * 100.0 - band, 0.0)
    return Gate("signal", "Target weight", verdict, value, f"< {limit:.1f} %", "when less is held, or more is wanted")


POLICY = RiskPolicy(
    "signal",
    "Signal",
    "The strategy says BUY on the newest closed bar, which is at most a minute late; "
    "of weights: the holding is below its target's band",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    judge=_signal,
)
