"""Closing lots: stop, trailing, take profit, SELL signal, by command, flatten (docs/trading-rules.md §5, §5a).

A lot has at most one order working for its exit. A resting take is cancelled, and seen cancelled or filled,
before any other exit is sent; so whatever the order in which answers arrive, a lot is never sold twice.
"""

from decimal import Decimal

from bot.domain.intents import CancelOrder
from bot.domain.kinds import ORDERED, ExitReason, LotKind, OrderKind, Purpose
from bot.domain.lots import Lot, replace_lot
from bot.domain.order_life import Order, OrderInput, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.execution import edge, questions, slices
from bot.engine.orders import fills
from bot.engine.orders.submit import send
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules import codes
from bot.rules.exits import exit_by_signal, judge_lot
from shared.control import TradingState
from shared.money import from_units, plain, spoken

TAKE_LIFE_MS = 24 * 3600 * 1000
TAKE_RETRY_MS = 30_000
EXIT_RETRY_MS = 1_000
REFUSED_RETRY_MS = 5_000
REFUSED_SOON = 3  # sales refused in a row that are tried again so soon; then half as often each time
REFUSED_RETRY_MOST_MS = 60_000
CANCEL_AGAIN_MS = 2_000
LOST_AGAIN_MS = 30_000
_REASONS = {
    codes.EXIT_STOP: ExitReason.STOP,
    codes.EXIT_TRAIL: ExitReason.TRAIL,
    codes.EXIT_TAKE: ExitReason.TAKE_PROFIT,
    codes.EXIT_SIGNAL: ExitReason.SIGNAL,
}


def judge(state: EngineState, market: Market) -> None:
    """Judge every lot of one product: its price by stop, trailing and take, then the newest bar's signal."""
    price = market.judged_price
    if price is None or not state.control.may_exit:
        return
    ticks = market.instrument.ticks(price)
    s = state.settings
    activate_pct = edge.trail_activate_pct(s, edge.fees(state))
    signal = questions.sell_signal(state, market)
    for lot in state.positions.lots.of(market.instrument.product_id):
        if lot.exit_reason is not None or lot.kind is LotKind.HOLDING or entry_working(state, lot):
            continue
        resting = state.orders.resting_take(lot) is not None
        reason, active, peak, trail = judge_lot(
            ticks,
            lot.open_ticks,
            0 if resting else lot.take_ticks,
            lot.stop_ticks,
            lot.kind.value == "runner",
            lot.trail_active,
            lot.peak_ticks,
            activate_pct,
            s.trail_distance_pct,
        )
        reason = exit_by_signal(reason, signal, s.signal_exits)
        current = lot
        if (active, peak, trail) != (lot.trail_active, lot.peak_ticks, lot.trail_ticks):
            if active and not lot.trail_active:
                at = from_units(trail, lot.price_increment)
                state.note(
                    "exit",
                    f"{lot.product_id} runner trails: stop {spoken(at, lot.price_increment)}",
                    product_id=lot.product_id,
                    ref=lot.lot_id,
                    stop=plain(at),
                )
            current = replace_lot(lot, trail_active=active, peak_ticks=peak, trail_ticks=trail)
            state.save_lot(current)
        if reason != codes.EXIT_NONE and state.positions.exit_hold_ms.get(lot.lot_id, 0) <= state.clock.now_ms:
            begin(state, current, _REASONS[reason])


def entry_working(state: EngineState, lot: Lot) -> bool:
    """Whether something may still be bought for the lot."""
    job = state.positions.makers.get(lot.product_id)
    if job is not None and job.lot_id == lot.lot_id:
        return True
    entry = state.orders.by_id.get(lot.lot_id)
    return entry is not None and not entry.settled


def begin(state: EngineState, lot: Lot, reason: ExitReason) -> None:
    """Decide the lot's exit: sell it now, or first cancel the take that rests for it."""
    lot = replace_lot(lot, exit_reason=reason)
    state.save_lot(lot)
    proceed(state, lot)


def command_of(state: EngineState, lot: Lot) -> str | None:
    """The flatten or close command that the lot goes by; None = none asks for it (any more)."""
    return next((job.command_id for job in state.control.flattens.values() if lot.lot_id in job.lot_ids), None)


def proceed(state: EngineState, lot: Lot) -> None:
    """Move a decided exit on: cancel the resting take, or sell what is left."""
    slices.at_work(state, lot)
    if _buying_ends_first(state, lot):
        return
    working = state.orders.exit_order(lot)
    if working is not None:
        if working.spec.kind is OrderKind.LIMIT and state.control.may_sell:
            cancel(state, working)  # what rests stays where the sale after it could not be sent
        return
    if state.positions.exit_hold_ms.get(lot.lot_id, 0) > state.clock.now_ms:
        return
    market = state.markets.get(lot.product_id)
    price = market.mark if market else None
    if market is None or price is None:
        return
    if not market.instrument.sellable(lot.base_left, price):
        return
    size = slices.next_size(state, market, lot)
    if size is None:
        return
    flatten = lot.exit_reason in ORDERED
    command_id = command_of(state, lot) if flatten else None
    lot_id = f"{lot.lot_id}|{command_id}" if command_id else lot.lot_id
    spec = OrderSpec(
        client_order_id=state.next_id(lot_id, "flatten" if flatten else "exit"),
        product_id=lot.product_id,
        side=lot.side.closed_by,
        kind=OrderKind.MARKET,
        purpose=Purpose.FLATTEN if flatten else Purpose.EXIT,
        base_size=size,
        quote_size=None,
        limit_price=None,
        post_only=False,
        end_ms=None,
        expected_price=price,
        lot_id=lot.lot_id,
        command_id=command_id,
        reduce_only=True,
    )
    state.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    state.positions.exit_hold_ms[lot.lot_id] = state.clock.now_ms + EXIT_RETRY_MS
    send(state, spec)
    reason = lot.exit_reason.value if lot.exit_reason else "exit"
    text = (
        f"{lot.product_id} {lot.kind.value} sells {spoken(size, market.instrument.base_increment)} at market ({reason})"
    )
    state.note("order", text, product_id=lot.product_id, ref=spec.client_order_id, base_size=plain(size))


def _buying_ends_first(state: EngineState, lot: Lot) -> bool:
    """True while an entry still buys for the lot; it is ended, so that nothing comes after the sale."""
    if lot.kind is LotKind.HOLDING:
        return _purchase_ends_first(state, lot)
    job = state.positions.makers.get(lot.product_id)
    if job is None or job.lot_id != lot.lot_id:
        entry = state.orders.by_id.get(lot.lot_id)
        if entry is None or entry.settled:
            return False
        cancel(state, entry)
        return True
    job.ending = job.ending or "its lot is being sold"
    order = state.orders.by_id.get(job.working or "")
    if order is not None and not order.settled:
        cancel(state, order)
    return True


def _purchase_ends_first(state: EngineState, lot: Lot) -> bool:
    """The same of a holding, for which several orders may have bought."""
    job = state.positions.rebalances.get(lot.product_id)
    if job is not None and job.lot_id == lot.lot_id:
        job.ending = job.ending or "its lot is being sold"
    entries = [o for o in state.orders.entries_in_flight(lot.product_id) if fills.lot_of(o) == lot.lot_id]
    for order in entries:
        cancel(state, order)
    return bool(entries)


def cancel(state: EngineState, order: Order) -> None:
    """Ask the exchange to cancel an own order, again only after a pause; its end is seen, never assumed."""
    if order.order_id is None or order.done:
        return
    if order.state is OrderState.CANCELLING and state.clock.now_ms - order.updated_ms < CANCEL_AGAIN_MS:
        return
    if order.state is OrderState.LOST and state.clock.now_ms - order.updated_ms < LOST_AGAIN_MS:
        return
    state.step_order(order, OrderInput.CANCEL)
    state.emit(CancelOrder(order.spec.client_order_id, order.order_id))


def rest_takes(state: EngineState) -> None:
    """Give every lot without an exit its resting take profit (TAKE_PROFIT_ORDER=limit)."""
    if state.settings.take_profit_order != "limit" or not state.control.may_exit:
        return
    for lot in list(state.positions.lots):
        market = state.markets.get(lot.product_id)
        if (
            market is None
            or lot.kind is LotKind.HOLDING
            or lot.exit_reason is not None
            or state.orders.exit_order(lot) is not None
            or entry_working(state, lot)
            or state.control.sells_part(lot.lot_id)
            or market.instrument.halted is not None
            or state.positions.take_hold_ms.get(lot.lot_id, 0) > state.clock.now_ms
            or not market.instrument.sellable(lot.base_left, lot.take_price)
        ):
            continue
        _rest_take(state, market, lot)


def _rest_take(state: EngineState, market: Market, lot: Lot) -> None:
    spec = OrderSpec(
        client_order_id=state.next_id(lot.lot_id, "take"),
        product_id=lot.product_id,
        side=lot.side.closed_by,
        kind=OrderKind.LIMIT,
        purpose=Purpose.TAKE_PROFIT,
        base_size=market.instrument.floor_size(lot.base_left),
        quote_size=None,
        limit_price=lot.take_price,
        post_only=True,
        end_ms=state.clock.now_ms + TAKE_LIFE_MS,
        expected_price=market.mark or lot.take_price,
        lot_id=lot.lot_id,
        reduce_only=True,
    )
    state.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    state.positions.take_hold_ms[lot.lot_id] = state.clock.now_ms + TAKE_RETRY_MS
    send(state, spec)


def order_over(state: EngineState, order: Order) -> None:
    """An order that worked for a lot's exit is over and counted: finish, go on, or wait and try again."""
    lot = state.positions.lots.get(order.spec.lot_id or "")
    if lot is None:
        return
    market = state.markets.get(lot.product_id)
    price = market.mark if market else None
    if market is not None and not market.instrument.sellable(lot.base_left, price or lot.open_price):
        if lot.base_left < lot.base_bought:
            fills.closed(state, lot)  # what is left cannot be sold: dust
        return
    if order.counted_size:
        left, quantity = plain(lot.base_left), plain(order.counted_size)
        level = "info" if lot.lot_id in state.positions.slicing else "warn"
        text = f"{lot.product_id} sold {quantity}, {left} is left of the lot"
        state.note("exit", text, level, lot.product_id, lot.lot_id)
    if order.spec.purpose is Purpose.TAKE_PROFIT and order.state is OrderState.REFUSED and state.control.may_exit:
        # Refused as it would cross: the price is at the take already. Judged locally until the next try.
        state.positions.take_hold_ms[lot.lot_id] = state.clock.now_ms + TAKE_RETRY_MS
    if lot.exit_reason is not None and _may_go_on(state, lot):
        proceed(state, lot)
    elif lot.exit_reason is not None:
        # Stopped or killed meanwhile: nothing is judged, so the decision lapses and is made anew later.
        state.save_lot(replace_lot(lot, exit_reason=None, exit_client_order_id=None))


def chase(state: EngineState) -> None:
    """Once a second: move on every exit that waits for something."""
    for lot in list(state.positions.lots):
        if lot.exit_reason is None:
            continue
        if _may_go_on(state, lot):
            proceed(state, lot)
        elif lot.exit_reason in ORDERED and state.control.ready and state.orders.exit_order(lot) is None:
            state.save_lot(replace_lot(lot, exit_reason=None))  # its command ended without it


def _may_go_on(state: EngineState, lot: Lot) -> bool:
    """A command's exit goes on as long as the command does; the others while exits are judged."""
    if lot.exit_reason in ORDERED:
        return command_of(state, lot) is not None
    return state.control.may_exit


def revived(state: EngineState, order: Order) -> None:
    """An order that was held to be absent lives: where its lot went another way meanwhile, it must not sell again."""
    if not order.spec.reduce_only:
        return
    lot = state.positions.lots.get(order.spec.lot_id or "")
    if lot is None or lot.exit_client_order_id != order.spec.client_order_id:
        cancel(state, order)


def cancel_entries(state: EngineState) -> None:
    """Stop: cancel own open entry orders; resting takes stay."""
    for order in state.orders.entries_in_flight():
        cancel(state, order)


def stop_is_done(state: EngineState) -> bool:
    """No entry order of ours may still fill."""
    return not state.orders.entries_in_flight()


def lapse_exits(state: EngineState) -> None:
    """Stop and kill judge no exits: decided ones that were not sent lapse."""
    if state.control.level < TradingState.STOP and state.control.latch is None:
        return
    for lot in list(state.positions.lots):
        if lot.exit_reason not in (None, *ORDERED) and state.orders.exit_order(lot) is None:
            state.save_lot(replace_lot(lot, exit_reason=None))


def percent(part: Decimal, whole: Decimal) -> float:
    """`part` of `whole` in percent; 0 of nothing is 0."""
    return float(part / whole * 100) if whole else 0.0
