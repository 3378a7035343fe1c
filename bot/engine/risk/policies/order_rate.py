"""Orders in a minute, and the same entry again and again; so many entries in a minute latch until Start is pressed."""

from bot.domain.orders import OrderSpec
from bot.engine.risk import rate
from bot.engine.risk.limits import plain_limit
from bot.engine.risk.policy import FAULT, OPEN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.documents.risk import LimitDoc


def _rate(state: EngineState, _market: Market) -> Gate:
    recent, limit = rate.orders_per_minute(state), state.settings.max_orders_per_min
    verdict = OPEN if recent < limit else FAULT
    return Gate("rate", "Orders in a minute", verdict, f"{recent:.0f}", f"< {limit}", "in less than a minute")


def _rate_of_order(state: EngineState, spec: OrderSpec) -> Refusal | None:
    most = state.settings.max_orders_per_min
    # An order that is recorded was counted when it was decided; others that waited longer may have gone since.
    recorded = spec.client_order_id in state.orders.by_id
    own = 1 if recorded else 0
    sent = rate.orders_per_minute(state) - own
    if recorded:
        sent = max(sent, rate.passed_per_minute(state))
    if sent >= most:
        return Refusal("rate", f"{sent:.0f} in a minute", str(most))
    again = rate.repeats(state, spec) - own
    if again >= rate.REPEATS_MAX:
        return Refusal("repeat", f"the same order {again} times in a minute", str(rate.REPEATS_MAX))
    return None


def _limits(state: EngineState) -> list[LimitDoc]:
    most = state.settings.max_orders_per_min
    return [plain_limit("orders_per_min", "Orders in a minute", rate.orders_per_minute(state), most, "orders")]


def _latch(state: EngineState, _market: Market) -> str | None:
    sent, most = rate.entries_per_minute(state), state.settings.max_orders_per_min
    return f"{sent} entries in a minute (at most {most})" if sent >= most else None


POLICY = RiskPolicy(
    "rate",
    "Orders in a minute",
    "Fewer orders in a minute than the limit, the same entry at most five times; too many entries latch until Start",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("MAX_ORDERS_PER_MIN",),
    "orders were not counted by the minute",
    judge=_rate,
    check=_rate_of_order,
    limits=_limits,
    latch=_latch,
    restart=rate.forget_entries,
)
