"""Once-commands that trade: flatten, close a lot, close a product, cancel. Each ends in a receipt.

Doing one twice is harmless: the orders' ids derive from the command's id, and what is gone stays gone.
"""

from bot.core import exits
from bot.core.intents import SaveReceipt
from bot.core.lots import Lot
from bot.core.model import ExitReason, Purpose
from bot.core.world import Flatten, World, replace_lot
from shared.control import Cmd, Command, Level
from shared.documents import ReceiptState
from shared.money import plain

GIVE_UP_MS = 90_000


def run(world: World, command: Command) -> None:
    """Begin one command; unknown targets fail at once."""
    match command.cmd:
        case Cmd.FLATTEN:
            world.level = max(world.level, Level.STOP)
            exits.cancel_entries(world)
            _begin(world, command, [lot.lot_id for lot in world.book], ExitReason.FLATTEN)
        case Cmd.CLOSE_PRODUCT:
            product_id = command.args["product_id"]
            lots = [lot.lot_id for lot in world.book.of(product_id)]
            if not lots:
                _end(world, command.id, ReceiptState.FAILED, f"no lots of {product_id}")
                return
            _begin(world, command, lots, ExitReason.FLATTEN)
        case Cmd.CLOSE_LOT:
            lot = world.book.get(command.args["lot_id"])
            if lot is None:
                _end(world, command.id, ReceiptState.FAILED, "no such open lot")
                return
            _begin(world, command, [lot.lot_id], ExitReason.FLATTEN)
        case Cmd.CANCEL:
            _cancel(world, command)


def _begin(world: World, command: Command, lot_ids: list[str], reason: ExitReason) -> None:
    world.flattens[command.id] = Flatten(command.id, set(lot_ids), world.now_ms, Purpose.FLATTEN)
    for lot_id in lot_ids:
        lot = world.book.get(lot_id)
        if lot is not None:
            world.save_lot(replace_lot(lot, exit_reason=reason))
    chase(world)


def _cancel(world: World, command: Command) -> None:
    order = world.orders.get(command.args["client_order_id"])
    if order is None or order.done:
        _end(world, command.id, ReceiptState.DONE, "it is over already")
    elif order.order_id is None:
        _end(world, command.id, ReceiptState.FAILED, "the exchange's id is not known yet")
    else:
        exits.cancel(world, order)
        lot = order.spec.lot_id
        if lot:
            world.take_hold_ms[lot] = world.now_ms + 600_000  # a person wants it gone for now
        _end(world, command.id, ReceiptState.DONE, "cancel was sent")


def chase(world: World) -> None:
    """Move every flatten on; claim flat only when the lots are gone and nothing of ours may still fill for them."""
    for job in list(world.flattens.values()):
        left = [lot for lot in world.book if lot.lot_id in job.lot_ids]
        for lot in left:
            _sell(world, lot, job)
        left = [lot for lot in world.book if lot.lot_id in job.lot_ids]
        unsellable = [lot for lot in left if _is_dust(world, lot)]
        if len(unsellable) == len(left):
            for lot in unsellable:
                job.dust[lot.product_id] = plain(lot.base_left)
            _finish(world, job, ReceiptState.DONE, None)
        elif world.now_ms - job.started_ms > GIVE_UP_MS:
            _finish(world, job, ReceiptState.FAILED, f"{len(left)} lots are still open")


def _is_dust(world: World, lot: Lot) -> bool:
    market = world.market(lot.product_id)
    price = market.mark if market else None
    return (
        market is not None
        and price is not None
        and world.exit_order(lot) is None
        and not market.product.sellable(lot.base_left, price)
    )


def _sell(world: World, lot: Lot, job: Flatten) -> None:
    if world.exit_order(lot) is None and lot.exit_reason is not ExitReason.FLATTEN:
        lot = replace_lot(lot, exit_reason=ExitReason.FLATTEN)
        world.save_lot(lot)
    exits.proceed(world, lot, job.command_id)


def _finish(world: World, job: Flatten, state: ReceiptState, reason: str | None) -> None:
    del world.flattens[job.command_id]
    result = {
        "fills": str(job.fills),
        "fees": f"{job.fees:.2f}",
        "proceeds": f"{job.proceeds:.2f}",
        "elapsed_ms": str(world.now_ms - job.started_ms),
        "residue": ", ".join(f"{size} {product}" for product, size in job.dust.items()) or "none",
    }
    world.emit(SaveReceipt(job.command_id, state, reason, result))


def _end(world: World, command_id: str, state: ReceiptState, reason: str | None = None) -> None:
    world.emit(SaveReceipt(command_id, state, reason))
