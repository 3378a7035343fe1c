"""Counting fills: money that moved has moved, whatever state its order is in.

A fill is named by (order_id, trade_id) and counted once, however often and in whatever order it is told.
"""

from dataclasses import replace
from decimal import Decimal

from bot.domain.fills import Fill
from bot.domain.intents import SaveFill
from bot.domain.kinds import ORDERED, ExitReason, LotKind, Purpose
from bot.domain.lots import Lot, close, grow, open_lot, sell
from bot.domain.order_life import Order
from bot.engine.account import balance_reconciliation
from bot.engine.risk import losses
from bot.engine.state.engine_state import EngineState
from bot.engine.state.moved_levels import KEY as MOVED_LEVELS
from shared.money import ZERO, plain


def count(state: EngineState, fill: Fill, *, again: bool = False) -> Order | None:
    """Count one fill if it is new and ours; the answer is its order as it stands after, None = nothing to count.

    `again`: a ledger of before knew it, so it explains no difference that stands open.
    """
    key = (fill.order_id, fill.trade_id)
    if key in state.orders.fill_keys:
        return None
    order = _order_of(state, fill)
    if order is None:
        if fill.client_order_id in state.orders.own_ids.unrecorded:
            balance_reconciliation.foreign_fill(
                state, fill
            )  # no lot of this ledger is it for; entries are latched by then
        elif fill.client_order_id in state.orders.own_ids:
            # Its order was settled long ago: the exchange tells of more than it did then.
            state.orders.fill_keys.add(key)
            _unexplained(state, fill)
        elif fill.client_order_id and not _under_our_name_alone(state, fill.client_order_id):
            balance_reconciliation.foreign_fill(state, fill)
        return None
    if _waits_for_its_purchase(state, order, fill):
        return None
    state.orders.fill_keys.add(key)
    told, fill = fill, _fee_in_quote(state, fill)
    # A list of fills may not name our id: in the ledger the fill belongs to its order by that id alone.
    fill = replace(fill, client_order_id=order.spec.client_order_id)
    order = replace(
        order,
        counted_size=order.counted_size + fill.base_size,
        counted_quote=order.counted_quote + fill.price * fill.base_size,
        updated_ms=state.clock.now_ms,
    )
    order = replace(order, filled_size=order.told(order.filled_size))
    # The fill goes first: the ledger derives from it what the records after it say.
    state.emit(SaveFill(fill, lot_of(order), state.clock.now_ms))
    state.save_order(order)
    _move(state, told, fill.fee, explains=not again)
    _into_lot(state, order, fill)
    command_id = order.spec.command_id or ""
    sale = state.control.flattens.get(command_id) or state.control.part_sales.get(command_id)
    if sale is not None:
        sale.fills += 1
        sale.fees += fill.fee
        sale.proceeds += fill.price * fill.base_size
    return order


def _fee_in_quote(state: EngineState, fill: Fill) -> Fill:
    """The fill with its fee in quote units: the ledger keeps one currency.

    A fee of another currency is at its value now, or at nothing where that is not known. Either way entries wait for a
    person: the account may hold less than its lots from here on.
    """
    base, quote = state.markets.currencies(fill.product_id)
    currency = fill.fee_currency
    if currency is None:
        return fill
    if currency == quote:
        return replace(fill, fee_currency=None)
    mark = fill.price if currency == base else state.markets.mark_of_currency(currency)
    worth = f"{plain(fill.fee * mark)} {quote}" if mark is not None else "not known, counted as nothing"
    text = f"{fill.product_id}: a fee of {plain(fill.fee)} {currency} was taken in kind, worth {worth}"
    state.latch_entries(text)
    state.note("account", text, "warn", fill.product_id, fill.client_order_id)
    return replace(fill, fee=fill.fee * mark if mark is not None else ZERO, fee_currency=None)


def _waits_for_its_purchase(state: EngineState, order: Order, fill: Fill) -> bool:
    """Whether the lot that was sold is not all bought yet, as far as was told: after a restore any fill may come first.

    It is left to be told again; its order is not settled until then.
    """
    lot_id = order.spec.lot_id
    if order.spec.purpose is Purpose.ENTRY or lot_id is None:
        return False
    lot = state.positions.lots.get(lot_id)
    if lot is not None and fill.base_size <= lot.base_left:
        return False
    entries = (o for o in state.orders.by_id.values() if o.spec.purpose is Purpose.ENTRY and lot_of(o) == lot_id)
    return any(not entry.settled for entry in entries)


def _order_of(state: EngineState, fill: Fill) -> Order | None:
    order = state.orders.by_id.get(fill.client_order_id)
    if order is not None:
        return order
    return next((o for o in state.orders.by_id.values() if o.order_id == fill.order_id), None)


def _under_our_name_alone(state: EngineState, client_order_id: str) -> bool:
    """Not of somebody else, and not of a second bot of our name (`engine.orders.second_writer`)."""
    if not state.orders.ids.is_ours(client_order_id):
        return False
    return (
        client_order_id not in state.orders.fence.seen
        and state.orders.ids.epoch_of(client_order_id) not in state.orders.fence.foreign_epochs
    )


def _unexplained(state: EngineState, fill: Fill) -> None:
    text = f"{fill.product_id}: a fill of {plain(fill.base_size)} came for an order that was settled"
    state.latch_entries(text)
    kept = _fee_in_quote(state, fill)
    state.emit(SaveFill(kept, None, state.clock.now_ms))
    _move(state, fill, kept.fee)
    state.note("order", text, "bad", fill.product_id, fill.client_order_id)


def _move(state: EngineState, fill: Fill, fee: Decimal, *, explains: bool = True) -> None:
    """What the fill did to the account, as it was told; `fee` in quote units, for the day."""
    base, _ = state.markets.currencies(fill.product_id)
    late = state.account.portfolio.learn(
        fill, base, fill.exchange_ms - (state.clock.offset_ms or 0), state.clock.now_ms
    )
    if late and explains:
        balance_reconciliation.late_fill(state, late)
    balance_reconciliation.keep_balances(state)
    if state.account.day is not None:
        state.save_day(replace(state.account.day, fees=state.account.day.fees + fee))


def lot_of(order: Order) -> str | None:
    """The lot that the order's fills go into; the orders of one maker entry fill one lot."""
    spec = order.spec
    return spec.lot_id or (spec.client_order_id if spec.purpose is Purpose.ENTRY else None)


def _into_lot(state: EngineState, order: Order, fill: Fill) -> None:
    if order.spec.purpose is Purpose.ENTRY:
        _into_entry(state, order, fill)
        return
    lot = state.positions.lots.get(order.spec.lot_id or "")
    if lot is None:
        state.note("order", f"{fill.product_id}: a sale of {plain(fill.base_size)} has no lot", "bad", fill.product_id)
        return
    lot = sell(lot, fill, state.clock.now_ms)
    if lot.closed_ms is None:
        state.save_lot(lot)
    else:
        closed(state, lot)


def _into_entry(state: EngineState, order: Order, fill: Fill) -> None:
    lot_id = lot_of(order)
    assert lot_id is not None
    lot = state.positions.lots.get(lot_id)
    stop_pct = state.settings.stop_loss_pct
    if lot is not None:
        state.save_lot(grow(lot, fill, stop_pct))
        return
    if order.counted_size > fill.base_size:
        # Its lot is closed: one of the same name would take its place in the ledger.
        text = f"{fill.product_id}: {plain(fill.base_size)} was bought for a lot that is closed; no lot holds it"
        state.latch_entries(text)
        state.note("order", text, "bad", fill.product_id, lot_id)
        return
    market = state.markets.by_product[fill.product_id]
    # A runner was planned, but is there one already by now? At most one for each product with lots.
    has_runner = any(other.kind is LotKind.RUNNER for other in state.positions.lots.of(fill.product_id))
    kind = LotKind.SCALP if has_runner else LotKind.RUNNER
    if order.spec.lot_kind is LotKind.HOLDING:
        kind = LotKind.HOLDING
    assert order.spec.tp_pct is not None
    lot = open_lot(
        fill, state.positions.lots.next_seq, kind, order.spec.tp_pct, market.instrument, stop_pct, state.clock.now_ms
    )
    lot = replace(lot, lot_id=lot_id)
    state.save_lot(lot)
    market.last_add_ms = state.clock.now_ms
    state.save_value(f"last_add:{fill.product_id}", str(state.clock.now_ms))
    state.count("lots_opened")


def closed(state: EngineState, lot: Lot) -> None:
    """A lot is sold or dust: book its result, and promote the newest one left if it was the runner."""
    if lot.closed_ms is None:
        lot = close(lot, state.clock.now_ms)
    if lot.exit_reason is None:
        # The take that rested was filled, a command sold a part, or the target weight asked for less.
        last = state.orders.by_id.get(lot.exit_client_order_id or "")
        by_hand = last is not None and last.spec.command_id is not None
        reason = ExitReason.TARGET if lot.kind is LotKind.HOLDING else ExitReason.TAKE_PROFIT
        lot = replace(lot, exit_reason=ExitReason.COMMAND if by_hand else reason)
    state.save_lot(lot)
    for store in (
        state.positions.take_hold_ms,
        state.positions.exit_hold_ms,
        state.positions.exits_refused,
        state.orders.attempts,
        state.positions.slicing,
    ):
        store.pop(lot.lot_id, None)
    if state.positions.moved.forget(lot.lot_id):
        state.save_value(MOVED_LEVELS, state.positions.moved.to_text())
    realized = lot.realized_pnl or ZERO
    losses.lot_closed(state, lot)
    state.count("lots_closed")
    if lot.proceeds:
        state.count("wins" if realized > 0 else "losses")
    if state.account.day is not None:
        state.save_day(replace(state.account.day, realized=state.account.day.realized + realized))
    for flatten in state.control.flattens.values():
        if lot.dust and lot.lot_id in flatten.lot_ids:
            flatten.dust[lot.product_id] = flatten.dust.get(lot.product_id, ZERO) + lot.dust
    assert lot.exit_reason is not None
    why = {
        "take": "at its take",
        "stop": "at its stop",
        "trail": "at its trailing stop",
        "signal": "on a SELL signal",
        "target": "for its target weight",
        "command": "by hand",
        "flatten": "by flatten",
    }[lot.exit_reason.value]
    dust = f", dust {plain(lot.dust)} stays" if lot.dust else ""
    text = f"{lot.product_id} {lot.kind.value} closed {why}: {realized:+,.2f}{dust}"
    if not lot.proceeds:
        text = f"{lot.product_id} {lot.kind.value}: {plain(lot.dust)} is too little to be sold and is booked as dust"
    exact = {"realized_pnl": plain(realized), "reason": lot.exit_reason.value}
    state.note("exit", text, "good" if realized > 0 else "info", lot.product_id, lot.lot_id, **exact)
    if lot.kind is LotKind.HOLDING and lot.exit_reason in ORDERED:
        _hands_off(state, lot.product_id)
    promoted = state.positions.lots.to_promote(lot.product_id)
    if promoted is not None:
        state.save_lot(promoted)
        state.note("exit", f"{lot.product_id}: the newest lot becomes the runner", product_id=lot.product_id)


def _hands_off(state: EngineState, product_id: str) -> None:
    """A person sold a holding: the target of this bar buys nothing back."""
    market = state.markets.get(product_id)
    if market is not None and market.signal_bar_s is not None:
        market.used_bar_s = market.signal_bar_s
        state.save_value(f"used_bar:{product_id}", str(market.used_bar_s))
