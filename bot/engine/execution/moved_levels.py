"""A person moves a lot's take or stop (docs/trading-rules.md §13).

The level is the lot's from the moment of the command, in the transaction that says so; a take that rests at another
price is cancelled, and the one at the new price is placed when that one is seen cancelled or filled, as after any
other cancel. So it does not matter when a process ends: what the next one finds is a level, and a take that is not at
it.
"""

from decimal import Decimal

from bot.domain.intents import SaveReceipt
from bot.domain.kinds import LotKind
from bot.domain.lots import Lot, replace_lot
from bot.domain.order_life import Order, OrderState
from bot.engine.account.equity import exit_rate
from bot.engine.execution import exits
from bot.engine.state.control import TakeMove
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.moved_levels import KEY, LotLevel, MovedLevel, one_line
from bot.rules.sizing import break_even_price
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.lot_checks import OFF, positive, stop_refusal, take_refusal
from shared.money import plain, spoken

GIVE_UP_MS = 90_000


def move_take(state: EngineState, command: Command) -> None:
    """Give the lot a new take profit; done when an order rests there, or where takes are judged by the bot, at once."""
    lot = state.positions.lots.get(command.args["lot_id"])
    if lot is not None and _is_moved(state, lot, LotLevel.TAKE, command):  # by an earlier run
        _begin_take(state, lot, command)
        return
    found = _price(state, lot, command.args["price"])
    if isinstance(found, str):
        _end(state, command.id, ReceiptState.REJECTED, found)
        return
    lot, market, price = found
    why = take_refusal(
        price,
        increment=lot.price_increment,
        mark=market.mark,
        stop=lot.stop_price,
        break_even=break_even(state, lot),
        at_a_loss=command.args.get("at_a_loss", "").lower() in ("yes", "true", "1"),
    )
    if why is not None:
        _end(state, command.id, ReceiptState.REJECTED, why)
        return
    before, lot = lot, replace_lot(lot, take_ticks=market.instrument.ticks(price))
    _keep(state, lot, LotLevel.TAKE, command, spoken(before.take_price, lot.price_increment), price)
    state.positions.take_hold_ms.pop(lot.lot_id, None)  # a person does not wait out the pause after a refused take
    _begin_take(state, lot, command)


def move_stop(state: EngineState, command: Command) -> None:
    """Give the lot a new stop loss, or none. The bot judges it at every price: it holds from here on."""
    lot = state.positions.lots.get(command.args["lot_id"])
    if lot is not None and _is_moved(state, lot, LotLevel.STOP, command):
        _end(state, command.id, ReceiptState.DONE, None)
        return
    off = command.args["price"].strip().lower() == OFF
    found = _price(state, lot, "1" if off else command.args["price"])
    if isinstance(found, str):
        _end(state, command.id, ReceiptState.REJECTED, found)
        return
    lot, market, price = found
    why = None
    if not off:
        why = stop_refusal(price, increment=lot.price_increment, mark=market.mark, take=lot.take_price)
    if why is not None:
        _end(state, command.id, ReceiptState.REJECTED, why)
        return
    before = spoken(lot.stop_price, lot.price_increment) if lot.stop_price is not None else OFF
    lot = replace_lot(lot, stop_ticks=0 if off else market.instrument.ticks(price))
    _keep(state, lot, LotLevel.STOP, command, before, None if off else price)
    _end(state, command.id, ReceiptState.DONE, None, {"stop": OFF if off else plain(price)})


def chase(state: EngineState) -> None:
    """Each second: a take that rests elsewhere than its lot's moved level is cancelled; end the commands."""
    for lot_id in state.positions.moved.lots(LotLevel.TAKE):
        order = _rests_elsewhere(state, lot_id)
        if order is not None and _may_replace(state):
            exits.cancel(state, order)
    for command_id, job in list(state.control.take_moves.items()):
        _follow(state, command_id, job)


def _rests_elsewhere(state: EngineState, lot_id: str) -> Order | None:
    """The take that rests at another price than its lot's, where nothing else was decided about the lot."""
    lot = state.positions.lots.get(lot_id)
    if lot is None or lot.exit_reason is not None:
        return None
    order = state.orders.resting_take(lot)
    return order if order is not None and order.spec.limit_price != lot.take_price else None


def break_even(state: EngineState, lot: Lot) -> Decimal:
    """The price at which selling the lot by its take earns nothing, fees at the account's tier."""
    entry_pct = float(lot.entry_fee / lot.cost * 100)
    return Decimal(str(break_even_price(float(lot.open_price), entry_pct, float(exit_rate(state) * 100))))


def lot_refusal(state: EngineState, lot: Lot | None) -> str | None:
    """Why nothing about this lot can be changed by hand now; None = it can."""
    if lot is None:
        return "no such open lot"
    if lot.kind is LotKind.HOLDING:
        return f"{lot.product_id} is held at a target weight: the strategy decides what is sold"
    if exits.entry_working(state, lot):
        return "its purchase may still fill"
    if state.control.sells_part(lot.lot_id):
        return "a part of it is being sold"
    order = state.orders.exit_order(lot)
    if lot.exit_reason is not None or (order is not None and state.orders.resting_take(lot) is None):
        return "it is being sold"
    return None


def _price(state: EngineState, lot: Lot | None, text: str) -> tuple[Lot, Market, Decimal] | str:
    """The lot, its market and the price that a person wrote; a text = why not."""
    why = lot_refusal(state, lot)
    market = state.markets.get(lot.product_id) if lot is not None else None
    if why is not None or lot is None or market is None:
        return why or "its product is not traded any more"
    try:
        return lot, market, positive(text, "the price")
    except ValueError as error:
        return str(error)


def _is_moved(state: EngineState, lot: Lot, level: LotLevel, command: Command) -> bool:
    move = state.positions.moved.of(lot.lot_id, level)
    return move is not None and move.command_id == one_line(command.id)


def _keep(state: EngineState, lot: Lot, level: LotLevel, command: Command, before: str, price: Decimal | None) -> None:
    state.save_lot(lot)
    state.positions.moved.note(
        lot.lot_id, level, MovedLevel(one_line(command.by), state.clock.now_ms, one_line(command.id))
    )
    state.save_value(KEY, state.positions.moved.to_text())
    after = spoken(price, lot.price_increment) if price is not None else OFF
    text = f"{lot.product_id} {lot.kind.value}: {level.value} moved from {before} to {after} by {command.by}"
    exact = {level.value: plain(price) if price is not None else OFF, "command": command.id, "by": command.by}
    state.note("command", text, product_id=lot.product_id, ref=lot.lot_id, **exact)


def _begin_take(state: EngineState, lot: Lot, command: Command) -> None:
    for other, job in list(state.control.take_moves.items()):
        if job.lot_id == lot.lot_id and other != command.id:
            _finish(state, other, ReceiptState.FAILED, "superseded by a later move")
    state.control.take_moves[command.id] = TakeMove(lot.lot_id, state.clock.now_ms)
    chase(state)


def _follow(state: EngineState, command_id: str, job: TakeMove) -> None:
    lot = state.positions.lots.get(job.lot_id)
    if lot is None:
        _finish(state, command_id, ReceiptState.FAILED, "the lot was sold before its moved take rested")
    elif lot.exit_reason is not None:
        _finish(state, command_id, ReceiptState.FAILED, "the lot is being sold meanwhile")
    elif not state.control.may_exit:
        _finish(
            state, command_id, ReceiptState.FAILED, "the take is moved, and rests as soon as exits are judged again"
        )
    elif state.settings.take_profit_order != "limit":
        _finish(state, command_id, ReceiptState.DONE, None, {"take": plain(lot.take_price), "rests": "no"})
    else:
        order = state.orders.resting_take(lot)
        there = order is not None and order.spec.limit_price == lot.take_price
        if order is not None and there and order.state is OrderState.OPEN:
            result = {"take": plain(lot.take_price), "order": order.spec.client_order_id}
            _finish(state, command_id, ReceiptState.DONE, None, result)
        elif state.clock.now_ms - job.started_ms > GIVE_UP_MS:
            what = "its order has no answer yet" if there else "its order could not be placed yet"
            _finish(state, command_id, ReceiptState.FAILED, f"the take is moved, but {what}; it is tried again")


def _may_replace(state: EngineState) -> bool:
    """Whether the order after the cancel would be sent."""
    return state.control.may_exit and state.control.may_sell and state.settings.take_profit_order == "limit"


def _finish(
    state: EngineState, command_id: str, ended: ReceiptState, reason: str | None, result: dict[str, str] | None = None
) -> None:
    del state.control.take_moves[command_id]
    _end(state, command_id, ended, reason, result)


def _end(
    state: EngineState, command_id: str, ended: ReceiptState, reason: str | None, result: dict[str, str] | None = None
) -> None:
    state.emit(SaveReceipt(command_id, ended, reason, result))
