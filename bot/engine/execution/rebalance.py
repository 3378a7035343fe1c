"""Holding products at target weights (KIND=exposure, docs/trading-rules.md §10): maker-first, one order at a time.

A job brings one product to its target. It plans nothing ahead: each order is sent only when no other order of the
product is left and every fill is counted, and for what the rule wants then. So in whatever order answers arrive,
nothing is sold twice, and nothing is bought beyond the target. A target that turns round ends the job, whose order is
cancelled and seen over before the other side begins. Nothing of a job is kept: after a restart it is made anew from
target and holdings, and what rests of the one before is cancelled and counted first.
"""

from decimal import Decimal

from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot, replace_lot
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.execution import exits, maker, slices
from bot.engine.orders.submit import send
from bot.engine.risk import pretrade, target_weight
from bot.engine.risk.gates import first_shut, first_standing_shut
from bot.engine.risk.rate import orders_per_minute
from bot.engine.risk.sizing import affordable, entry_size_quote, purchase_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.rebalance_job import RebalanceJob
from bot.rules.exposure import purchase_steps, sale_steps
from shared.money import ceil_to, floor_to, from_units, plain, spoken, to_units

PAUSE_MS = 30_000  # after a job that could not do its work
LIFE_AFTER_MS = 30_000  # how much longer than the job an order may rest where nobody is left to cancel it
TOO_MUCH = 0.01  # of the share: an order that would buy or sell so much more than is wanted by now is made anew


def consider(state: EngineState, market: Market) -> None:
    """A price came, or a new target: begin a job where the product is out of its band and nothing is in the way."""
    product_id = market.instrument.product_id
    if product_id in state.positions.rebalances or at_work(state, product_id):
        return
    if market.question is not None or target_weight.no_target(state, market) is not None:
        return
    change = target_weight.change_quote(state, market, state.settings.exposure_band_pct)
    if change > 0.0:
        if not _paused(state, product_id, Side.BUY) and first_shut(state, market) is None:
            _begin(state, market, Side.BUY)
    elif change < 0.0 and state.control.may_exit and not _paused(state, product_id, Side.SELL):
        sellable = market.instrument.halted is None and state.control.may_sell
        if sellable and _next_sale(state, market) is not None:
            _begin(state, market, Side.SELL)


def at_work(state: EngineState, product_id: str) -> bool:
    """Whether an own order of the product may still fill; what rests for lots with a take profit is no matter."""
    return any(
        order.spec.product_id == product_id and not order.settled and order.spec.purpose is not Purpose.TAKE_PROFIT
        for order in state.orders.by_id.values()
    )


def _paused(state: EngineState, product_id: str, side: Side) -> bool:
    return state.positions.rebalance_hold_ms.get((product_id, side), 0) > state.clock.now_ms


def _begin(state: EngineState, market: Market, side: Side) -> None:
    assert market.signal_bar_s is not None
    now_ms, product_id = state.clock.now_ms, market.instrument.product_id
    job = RebalanceJob(
        product_id=product_id,
        side=side,
        bar_s=market.signal_bar_s,
        since_ms=now_ms,
        deadline_ms=now_ms + round(state.settings.exposure_maker_sec * 1000),
    )
    state.positions.rebalances[product_id] = job
    held, target = target_weight.spoken_holding(state, market), market.target_weight or 0.0
    word = "buys" if side is Side.BUY else "sells"
    text = f"{product_id} {held}, its target is {target * 100:.1f} %: it {word}"
    state.note("order", text, product_id=product_id)
    _go_on(state, market, job)


def chase(state: EngineState) -> None:
    """Once a second: end, reprice or go on with every job; cancel resting orders that belong to none."""
    for job in list(state.positions.rebalances.values()):
        market = state.markets.by_product.get(job.product_id)
        order = state.orders.by_id.get(job.working or "")
        if market is None:
            job.ending = job.ending or "the product is no longer traded"
        elif order is None or order.settled:
            _go_on(state, market, job)
            continue
        else:
            job.ending = job.ending or _why_end(state, market, job)
        if order is None or order.settled:
            del state.positions.rebalances[job.product_id]
        elif order.spec.kind is OrderKind.LIMIT and (job.ending or (market and _replaced(state, market, job, order))):
            job.cancelled = True
            exits.cancel(state, order)
    working = {job.working for job in state.positions.rebalances.values()}
    for coid, order in list(state.orders.by_id.items()):
        resting = order.spec.purpose is Purpose.EXIT and order.spec.kind is OrderKind.LIMIT
        if resting and coid not in working and not order.settled:
            exits.cancel(state, order)


def _go_on(state: EngineState, market: Market, job: RebalanceJob) -> None:
    """No order works: look at what became of the last one, then end, wait, or send the next."""
    order = state.orders.by_id.get(job.working or "")
    if order is not None:
        _learn(job, order)
    job.working, job.cancelled = None, False
    job.ending = job.ending or _why_end(state, market, job)
    if job.ending is not None:
        _finish(state, market, job)
    elif not at_work(state, job.product_id) and market.question is None:
        (_buy if job.side is Side.BUY else _sell)(state, market, job)


def _learn(job: RebalanceJob, order: Order) -> None:
    """What is over by our own doing, or only came too late to rest, is followed by another order; the rest ends it."""
    reason = (order.reason or "").upper().replace(" ", "_").replace("-", "_")
    late = order.state is OrderState.REFUSED and "POST_ONLY" in reason
    if order.state is OrderState.FILLED or (order.state is OrderState.CANCELLED and job.cancelled) or late:
        return
    job.ending = job.ending or f"its order is {order.state.value}" + (f" ({order.reason})" if order.reason else "")
    job.trouble = True


def _why_end(state: EngineState, market: Market, job: RebalanceJob) -> str | None:
    """Why the job sends nothing more; None = it goes on."""
    none = target_weight.no_target(state, market)
    if none is not None:
        return none
    change = target_weight.change_quote(state, market, 0.0, 0.0 if job.working else None)
    if not (change > 0.0 if job.side is Side.BUY else change < 0.0):
        return "at its target"
    if job.side is Side.SELL:
        return None if state.control.may_exit else "no sales now"
    shut = first_standing_shut(state, market)
    if shut is not None or not state.control.may_enter:
        job.trouble = True
        return f"{shut.title.lower()}: {shut.value}" if shut is not None else "no entries now"
    if market.used_bar_s == market.signal_bar_s:
        return "sold by hand on this bar"
    lot = state.positions.lots.get(job.lot_id or "")
    return "its lot is being sold" if lot is not None and lot.exit_reason is not None else None


def _replaced(state: EngineState, market: Market, job: RebalanceJob, order: Order) -> bool:
    """The resting order must go: its time is up, the touch left it behind, or it would do more than is wanted now."""
    now_ms, price = state.clock.now_ms, order.spec.limit_price
    if now_ms >= job.deadline_ms:
        return True
    touch = market.bid if job.side is Side.BUY else market.ask
    if price is not None and touch is not None and now_ms >= job.next_price_ms:
        calm = orders_per_minute(state) < state.settings.max_orders_per_min / 2
        if calm and (touch > price if job.side is Side.BUY else touch < price):
            return True
    left = float(((order.spec.base_size or Decimal(0)) - order.counted_size) * (price or Decimal(0)))
    wanted = abs(target_weight.change_quote(state, market, 0.0, 0.0))
    room = max(TOO_MUCH * target_weight.share_quote(state), target_weight.least_quote(state, market))
    return left > wanted + room


def _touch(state: EngineState, market: Market, job: RebalanceJob) -> Decimal | None:
    """The price to rest at: the best bid or ask, on the tick; None = wait for a sane one, or for the pause."""
    if market.bid is None or market.ask is None or not 0 < market.bid < market.ask:
        return None
    if state.clock.now_ms < job.next_price_ms:
        return None
    step = market.instrument.price_increment
    return floor_to(market.bid, step) if job.side is Side.BUY else ceil_to(market.ask, step)


def _sizes(market: Market) -> tuple[int, int, float]:
    """Least size in steps, least notional in units, and a unit: quote currency of one step at one tick."""
    i = market.instrument
    unit = i.price_increment * i.base_increment
    least = to_units(ceil_to(i.base_min_size, i.base_increment), i.base_increment)
    return max(least, 1), to_units(ceil_to(i.quote_min_size, unit), unit), float(unit)


def _buy(state: EngineState, market: Market, job: RebalanceJob) -> None:
    product_id, instrument = job.product_id, market.instrument
    at_market = state.clock.now_ms >= job.deadline_ms
    # Both have their fee in them, so that what is bought meets the target and needs no second, small order.
    if at_market:
        quote = affordable(state, market, entry_size_quote(state, market))
    else:
        asked = Decimal(str(purchase_quote(state, market, state.account.maker_rate)))
        quote = affordable(state, market, asked)
    price = market.mark if at_market else _touch(state, market, job)
    if price is None:
        return
    size: Decimal | None = None
    if not at_market:
        ticks = instrument.ticks(max(price, market.mark or price))  # the size never from below the mark
        steps = purchase_steps(float(quote), ticks, float(state.account.maker_rate * 100), *_sizes(market))
        size = from_units(steps, instrument.base_increment)
    if quote < instrument.quote_min_size or size == 0:
        job.ending, job.trouble = "too little cash or too small an order", True
        _finish(state, market, job)
        return
    coid = _purchase_id(state, job)
    spec = OrderSpec(
        client_order_id=coid,
        product_id=product_id,
        side=Side.BUY,
        kind=OrderKind.MARKET if at_market else OrderKind.LIMIT,
        purpose=Purpose.ENTRY,
        base_size=size,
        quote_size=quote if at_market else None,
        limit_price=None if at_market else price,
        post_only=not at_market,
        end_ms=None if at_market else _end_ms(state, job),
        expected_price=market.mark or price,
        lot_id=job.lot_id,
        lot_kind=LotKind.HOLDING,
        tp_pct=Decimal(0),
    )
    why_not = pretrade.refusal(state, spec)
    if why_not is not None:
        state.note("risk", f"{product_id} purchase refused by {why_not.text}", "warn", product_id)
        job.ending, job.trouble = why_not.code, True
        _finish(state, market, job)
        return
    job.lot_id = job.lot_id or coid
    _sent(state, market, job, spec, "buys")


def _purchase_id(state: EngineState, job: RebalanceJob) -> str:
    """An id of its facts: product, bar, and a number that no order of this bar has yet, whoever sent it."""
    numbers = state.positions.purchase_numbers
    bar_s, number = numbers.get(job.product_id, (job.bar_s, 0))
    number = number if bar_s == job.bar_s else 0
    while True:
        coid = state.intent_id("entry", job.product_id, job.bar_s, "holding", number)
        number += 1
        if state.orders.own_ids.known_for(coid) is None:
            numbers[job.product_id] = (job.bar_s, number)
            return coid


def _end_ms(state: EngineState, job: RebalanceJob) -> int:
    return job.deadline_ms + LIFE_AFTER_MS + (state.clock.offset_ms or 0)


def _next_sale(state: EngineState, market: Market) -> tuple[Lot, Decimal] | None:
    """The oldest holding that can be sold, and how much of it is to go; None = none of them now."""
    price, instrument = market.mark, market.instrument
    wanted = -target_weight.change_quote(state, market, 0.0)
    if price is None or wanted <= 0.0:
        return None
    for lot in state.positions.lots.of(instrument.product_id):
        free = lot.kind is LotKind.HOLDING and lot.exit_reason is None and state.orders.exit_order(lot) is None
        if not free or state.positions.exit_hold_ms.get(lot.lot_id, 0) > state.clock.now_ms:
            continue
        held = to_units(instrument.floor_size(lot.base_left), instrument.base_increment)
        steps = sale_steps(wanted, held, instrument.ticks(price), *_sizes(market))
        if steps > 0:
            return lot, from_units(steps, instrument.base_increment)
    return None


def _sell(state: EngineState, market: Market, job: RebalanceJob) -> None:
    found = _next_sale(state, market)
    if found is None or market.instrument.halted is not None or not state.control.may_sell:
        if not any(
            lot.kind is LotKind.HOLDING and state.positions.exit_hold_ms.get(lot.lot_id, 0) > state.clock.now_ms
            for lot in state.positions.lots.of(job.product_id)
        ):
            job.ending, job.trouble = "nothing that can be sold now", True
            _finish(state, market, job)
        return
    lot, size = found
    at_market = state.clock.now_ms >= job.deadline_ms
    if at_market:
        part = slices.next_size(state, market, replace_lot(lot, base_left=size))
        if part is None:
            return
        size = part
    price = market.mark if at_market else _touch(state, market, job)
    if price is None:
        return
    spec = OrderSpec(
        client_order_id=state.next_id(lot.lot_id, "target"),
        product_id=job.product_id,
        side=Side.SELL,
        kind=OrderKind.MARKET if at_market else OrderKind.LIMIT,
        purpose=Purpose.EXIT,
        base_size=size,
        quote_size=None,
        limit_price=None if at_market else price,
        post_only=not at_market,
        end_ms=None if at_market else _end_ms(state, job),
        expected_price=market.mark or price,
        lot_id=lot.lot_id,
        reduce_only=True,
    )
    state.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    state.positions.exit_hold_ms[lot.lot_id] = state.clock.now_ms + exits.EXIT_RETRY_MS
    _sent(state, market, job, spec, "sells")


def _sent(state: EngineState, market: Market, job: RebalanceJob, spec: OrderSpec, word: str) -> None:
    job.working, job.cancelled = spec.client_order_id, False
    job.next_price_ms = state.clock.now_ms + round(state.settings.maker_reprice_sec * 1000)
    send(state, spec)
    i = market.instrument
    if spec.base_size is not None:
        what = spoken(spec.base_size, i.base_increment)
    else:
        what = f"for {spoken(spec.quote_size or Decimal(0), i.quote_increment)} {i.quote}"
    price = f"at {spoken(spec.limit_price, i.price_increment)}, post-only" if spec.limit_price else "at market"
    exact = {"base_size": plain(spec.base_size)} if spec.base_size is not None else {}
    text = f"{job.product_id} {word} {what} {price} (target weight)"
    state.note("order", text, product_id=job.product_id, ref=spec.client_order_id, **exact)


def _finish(state: EngineState, market: Market, job: RebalanceJob) -> None:
    state.positions.rebalances.pop(job.product_id, None)
    if job.trouble:
        state.positions.rebalance_hold_ms[job.product_id, job.side] = state.clock.now_ms + PAUSE_MS
    held = target_weight.held_weight(state, market)
    known = f"{held * 100:.1f} % of its share" if held is not None else "a share that is not known"
    text = f"{job.product_id} holds {known}: {job.ending}"
    state.note("order", text, "warn" if job.trouble else "info", job.product_id, job.lot_id)
    if job.lot_id is not None:
        maker.lot_is_whole(state, job.lot_id)
