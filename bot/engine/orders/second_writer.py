"""Fencing: two bots that trade under one name on one account, each with a ledger of its own.

A copy of the data folder that was started elsewhere, or a second installation with the same BOT_NAME and key. The lock
of the folder cannot know of it, the exchange does: an order under our name that was made after this start, and that
the ledger does not know, is a second writer's. Nothing of ours can look like that: this run records every intent before
it sends it, and those of earlier runs are in the ledger. Where the ledger is new or in doubt, an order that an earlier
run sent may still arrive, so `since_ms` then lies a minute after the start (`app.boot`); until then such an order
latches entries as one of a lost ledger.

Entries shut at once, and stay shut over restarts until a person presses Start; the next foreign order shuts them again.
Exits go on: a stop that does not come can cost more than one that comes twice, and an exit never sells more than its
lot holds. Where the other bot is seen to have sold the same lot of the same ledger for the same reason, its order is
taken for ours and none is sent (`OwnIds`); whatever else it traded is a difference of the account, to be adopted.
"""

from bot.domain.orders import OrderReport
from bot.engine.state.engine_state import EngineState
from bot.engine.state.fence import FOREIGN_EPOCHS, SECOND_WRITER
from shared.money import plain

EPOCHS_KEPT = 50
SEEN_KEPT = 10_000
TOLD_MS = 60_000
SKEW_MS = 5_000  # between the exchange's clocks
IN_FLIGHT_MS = 60_000  # how much later than its sender's end an order may arrive
WHAT_TO_DO = "stop the other bot, or give one of the two another BOT_NAME; then press Start"


def is_foreign(state: EngineState, shown: OrderReport) -> bool:
    """Of an order under our name that the ledger does not know: whether a second writer made it. It shuts entries."""
    made_since = state.orders.fence.since_ms is not None and shown.created_ms >= state.orders.fence.since_ms
    if made_since and shown.client_order_id not in state.orders.fence.seen:
        _shut(state, shown)
    return made_since or state.orders.ids.epoch_of(shown.client_order_id) in state.orders.fence.foreign_epochs


def _shut(state: EngineState, shown: OrderReport) -> None:
    epoch = state.orders.ids.epoch_of(shown.client_order_id)
    state.orders.fence.seen[shown.client_order_id] = None
    while len(state.orders.fence.seen) > SEEN_KEPT:
        del state.orders.fence.seen[next(iter(state.orders.fence.seen))]
    if epoch not in state.orders.fence.foreign_epochs:
        state.orders.fence.foreign_epochs = [*state.orders.fence.foreign_epochs, epoch][-EPOCHS_KEPT:]
        state.save_value(FOREIGN_EPOCHS, ",".join(state.orders.fence.foreign_epochs))
    size = f" of {plain(shown.base_size)}" if shown.base_size is not None else ""
    text = (
        f"{shown.side.value} {shown.product_id}{size}, order {shown.order_id}, client id {shown.client_order_id}, "
        f"was made after this start with epoch {epoch}; ours is {state.orders.fence.epoch}. {_whose(state, epoch)}"
    )
    if state.orders.fence.second_writer is None:
        state.orders.fence.second_writer = text
        state.save_value(SECOND_WRITER, text)
    elif state.clock.now_ms - state.orders.fence.told_ms < TOLD_MS:
        return
    state.orders.fence.told_ms = state.clock.now_ms
    said = f"a second writer trades under the name {state.settings.bot_name}; no entry until Start is pressed. {text}. "
    said += f"{WHAT_TO_DO[:1].upper()}{WHAT_TO_DO[1:]}"
    state.note("risk", said, "bad", shown.product_id, shown.client_order_id)


def _whose(state: EngineState, epoch: str) -> str:
    if epoch == state.orders.fence.epoch:
        return "The epoch is ours, and this bot did not make the order"
    if epoch in state.orders.fence.earlier_epochs:
        return "An earlier run of this ledger had that epoch: it, or a copy of this folder, still runs"
    return "No run of this ledger had that epoch: a copy of this folder, or another bot with the same BOT_NAME and key"


def lift(state: EngineState) -> None:
    """A person pressed Start. The next order of the second writer shuts entries again."""
    if state.orders.fence.second_writer is not None:
        state.note("command", f"second writer: entries opened again; {state.orders.fence.second_writer}", "warn")
        state.orders.fence.second_writer = None
        state.save_value(SECOND_WRITER, "")
