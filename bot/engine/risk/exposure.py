"""How much is at stake: lots at mark, entries in flight (UNKNOWN ones among them), and what is planned."""

from decimal import Decimal

from bot.domain.kinds import Purpose
from bot.domain.order_life import Order
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.money import ZERO
from shared.settings import parse_base_caps


def in_flight_quote(state: EngineState, product_id: str | None = None, without: str | None = None) -> Decimal:
    """What entries that are not settled may still buy, in quote units; `without`: not this order."""
    return sum(
        (max(order.spec.notional - order.counted_quote, ZERO) for order in _entries(state, product_id, without)), ZERO
    )


def held_quote(state: EngineState, product_id: str | None = None) -> Decimal:
    """Open lots at mark, at cost where there is no mark."""
    total = ZERO
    for lot in state.positions.lots:
        if product_id is None or lot.product_id == product_id:
            mark = state.markets.mark_of_lot(lot)
            total += lot.base_left * mark if mark is not None else lot.cost_left
    return total


def exposure_quote(state: EngineState, product_id: str | None = None, without: str | None = None) -> Decimal:
    """Held and in flight, in quote units; of one product or of all."""
    return held_quote(state, product_id) + in_flight_quote(state, product_id, without)


def exposure_base(state: EngineState, market: Market, without: str | None = None) -> Decimal:
    """Held and in flight in base units, money in flight turned at the mark."""
    product_id, mark = market.instrument.product_id, market.mark
    total = state.positions.lots.base_held(product_id)
    for order in _entries(state, product_id, without):
        if order.spec.base_size is not None:
            total += max(order.spec.base_size - order.counted_size, ZERO)
        else:
            price = mark or order.spec.expected_price
            total += max(order.spec.notional - order.counted_quote, ZERO) / price
    return total


def base_cap(state: EngineState, market: Market) -> Decimal | None:
    """Most base units of the product (MAX_BASE); None = no such limit."""
    text = state.settings.max_base
    return parse_base_caps(text).get(market.instrument.base) if text else None


def _entries(state: EngineState, product_id: str | None, without: str | None) -> list[Order]:
    return [
        order
        for coid, order in state.orders.by_id.items()
        if order.spec.purpose is Purpose.ENTRY
        and not order.settled
        and coid != without
        and (product_id is None or order.spec.product_id == product_id)
    ]
