"""Maker entries (ENTRY_ORDER=maker, docs/trading-rules.md §5a): post-only at the touch, repriced, given up in time.

A job places one order at a time. The next one is sent only when the last is over and every fill of it is counted, and
only for what is left of the plan; so whatever the order in which fills, cancels and refusals arrive, all orders
together never buy for more than was planned. All fills grow one lot. A job ends for good when its time is up, when a
standing gate shuts, when its lot is to be sold, or when an order's fate is in doubt.
"""

from decimal import Decimal

from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.execution import exits
from bot.engine.orders import fills
from bot.engine.orders.submit import say_retry, send
from bot.engine.risk import pretrade
from bot.engine.risk.gates import first_standing_shut
from bot.engine.risk.rate import orders_per_minute
from bot.engine.state.engine_state import EngineState
from bot.engine.state.maker_job import MakerJob
from bot.engine.state.market import Market
from shared.money import floor_to, plain, spoken

LIFE_AFTER_MS = 30_000  # how much longer than the job an order may rest where nobody is left to cancel it


def begin(state: EngineState, market: Market, quote: Decimal, kind: LotKind, tp_pct: Decimal) -> None:
    """Start buying for `quote` (fees included) at the touch."""
    assert market.used_bar_s is not None
    product_id = market.instrument.product_id
    job = MakerJob(
        lot_id=_order_id(state, product_id, market.used_bar_s, 0),
        product_id=product_id,
        bar_s=market.used_bar_s,
        kind=kind,
        tp_pct=tp_pct,
        planned_quote=quote,
        deadline_ms=state.clock.now_ms + round(state.settings.maker_timeout_sec * 1000),
    )
    if state.orders.own_ids.known_for(job.lot_id) is not None:
        return  # this bar's entry was made by an earlier run
    state.positions.makers[product_id] = job
    _go_on(state, market, job)


def _order_id(state: EngineState, product_id: str, bar_s: int, number: int) -> str:
    return state.intent_id("entry", product_id, bar_s, "maker", number)


def _left_size(state: EngineState, market: Market, job: MakerJob, price: Decimal) -> Decimal:
    """What the rest of the plan buys at `price`, its fee reserved; 0 = less than the exchange takes."""
    left = job.planned_quote - job.spent_quote
    size = market.instrument.floor_size(left / (1 + state.account.maker_rate) / price) if left > 0 else Decimal(0)
    return size if market.instrument.sellable(size, price) else Decimal(0)


def _go_on(state: EngineState, market: Market, job: MakerJob) -> None:
    """No order works: end, wait, or place the next one."""
    price = floor_to(market.bid, market.instrument.price_increment) if market.bid is not None else None
    job.ending = job.ending or _why_end(state, market, job)
    if job.ending is None and price is not None and not _left_size(state, market, job, price):
        job.ending = "bought"
    if job.ending is not None:
        _finish(state, job)
        return
    sane = price is not None and price > 0 and market.ask is not None and price < market.ask
    if price is None or not sane or not _may_price(state, job):
        return
    spec = _spec(state, market, job, price)
    why_not = pretrade.refusal(state, spec)
    if why_not is not None:
        state.note("risk", f"{job.product_id} entry refused by {why_not.text}", "warn", job.product_id)
        job.ending = why_not.code
        _finish(state, job)
        return
    job.working, job.repricing = spec.client_order_id, False
    job.orders.append(spec.client_order_id)
    job.next_price_ms = state.clock.now_ms + round(state.settings.maker_reprice_sec * 1000)
    send(state, spec)
    size, instrument = spec.base_size or Decimal(0), market.instrument
    what = f"{spoken(size, instrument.base_increment)} at {spoken(price, instrument.price_increment)}"
    text = f"{job.product_id} bids {what} ({job.kind.value}, maker)"
    exact = {"base_size": plain(size), "limit_price": plain(price)}
    state.note("order", text, product_id=job.product_id, ref=spec.client_order_id, **exact)


def _spec(state: EngineState, market: Market, job: MakerJob, price: Decimal) -> OrderSpec:
    return OrderSpec(
        client_order_id=_order_id(state, job.product_id, job.bar_s, len(job.orders)),
        product_id=job.product_id,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        purpose=Purpose.ENTRY,
        base_size=_left_size(state, market, job, price),
        quote_size=None,
        limit_price=price,
        post_only=True,
        end_ms=job.deadline_ms + LIFE_AFTER_MS + (state.clock.offset_ms or 0),
        expected_price=market.mark or price,
        lot_id=job.lot_id,
        lot_kind=job.kind,
        tp_pct=job.tp_pct,
    )


def chase(state: EngineState) -> None:
    """Once a second: end, reprice or go on with every job; cancel resting entries that belong to none."""
    for job in list(state.positions.makers.values()):
        market = state.markets.by_product[job.product_id]
        order = state.orders.by_id.get(job.working or "")
        if order is None or order.settled:
            _go_on(state, market, job)
            continue
        job.ending = job.ending or _why_end(state, market, job)
        job.repricing = job.repricing or _outbid(state, market, job, order)
        if job.ending is not None or job.repricing:
            exits.cancel(state, order)
    working = {job.working for job in state.positions.makers.values()}
    working |= {job.working for job in state.positions.rebalances.values()}
    for coid, order in list(state.orders.by_id.items()):
        resting = order.spec.purpose is Purpose.ENTRY and order.spec.kind is OrderKind.LIMIT
        if resting and coid not in working and not order.settled:
            exits.cancel(state, order)


def _why_end(state: EngineState, market: Market, job: MakerJob) -> str | None:
    if state.clock.now_ms >= job.deadline_ms:
        return f"not filled in {state.settings.maker_timeout_sec:g} s"
    shut = first_standing_shut(state, market)
    if shut is not None:
        return f"{shut.title.lower()}: {shut.value}"
    lot = state.positions.lots.get(job.lot_id)
    if lot is None:
        return None
    if lot.exit_reason is not None:
        return "its lot is being sold"
    mark = market.mark
    if lot.stop_price is not None and mark is not None and mark <= lot.stop_price:
        return "its lot is at its stop"
    return None


def _outbid(state: EngineState, market: Market, job: MakerJob, order: Order) -> bool:
    """The touch went up and left the order behind."""
    price = order.spec.limit_price
    return market.bid is not None and price is not None and market.bid > price and _may_price(state, job)


def _may_price(state: EngineState, job: MakerJob) -> bool:
    """Not too soon; and a new price uses only half of what may be sent in a minute: the rest is for new decisions."""
    if not job.orders:
        return True
    calm = orders_per_minute(state) < state.settings.max_orders_per_min / 2
    return calm and state.clock.now_ms >= job.next_price_ms


def order_over(state: EngineState, order: Order) -> None:
    """A maker order is over and every fill of it is counted."""
    if order.state is OrderState.DENIED:
        # Whatever shut the gate keeps the lot's take from being sent as well, for the moment.
        state.positions.take_hold_ms[order.spec.lot_id or ""] = state.clock.now_ms + exits.REFUSED_RETRY_MS
    job = state.positions.makers.get(order.spec.product_id)
    market = state.markets.get(order.spec.product_id)
    if job is None or market is None or job.working != order.spec.client_order_id:
        lot_is_whole(state, order.spec.lot_id or order.spec.client_order_id)
        return
    repriced = order.state is OrderState.CANCELLED and job.repricing
    job.working = None
    job.spent_quote += order.counted_quote * (1 + state.account.maker_rate)
    if order.state is not OrderState.FILLED and not repriced:
        # Not our doing, or not known for certain: nothing more is bought on top of it.
        job.ending = job.ending or f"its order is {order.state.value}" + (f" ({order.reason})" if order.reason else "")
    _go_on(state, market, job)


def refused(state: EngineState, order: Order, reason: str, insufficient: bool) -> None:
    """The exchange refused a maker order: would cross, so at the next price; funds short, so once at ORDER_MIN_USD."""
    job = state.positions.makers.get(order.spec.product_id)
    market = state.markets.get(order.spec.product_id)
    state.note("order", f"{order.spec.product_id} bid refused: {reason}", "warn", order.spec.product_id)
    if job is None or market is None or job.working != order.spec.client_order_id:
        return
    job.working = None
    least = market.instrument.floor_quote(Decimal(str(state.settings.order_min_usd)))
    retry = insufficient and state.settings.low_funds == "retry"
    if retry and not job.retried and job.planned_quote - job.spent_quote > least and state.control.may_enter:
        say_retry(state, job.planned_quote - job.spent_quote, reason)
        job.planned_quote, job.retried, job.next_price_ms = job.spent_quote + least, True, state.clock.now_ms
    elif "POST_ONLY" not in reason.upper().replace(" ", "_").replace("-", "_"):
        job.ending = f"refused: {reason}"
    _go_on(state, market, job)


def _finish(state: EngineState, job: MakerJob) -> None:
    del state.positions.makers[job.product_id]
    if state.positions.lots.get(job.lot_id) is None:
        text = f"{job.product_id} bid given up without a fill ({job.ending})"
        state.note("order", text, "warn", job.product_id, job.lot_id)
        return
    if job.ending != "bought":
        planned, spent = f"{job.planned_quote:,.2f}", f"{job.spent_quote:,.2f}"
        text = f"{job.product_id} bid ended with {spent} of {planned} bought ({job.ending})"
        state.note("order", text, product_id=job.product_id, ref=job.lot_id)
    lot_is_whole(state, job.lot_id)


def lot_is_whole(state: EngineState, lot_id: str) -> None:
    """Nothing is bought for the lot any more: it gets its take, or is dust."""
    lot: Lot | None = state.positions.lots.get(lot_id)
    market = state.markets.get(lot.product_id) if lot is not None else None
    if lot is None or market is None or any(job.lot_id == lot_id for job in state.positions.rebalances.values()):
        return
    if not market.instrument.sellable(lot.base_left, lot.open_price):
        fills.closed(state, lot)  # so little was filled that it can never be sold
        return
    text = f"{lot.product_id} {lot.kind.value} opened at {spoken(lot.open_price, lot.price_increment)}"
    exact = {"open_price": lot.open_price, "base_size": lot.base_left}
    if lot.take_ticks:
        text += f", take {spoken(lot.take_price, lot.price_increment)}"
        exact["take_price"] = lot.take_price
    state.note(
        "entry",
        text,
        product_id=lot.product_id,
        ref=lot.lot_id,
        **{name: plain(value) for name, value in exact.items()},
    )
    state.count("entries")
    exits.rest_takes(state)


def adopt(state: EngineState) -> None:
    """After a restart: what still rests is cancelled and counted; nothing is priced anew."""
    for coid, order in state.orders.by_id.items():
        spec = order.spec
        if spec.purpose is not Purpose.ENTRY or spec.kind is not OrderKind.LIMIT or order.settled:
            continue
        if spec.lot_kind is LotKind.HOLDING:
            continue  # it is cancelled as one that belongs to no job
        state.positions.makers[spec.product_id] = MakerJob(
            lot_id=spec.lot_id or coid,
            product_id=spec.product_id,
            bar_s=0,
            kind=spec.lot_kind or LotKind.RUNNER,
            tp_pct=spec.tp_pct or Decimal(0),
            planned_quote=spec.notional,
            deadline_ms=state.clock.now_ms,
            working=coid,
            orders=[coid],
            ending="the bot was restarted",
        )
