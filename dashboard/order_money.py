"""What came of an order in money: the average of its fills, their fees, and what its sale earned of the lot's cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dashboard.queries import LedgerQueries
from dashboard.rows import NO_MONEY, LedgerOrder, OrderMoney
from shared.ledger.db import among
from shared.ledger.schema import fills, lots
from shared.ledger.tables import Table
from shared.lot_money import average_price, realized_pnl
from shared.money import ZERO


@dataclass(frozen=True, slots=True)
class _Fill:
    client_order_id: str
    price: Decimal
    base_size: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class _Lot:
    lot_id: str
    base_bought: Decimal
    cost: Decimal
    entry_fee: Decimal
    closed_ms: int | None
    exit_client_order_id: str | None


def of_orders(ledger: LedgerQueries, rows: Sequence[LedgerOrder]) -> dict[str, OrderMoney]:
    """By client order id."""
    ids = [o.client_order_id for o in rows]
    lot_ids = {o.lot_id or o.client_order_id for o in rows}
    found: dict[str, list[_Fill]] = {}
    for fill in _read(ledger, _Fill, fills, "client_order_id", ids):
        found.setdefault(fill.client_order_id, []).append(fill)
    known = {lot.lot_id: lot for lot in _read(ledger, _Lot, lots, "lot_id", sorted(lot_ids))}
    return {o.client_order_id: _of(o, found.get(o.client_order_id, []), known) for o in rows}


def _read(ledger: LedgerQueries, kind: type[Any], table: Table, name: str, wanted: Sequence[str]) -> list[Any]:
    named, values = among("one", wanted)
    return ledger.all(kind, table, f"WHERE {name} IN {named}", values) or []


def _of(o: LedgerOrder, own: list[_Fill], known: Mapping[str, _Lot]) -> OrderMoney:
    size = sum((fill.base_size for fill in own), ZERO)
    lot = known.get(o.lot_id or o.client_order_id)
    if not size or size != o.filled_size:
        return NO_MONEY
    quote, fee = sum((f.price * f.base_size for f in own), ZERO), sum((f.fee for f in own), ZERO)
    average = average_price(quote, size)
    if lot is None:
        return OrderMoney(average, quote, fee)
    if o.side == "BUY":
        return OrderMoney(average, quote, fee, opened_lot=lot.lot_id)
    earned = realized_pnl(lot.cost, lot.entry_fee, lot.base_bought, lot.base_bought - size, quote, fee)
    last = lot.closed_ms is not None and (lot.exit_client_order_id == o.client_order_id or size == lot.base_bought)
    return OrderMoney(
        average, quote, fee, earned,
        closed_lot=lot.lot_id if last else None, sold_of_lot=None if last else lot.lot_id,
    )  # fmt: skip
