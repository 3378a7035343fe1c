"""Once-commands that trade: flatten, close a lot or product, cancel, move a level, sell a part. Each ends in a receipt.

Doing one twice is harmless: the orders' ids derive from the command's id, and what is gone stays gone.
"""

from collections.abc import Callable, Mapping

from bot.domain.intents import SaveReceipt
from bot.domain.kinds import ORDERED, ExitReason
from bot.domain.lots import Lot, replace_lot
from bot.domain.order_life import OrderState
from bot.engine.account import balance_reconciliation
from bot.engine.execution import exits, moved_levels, part_sales
from bot.engine.orders import fills, missing_orders
from bot.engine.state.control import LOTS_TOO_LARGE, Flatten
from bot.engine.state.engine_state import EngineState
from shared.command_table import COMMANDS, Cmd
from shared.control import Command, TradingState, command_of
from shared.documents.control import ReceiptState
from shared.money import ZERO, plain

GIVE_UP_MS = 90_000
CANCEL_GIVE_UP_MS = 30_000


def run(state: EngineState, command: Command) -> None:
    """Begin one command; unknown targets fail at once, and sales that could not be sent: what rests then stays."""
    cmd = command_of(command.cmd)
    handler = HANDLERS.get(cmd) if cmd is not None else None
    if cmd is None or handler is None:
        _end(state, command.id, ReceiptState.FAILED, f"the engine has no command {command.cmd[:60]}")
    elif COMMANDS[cmd].sends and state.control.sale_lock is not None:
        _end(state, command.id, ReceiptState.REJECTED, f"nothing is sent: {state.control.sale_lock}")
    else:
        handler(state, command)


def _flatten(state: EngineState, command: Command) -> None:
    state.control.level = max(state.control.level, TradingState.STOP)
    exits.cancel_entries(state)
    _begin(state, command, [lot.lot_id for lot in state.positions.lots], everything=True)


def _close_product(state: EngineState, command: Command) -> None:
    product_id = command.args["product_id"]
    lots = [lot.lot_id for lot in state.positions.lots.of(product_id)]
    if not lots:
        _end(state, command.id, ReceiptState.FAILED, f"no lots of {product_id}")
        return
    _begin(state, command, lots)


def _close_lot(state: EngineState, command: Command) -> None:
    lot = state.positions.lots.get(command.args["lot_id"])
    if lot is None:
        _end(state, command.id, ReceiptState.FAILED, "no such open lot")
        return
    _begin(state, command, [lot.lot_id])


def _adopt(state: EngineState, command: Command) -> None:
    gone = balance_reconciliation.adopt(state, command)
    for product_id in [name for name, market in state.markets.by_product.items() if market.instrument.base in gone]:
        _close_what_is_gone(state, product_id)


def _begin(state: EngineState, command: Command, lot_ids: list[str], *, everything: bool = False) -> None:
    state.control.flattens[command.id] = Flatten(command.id, set(lot_ids), state.clock.now_ms, everything)
    for lot_id in lot_ids:
        lot = state.positions.lots.get(lot_id)
        if lot is not None:
            state.positions.exit_hold_ms.pop(lot_id, None)  # a person does not wait out the pause after a refused take
            reason = lot.exit_reason if lot.exit_reason in ORDERED else _reason(state.control.flattens[command.id])
            state.save_lot(replace_lot(lot, exit_reason=reason))
    chase(state)


def _cancel(state: EngineState, command: Command) -> None:
    client_order_id = command.args["client_order_id"]
    order = state.orders.by_id.get(client_order_id)
    if order is None and client_order_id not in state.orders.own_ids:
        _end(state, command.id, ReceiptState.FAILED, f"no order of this bot has the id {client_order_id[:60]}")
    elif order is None or order.done:
        _end(state, command.id, ReceiptState.DONE, "it is already over")
    elif order.state is OrderState.LOST:
        missing_orders.give_up(state, order, command)
    elif order.order_id is None:
        _end(state, command.id, ReceiptState.FAILED, "the exchange's id is not known yet")
    else:
        exits.cancel(state, order)
        lot = order.spec.lot_id
        if lot:
            state.positions.take_hold_ms[lot] = state.clock.now_ms + 600_000  # a person wants it gone for now
        state.control.cancels[command.id] = (order.spec.client_order_id, state.clock.now_ms)


def _chase_cancels(state: EngineState) -> None:
    """A cancel is done when the order is seen to be over, not when it was asked for."""
    for command_id, (client_order_id, since_ms) in list(state.control.cancels.items()):
        order = state.orders.by_id.get(client_order_id)
        if order is None or order.done:
            del state.control.cancels[command_id]
            _end(state, command_id, ReceiptState.DONE, f"the order is {order.state}" if order else "it is over")
        elif state.clock.now_ms - since_ms > CANCEL_GIVE_UP_MS:
            del state.control.cancels[command_id]
            _end(state, command_id, ReceiptState.FAILED, "the exchange still shows it")
        else:
            exits.cancel(state, order)


def chase(state: EngineState) -> None:
    """Move every flatten on; claim flat only when the lots are gone and nothing of ours may still fill for them."""
    _chase_cancels(state)
    part_sales.chase(state)
    moved_levels.chase(state)
    for job in list(state.control.flattens.values()):
        if job.everything:
            job.lot_ids.update(lot.lot_id for lot in state.positions.lots)
        left = [lot for lot in state.positions.lots if lot.lot_id in job.lot_ids]
        for lot in left:
            _sell(state, lot, _reason(job))
        left = [lot for lot in state.positions.lots if lot.lot_id in job.lot_ids]
        unsellable = [lot for lot in left if _is_dust(state, lot)]
        entries = len(state.orders.entries_in_flight()) if job.everything else 0
        if len(unsellable) == len(left) and not entries:
            for lot in unsellable:
                fills.closed(state, lot)
            _finish(state, job, ReceiptState.DONE, None)
        elif state.clock.now_ms - job.started_ms > GIVE_UP_MS:
            for lot in left:
                state.save_lot(replace_lot(lot, exit_reason=None))
            words = [f"{len(left)} lots are still open"] if left else []
            words += [f"what became of {entries} entries is not known"] if entries else []
            _finish(state, job, ReceiptState.FAILED, ", ".join(words))


def _close_what_is_gone(state: EngineState, product_id: str) -> None:
    """Coins of ours left the account without an order of ours, and a person says so: the newest lots are closed.

    Without this a lot would wait for ever for a sale that the exchange must refuse.
    """
    there = state.account.portfolio.totals.get(state.markets.currencies(product_id)[0], ZERO)
    for lot in reversed(state.positions.lots.of(product_id)):
        held = state.positions.lots.base_held(product_id)
        if held <= there:
            break
        if state.orders.exit_order(lot) is not None:
            continue  # its order ends first; the next adoption, or its own refusal, tells
        text = f"{product_id} {lot.kind.value}: its {plain(lot.base_left)} left the account without an order of ours"
        state.note("exit", text, "warn", product_id, lot.lot_id)
        fills.closed(state, lot)
    if state.control.entries_latched and state.control.entries_latched.startswith(LOTS_TOO_LARGE):
        state.control.entries_latched = None
        state.save_value("entries_latched", "")


def _is_dust(state: EngineState, lot: Lot) -> bool:
    market = state.markets.get(lot.product_id)
    price = market.mark if market else None
    return (
        market is not None
        and price is not None
        and state.orders.exit_order(lot) is None
        and not market.instrument.sellable(lot.base_left, price)
    )


def _reason(job: Flatten) -> ExitReason:
    """What the lots of the command are booked under: closing one by hand is no flatten."""
    return ExitReason.FLATTEN if job.everything else ExitReason.COMMAND


def _sell(state: EngineState, lot: Lot, reason: ExitReason) -> None:
    if lot.exit_reason not in ORDERED:
        lot = replace_lot(lot, exit_reason=reason)
        state.save_lot(lot)
    exits.proceed(state, lot)


def _finish(state: EngineState, job: Flatten, receipt_state: ReceiptState, reason: str | None) -> None:
    del state.control.flattens[job.command_id]
    result = {
        "fills": str(job.fills),
        "fees": f"{job.fees:.2f}",
        "proceeds": f"{job.proceeds:.2f}",
        "elapsed_ms": str(state.clock.now_ms - job.started_ms),
        "residue": ", ".join(f"{plain(size)} {product_id}" for product_id, size in job.dust.items()) or "none",
    }
    state.emit(SaveReceipt(job.command_id, receipt_state, reason, result))


def _end(state: EngineState, command_id: str, receipt_state: ReceiptState, reason: str | None = None) -> None:
    state.emit(SaveReceipt(command_id, receipt_state, reason))


# The others are handled by the process: levels, the kill latch, drill and reload (`bot.app.commands`).
HANDLERS: Mapping[Cmd, Callable[[EngineState, Command], None]] = {
    Cmd.FLATTEN: _flatten,
    Cmd.CLOSE_PRODUCT: _close_product,
    Cmd.CLOSE_LOT: _close_lot,
    Cmd.CANCEL: _cancel,
    Cmd.ADOPT: _adopt,
    Cmd.MOVE_TAKE: moved_levels.move_take,
    Cmd.MOVE_STOP: moved_levels.move_stop,
    Cmd.SELL_PART: part_sales.sell_part,
}
