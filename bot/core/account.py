"""Equity, the day and its breaker (docs/trading-rules.md §6), judged once a second and after every sync."""

from dataclasses import replace
from decimal import Decimal

from bot.core import differences, transfers
from bot.core.day import Day
from bot.core.events import BalancesSeen
from bot.core.lots import unrealized
from bot.core.portfolio import NOISE
from bot.core.risk import last_trips, losses
from bot.core.rules.day import breaker_tripped, day_pnl, day_turned
from bot.core.time_weighted import FACT, Curve
from bot.core.universe import without_price
from bot.core.world import World
from shared.money import ZERO, plain
from shared.times import epoch_ms, from_epoch_ms, parse_time

CURVE_SAVE_MS = 10_000
QUIET_MS = 3_000
UNEXPLAINED_MIN = Decimal("0.01")  # quote units; less is rounding


def balances_seen(world: World, event: BalancesSeen) -> None:
    """Adopt the exchange's balances, unless an own order was moving them meanwhile.

    A difference that our fills do not explain is believed when two answers in a row show it. Then, where it is worth
    anything, entries wait until a person has adopted it (`core.differences`); less is rounding, and booked at once.
    """
    overtaken = world.portfolio.moved_ms >= event.asked_ms - QUIET_MS
    moving = any(not o.settled and o.spec.purpose.value != "take" for o in world.orders.values())
    if world.portfolio.known and (overtaken or moving):
        return
    known = world.portfolio.known
    seen = world.portfolio.adopt(event.balances, event.asked_ms, world.now_ms)
    if seen is None:
        return
    unexplained = world.portfolio.close_gap(world.now_ms) if known and not moving else {}
    for currency, difference in seen.items():
        unexplained[currency] = unexplained.get(currency, ZERO) + difference
    differences.keep_balances(world)
    for product_id in world.markets:
        base, held = product_id.partition("-")[0], world.book.base_held(product_id)
        there = world.portfolio.totals.get(base, ZERO)
        if held - there > NOISE and not moving:
            world.latch_entries(f"open lots hold {plain(held)} {base}, the account {plain(there)}")
    waiting, booked = dict[str, Decimal](), ZERO
    for currency, difference in unexplained.items():
        mark = Decimal(1) if currency == world.portfolio.quote else world.mark_of_currency(currency)
        value = difference * (mark or ZERO)
        sign = "more" if difference > 0 else "less"
        text = f"the exchange shows {plain(abs(difference))} {currency} {sign} than our fills explain"
        world.note("account", text, "warn", ref=currency)
        if mark is None or abs(value) >= UNEXPLAINED_MIN:
            waiting[currency] = difference
        else:
            booked += value
    if waiting:
        differences.found(world, waiting)
    if booked:
        transfers.book(world, booked)


def exit_rate(world: World) -> Decimal:
    """Fee rate of the exit that a lot waits for."""
    rates = world.portfolio.rates
    if rates is None:
        return Decimal(str(world.settings.fee_rate_pct)) / 100
    return rates.maker if world.settings.take_profit_order == "limit" else rates.taker


def total_unrealized(world: World) -> Decimal:
    """Of all open lots, after fees; lots without a mark count as nothing."""
    rate = exit_rate(world)
    total = ZERO
    for lot in world.book:
        mark = world.mark_of_lot(lot)
        if mark is not None:
            total += unrealized(lot, mark, rate)
    return total


def pnl_today(world: World) -> Decimal:
    """The day's result after transfers, adopted ones and those that wait for it."""
    day = world.day
    if day is None:
        return ZERO
    return world.equity - day.start_equity - day.transfers - differences.pending_value(world)


def tick(world: World) -> None:
    """Turn the day, follow the curve, trip the breaker."""
    if not world.portfolio.known or without_price(world) is not None:
        return
    if world.day is None:
        _turn(world)
    turn(world)
    transfers.price_came(world)
    assert world.day is not None
    settled = world.settled_equity
    if settled > world.day.peak_equity:
        world.day = replace(world.day, peak_equity=settled)
    _follow(world, settled)
    _judge_breaker(world, world.day)


def _follow(world: World, settled: Decimal) -> None:
    """Take the curve to this equity. A higher peak is written every ten seconds, also when it is over by then."""
    if FACT not in world.facts and world.curve.base > 0:
        # A version before this one moved the peak when a difference was found; now adopting it does.
        world.curve = Curve(base=max(world.curve.base - differences.pending_value(world), ZERO))
    world.curve = world.curve.seen(settled)
    world.deepest_pct = max(world.deepest_pct, world.drawdown_pct)
    due = world.now_ms - world.curve_saved_ms >= CURVE_SAVE_MS
    if due and world.curve.to_text() != world.facts.get(FACT):
        world.save_curve(world.curve)
        if world.day is not None:
            world.save_day(world.day)


def turn(world: World) -> None:
    """A new UTC day begins, where one does by the exchange's clock: what comes from now on is booked to it.

    This machine's clock, set to another day, turns none: with it would go the day's loss and what it shut.
    """
    if world.day is None or not world.portfolio.known or without_price(world) is not None or world.clock_doubt:
        return
    if day_turned(epoch_ms(parse_time(f"{world.day.day}T00:00:00Z")), world.exchange_ms):
        _turn(world)


def _turn(world: World) -> None:
    before, today = world.day, f"{from_epoch_ms(world.exchange_ms):%Y-%m-%d}"
    losses.forgive(world)
    if before is not None:
        result = pnl_today(world)
        world.note("day", f"{before.day} ended: {result:+.2f} {world.portfolio.quote}", data_day=before.day)
    start = world.settled_equity  # what waits and is adopted later is a transfer of that day
    world.save_day(Day(day=today, start_equity=start, start_unrealized=total_unrealized(world), peak_equity=start))


def judged_pnl(world: World, day: Day) -> float:
    """The day's result as its loss limit judges it: at the marks, or what was realised."""
    return day_pnl(
        world.settings.daily_breaker_mark_to_market,
        float(world.equity),
        float(day.start_equity),
        float(day.transfers + differences.pending_value(world)),
        float(day.realized),
    )


def _judge_breaker(world: World, day: Day) -> None:
    s = world.settings
    if day.breaker_ms is not None:
        return
    pnl = judged_pnl(world, day)
    if breaker_tripped(pnl, float(day.loss_base), s.max_daily_loss_pct, s.max_daily_loss_usd):
        world.save_day(replace(day, breaker_ms=world.now_ms))
        last_trips.seen(world, "day_loss")
        text = f"day loss limit reached ({pnl:+.2f}): no entry until the next UTC day; exits go on"
        world.note("risk", text, "bad")
