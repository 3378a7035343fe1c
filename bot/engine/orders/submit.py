"""The one way of an order out of the engine, and what is said when funds are short."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.intents import PlaceOrder
from bot.domain.order_life import Order, OrderInput, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.risk import rate
from bot.engine.state.engine_state import EngineState


def send(state: EngineState, spec: OrderSpec) -> None:
    """Record the intent, then have it sent: the record is committed before a byte leaves."""
    order = Order(spec, OrderState.NEW, created_ms=state.clock.now_ms, updated_ms=state.clock.now_ms)
    if state.orders.own_ids.known_for(spec.client_order_id) is not None:
        _used_up(state, order)
        return
    state.orders.own_ids.add(spec.client_order_id)
    state.save_order(order)
    state.orders.by_id[spec.client_order_id] = replace(
        order.after(OrderInput.SEND, state.clock.now_ms), next_look_ms=state.clock.now_ms + 2000
    )
    rate.count(state, spec)
    state.count("orders")
    state.count(f"orders_{spec.side.value.lower()}")
    state.emit(PlaceOrder(spec))


def _used_up(state: EngineState, order: Order) -> None:
    """The exchange has the order of this very intent already, made with a newer ledger than this one, or by a bot on a
    copy of it: the intent was carried out.

    It is looked up and counted, never sent again: not every exchange refuses an id that it has seen.
    """
    spec = order.spec
    state.orders.own_ids.add(spec.client_order_id)
    state.save_order(order)
    state.orders.own_ids.unrecorded.discard(spec.client_order_id)
    reason = "the exchange has an order of this id that the ledger did not know"
    order = state.step_order(order, OrderInput.NO_ANSWER, reason)
    state.orders.by_id[spec.client_order_id] = replace(order, next_look_ms=state.clock.now_ms + 500, looks=0)
    text = f"{spec.product_id} {spec.purpose.value}: {reason}; it is looked up, not sent"
    state.note("order", text, "warn", spec.product_id, spec.client_order_id)


def say_retry(state: EngineState, quote: Decimal, error: str) -> None:
    """The line of docs/trading-rules.md §4, to the letter."""
    least = state.settings.order_min_usd
    text = f"[WARN] open order {quote:.2f} USD failed ({error}); retrying with ORDER_MIN_USD={least:.2f}"
    state.note("entry", text, "warn")
