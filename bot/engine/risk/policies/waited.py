"""An entry that waited for its turn (the exchange throttles) was decided on a market that is gone."""

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import Backtest, Failure, Moment, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState


def _waited(state: EngineState, spec: OrderSpec) -> Refusal | None:
    order = state.orders.by_id.get(spec.client_order_id)
    if order is None:
        return None
    waited_s = (state.clock.now_ms - order.created_ms) / 1000
    most_s = state.settings.stale_data_sec
    return Refusal("waited", f"decided {waited_s:.0f} s ago", f"{most_s:g} s") if waited_s > most_s else None


POLICY = RiskPolicy(
    "waited",
    "Waited for its turn",
    "Decided at most `STALE_DATA_SEC` seconds before it is sent",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    assumed="no order waited for its turn",
    check=_waited,
    checked=(Moment.SOCKET,),
)
