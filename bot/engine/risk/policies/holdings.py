"""A sale is of a lot, of no more than it holds, and no other sale of it may still fill."""

from bot.domain.kinds import Side
from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import Backtest, Failure, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from shared.money import plain


def _holdings(state: EngineState, spec: OrderSpec) -> Refusal | None:
    if spec.reduce_only is not (spec.side is Side.SELL):
        # Lots are long: what reduces one sells, and nothing is sold that no lot holds.
        return Refusal("not_reducing", f"reduce only: {spec.reduce_only}", f"{spec.side is Side.SELL} of {spec.side}")
    if not spec.reduce_only:
        return None
    lot = state.positions.lots.get(spec.lot_id or "")
    if lot is None:
        return Refusal("lot", spec.lot_id or "none", "an open lot")
    if spec.base_size is None or spec.base_size > lot.base_left:
        return Refusal("oversell", str(spec.base_size), plain(lot.base_left))
    for coid, order in state.orders.by_id.items():
        other = order.spec.lot_id == spec.lot_id and order.spec.reduce_only and coid != spec.client_order_id
        if other and not order.settled:
            return Refusal("exit_working", coid, "one exit of a lot at a time")
    return None


POLICY = RiskPolicy(
    "holdings",
    "Holdings",
    "A sale is of an open lot, of no more than it holds, and the only one of it",
    Failure.CRITICAL,
    Backtest.MODELLED,
    check=_holdings,
    entries_only=False,
)
