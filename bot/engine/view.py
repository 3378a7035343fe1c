"""What the engine shows: its world as the documents of `shared.documents`. Pure; called for each state write."""

import math
from dataclasses import replace
from decimal import Decimal

from bot.domain.lots import Lot, sold_result, unrealized
from bot.domain.order_life import Order
from bot.domain.orders import OrderReport
from bot.engine.account import reconciliation as audits
from bot.engine.account import transfers
from bot.engine.account.equity import exit_rate, pnl_today
from bot.engine.execution import edge
from bot.engine.execution.exits import percent
from bot.engine.risk import gates as gate_rules
from bot.engine.risk import guards, last_trips
from bot.engine.risk.policy import Gate
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.universe import without_price
from bot.rules.sizing import break_even_price
from shared.documents.account import AccountDoc, LotDoc, OrderDoc, PositionDoc
from shared.documents.risk import (
    AdjustedDoc,
    AuditDoc,
    GateDoc,
    GatesDoc,
    GateVerdict,
    LimitDoc,
    ProductGatesDoc,
    RiskDoc,
)
from shared.documents.strategy import SignalDoc, StrategyDoc
from shared.figures import plainly
from shared.money import ZERO, plain
from shared.times import from_epoch_ms, iso_seconds

ORDERS_SHOWN = 24


def _iso(ms: int) -> str:
    return iso_seconds(from_epoch_ms(ms))


def positions(state: EngineState) -> list[PositionDoc]:
    """One entry for each product with open lots, in the order of the settings."""
    found = []
    for product_id, market in state.markets.by_product.items():
        lots = state.positions.lots.of(product_id)
        if lots:
            found.append(_position(state, market, lots))
    return found


def _position(state: EngineState, market: Market, lots: list[Lot]) -> PositionDoc:
    instrument, mark = market.instrument, market.mark
    docs = [_lot(state, lot, mark) for lot in lots]
    held = state.positions.lots.base_held(instrument.product_id)
    ours = state.account.portfolio.totals.get(instrument.base)
    cost = sum((lot.cost_left + lot.entry_fee_left for lot in lots), ZERO)
    rate = exit_rate(state)
    result = sum((unrealized(lot, mark, rate) for lot in lots), ZERO) if mark is not None else None
    return PositionDoc(
        symbol=instrument.base,
        product_id=instrument.product_id,
        base_size=float(held),
        size_usd=float(held * mark) if mark is not None else None,
        cost_usd=float(cost),
        unrealized_pnl=float(result) if result is not None else None,
        lots=docs,
        base_size_text=plain(held),
        mark=float(mark) if mark is not None else None,
        mark_source=market.mark_source,
        mark_age_ms=market.age_ms(state.clock.now_ms),
        price_increment_text=plain(instrument.price_increment),
        base_increment_text=plain(instrument.base_increment),
        exchange_base_text=plain(ours) if ours is not None else None,
        difference_text=plain(ours - held) if ours is not None else None,
    )


def _lot(state: EngineState, lot: Lot, mark: Decimal | None) -> LotDoc:
    order = state.orders.exit_order(lot)
    exit_state = "none"
    if order is not None:
        resting = order.spec.purpose.value == "take"
        exit_state = ("cancelling" if order.state.value == "cancelling" else "resting") if resting else "exiting"
    elif lot.exit_reason is not None:
        exit_state = "exiting"
    rate = exit_rate(state)
    entry_pct = float(lot.entry_fee / lot.cost * 100)
    result = unrealized(lot, mark, rate) if mark is not None else None
    open_price = lot.open_price
    tick = lot.price_increment
    return LotDoc(
        lot_id=lot.lot_id,
        kind=lot.kind.value,
        product_id=lot.product_id,
        opened_at=_iso(lot.opened_ms),
        opened_ms=lot.opened_ms,
        open_price=float(open_price),
        open_price_text=plain(open_price.quantize(tick.normalize()))
        if open_price % tick == 0
        else plainly(open_price, 10),
        base_size=float(lot.base_left),
        base_size_text=plain(lot.base_left),
        value_usd=float(lot.base_left * mark) if mark is not None else None,
        cost_usd=float(lot.cost_left + lot.entry_fee_left),
        entry_fee_usd=float(lot.entry_fee_left),
        unrealized_pnl=float(result) if result is not None else None,
        sold_pnl=float(sold_result(lot)),
        fees_paid_usd=float(lot.entry_fee + lot.exit_fee),
        bought_usd=float(lot.cost + lot.entry_fee),
        unrealized_pct=percent(mark - open_price, open_price) if mark is not None else None,
        take_price=float(lot.take_price),
        take_price_text=plain(lot.take_price),
        break_even_price=break_even_price(float(open_price), entry_pct, float(rate * 100)),
        stop_price=float(lot.stop_price) if lot.stop_price is not None else None,
        trail_active=lot.trail_active,
        trail_peak=float(lot.peak_ticks * tick) if lot.trail_active else None,
        trail_stop=float(lot.trail_ticks * tick) if lot.trail_active else None,
        exit_state=exit_state,
        exit_reason=lot.exit_reason.value if lot.exit_reason else None,
        exit_order_id=order.order_id if order else None,
    )


def account(state: EngineState) -> AccountDoc | None:
    """Equity, cash and the day; None before the balances are known, and while something held has no price."""
    day, rates = state.account.day, state.account.portfolio.rates
    if not state.account.portfolio.known or day is None or without_price(state) is not None:
        return None
    equity, cash, lots_value = state.account.equity, state.account.portfolio.cash, state.positions.value
    settled, result = state.account.settled_equity, pnl_today(state)
    waiting = equity - settled  # peaks are shown as the account would look with it
    fallback = Decimal(str(state.settings.fee_rate_pct))
    return AccountDoc(
        quote_currency=state.account.portfolio.quote,
        equity=float(equity),
        equity_text=plain(equity),
        cash=float(cash),
        cash_text=plain(cash),
        cash_available=float(state.account.cash_available),
        held_in_orders=float(cash - state.account.cash_available),
        lots_value=float(lots_value),
        other_value=float(equity - cash - lots_value),
        day=day.day,
        day_start_equity=float(day.start_equity),
        day_pnl=float(result),
        day_pnl_pct=percent(result, day.start_equity),
        day_realized=float(day.realized),
        day_unrealized_change=float(result - day.realized),
        day_fees=float(day.fees),
        day_peak_equity=float(max(day.peak_equity, settled) + waiting),
        peak_equity=float(max(state.account.peak_equity, settled) + waiting),
        drawdown_pct=state.account.drawdown_pct,
        drawdown_limit_pct=state.settings.max_drawdown_pct,
        maker_fee_pct=float(rates.maker * 100 if rates else fallback),
        taker_fee_pct=float(rates.taker * 100 if rates else fallback),
        fee_tier=rates.tier if rates else "unknown",
        day_lots_opened=day.count("lots_opened"),
        day_lots_closed=day.count("lots_closed"),
        day_wins=day.count("wins"),
        day_losses=day.count("losses"),
        day_decisions=day.count("decisions"),
        day_entries=day.count("entries"),
        day_orders=day.count("orders"),
        day_orders_refused=day.count("orders_refused"),
        orders_unknown=sum(1 for order in state.orders.by_id.values() if order.state.value == "unknown"),
        synced_at=_iso(state.account.portfolio.synced_ms) if state.account.portfolio.synced_ms is not None else None,
        priced_ms=_priced_ms(state),
        curve=float(state.account.curve.at(settled)),
        day_transfers=float(day.transfers),
        transfers=float(transfers.total(state)),
        waiting_value=float(waiting),
        open_pnl=open_pnl(state),
        open_fees=float(sum((lot.entry_fee + lot.exit_fee for lot in state.positions.lots), ZERO)),
    )


def open_pnl(state: EngineState) -> float | None:
    """What the open lots come to, sold parts included, after paid fees and those of the exit; None = no price."""
    rate, total = exit_rate(state), ZERO
    for lot in state.positions.lots:
        mark = state.markets.mark_of_lot(lot)
        if mark is None:
            return None
        total += unrealized(lot, mark, rate) + sold_result(lot)
    return float(total)


def _priced_ms(state: EngineState) -> int | None:
    """When the oldest price that equity hangs on came; None = it hangs on none, or one never came by the stream."""
    held = [
        m
        for p, m in state.markets.by_product.items()
        if state.account.portfolio.totals.get(m.instrument.base) or state.positions.lots.of(p)
    ]
    times = [market.priced_ms for market in held]
    known = [at_ms for at_ms in times if at_ms is not None]
    return min(known) if known and len(known) == len(times) else None


def orders(state: EngineState) -> list[OrderDoc]:
    """Own orders in flight, then those just over, newest first in each; then foreign ones."""
    own = sorted(state.orders.by_id.values(), key=lambda order: (order.settled, -order.created_ms))
    docs = [_order(order) for order in own[:ORDERS_SHOWN]]
    docs += [_foreign(shown) for shown in list(state.orders.foreign.values())[: ORDERS_SHOWN // 3]]
    return docs


def _order(order: Order) -> OrderDoc:
    spec, average = order.spec, order.average_fill_price
    return OrderDoc(
        client_order_id=spec.client_order_id,
        order_id=order.order_id,
        product_id=spec.product_id,
        side=spec.side.value,
        kind=spec.kind.value,
        purpose=spec.purpose.value,
        state=order.state.value,
        base_size=float(spec.base_size) if spec.base_size is not None else None,
        quote_size=float(spec.quote_size) if spec.quote_size is not None else None,
        limit_price=float(spec.limit_price) if spec.limit_price is not None else None,
        filled_size=float(order.counted_size),
        average_fill_price=float(average) if average is not None else None,
        created_at=_iso(order.created_ms),
        updated_at=_iso(order.updated_ms),
        lot_id=spec.lot_id,
        reason=order.reason,
    )


def _foreign(shown: OrderReport) -> OrderDoc:
    return OrderDoc(
        client_order_id=shown.client_order_id,
        order_id=shown.order_id,
        product_id=shown.product_id,
        side=shown.side.value,
        kind=shown.kind,
        purpose="foreign",
        state=shown.status.value.lower(),
        base_size=float(shown.base_size) if shown.base_size is not None else None,
        quote_size=None,
        limit_price=float(shown.limit_price) if shown.limit_price is not None else None,
        filled_size=float(shown.filled_size),
        average_fill_price=float(shown.average_fill_price) if shown.average_fill_price is not None else None,
        created_at=_iso(shown.created_ms),
        updated_at=_iso(shown.created_ms),
        reason="not ours: listed, never touched",
    )


def gates(state: EngineState) -> GatesDoc:
    """Why no trade now: every gate of every product."""
    return GatesDoc(products=[_product_gates(state, market) for market in state.markets.by_product.values()])


def _product_gates(state: EngineState, market: Market) -> ProductGatesDoc:
    judged = gate_rules.all_gates(state, market)
    shut = [gate for gate in judged if gate.verdict is not GateVerdict.OPEN]
    docs = [
        GateDoc(
            name=gate.name,
            title=gate.title,
            verdict=gate.verdict,
            value=gate.value,
            limit=gate.limit,
            opens=gate.opens if gate.verdict is not GateVerdict.OPEN else None,
        )
        for gate in judged
    ]
    bar = market.signal_bar_s
    return ProductGatesDoc(
        product_id=market.instrument.product_id,
        sentence=_sentence(market, shut[0]) if shut else "Every gate is open: an entry follows",
        shut=len(shut),
        gates=docs,
        decided_at=_iso(bar * 1000) if bar is not None else None,
    )


# What the bot is under a requested level.
_LEVEL_IS = {"pause": "paused", "stop": "stopped", "safe": "in safe mode"}


def _sentence(market: Market, gate: Gate) -> str:
    """One sentence with the figure that decides, as a person would say it."""
    wants = "Buys, but " if market.signal == "buy" else ""
    match gate.name:
        case "signal":
            return f"No buy signal: {gate.value}, needs {gate.limit}"
        case "adverse":
            return f"{wants}the price is not low enough: needs {(gate.opens or '').removeprefix('at ')}"
        case "edge":
            return f"{wants}an exit would not cover its fees ({gate.value}): needs {gate.limit}"
        case "control":
            word = _LEVEL_IS.get(gate.value or "", gate.value)
            return f"{wants}the bot is {word}: {gate.opens}" if wants else f"The bot is {word}: {gate.opens}"
        case "funds":
            return f"{wants}cash is short: {gate.value} of {(gate.limit or '').removeprefix('≥ ')}"
        case _:
            need = f", needs {gate.limit}" if gate.limit else ""
            text = f"{gate.title.lower()}: {gate.value}{need}"
            return f"{wants}{text}" if wants else text[:1].upper() + text[1:]


def risk(state: EngineState) -> RiskDoc:
    """Each limit with its current value and its last trip."""
    day = state.account.day
    tripped = day is not None and day.breaker_ms is not None
    limits = [_with_trip(state, limit) for limit in guards.limits(state)]
    blocked = state.entries_blocked or ("day loss limit reached" if tripped else None)
    since_ms = last_trips.since_ms(state)
    return RiskDoc(
        entries_blocked=blocked,
        limits=limits,
        adjusted=_adjusted(state),
        trips_since=_iso(since_ms) if since_ms is not None else None,
    )


def _with_trip(state: EngineState, limit: LimitDoc) -> LimitDoc:
    at_ms = last_trips.at_ms(state, limit.name)
    return limit if at_ms is None or limit.tripped_at is not None else replace(limit, tripped_at=_iso(at_ms))


def _adjusted(state: EngineState) -> list[AdjustedDoc]:
    """What is not in force as its default says."""
    fees = edge.fees(state)
    why = edge.adjusted(state.settings, fees)
    if why is None:
        return []
    return [AdjustedDoc(key=edge.TRAIL_KEY, value=f"{edge.trail_activate_pct(state.settings, fees):g}", why=why)]


def audit(state: EngineState) -> AuditDoc | None:
    """The last daily audit, as the ledger keeps it."""
    kept = state.journal.key_values.get(audits.FACT)
    if not kept:
        return None
    at_ms, verdict, order_count, fill_count, text = kept.split(" ", 4)
    at = int(at_ms)
    return AuditDoc(
        at=_iso(at), at_ms=at, ok=verdict == "ok", text=text, orders=int(order_count), fills=int(fill_count)
    )


def strategy(state: EngineState) -> StrategyDoc:
    """The strategy and what it says of each product's newest closed bar."""
    port = state.strategy
    signals = [
        SignalDoc(
            product_id=product_id,
            signal=market.signal,
            probability=market.probability,
            bar_at=_iso(market.signal_bar_s * 1000) if market.signal_bar_s is not None else None,
            bars=len(market.bars),
            bars_needed=port.warmup_bars,
            values={key: value for key, value in market.values.items() if math.isfinite(value)},
        )
        for product_id, market in state.markets.by_product.items()
    ]
    return StrategyDoc(
        name=port.name, granularity=state.settings.granularity, parameters=dict(port.parameters), signals=signals
    )
