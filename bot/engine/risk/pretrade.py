"""Checks of one order before it is sent: after the decision, and once more at the gate before the socket.

Each check is a function of the world and the order that returns a Refusal or None; `CHECKS` is the one list. An order
that is recorded already does not count against itself. A check that raises refuses.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec
from bot.engine.risk import correlation, rate
from bot.engine.risk.exposure import base_cap, exposure_base, exposure_quote
from bot.engine.risk.market_guards import impact_bp
from bot.engine.state.engine_state import EngineState
from bot.rules.risk import guard_shut
from shared.figures import plainly
from shared.money import plain


class Refusal(NamedTuple):
    """Why not: a code for machines, the value that decided, and the limit it broke."""

    code: str
    value: str
    limit: str

    @property
    def text(self) -> str:
        return f"{self.code}: {self.value}, limit {self.limit}"


Check = Callable[[EngineState, OrderSpec], Refusal | None]


def refusal(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """Why `spec` must not be sent now; None = approved."""
    for check in CHECKS:
        try:
            found = check(state, spec)
        except Exception as error:  # fail closed
            return Refusal(check.__name__.strip("_"), f"{type(error).__name__}: {error}", "a check that works")
        if found is not None:
            return found
    return None


def _size(_state: EngineState, spec: OrderSpec) -> Refusal | None:
    sizes = [size for size in (spec.base_size, spec.quote_size) if size is not None]
    if len(sizes) != 1 or not sizes[0].is_finite() or sizes[0] <= 0:
        return Refusal("size", str(sizes), "one size above zero")
    price = spec.limit_price
    if spec.kind is OrderKind.LIMIT and (price is None or not price.is_finite() or price <= 0):
        return Refusal("price", str(price), "a price above zero")
    return None


def _product(state: EngineState, spec: OrderSpec) -> Refusal | None:
    market = state.markets.get(spec.product_id)
    if market is None:
        return Refusal("product", spec.product_id, "a product that is traded")
    # What the product list said may be old: it must not hold back an exit.
    if spec.purpose is Purpose.ENTRY and market.instrument.halted is not None:
        return Refusal("halted", market.instrument.halted, "online")
    return None


def _entries_allowed(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """What shut entries after this one was decided: a retry, or an order that waited for its turn, asks again."""
    if spec.purpose is not Purpose.ENTRY:
        return None
    if state.account.day is not None and state.account.day.breaker_ms is not None:
        return Refusal("day_loss", "tripped", "the next UTC day")
    if state.orders.fence.second_writer is not None:
        return Refusal("second_writer", state.orders.fence.second_writer, "none")
    if state.entries_blocked:
        return Refusal("entries_latch", state.entries_blocked, "none")
    return None


def _increments(state: EngineState, spec: OrderSpec) -> Refusal | None:
    instrument = state.markets.by_product[spec.product_id].instrument
    for value, increment, code in (
        (spec.base_size, instrument.base_increment, "base_increment"),
        (spec.quote_size, instrument.quote_increment, "quote_increment"),
        (spec.limit_price, instrument.price_increment, "price_increment"),
    ):
        if value is not None and value % increment != 0:
            return Refusal(code, plain(value), f"whole steps of {plain(increment)}")
    return None


def _product_range(state: EngineState, spec: OrderSpec) -> Refusal | None:
    instrument = state.markets.by_product[spec.product_id].instrument
    if spec.base_size is not None and not instrument.base_min_size <= spec.base_size <= instrument.base_max_size:
        return Refusal(
            "base_size", plain(spec.base_size), f"{instrument.base_min_size:f} to {instrument.base_max_size:f}"
        )
    if spec.quote_size is not None and not instrument.quote_min_size <= spec.quote_size <= instrument.quote_max_size:
        text = f"{instrument.quote_min_size:f} to {instrument.quote_max_size:f}"
        return Refusal("quote_size", plain(spec.quote_size), text)
    return None


def _held(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """A sale is of a lot, of no more than it holds, and no other sale of it may still fill."""
    if spec.side is Side.BUY:
        return None
    lot = state.positions.lots.get(spec.lot_id or "")
    if lot is None:
        return Refusal("lot", spec.lot_id or "none", "an open lot")
    if spec.base_size is None or spec.base_size > lot.base_left:
        return Refusal("oversell", str(spec.base_size), plain(lot.base_left))
    for coid, order in state.orders.by_id.items():
        other = order.spec.lot_id == spec.lot_id and order.spec.side is Side.SELL and coid != spec.client_order_id
        if other and not order.settled:
            return Refusal("exit_working", coid, "one exit of a lot at a time")
    return None


def _notional(state: EngineState, spec: OrderSpec) -> Refusal | None:
    most = state.settings.max_order_usd
    if most and spec.side is Side.BUY and spec.notional > Decimal(str(most)):
        return Refusal("notional", plain(spec.notional), f"{plainly(most)}")
    return None


def _exposure(state: EngineState, spec: OrderSpec) -> Refusal | None:
    if spec.side is Side.SELL:
        return None
    own = spec.client_order_id
    s = state.settings
    for code, product_id, most in (
        ("exposure", spec.product_id, s.product_cap_usd(spec.product_id)),
        ("exposure_total", None, s.max_total_usd),
    ):
        if most:
            value = exposure_quote(state, product_id, own) + spec.notional
            if value > Decimal(str(most)):
                return Refusal(code, f"{value:.2f}", f"{plainly(most)}")
    market = state.markets.by_product[spec.product_id]
    together = correlation.cap(state, market)
    if together:
        value = correlation.exposure_of_cluster(state, market, own) + spec.notional
        if value > Decimal(str(together)):
            return Refusal("cluster", f"{value:.2f}", f"{together:g}")
    cap = base_cap(state, market)
    if cap is not None:
        price = spec.limit_price or market.mark or spec.expected_price
        planned = spec.base_size if spec.base_size is not None else spec.notional / price
        held = exposure_base(state, market, own) + planned
        if held > cap:
            return Refusal("base_cap", f"{held:.8f}", plain(cap))
    return None


def _collar(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """An entry's price against both sources: the last trade, and the middle of the book."""
    if spec.purpose is not Purpose.ENTRY:
        return None
    market = state.markets.by_product[spec.product_id]
    limit = state.settings.price_collar_pct
    if market.price is None or market.bid is None or market.ask is None:
        return Refusal("collar", "one source", "two sources")
    price = spec.limit_price or spec.expected_price
    for source in (market.price, (market.bid + market.ask) / 2):
        off_pct = abs(price - source) / source * 100
        if off_pct > Decimal(str(limit)):
            return Refusal("collar", f"{off_pct:.2f} %", f"{plainly(limit)} %")
    return None


def _impact(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """How far a market entry would walk the book as it is now. An exit is never refused, it goes in parts."""
    limit = state.settings.max_impact_bp
    if spec.purpose is not Purpose.ENTRY or spec.kind is not OrderKind.MARKET or not limit:
        return None
    value = impact_bp(state, state.markets.by_product[spec.product_id], float(spec.notional))
    if value is None:
        return Refusal("impact", "no order book of that depth", f"< {limit:g} bp")
    return Refusal("impact", f"{value:.1f} bp", f"< {limit:g} bp") if guard_shut(value, limit, False, False) else None


def _waited(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """An entry that waited for its turn (the exchange throttles) was decided on a market that is gone."""
    order = state.orders.by_id.get(spec.client_order_id)
    if spec.purpose is not Purpose.ENTRY or order is None:
        return None
    waited_s = (state.clock.now_ms - order.created_ms) / 1000
    most_s = state.settings.stale_data_sec
    return Refusal("waited", f"decided {waited_s:.0f} s ago", f"{most_s:g} s") if waited_s > most_s else None


def _rate(state: EngineState, spec: OrderSpec) -> Refusal | None:
    if spec.purpose is not Purpose.ENTRY:
        return None
    most = state.settings.max_orders_per_min
    # An order that is recorded was counted when it was decided; others that waited longer may have gone since.
    recorded = spec.client_order_id in state.orders.by_id
    own = 1 if recorded else 0
    sent = rate.orders_per_minute(state) - own
    if recorded:
        sent = max(sent, rate.passed_per_minute(state))
    if sent >= most:
        return Refusal("rate", f"{sent:.0f} in a minute", str(most))
    again = rate.repeats(state, spec) - own
    if again >= rate.REPEATS_MAX:
        return Refusal("repeat", f"the same order {again} times in a minute", str(rate.REPEATS_MAX))
    return None


def _funds(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """What it costs with its fee against what is free after everything in flight."""
    if spec.side is Side.SELL:
        return None
    available = state.account.cash_free(without=spec.client_order_id)
    cost = state.account.cost_quote(spec)
    if cost > available:
        return Refusal("funds", f"{cost:.2f}", f"{available:.2f} available")
    return None


CHECKS: tuple[Check, ...] = (
    _size,
    _product,
    _entries_allowed,
    _increments,
    _product_range,
    _held,
    _notional,
    _exposure,
    _collar,
    _impact,
    _waited,
    _rate,
    _funds,
)
