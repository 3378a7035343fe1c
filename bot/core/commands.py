"""Once-commands that trade: flatten, close a lot, close a product, cancel. Each ends in a receipt.

Doing one twice is harmless: the orders' ids derive from the command's id, and what is gone stays gone.
"""

from bot.core import differences, exits, fills, vanished
from bot.core.intents import SaveReceipt
from bot.core.lots import Lot
from bot.core.model import ORDERED, ExitReason
from bot.core.orders import OrderState
from bot.core.world import LOTS_TOO_LARGE, Flatten, World, replace_lot
from shared.control import Cmd, Command, TradingState
from shared.documents import ReceiptState
from shared.money import ZERO, plain

GIVE_UP_MS = 90_000
CANCEL_GIVE_UP_MS = 30_000
SENDING = (Cmd.FLATTEN, Cmd.CLOSE_PRODUCT, Cmd.CLOSE_LOT, Cmd.CANCEL)


def run(world: World, command: Command) -> None:
    """Begin one command; unknown targets fail at once, and sales that could not be sent: what rests then stays."""
    if command.cmd in SENDING and world.sale_lock is not None:
        _end(world, command.id, ReceiptState.REJECTED, f"nothing is sent: {world.sale_lock}")
        return
    match command.cmd:
        case Cmd.FLATTEN:
            world.level = max(world.level, TradingState.STOP)
            exits.cancel_entries(world)
            _begin(world, command, [lot.lot_id for lot in world.book], everything=True)
        case Cmd.CLOSE_PRODUCT:
            product_id = command.args["product_id"]
            lots = [lot.lot_id for lot in world.book.of(product_id)]
            if not lots:
                _end(world, command.id, ReceiptState.FAILED, f"no lots of {product_id}")
                return
            _begin(world, command, lots)
        case Cmd.CLOSE_LOT:
            lot = world.book.get(command.args["lot_id"])
            if lot is None:
                _end(world, command.id, ReceiptState.FAILED, "no such open lot")
                return
            _begin(world, command, [lot.lot_id])
        case Cmd.CANCEL:
            _cancel(world, command)
        case Cmd.ADOPT:
            gone = differences.adopt(world, command)
            for product_id in [name for name in world.markets if name.partition("-")[0] in gone]:
                _close_what_is_gone(world, product_id)


def _begin(world: World, command: Command, lot_ids: list[str], *, everything: bool = False) -> None:
    world.flattens[command.id] = Flatten(command.id, set(lot_ids), world.now_ms, everything)
    for lot_id in lot_ids:
        lot = world.book.get(lot_id)
        if lot is not None:
            world.exit_hold_ms.pop(lot_id, None)  # a person does not wait out the pause after a refused take
            reason = lot.exit_reason if lot.exit_reason in ORDERED else _reason(world.flattens[command.id])
            world.save_lot(replace_lot(lot, exit_reason=reason))
    chase(world)


def _cancel(world: World, command: Command) -> None:
    client_order_id = command.args["client_order_id"]
    order = world.orders.get(client_order_id)
    if order is None and client_order_id not in world.own_ids:
        _end(world, command.id, ReceiptState.FAILED, f"no order of this bot has the id {client_order_id[:60]}")
    elif order is None or order.done:
        _end(world, command.id, ReceiptState.DONE, "it is over already")
    elif order.state is OrderState.LOST:
        vanished.give_up(world, order, command)
    elif order.order_id is None:
        _end(world, command.id, ReceiptState.FAILED, "the exchange's id is not known yet")
    else:
        exits.cancel(world, order)
        lot = order.spec.lot_id
        if lot:
            world.take_hold_ms[lot] = world.now_ms + 600_000  # a person wants it gone for now
        world.cancels[command.id] = (order.spec.client_order_id, world.now_ms)


def _chase_cancels(world: World) -> None:
    """A cancel is done when the order is seen to be over, not when it was asked for."""
    for command_id, (client_order_id, since_ms) in list(world.cancels.items()):
        order = world.orders.get(client_order_id)
        if order is None or order.done:
            del world.cancels[command_id]
            _end(world, command_id, ReceiptState.DONE, f"the order is {order.state}" if order else "it is over")
        elif world.now_ms - since_ms > CANCEL_GIVE_UP_MS:
            del world.cancels[command_id]
            _end(world, command_id, ReceiptState.FAILED, "the exchange still shows it")
        else:
            exits.cancel(world, order)


def chase(world: World) -> None:
    """Move every flatten on; claim flat only when the lots are gone and nothing of ours may still fill for them."""
    _chase_cancels(world)
    for job in list(world.flattens.values()):
        if job.everything:
            job.lot_ids.update(lot.lot_id for lot in world.book)
        left = [lot for lot in world.book if lot.lot_id in job.lot_ids]
        for lot in left:
            _sell(world, lot, _reason(job))
        left = [lot for lot in world.book if lot.lot_id in job.lot_ids]
        unsellable = [lot for lot in left if _is_dust(world, lot)]
        entries = len(world.entries_in_flight()) if job.everything else 0
        if len(unsellable) == len(left) and not entries:
            for lot in unsellable:
                fills.closed(world, lot)
            _finish(world, job, ReceiptState.DONE, None)
        elif world.now_ms - job.started_ms > GIVE_UP_MS:
            for lot in left:
                world.save_lot(replace_lot(lot, exit_reason=None))
            words = [f"{len(left)} lots are still open"] if left else []
            words += [f"what became of {entries} entries is not known"] if entries else []
            _finish(world, job, ReceiptState.FAILED, ", ".join(words))


def _close_what_is_gone(world: World, product_id: str) -> None:
    """Coins of ours went without an order of ours, and a person says so: the newest lots that they were are closed.

    Without this a lot would wait for ever for a sale that the exchange must refuse.
    """
    there = world.portfolio.totals.get(product_id.partition("-")[0], ZERO)
    for lot in reversed(world.book.of(product_id)):
        held = world.book.base_held(product_id)
        if held <= there:
            break
        if world.exit_order(lot) is not None:
            continue  # its order ends first; the next adoption, or its own refusal, tells
        text = f"{product_id} {lot.kind.value}: its {plain(lot.base_left)} went without an order of ours"
        world.note("exit", text, "warn", product_id, lot.lot_id)
        fills.closed(world, lot)
    if world.entries_latched and world.entries_latched.startswith(LOTS_TOO_LARGE):
        world.entries_latched = None
        world.save_fact("entries_latched", "")


def _is_dust(world: World, lot: Lot) -> bool:
    market = world.market(lot.product_id)
    price = market.mark if market else None
    return (
        market is not None
        and price is not None
        and world.exit_order(lot) is None
        and not market.product.sellable(lot.base_left, price)
    )


def _reason(job: Flatten) -> ExitReason:
    """What the lots of the command are booked under: closing one by hand is no flatten."""
    return ExitReason.FLATTEN if job.everything else ExitReason.COMMAND


def _sell(world: World, lot: Lot, reason: ExitReason) -> None:
    if lot.exit_reason not in ORDERED:
        lot = replace_lot(lot, exit_reason=reason)
        world.save_lot(lot)
    exits.proceed(world, lot)


def _finish(world: World, job: Flatten, state: ReceiptState, reason: str | None) -> None:
    del world.flattens[job.command_id]
    result = {
        "fills": str(job.fills),
        "fees": f"{job.fees:.2f}",
        "proceeds": f"{job.proceeds:.2f}",
        "elapsed_ms": str(world.now_ms - job.started_ms),
        "residue": ", ".join(f"{plain(size)} {product}" for product, size in job.dust.items()) or "none",
    }
    world.emit(SaveReceipt(job.command_id, state, reason, result))


def _end(world: World, command_id: str, state: ReceiptState, reason: str | None = None) -> None:
    world.emit(SaveReceipt(command_id, state, reason))
