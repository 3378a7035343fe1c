"""MAX_ORDER_USD: an entry is sized within it (`bot.engine.risk.sizing`), and no larger one is sent."""

from decimal import Decimal

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import Backtest, Failure, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from shared.figures import plainly
from shared.money import plain


def _notional(state: EngineState, spec: OrderSpec) -> Refusal | None:
    most = state.settings.max_order_usd
    if most and spec.notional > Decimal(str(most)):
        return Refusal("notional", plain(spec.notional), f"{plainly(most)}")
    return None


POLICY = RiskPolicy(
    "notional",
    "Money in one order",
    "Money in one entry; entries are sized within it",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_ORDER_USD",),
    check=_notional,
)
