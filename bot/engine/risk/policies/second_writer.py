"""Nobody else trades under this bot's name (`bot.engine.orders.second_writer`)."""

from bot.domain.orders import OrderSpec
from bot.engine.orders.second_writer import WHAT_TO_DO, lift
from bot.engine.risk.policy import FAULT, OPEN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _second_writer(state: EngineState, _market: Market) -> Gate:
    if state.orders.fence.second_writer is None:
        return Gate("second_writer", "Only writer", OPEN, "no other bot", None)
    return Gate("second_writer", "Second writer", FAULT, state.orders.fence.second_writer, "none", WHAT_TO_DO)


def _second_writer_of_order(state: EngineState, _spec: OrderSpec) -> Refusal | None:
    if state.orders.fence.second_writer is not None:
        return Refusal("second_writer", state.orders.fence.second_writer, "none")
    return None


POLICY = RiskPolicy(
    "second_writer",
    "Only writer",
    "No second bot trades under this name on this account; until Start is pressed",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    assumed="no other bot traded under this name",
    judge=_second_writer,
    standing=True,
    check=_second_writer_of_order,
    restart=lift,
)
