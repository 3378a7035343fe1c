"""Orders that the exchange had and shows no more: looked for, named, and given up only at a person's word.

An order that is nowhere in three complete searches over at least a minute is `lost`. It keeps its capital and its lot,
entries wait, and every look goes on: seen again, it is what it is. `cancel` by a person ends it, unless the exchange
still holds something for it.
"""

from dataclasses import replace

from bot.domain.intents import SaveReceipt
from bot.domain.kinds import Side
from bot.domain.order_life import Order, OrderInput, OrderState
from bot.engine.execution import exits
from bot.engine.state.engine_state import EngineState
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.money import ZERO, plain

ABSENCES_NEEDED = 3
ABSENCE_SPAN_MS = 60_000


def not_found(state: EngineState, order: Order) -> None:
    """A complete search did not show an order that was open."""
    first = order.first_absence_ms if order.first_absence_ms is not None else state.clock.now_ms
    order = replace(order, absences=order.absences + 1, first_absence_ms=first)
    state.orders.by_id[order.spec.client_order_id] = order
    if (
        order.state is OrderState.LOST
        or order.absences < ABSENCES_NEEDED
        or state.clock.now_ms - first < ABSENCE_SPAN_MS
    ):
        return
    state.step_order(order, OrderInput.ABSENT, "not found in complete searches")
    spec = order.spec
    text = (
        f"{spec.product_id} {spec.purpose.value}: the exchange no longer shows the order ({_held(state, order)}); "
        "it is searched for, and blocks its lot until a person cancels it"
    )
    state.latch_entries(text)
    state.note("order", text, "bad", spec.product_id, spec.client_order_id)


def give_up(state: EngineState, order: Order, command: Command) -> None:
    """A person says that it is gone: it is over, and still recognised should it turn up."""
    if _still_held(state, order):
        reason = f"the exchange still holds funds for it ({_held(state, order)})"
        state.emit(SaveReceipt(command.id, ReceiptState.FAILED, reason))
        return
    after = state.step_order(order, OrderInput.GIVE_UP, f"given up by {command.by}")
    spec = order.spec
    state.note(
        "order",
        f"{spec.product_id} {spec.purpose.value}: marked as gone by {command.by}",
        "warn",
        spec.product_id,
        spec.client_order_id,
    )
    if spec.reduce_only:
        exits.order_over(state, after)
    state.emit(SaveReceipt(command.id, ReceiptState.DONE, "the order is marked as gone"))


def _currency(state: EngineState, order: Order) -> str:
    base, quote = state.markets.currencies(order.spec.product_id)
    return base if order.spec.side is Side.SELL else quote


def _still_held(state: EngineState, order: Order) -> bool:
    """Whether the exchange holds as much as this order and every other own one of its side would need."""
    currency = _currency(state, order)
    others = sum(
        (
            other.spec.notional if other.spec.side is Side.BUY else (other.spec.base_size or ZERO) - other.filled_size
            for other in state.orders.by_id.values()
            if other is not order and not other.done and other.state is not OrderState.LOST
            if _currency(state, other) == currency
        ),
        ZERO,
    )
    left = order.spec.notional if order.spec.side is Side.BUY else (order.spec.base_size or ZERO) - order.filled_size
    return state.account.portfolio.holds.get(currency, ZERO) >= others + left > 0


def _held(state: EngineState, order: Order) -> str:
    currency = _currency(state, order)
    return f"{plain(state.account.portfolio.holds.get(currency, ZERO))} {currency} on hold there"
