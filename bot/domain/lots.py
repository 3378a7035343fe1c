"""Lots: one filled entry each, closed by one exit through however many fills.

A lot keeps exact money beside whole ticks for the levels that the rulebook judges. Functions here return new lots.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.kinds import ExitReason, LotKind, LotSide
from bot.rules.exits import stop_ticks, take_ticks
from shared.lot_money import average_price, realized_pnl
from shared.money import EXACT, ZERO, ceil_to, from_units, to_units


@dataclass(frozen=True, slots=True)
class Lot:
    """`base_left` of `base_bought` is still held. Prices in ticks are whole counts of the price increment."""

    lot_id: str  # the client order id of its entry
    seq: int
    product_id: str
    kind: LotKind
    opened_ms: int
    base_bought: Decimal
    base_left: Decimal
    cost: Decimal  # sum of price x size of the entry's fills
    entry_fee: Decimal
    tp_pct: Decimal
    price_increment: Decimal
    take_ticks: int  # 0 = none
    stop_ticks: int  # 0 = off
    trail_active: bool = False
    peak_ticks: int = 0
    trail_ticks: int = 0
    exit_reason: ExitReason | None = None  # an exit was decided
    exit_client_order_id: str | None = None  # its order, or the resting take
    proceeds: Decimal = ZERO
    exit_fee: Decimal = ZERO
    closed_ms: int | None = None
    realized_pnl: Decimal | None = None
    dust: Decimal = ZERO
    side: LotSide = LotSide.LONG  # every lot of a ledger is long: it has no column for it

    @property
    def open_price(self) -> Decimal:
        """Average price of the entry's fills."""
        return average_price(self.cost, self.base_bought)

    @property
    def open_ticks(self) -> float:
        return float(self.open_price / self.price_increment)

    @property
    def take_price(self) -> Decimal:
        """0 = no take profit: a holding."""
        return from_units(self.take_ticks, self.price_increment)

    @property
    def stop_price(self) -> Decimal | None:
        return from_units(self.stop_ticks, self.price_increment) if self.stop_ticks else None

    @property
    def cost_left(self) -> Decimal:
        """What the held part cost, without fee."""
        return EXACT.divide(self.cost * self.base_left, self.base_bought)

    @property
    def entry_fee_left(self) -> Decimal:
        return EXACT.divide(self.entry_fee * self.base_left, self.base_bought)


def open_lot(
    fill: Fill, seq: int, kind: LotKind, tp_pct: Decimal, instrument: Instrument, stop_loss_pct: float, opened_ms: int
) -> Lot:
    """The lot that an entry's first fill opens."""
    lot = Lot(
        lot_id=fill.client_order_id,
        seq=seq,
        product_id=fill.product_id,
        kind=kind,
        opened_ms=opened_ms,
        base_bought=fill.base_size,
        base_left=fill.base_size,
        cost=fill.price * fill.base_size,
        entry_fee=fill.fee,
        tp_pct=tp_pct,
        price_increment=instrument.price_increment,
        take_ticks=0,
        stop_ticks=0,
        side=LotSide.opened_by(fill.side),
    )
    return _with_levels(lot, stop_loss_pct)


def grow(lot: Lot, fill: Fill, stop_loss_pct: float) -> Lot:
    """The lot after a further fill of its entry: average price, take and stop follow."""
    grown = replace(
        lot,
        base_bought=lot.base_bought + fill.base_size,
        base_left=lot.base_left + fill.base_size,
        cost=lot.cost + fill.price * fill.base_size,
        entry_fee=lot.entry_fee + fill.fee,
    )
    return _with_levels(grown, stop_loss_pct)


def _with_levels(lot: Lot, stop_loss_pct: float) -> Lot:
    open_ticks = lot.open_ticks
    if lot.kind is LotKind.HOLDING:
        return replace(lot, take_ticks=0, stop_ticks=0)
    return replace(
        lot,
        take_ticks=take_ticks(open_ticks, float(lot.tp_pct)),
        stop_ticks=stop_ticks(open_ticks, stop_loss_pct),
    )


def on_grid(lot: Lot, price_increment: Decimal) -> Lot:
    """The same lot with its levels counted in another price increment: take up, the others down to the new tick."""
    old = lot.price_increment

    def ticks(count: int, *, up: bool = False) -> int:
        price = from_units(count, old)
        return to_units(ceil_to(price, price_increment) if up else price, price_increment)

    return replace(
        lot,
        price_increment=price_increment,
        take_ticks=ticks(lot.take_ticks, up=True),
        stop_ticks=max(ticks(lot.stop_ticks), 1) if lot.stop_ticks else 0,
        peak_ticks=ticks(lot.peak_ticks),
        trail_ticks=ticks(lot.trail_ticks),
    )


def sell(lot: Lot, fill: Fill, now_ms: int) -> Lot:
    """The lot after a fill of its exit; closed when nothing is left."""
    after = replace(
        lot,
        base_left=lot.base_left - fill.base_size,
        proceeds=lot.proceeds + fill.price * fill.base_size,
        exit_fee=lot.exit_fee + fill.fee,
    )
    return close(after, now_ms) if after.base_left <= 0 else after


def close(lot: Lot, now_ms: int) -> Lot:
    """The lot closed, what is left of it booked as dust, which keeps its own part of the cost."""
    result = sold_result(lot)
    return replace(lot, closed_ms=now_ms, dust=lot.base_left, base_left=ZERO, realized_pnl=result)


def unrealized(lot: Lot, mark: Decimal, exit_fee_rate: Decimal) -> Decimal:
    """What closing the held part at `mark` would earn, after the paid entry fee and the fee of the exit."""
    value = lot.base_left * mark
    if lot.side is LotSide.SHORT:
        return lot.cost_left - value - value * exit_fee_rate - lot.entry_fee_left
    return value - value * exit_fee_rate - lot.cost_left - lot.entry_fee_left


def sold_result(lot: Lot) -> Decimal:
    """What the sold part of an open lot earned after both fees; it is realised when the lot is closed."""
    return realized_pnl(
        lot.cost, lot.entry_fee, lot.base_bought, lot.base_left, lot.proceeds, lot.exit_fee, lot.side.sign
    )


def replace_lot(lot: Lot, **changes: Any) -> Lot:
    """`dataclasses.replace`, named for what it does here."""
    return replace(lot, **changes)
