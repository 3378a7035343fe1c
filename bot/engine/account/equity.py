"""Equity, the day and its breaker (docs/trading-rules.md §6), judged once a second and after every sync."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.day import TradingDay
from bot.domain.events import BalanceReport
from bot.domain.kinds import OrderKind, Purpose
from bot.domain.lots import unrealized
from bot.domain.order_life import Order, OrderState
from bot.engine.account import balance_reconciliation, transfers
from bot.engine.risk import last_trips, losses
from bot.engine.state.engine_state import EngineState
from bot.engine.state.equity_curve import FACT, EquityCurve
from bot.engine.state.portfolio import NOISE
from bot.engine.universe import without_price
from bot.rules.day import breaker_tripped, day_pnl, day_turned
from shared.money import ZERO, plain
from shared.times import epoch_ms, from_epoch_ms, parse_time

CURVE_SAVE_MS = 10_000
QUIET_MS = 3_000
UNEXPLAINED_MIN = Decimal("0.01")  # quote units; less is rounding


def balances_seen(state: EngineState, event: BalanceReport) -> None:
    """Adopt the exchange's balances, unless an own order was moving them meanwhile.

    A difference that our fills do not explain is believed when two answers in a row show it. Then, where it is worth
    anything, entries wait until a person has adopted it; less is rounding, and booked at once.
    """
    overtaken = state.account.portfolio.moved_ms >= event.asked_ms - QUIET_MS
    moving = any(_may_move(order) for order in state.orders.by_id.values())
    state.account.balances_overtaken = state.account.portfolio.known and (overtaken or moving)
    if state.account.balances_overtaken:
        return
    known = state.account.portfolio.known
    seen = state.account.portfolio.adopt(event.balances, event.asked_ms, state.clock.now_ms)
    if seen is None:
        return
    unexplained = state.account.portfolio.close_gap(state.clock.now_ms) if known and not moving else {}
    for currency, difference in seen.items():
        unexplained[currency] = unexplained.get(currency, ZERO) + difference
    balance_reconciliation.keep_balances(state)
    for product_id, market in state.markets.by_product.items():
        base, held = market.instrument.base, state.positions.lots.base_held(product_id)
        there = state.account.portfolio.totals.get(base, ZERO)
        if held - there > NOISE and not moving:
            state.latch_entries(f"open lots hold {plain(held)} {base}, the account {plain(there)}")
    waiting, booked = dict[str, Decimal](), ZERO
    for currency, difference in unexplained.items():
        mark = Decimal(1) if currency == state.account.portfolio.quote else state.markets.mark_of_currency(currency)
        value = difference * (mark or ZERO)
        sign = "more" if difference > 0 else "less"
        text = f"the exchange shows {plain(abs(difference))} {currency} {sign} than our fills explain"
        state.note("account", text, "warn", ref=currency)
        if mark is None or abs(value) >= UNEXPLAINED_MIN:
            waiting[currency] = difference
        else:
            booked += value
    if waiting:
        balance_reconciliation.found(state, waiting)
    if booked:
        transfers.book(state, booked)


def _may_move(order: Order) -> bool:
    """An order whose fills may be on their way. One that rests for long would hide every difference of the account."""
    resting = order.state is OrderState.OPEN and order.spec.kind is OrderKind.LIMIT
    return not order.settled and not resting and order.spec.purpose is not Purpose.TAKE_PROFIT


def exit_rate(state: EngineState) -> Decimal:
    """Fee rate of the exit that a lot waits for."""
    rates = state.account.portfolio.rates
    if rates is None:
        return Decimal(str(state.settings.fee_rate_pct)) / 100
    return rates.maker if state.settings.take_profit_order == "limit" else rates.taker


def total_unrealized(state: EngineState) -> Decimal:
    """Of all open lots, after fees; lots without a mark count as nothing."""
    rate = exit_rate(state)
    total = ZERO
    for lot in state.positions.lots:
        mark = state.markets.mark_of_lot(lot)
        if mark is not None:
            total += unrealized(lot, mark, rate)
    return total


def pnl_today(state: EngineState) -> Decimal:
    """The day's result after transfers, adopted ones and those that wait for it."""
    day = state.account.day
    if day is None:
        return ZERO
    return state.account.equity - day.start_equity - day.transfers - balance_reconciliation.pending_value(state)


def tick(state: EngineState) -> None:
    """Turn the day, follow the curve, trip the breaker."""
    if not state.account.portfolio.known or without_price(state) is not None:
        return
    if state.account.day is None:
        _turn(state)
    turn(state)
    transfers.price_came(state)
    assert state.account.day is not None
    settled = state.account.settled_equity
    if settled > state.account.day.peak_equity:
        state.account.day = replace(state.account.day, peak_equity=settled)
    _follow(state, settled)
    _judge_breaker(state, state.account.day)


def _follow(state: EngineState, settled: Decimal) -> None:
    """Take the curve to this equity. A higher peak is written every ten seconds, also when it is over by then."""
    if FACT not in state.records.key_values and state.account.curve.base > 0:
        # A version before this one moved the peak when a difference was found; now adopting it does.
        state.account.curve = EquityCurve(
            base=max(state.account.curve.base - balance_reconciliation.pending_value(state), ZERO)
        )
    state.account.curve = state.account.curve.seen(settled)
    state.account.deepest_drawdown_pct = max(state.account.deepest_drawdown_pct, state.account.drawdown_pct)
    due = state.clock.now_ms - state.account.curve_saved_ms >= CURVE_SAVE_MS
    if due and state.account.curve.to_text() != state.records.key_values.get(FACT):
        state.save_curve(state.account.curve)
        if state.account.day is not None:
            state.save_day(state.account.day)


def turn(state: EngineState) -> None:
    """A new UTC day begins, where one does by the exchange's clock: what comes from now on is booked to it.

    This machine's clock, set to another day, turns none: with it would go the day's loss and what it shut.
    """
    if (
        state.account.day is None
        or not state.account.portfolio.known
        or without_price(state) is not None
        or state.clock.in_doubt
    ):
        return
    if day_turned(epoch_ms(parse_time(f"{state.account.day.day}T00:00:00Z")), state.clock.exchange_ms):
        _turn(state)


def _turn(state: EngineState) -> None:
    before, today = state.account.day, f"{from_epoch_ms(state.clock.exchange_ms):%Y-%m-%d}"
    losses.forgive(state)
    if before is not None:
        result = pnl_today(state)
        state.note("day", f"{before.day} ended: {result:+.2f} {state.account.portfolio.quote}", data_day=before.day)
    start = state.account.settled_equity  # what waits and is adopted later is a transfer of that day
    state.save_day(
        TradingDay(day=today, start_equity=start, start_unrealized=total_unrealized(state), peak_equity=start)
    )


def judged_pnl(state: EngineState, day: TradingDay) -> float:
    """The day's result as its loss limit judges it: at the marks, or what was realised."""
    return day_pnl(
        state.settings.daily_breaker_mark_to_market,
        float(state.account.equity),
        float(day.start_equity),
        float(day.transfers + balance_reconciliation.pending_value(state)),
        float(day.realized),
    )


def _judge_breaker(state: EngineState, day: TradingDay) -> None:
    s = state.settings
    if day.breaker_ms is not None:
        return
    pnl = judged_pnl(state, day)
    if breaker_tripped(pnl, float(day.loss_base), s.max_daily_loss_pct, s.max_daily_loss_usd):
        state.save_day(replace(day, breaker_ms=state.clock.now_ms))
        last_trips.seen(state, "day_loss")
        text = f"day loss limit reached ({pnl:+.2f}): no entry until the next UTC day; exits go on"
        state.note("risk", text, "bad")
