"""Fencing: two bots that trade under one name on one account, each with a ledger of its own.

A copy of the data folder that was started elsewhere, or a second installation with the same BOT_NAME and key. The lock
of the folder cannot know of it, the exchange does: an order under our name that was made after this start, and that
the ledger does not know, is a second writer's. Nothing of ours can look like that: this run records every intent before
it sends it, and those of earlier runs are in the ledger. Where the ledger is new or in doubt, an order that an earlier
run sent may still arrive, so `since_ms` then lies a minute after the start (`runtime.boot`); until then such an order
latches entries as one of a lost ledger.

Entries shut at once, and stay shut over restarts until a person presses Start; the next foreign order shuts them again.
Exits go on: a stop that does not come can cost more than one that comes twice, and an exit never sells more than its
lot holds. Where the other bot is seen to have sold the same lot of the same ledger for the same reason, its order is
taken for ours and none is sent (`OwnIds`); whatever else it traded is a difference of the account, to be adopted.
"""

from bot.core.fence_memory import FOREIGN_EPOCHS, SECOND_WRITER
from bot.core.ids import epoch_of
from bot.core.model import VenueOrder
from bot.core.world import World
from shared.money import plain

EPOCHS_KEPT = 50
SEEN_KEPT = 10_000
TOLD_MS = 60_000
SKEW_MS = 5_000  # between the exchange's clocks
IN_FLIGHT_MS = 60_000  # how much later than its sender's end an order may arrive
WHAT_TO_DO = "stop the other bot, or give one of the two another BOT_NAME; then press Start"


def is_foreign(world: World, shown: VenueOrder) -> bool:
    """Of an order under our name that the ledger does not know: whether a second writer made it. It shuts entries."""
    made_since = world.fence.since_ms is not None and shown.created_ms >= world.fence.since_ms
    if made_since and shown.client_order_id not in world.fence.seen:
        _shut(world, shown)
    return made_since or epoch_of(shown.client_order_id) in world.fence.foreign_epochs


def _shut(world: World, shown: VenueOrder) -> None:
    epoch = epoch_of(shown.client_order_id)
    world.fence.seen[shown.client_order_id] = None
    while len(world.fence.seen) > SEEN_KEPT:
        del world.fence.seen[next(iter(world.fence.seen))]
    if epoch not in world.fence.foreign_epochs:
        world.fence.foreign_epochs = [*world.fence.foreign_epochs, epoch][-EPOCHS_KEPT:]
        world.save_fact(FOREIGN_EPOCHS, ",".join(world.fence.foreign_epochs))
    size = f" of {plain(shown.base_size)}" if shown.base_size is not None else ""
    text = (
        f"{shown.side.value} {shown.product_id}{size}, order {shown.order_id}, client id {shown.client_order_id}, "
        f"was made after this start with epoch {epoch}; ours is {world.fence.epoch}. {_whose(world, epoch)}"
    )
    if world.fence.second_writer is None:
        world.fence.second_writer = text
        world.save_fact(SECOND_WRITER, text)
    elif world.now_ms - world.fence.told_ms < TOLD_MS:
        return
    world.fence.told_ms = world.now_ms
    said = f"a second writer trades under the name {world.settings.bot_name}; no entry until Start is pressed. {text}. "
    said += f"{WHAT_TO_DO[:1].upper()}{WHAT_TO_DO[1:]}"
    world.note("risk", said, "bad", shown.product_id, shown.client_order_id)


def _whose(world: World, epoch: str) -> str:
    if epoch == world.fence.epoch:
        return "The epoch is ours, and this bot did not make the order"
    if epoch in world.fence.earlier_epochs:
        return "An earlier run of this ledger had that epoch: it, or a copy of this folder, still runs"
    return "No run of this ledger had that epoch: a copy of this folder, or another bot with the same BOT_NAME and key"


def lift(world: World) -> None:
    """A person pressed Start. The next order of the second writer shuts entries again."""
    if world.fence.second_writer is not None:
        world.note("command", f"second writer: entries opened again; {world.fence.second_writer}", "warn")
        world.fence.second_writer = None
        world.save_fact(SECOND_WRITER, "")
