"""The gates before an entry, in order: one list that decides, and that answers "why no trade now?".

Each gate is a function of the world and one market. The decision stops at the first shut one; the page shows
all of them, so both can never disagree.
"""

from collections.abc import Callable
from typing import NamedTuple

from bot.domain.kinds import LotKind
from bot.engine.execution import questions
from bot.engine.execution.edge import fees, ways_out
from bot.engine.orders.second_writer import WHAT_TO_DO
from bot.engine.risk.guard import Band, Guard
from bot.engine.risk.guards import CONDITION_GUARDS, EXPOSURE_GUARDS
from bot.engine.risk.rate import orders_per_minute
from bot.engine.risk.sizing import affordable, entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.universe import without_price
from bot.rules import codes
from bot.rules.entries import (
    add_anchor_ms,
    adverse_limit_ticks,
    adverse_need_pct,
    adverse_open,
    lots_open,
    pause_open,
    runner_tp_pct,
    scalp_tp_pct,
)
from bot.rules.risk import in_window
from bot.rules.sizing import useful_quote
from shared.documents.risk import GateVerdict
from shared.figures import plainly
from shared.market_pace import market_pace
from shared.money import from_units
from shared.settings import GRANULARITY_S, Mode, parse_window

CLOCK_LIMIT_MS = 5000
BAR_LATE_S = 60
_OPEN, _SHUT, _FAULT, _UNKNOWN = GateVerdict.OPEN, GateVerdict.SHUT, GateVerdict.FAULT, GateVerdict.UNKNOWN


class Gate(NamedTuple):
    """One gate's verdict. Text is built only where the gate is not simply open."""

    name: str
    title: str
    verdict: GateVerdict
    value: str | None
    limit: str | None
    opens: str | None = None


Judge = Callable[[EngineState, Market], Gate]


def entry_plan(state: EngineState, market: Market) -> tuple[LotKind, float]:
    """Kind and take profit (percent) of the lot that an entry now would open (docs/trading-rules.md §4)."""
    s = state.settings
    lots = state.positions.lots.of(market.instrument.product_id)
    if not lots:
        return LotKind.RUNNER, runner_tp_pct(s.take_profit_pct, s.runner_tp_mult)
    scalps = sum(1 for lot in lots if lot.kind is LotKind.SCALP)
    mode = codes.DECAY_LINEAR if s.scalp_tp_dec_mode == "linear" else codes.DECAY_EXP
    tp = scalp_tp_pct(
        scalps,
        s.take_profit_pct,
        mode,
        s.scalp_tp_decay_factor,
        s.scalp_tp_dec_pct,
        s.scalp_tp_min_pct,
        s.scalp_tp_decay_enable,
    )
    return LotKind.SCALP, tp


def fee_pcts(state: EngineState) -> tuple[float, float]:
    """(entry, take profit) fee in percent with the configured order kinds and the live tier, else FEE_RATE_PCT."""
    found = fees(state)
    return found.entry, found.take


def _control(state: EngineState, _market: Market) -> Gate:
    if state.control.may_enter:
        return Gate("control", "Control", _OPEN, "run", "run")
    if state.control.latch is not None:
        return Gate("control", "Control", _SHUT, "killed", "run", "reset the kill latch, then Start")
    if state.control.safe is not None:
        return Gate("control", "Control", _FAULT, "safe", "run", "press Start when the cause is fixed")
    if not state.control.ready:
        return Gate("control", "Control", _UNKNOWN, "starting", "run", "when the boot is over")
    return Gate("control", "Control", _SHUT, state.control.level.word, "run", "press Start")


def _lock(state: EngineState, _market: Market) -> Gate:
    if state.settings.coin_mode is Mode.LIVE and state.settings.dry_run:
        return Gate("live_lock", "Live lock", _SHUT, "locked", "open", "DRY_RUN=false, set by hand")
    if state.settings.coin_mode is Mode.LIVE and state.control.sale_lock is not None:
        way = "./coin adopt-folder" if "adopt-folder" in state.control.sale_lock else "./coin restart"
        return Gate("live_lock", "Live lock", _FAULT, state.control.sale_lock, "sending possible", way)
    if state.settings.coin_mode is Mode.LIVE and state.risk.live_lock is not None:
        return Gate("live_lock", "Live lock", _SHUT, state.risk.live_lock, "a valid permission", "./coin enable-live")
    return Gate("live_lock", "Live lock", _OPEN, state.settings.coin_mode.value, None)


def _reduce_only(state: EngineState, _market: Market) -> Gate:
    on = state.settings.reduce_only
    opens = "REDUCE_ONLY=false" if on else None
    return Gate("reduce_only", "Reduce only", _SHUT if on else _OPEN, "on" if on else "off", "off", opens)


def _picked(state: EngineState, market: Market) -> Gate:
    if not state.settings.scanner_max_products:
        return Gate("scanner", "Scanner", _OPEN, "off", None)
    if state.markets.is_traded(market.instrument.product_id):
        return Gate("scanner", "Scanner", _OPEN, "picked", "picked")
    return Gate("scanner", "Scanner", _SHUT, "not picked, exits only", "picked", "when the scanner picks it again")


def _records(state: EngineState, _market: Market) -> Gate:
    if not state.control.ledger_ok:
        return Gate(
            "ledger",
            "Ledger",
            _FAULT,
            state.control.ledger_note or "not writable",
            "writable",
            "when it can be written",
        )
    if not state.account.portfolio.known:
        return Gate("ledger", "Balances", _FAULT, "not synced", "synced", "when a sync works")
    if state.orders.fence.second_writer is None and state.entries_blocked:
        opens = (
            "by Adopt (./coin adopt) after a look at the cause"
            if state.account.differences
            else "press Start after a look at the cause"
        )
        return Gate("ledger", "Entries latch", _FAULT, state.entries_blocked, "none", opens)
    return Gate("ledger", "Ledger and balances", _OPEN, "in order", None)


def _second_writer(state: EngineState, _market: Market) -> Gate:
    if state.orders.fence.second_writer is None:
        return Gate("second_writer", "Only writer", _OPEN, "no other bot", None)
    return Gate("second_writer", "Second writer", _FAULT, state.orders.fence.second_writer, "none", WHAT_TO_DO)


def _clock(state: EngineState, _market: Market) -> Gate:
    offset = state.clock.offset_ms
    if offset is None:
        return Gate("clock", "Clock", _OPEN, "not compared yet", f"± {CLOCK_LIMIT_MS} ms")
    verdict = _FAULT if abs(offset) > CLOCK_LIMIT_MS else _OPEN
    return Gate("clock", "Clock", verdict, f"{offset:+d} ms", f"± {CLOCK_LIMIT_MS} ms", "set this machine's clock")


def _feed(state: EngineState, market: Market) -> Gate:
    limit_ms = round(state.settings.stale_data_sec * 1000)
    age_ms = market.age_ms(state.clock.now_ms)
    limit = f"≤ {plainly(state.settings.stale_data_sec)} s"
    if not state.markets.feed_up:
        return Gate("feed", "Feed", _FAULT, "down", "up", state.markets.feed_note)
    if age_ms is None:
        return Gate("feed", "Feed", _UNKNOWN, "no price yet", limit, "with the first price")
    verdict = _OPEN if age_ms <= limit_ms else _FAULT
    return Gate("feed", "Feed", verdict, f"{age_ms / 1000:.1f} s old", limit, "with the next price")


def _tradable(state: EngineState, market: Market) -> Gate:
    halted = market.instrument.halted
    maker = state.settings.entry_order == "maker"
    if halted is None and not maker and (market.instrument.limit_only or market.instrument.post_only):
        halted = "limit orders only" if market.instrument.limit_only else "post-only"
    if halted is None:
        return Gate("product", "Product", _OPEN, "online", None)
    return Gate("product", "Product", _FAULT, halted, "online", "when the exchange trades it again")


def _collar(state: EngineState, market: Market) -> Gate:
    limit = f"≤ {plainly(state.settings.price_collar_pct)} %"
    if market.price is None or market.bid is None or market.ask is None:
        return Gate("collar", "Price collar", _UNKNOWN, "one source", limit, "with both prices")
    if not market.bid < market.ask or market.bid <= 0:
        return Gate("collar", "Price collar", _FAULT, "crossed book", limit, "with a sane book")
    mid = (market.bid + market.ask) / 2
    off_pct = float(abs(market.price - mid) / mid * 100)
    verdict = _OPEN if off_pct <= state.settings.price_collar_pct else _FAULT
    return Gate("collar", "Price collar", verdict, f"{off_pct:.2f} %", limit, "when trade and book agree")


def _signal(state: EngineState, market: Market) -> Gate:
    need = state.strategy.warmup_bars
    if market.strategy_error is not None:
        return Gate("signal", "Signal", _FAULT, market.strategy_error, "BUY", "when the strategy is fixed")
    if len(market.bars) < need:
        return Gate("signal", "Signal", _SHUT, f"{len(market.bars)} bars", f"{need} bars", "when the bars are there")
    if market.question is not None:
        return _unanswered(state, market)
    late_s = _late_s(state, market)
    if late_s > BAR_LATE_S:
        return Gate(
            "signal", "Signal", _FAULT, f"bars are {late_s:.0f} s late", f"≤ {BAR_LATE_S} s", "with the next bar"
        )
    value = market.signal.upper()
    if market.probability is not None:
        value += f", p {market.probability:.3f}"
    verdict = _OPEN if market.signal == "buy" else _SHUT
    return Gate("signal", "Signal", verdict, value, "BUY", "with a closed bar that says buy")


def _unanswered(state: EngineState, market: Market) -> Gate:
    """The newest bar is not judged yet: what the strategy said of an older one is no signal any more."""
    if not questions.overdue(state, market):
        return Gate("signal", "Signal", _SHUT, "computing", "BUY", "with the strategy's answer")
    value = f"no answer for {questions.waited_s(state, market):.0f} s"
    return Gate("signal", "Signal", _FAULT, value, "BUY", "when the strategy answers, or after a restart")


def _late_s(state: EngineState, market: Market) -> float:
    """How late the bar after the newest known one is. What an old bar said is no signal for the price of now."""
    if not market.bars:
        return 0.0
    due_s = market.bars[-1].start_s + 2 * GRANULARITY_S[state.settings.granularity]
    return (state.clock.now_ms + (state.clock.offset_ms or 0)) / 1000 - due_s


def _bar_used(_state: EngineState, market: Market) -> Gate:
    used = market.used_bar_s is not None and market.used_bar_s == market.signal_bar_s
    return Gate(
        "bar", "One lot a bar", _SHUT if used else _OPEN, "used" if used else "free", "free", "with the next closed bar"
    )


def _in_flight(state: EngineState, market: Market) -> Gate:
    entries = state.orders.entries_in_flight(market.instrument.product_id)
    if not entries and market.instrument.product_id in state.positions.makers:
        return Gate(
            "in_flight", "Entry in flight", _SHUT, "one, being repriced", "none", "when it is filled or given up"
        )
    if not entries:
        return Gate("in_flight", "Entry in flight", _OPEN, "none", "none")
    unknown = any(order.state.value == "unknown" for order in entries)
    return Gate(
        "in_flight",
        "Entry in flight",
        _FAULT if unknown else _SHUT,
        "answer unknown" if unknown else "one",
        "none",
        "when the exchange shows what became of it",
    )


def _window(state: EngineState, _market: Market) -> Gate:
    window = parse_window(state.settings.trading_window_utc) if state.settings.trading_window_utc else None
    if window is None:
        return Gate("window", "Trading window", _OPEN, "always", None)
    minute = state.clock.now_ms // 60_000 % 1440
    first, last = window
    inside = in_window(minute, first, last)
    return Gate(
        "window",
        "Trading window",
        _OPEN if inside else _SHUT,
        f"{minute // 60:02d}:{minute % 60:02d}",
        state.settings.trading_window_utc,
        f"at {first // 60:02d}:{first % 60:02d} UTC",
    )


def _breaker(state: EngineState, _market: Market) -> Gate:
    limit = f"< {plainly(state.settings.max_daily_loss_pct)} %"
    if state.account.day is None:
        return Gate("breaker", "Day loss", _UNKNOWN, "no day yet", limit, "when the day has begun")
    if state.account.day.breaker_ms is not None:
        return Gate("breaker", "Day loss", _SHUT, "tripped", limit, "at 00:00 UTC")
    blind = without_price(state)
    if blind is not None:
        return Gate("breaker", "Day loss", _FAULT, f"{blind} has no price", limit, "when equity is known")
    return Gate("breaker", "Day loss", _OPEN, "in order", limit)


def _rate(state: EngineState, _market: Market) -> Gate:
    recent = orders_per_minute(state)
    limit = state.settings.max_orders_per_min
    verdict = _OPEN if recent < limit else _FAULT
    return Gate("rate", "Orders in a minute", verdict, f"{recent:.0f}", f"< {limit}", "in less than a minute")


def _lots(state: EngineState, market: Market) -> Gate:
    s = state.settings
    product_id = market.instrument.product_id
    mine, total = len(state.positions.lots.of(product_id)), len(state.positions.lots)
    if mine and not s.allow_pyramiding:
        return Gate("lots", "Lots", _SHUT, f"{mine} open", "none open", "when the lot is closed")
    flight, flight_total = state.positions.lots_to_come(product_id), state.positions.lots_to_come()
    if not lots_open(mine, flight, s.max_concurrent_lots):
        return Gate("lots", "Lots", _SHUT, str(mine), f"< {s.max_concurrent_lots}", "when a lot is closed")
    if not lots_open(total, flight_total, s.max_total_lots):
        return Gate("lots", "Lots in all", _SHUT, str(total), f"< {s.max_total_lots}", "when a lot is closed")
    return Gate("lots", "Lots", _OPEN, str(mine), f"< {s.max_concurrent_lots}")


def _anchor_ms(state: EngineState, market: Market) -> int:
    lots = state.positions.lots.of(market.instrument.product_id)
    return add_anchor_ms(
        market.last_add_ms, lots[0].opened_ms if lots else 0, state.clock.now_ms - state.clock.now_ms % 86_400_000
    )


def _pause(state: EngineState, market: Market) -> Gate:
    least, pace = state.settings.pyramid_min_seconds_between, market_pace(state.settings)
    if not state.positions.lots.of(market.instrument.product_id) or least == 0:
        return Gate("pause", "Pause between entries", _OPEN, "none needed", None)
    since_s = (state.clock.now_ms - _anchor_ms(state, market)) / 1000 * pace
    verdict = _OPEN if pause_open(since_s, least) else _SHUT
    return Gate(
        "pause",
        "Pause between entries",
        verdict,
        f"{since_s:.0f} s",
        f"≥ {plainly(least)} s",
        f"in {(least - since_s) / pace:.0f} s",
    )


def _adverse(state: EngineState, market: Market) -> Gate:
    lots = state.positions.lots.of(market.instrument.product_id)
    if not lots:
        return Gate("adverse", "Adverse move", _OPEN, "flat", None)
    s, price = state.settings, market.judged_price
    if price is None:
        return Gate("adverse", "Adverse move", _UNKNOWN, "no price yet", None, "with the first price")
    minutes = (state.clock.now_ms - _anchor_ms(state, market)) / 60_000 * market_pace(s)
    need = adverse_need_pct(minutes, s.pyramid_min_adverse_pct, s.pyramid_decay_lambda, s.pyramid_decay_min_pct)
    ticks, last_ticks = market.instrument.ticks(price), lots[-1].open_ticks
    move_pct = (ticks / last_ticks - 1) * 100
    verdict = _OPEN if adverse_open(ticks, last_ticks, need) else _SHUT
    at = from_units(adverse_limit_ticks(last_ticks, need), market.instrument.price_increment)
    lower_pct = float((price - at) / price * 100)
    return Gate(
        "adverse",
        "Adverse move",
        verdict,
        f"{move_pct:+.2f} %",
        f"≤ −{need:.2f} %",
        f"at {at:,f}, {lower_pct:.2f} % lower",
    )


def _edge(state: EngineState, market: Market) -> Gate:
    """Every way out of the lot must pay its fees; the first that does not is named."""
    s = state.settings
    if not s.edge_gate:
        return Gate("edge", "Edge after fees", _OPEN, "not asked for", "EDGE_GATE is off")
    kind, tp = entry_plan(state, market)
    ways = ways_out(s, fees(state), tp)
    way = next((one for one in ways if not one.pays), None)
    if way is None:
        value = ", ".join(f"{one.word} {one.gross:.2f} %" for one in ways)
        return Gate("edge", "Edge after fees", _OPEN, value, f"≥ {max(o.cost for o in ways) + s.min_edge_pct:.2f} %")
    mend = "raise TRAIL_ACTIVATE_PCT or leave it unset" if way.word == "trail" else "raise TAKE_PROFIT_PCT"
    return Gate(
        "edge",
        "Edge after fees",
        _SHUT,
        way.text,
        f"≥ {way.cost + s.min_edge_pct:.2f} %",
        f"a {kind.value} sold by its {way.word} does not cover its fees: {mend}, or lower the fees",
    )


def _funds(state: EngineState, market: Market) -> Gate:
    s, quote, available = state.settings, entry_size_quote(state, market), f"{state.account.cash_available:,.2f}"
    if affordable(state, market, quote) > 0:
        return Gate("funds", "Funds", _OPEN, available, f"≥ {quote:,.2f}")
    if s.low_funds == "retry":  # one try at ORDER_MIN_USD (docs/trading-rules.md §4)
        return Gate("funds", "Funds", _SHUT, available, f"≥ {s.order_min_usd:,.2f}", "when cash is free")
    useful = useful_quote(float(quote), s.order_min_usd)
    why = f"when more cash is free: less than a quarter of an entry of {quote:,.2f} is not bought"
    return Gate("funds", "Funds", _SHUT, available, f"≥ {useful:,.2f}", why)


def _of_guard(guard: Guard) -> Judge:
    """A guard as a gate."""
    sign = "≥" if guard.at_least else "≤" if guard.reaching_is_fine else "<"
    bad = _FAULT if guard.broken else _SHUT
    unit = f" {guard.unit}" if guard.unit else ""
    # Shares and ratios to the hundredth, as the pages show them; counts and money as they are.
    digits = ",.2f" if guard.unit in ("%", "x") else ",.1f" if guard.unit == "bp" else ",.6g"

    def judge(state: EngineState, market: Market) -> Gate:
        reading = guard.read(state, market)
        if reading.band is Band.OFF:
            return Gate(guard.name, guard.title, _OPEN, "off", None)
        limit = f"{sign} {plainly(reading.limit)}{unit}"
        if reading.band is Band.UNKNOWN:
            verdict = _OPEN if reading.approved else _UNKNOWN
            return Gate(guard.name, guard.title, verdict, guard.unknown, limit, "when it is known")
        value = f"{reading.value:{digits}}{unit}" if reading.value is not None else "not a number"
        return Gate(guard.name, guard.title, _OPEN if reading.approved else bad, value, limit, guard.opens)

    judge.__name__ = guard.name
    return judge


# Whether entries may be made at all, whatever the market does.
_STATE: tuple[Judge, ...] = (
    _control,
    _lock,
    _reduce_only,
    _picked,
    _second_writer,
    _records,
    _clock,
    _feed,
    _tradable,
)
CONDITIONS: tuple[Judge, ...] = tuple(_of_guard(guard) for guard in CONDITION_GUARDS)
GATES: tuple[Judge, ...] = (
    *_STATE,
    _signal,
    _bar_used,
    _in_flight,
    _window,
    _breaker,
    _rate,
    *CONDITIONS,
    _lots,
    _pause,
    _adverse,
    _edge,
    _collar,
    *(_of_guard(guard) for guard in EXPOSURE_GUARDS),
    _funds,
)
# What must stay open while a maker entry rests: all that says whether entries may be made at all.
STANDING: tuple[Judge, ...] = (
    *_STATE,
    _window,
    _breaker,
    *CONDITIONS,
)


def first_shut(state: EngineState, market: Market) -> Gate | None:
    """A gate that stands in the way of an entry now; None = all open. A gate that raises is shut.

    The one that stood in the way last time is asked first: it mostly still does, and then no other needs to be.
    """
    last = market.shut_by
    if last is not None:
        gate = _judged(last, state, market)
        if gate.verdict is not _OPEN:
            return gate
    for judge in GATES:
        gate = _judged(judge, state, market)
        if gate.verdict is not _OPEN:
            market.shut_by = judge
            return gate
    market.shut_by = None
    return None


def first_standing_shut(state: EngineState, market: Market) -> Gate | None:
    """Why a resting entry must be cancelled now; None = it may rest."""
    for judge in STANDING:
        gate = _judged(judge, state, market)
        if gate.verdict is not _OPEN:
            return gate
    return None


def all_gates(state: EngineState, market: Market) -> list[Gate]:
    """Every gate, for the page."""
    return [_judged(judge, state, market) for judge in GATES]


def _judged(judge: Judge, state: EngineState, market: Market) -> Gate:
    try:
        return judge(state, market)
    except Exception as error:  # fail closed: whatever went wrong, no entry
        name = judge.__name__.strip("_")
        return Gate(name, name.capitalize(), _FAULT, f"{type(error).__name__}: {error}", None, "this is a defect")
