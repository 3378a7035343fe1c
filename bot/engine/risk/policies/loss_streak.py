"""Losing lots in a row."""

from bot.engine.risk import losses
from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy

POLICY = guard_policy(
    Guard(
        "loss_streak",
        "Losing lots in a row",
        "lots",
        lambda s: float(s.max_consecutive_losses),
        lambda state, _market: float(state.risk.loss_streak),
        "at 00:00 UTC, after a gain, or press Start",
    ),
    "Losing lots in a row; until a gain (of an older lot), 00:00 UTC, or Start",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_CONSECUTIVE_LOSSES",),
    restart=losses.forgive,
)
