"""A person sells a part of a lot, or of a product's lots, oldest first (docs/trading-rules.md §13).

What stays of each lot is recorded with the first step, and only what a lot holds above it is sold: a fill of its take
meanwhile counts as sold, and a restart sells no more than was asked for. As for every exit, a take that rests is seen
cancelled or filled before anything else of the lot is sent; afterwards it rests anew for the rest.
"""

from decimal import Decimal

from bot.domain.intents import SaveReceipt
from bot.domain.kinds import OrderKind, Purpose
from bot.domain.lots import Lot, replace_lot
from bot.domain.orders import OrderSpec
from bot.engine.execution import exits, moved_levels, slices
from bot.engine.orders.submit import send
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.part_sale import KEY, PartSale, kept_of, to_text
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.lot_checks import part_refusal, positive
from shared.money import ZERO, plain, spoken

GIVE_UP_MS = 90_000


def sell_part(state: EngineState, command: Command) -> None:
    """Sell `base_size` of a lot, or of a product's lots; done when it is sold."""
    keep = kept_of(state.records.key_values.get(KEY), command.id)  # of an earlier run
    if not keep:
        found = _planned(state, command)
        if isinstance(found, str):
            state.emit(SaveReceipt(command.id, ReceiptState.REJECTED, found))
            return
        keep = found
        lots = [lot for lot in map(state.positions.lots.get, keep) if lot is not None]
        text = f"{lots[0].product_id}: {command.args['base_size']} of {_named(lots)} is sold by {command.by}"
        state.note("command", text, product_id=lots[0].product_id, ref=lots[0].lot_id, command=command.id)
    state.control.part_sales[command.id] = PartSale(command.id, keep, state.clock.now_ms)
    _record(state)
    for lot_id in keep:
        state.positions.exit_hold_ms.pop(lot_id, None)  # a person does not wait out the pause after a refused sale
    chase(state)


def _named(lots: list[Lot]) -> str:
    return f"its {lots[0].kind.value}" if len(lots) == 1 else f"its {len(lots)} oldest lots"


def _planned(state: EngineState, command: Command) -> dict[str, Decimal] | str:
    """Lot → what stays of it; a text = why not."""
    lot_id, product_id = command.args.get("lot_id"), command.args.get("product_id")
    if bool(lot_id) is bool(product_id):
        return "name either a lot or a product"
    named = [state.positions.lots.get(lot_id or "")] if lot_id else [*state.positions.lots.of(product_id or "")]
    lots = [lot for lot in named if lot is not None]
    market = state.markets.get(lots[0].product_id) if lots else None
    if market is None:
        return "no such open lot" if lot_id else f"no lots of {product_id}"
    try:
        left = positive(command.args["base_size"], "the size")
    except ValueError as error:
        return str(error)
    held = sum((lot.base_left for lot in lots), ZERO)
    why = _refusal(market, left, held)
    keep: dict[str, Decimal] = {}
    for lot in lots:
        if why is not None or left <= 0:
            break
        part = min(left, lot.base_left)
        why = moved_levels.lot_refusal(state, lot)
        if why is None and part < lot.base_left:
            why = _refusal(market, part, lot.base_left)
        keep[lot.lot_id] = lot.base_left - part
        left -= part
    return why or keep


def _refusal(market: Market, size: Decimal, held: Decimal) -> str | None:
    i = market.instrument
    return part_refusal(
        size,
        held=held,
        increment=i.base_increment,
        base_min=i.base_min_size,
        quote_min=i.quote_min_size,
        mark=market.mark,
    )


def chase(state: EngineState) -> None:
    """Each second: move every sale on, and end those that are over."""
    for job in list(state.control.part_sales.values()):
        waits, taken = False, False
        for lot_id, keep in job.keep.items():
            lot = state.positions.lots.get(lot_id)
            if lot is None or lot.base_left <= keep:
                continue
            if lot.exit_reason is not None:
                taken = True
                continue
            waits |= _go_on(state, job, lot, lot.base_left - keep)
        if not waits and not taken:
            _finish(state, job, ReceiptState.DONE, None)
        elif taken:
            _finish(state, job, ReceiptState.FAILED, "all of the lot is being sold meanwhile")
        elif not state.control.may_exit:
            _finish(state, job, ReceiptState.FAILED, "the bot was stopped before the part was sold")
        elif state.clock.now_ms - job.started_ms > GIVE_UP_MS:
            _finish(state, job, ReceiptState.FAILED, "the part could not be sold in time")


def _go_on(state: EngineState, job: PartSale, lot: Lot, wanted: Decimal) -> bool:
    """Cancel what rests, or sell; False = nothing is left of it that could be sold."""
    working = state.orders.exit_order(lot)
    if working is not None:
        if working.spec.kind is OrderKind.LIMIT and state.control.may_exit and state.control.may_sell:
            exits.cancel(state, working)
        return True
    market = state.markets.get(lot.product_id)
    price = market.mark if market is not None else None
    if market is None or price is None:
        return True
    if not market.instrument.sellable(wanted, price):
        return False
    if not state.control.may_exit or state.positions.exit_hold_ms.get(lot.lot_id, 0) > state.clock.now_ms:
        return True
    size = slices.next_size(state, market, replace_lot(lot, base_left=wanted))
    if size is None:
        return True
    spec = OrderSpec(
        client_order_id=state.next_id(f"{lot.lot_id}|{job.command_id}", "part"),
        product_id=lot.product_id,
        side=lot.side.closed_by,
        kind=OrderKind.MARKET,
        purpose=Purpose.EXIT,
        base_size=size,
        quote_size=None,
        limit_price=None,
        post_only=False,
        end_ms=None,
        expected_price=price,
        lot_id=lot.lot_id,
        command_id=job.command_id,
        reduce_only=True,
    )
    state.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    state.positions.exit_hold_ms[lot.lot_id] = state.clock.now_ms + exits.EXIT_RETRY_MS
    send(state, spec)
    text = f"{lot.product_id} {lot.kind.value} sells {spoken(size, market.instrument.base_increment)} of it at market"
    state.note("order", text, product_id=lot.product_id, ref=spec.client_order_id, base_size=plain(size))
    return True


def _finish(state: EngineState, job: PartSale, ended: ReceiptState, reason: str | None) -> None:
    del state.control.part_sales[job.command_id]
    _record(state)
    for lot_id in job.keep:
        # The pause after a take was placed is over: the rest gets its own. One that a person cancelled stays away.
        if state.positions.take_hold_ms.get(lot_id, 0) <= state.clock.now_ms + exits.TAKE_RETRY_MS:
            state.positions.take_hold_ms.pop(lot_id, None)
    exits.rest_takes(state)
    result = {
        "fills": str(job.fills),
        "fees": f"{job.fees:.2f}",
        "proceeds": f"{job.proceeds:.2f}",
        "elapsed_ms": str(state.clock.now_ms - job.started_ms),
    }
    state.emit(SaveReceipt(job.command_id, ended, reason, result))


def _record(state: EngineState) -> None:
    state.save_value(KEY, to_text(state.control.part_sales))
