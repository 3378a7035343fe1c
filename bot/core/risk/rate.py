"""Orders in a minute, and the same order again and again (RTS 6 Art 15(3): the throttle that a person re-arms)."""

from typing import TYPE_CHECKING

from bot.core.market import Market
from bot.core.model import OrderSpec, Purpose

if TYPE_CHECKING:
    from bot.core.world import World

MINUTE_MS = 60_000
REPEATS_MAX = 5  # the same entry in a minute
COUNTED = frozenset({Purpose.ENTRY, Purpose.EXIT})  # a lot's resting take is bound to its lot; a flatten must end


def count(world: "World", spec: OrderSpec) -> None:
    """An order is being sent."""
    if spec.purpose in COUNTED:
        world.order_times_ms.append(world.now_ms)
    if spec.purpose is Purpose.ENTRY:
        world.risk.entries_sent.append((world.now_ms, terms(spec)))
        world.save_fact("entries_sent", world.risk.entries_text(world.now_ms - MINUTE_MS))


def let_pass(world: "World", spec: OrderSpec) -> None:
    """The order gate lets it go to the socket, maybe long after it was decided."""
    if spec.purpose in COUNTED:
        world.risk.let_pass_ms.append(world.now_ms)


def passed_per_minute(world: "World") -> float:
    """Entries and exits that went to the socket in the last minute."""
    return float(sum(1 for at_ms in world.risk.let_pass_ms if world.now_ms - at_ms < MINUTE_MS))


def terms(spec: OrderSpec) -> tuple[str, ...]:
    """What makes two entries the same order."""
    return (spec.product_id, spec.kind.value, str(spec.quote_size), str(spec.base_size), str(spec.limit_price))


def orders_per_minute(world: "World", _market: Market | None = None) -> float:
    """Entries and exits sent in the last minute."""
    return float(sum(1 for at_ms in world.order_times_ms if world.now_ms - at_ms < MINUTE_MS))


def entries_per_minute(world: "World") -> int:
    return sum(1 for at_ms, _ in world.risk.entries_sent if world.now_ms - at_ms < MINUTE_MS)


def repeats(world: "World", spec: OrderSpec) -> int:
    """How often this very entry was sent in the last minute."""
    wanted = terms(spec)
    return sum(1 for at_ms, sent in world.risk.entries_sent if world.now_ms - at_ms < MINUTE_MS and sent == wanted)
