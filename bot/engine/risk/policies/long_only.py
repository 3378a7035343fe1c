"""Lots are long: no entry may open a short, whatever a strategy or an executor asks for."""

from bot.domain.kinds import LotSide, Purpose
from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import Backtest, Failure, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState


def _long_only(_state: EngineState, spec: OrderSpec) -> Refusal | None:
    opened = LotSide.opened_by(spec.side)
    if spec.purpose is Purpose.ENTRY and opened is not LotSide.LONG:
        return Refusal("long_only", f"a {opened.value} lot", LotSide.LONG.value)
    return None


POLICY = RiskPolicy(
    "long_only",
    "Long only",
    "An entry opens a long lot, never a short",
    Failure.CRITICAL,
    Backtest.MODELLED,
    check=_long_only,
)
