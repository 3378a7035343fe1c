"""What a person or the machine allows: the level, the kill latch, safe mode, the boot."""

from bot.engine.risk.policy import FAULT, OPEN, SHUT, UNKNOWN, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _control(state: EngineState, _market: Market) -> Gate:
    control = state.control
    if control.may_enter:
        return Gate("control", "Control", OPEN, "run", "run")
    if control.latch is not None:
        return Gate("control", "Control", SHUT, "killed", "run", "reset the kill latch, then Start")
    if control.safe is not None:
        return Gate("control", "Control", FAULT, "safe", "run", "press Start when the cause is fixed")
    if not control.ready:
        return Gate("control", "Control", UNKNOWN, "starting", "run", "when the boot is over")
    return Gate("control", "Control", SHUT, control.level.word, "run", "press Start")


POLICY = RiskPolicy(
    "control",
    "Control",
    "Level run, no kill latch, no safe mode, boot over; the order gate keeps the latches that must not wait",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    assumed="nobody paused, stopped or killed the bot",
    judge=_control,
    standing=True,
)
