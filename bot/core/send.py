"""The one way of an order out of the engine, and what is said when funds are short."""

from dataclasses import replace
from decimal import Decimal

from bot.core.intents import PlaceOrder
from bot.core.model import OrderSpec
from bot.core.orders import Order, OrderInput, OrderState
from bot.core.risk import rate
from bot.core.world import World


def send(world: World, spec: OrderSpec) -> None:
    """Record the intent, then have it sent: the record is committed before a byte leaves."""
    order = Order(spec, OrderState.NEW, created_ms=world.now_ms, updated_ms=world.now_ms)
    if world.own_ids.known_for(spec.client_order_id) is not None:
        _used_up(world, order)
        return
    world.own_ids.add(spec.client_order_id)
    world.save_order(order)
    world.orders[spec.client_order_id] = replace(
        order.after(OrderInput.SEND, world.now_ms), next_look_ms=world.now_ms + 2000
    )
    rate.count(world, spec)
    world.count("orders")
    world.count(f"orders_{spec.side.value.lower()}")
    world.emit(PlaceOrder(spec))


def _used_up(world: World, order: Order) -> None:
    """The exchange has the order of this very intent already, made with a newer ledger than this one, or by a bot on a
    copy of it: the intent was carried out.

    It is looked up and counted, never sent again: not every exchange refuses an id that it has seen.
    """
    spec = order.spec
    world.own_ids.add(spec.client_order_id)
    world.save_order(order)
    world.own_ids.unrecorded.discard(spec.client_order_id)
    reason = "the exchange has an order of this id that the ledger did not know"
    order = world.step_order(order, OrderInput.NO_ANSWER, reason)
    world.orders[spec.client_order_id] = replace(order, next_look_ms=world.now_ms + 500, looks=0)
    text = f"{spec.product_id} {spec.purpose.value}: {reason}; it is looked up, not sent"
    world.note("order", text, "warn", spec.product_id, spec.client_order_id)


def say_retry(world: World, quote: Decimal, error: str) -> None:
    """The line of docs/trading-rules.md §4, to the letter."""
    least = world.settings.order_min_usd
    text = f"[WARN] open order {quote:.2f} USD failed ({error}); retrying with ORDER_MIN_USD={least:.2f}"
    world.note("entry", text, "warn")
