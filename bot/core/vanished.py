"""Orders that the exchange had and shows no more: looked for, named, and given up only at a person's word.

An order that is nowhere in three complete searches over at least a minute is `lost`. It keeps its capital and its lot,
entries wait, and every look goes on: seen again, it is what it is. `cancel` by a person ends it, unless the exchange
still holds something for it.
"""

from dataclasses import replace

from bot.core import exits
from bot.core.intents import SaveReceipt
from bot.core.model import Side
from bot.core.orders import Order, OrderInput, OrderState
from bot.core.world import World
from shared.control import Command
from shared.documents import ReceiptState
from shared.money import ZERO, plain

ABSENCES_NEEDED = 3
ABSENCE_SPAN_MS = 60_000


def not_found(world: World, order: Order) -> None:
    """A complete search did not show an order that was open."""
    first = order.first_absence_ms if order.first_absence_ms is not None else world.now_ms
    order = replace(order, absences=order.absences + 1, first_absence_ms=first)
    world.orders[order.spec.client_order_id] = order
    if order.state is OrderState.LOST or order.absences < ABSENCES_NEEDED or world.now_ms - first < ABSENCE_SPAN_MS:
        return
    world.step_order(order, OrderInput.ABSENT, "not found in complete searches")
    spec = order.spec
    text = (
        f"{spec.product_id} {spec.purpose.value}: the exchange shows the order no more ({_held(world, order)}); "
        "it is looked for, and blocks its lot until it is cancelled by a person"
    )
    world.latch_entries(text)
    world.note("order", text, "bad", spec.product_id, spec.client_order_id)


def give_up(world: World, order: Order, command: Command) -> None:
    """A person says that it is gone: it is over, and still recognised should it turn up."""
    if _still_held(world, order):
        reason = f"the exchange still holds funds for it ({_held(world, order)})"
        world.emit(SaveReceipt(command.id, ReceiptState.FAILED, reason))
        return
    after = world.step_order(order, OrderInput.GIVE_UP, f"given up by {command.by}")
    spec = order.spec
    world.note(
        "order",
        f"{spec.product_id} {spec.purpose.value}: held to be gone, by {command.by}",
        "warn",
        spec.product_id,
        spec.client_order_id,
    )
    if spec.side is Side.SELL:
        exits.order_over(world, after)
    world.emit(SaveReceipt(command.id, ReceiptState.DONE, "the order is held to be gone"))


def _currency(order: Order) -> str:
    base, _, quote = order.spec.product_id.partition("-")
    return base if order.spec.side is Side.SELL else quote


def _still_held(world: World, order: Order) -> bool:
    """Whether the exchange holds as much as this order and every other own one of its side would need."""
    currency = _currency(order)
    others = sum(
        (
            other.spec.notional if other.spec.side is Side.BUY else (other.spec.base_size or ZERO) - other.filled_size
            for other in world.orders.values()
            if other is not order and not other.done and other.state is not OrderState.LOST
            if _currency(other) == currency
        ),
        ZERO,
    )
    left = order.spec.notional if order.spec.side is Side.BUY else (order.spec.base_size or ZERO) - order.filled_size
    return world.portfolio.holds.get(currency, ZERO) >= others + left > 0


def _held(world: World, order: Order) -> str:
    currency = _currency(order)
    return f"{plain(world.portfolio.holds.get(currency, ZERO))} {currency} on hold there"
