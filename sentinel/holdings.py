"""What a dead bot's ledger says that it holds, read while its lock is held: nobody else can write it then."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.domain.order_ids import EPOCH_LENGTH
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import DatabaseSession, LedgerError, among
from shared.ledger.key_values import read_key_value
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger
from shared.ledger.tables import select
from shared.sentinel_sales import TAKEN


class NoHoldings(Exception):
    """The ledger cannot be read, or forbids a sale; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class PendingExit:
    """An exit that the ledger has not seen the end of. `counted`: what of it is in the lot already."""

    client_order_id: str
    order_id: str | None  # the exchange's; None = the answer never came
    created_ms: int
    counted: Decimal


@dataclass(frozen=True, slots=True)
class HeldLot:
    """An open lot. `left`: base units by the ledger; `exits_made`: how many orders were made for its exit."""

    lot_id: str
    product_id: str
    left: Decimal
    exits_made: int
    pending: tuple[PendingExit, ...] = ()


@dataclass(frozen=True, slots=True)
class Holdings:
    """`epoch`: of the newest run, in whose name an order is made. `taken_ms`: which note of the sentinel it took up."""

    epoch: str
    lots: tuple[HeldLot, ...]
    taken_ms: int | None = None


def read_holdings(location: LedgerLocation) -> Holdings:
    """The open lots of that ledger. Raises NoHoldings, also where a kill latch holds: a killed bot sells nothing."""
    try:
        if not ledger_exists(location):
            raise NoHoldings(f"there is no {location}")
        with connect_reader(location).snapshot() as db:
            return _read(db)
    except (LedgerError, DamagedLedger) as error:
        raise NoHoldings(f"the ledger cannot be read: {str(error).partition(chr(10))[0]}") from error


def _read(db: DatabaseSession) -> Holdings:
    if db.value("SELECT count(*) FROM latches WHERE kind = 'kill' AND lifted_ms IS NULL"):
        raise NoHoldings("the bot is killed")
    boot_id = db.value("SELECT boot_id FROM boots ORDER BY at_ms DESC LIMIT 1")
    lots = db.rows(f"{select(t.lots)}WHERE closed_ms IS NULL ORDER BY opened_ms, seq", of=t.lots)
    if lots and not boot_id:
        raise NoHoldings("the ledger names no run of the bot")
    named, ids = among("lot", [lot.lot_id for lot in lots])
    orders = db.rows(f"{select(t.orders)}WHERE lot_id IN {named} ORDER BY created_ms", ids, of=t.orders) if lots else []
    pending: dict[str, list[PendingExit]] = {}
    made: dict[str, int] = {}
    for order in orders:
        if order.command_id is None:
            made[order.lot_id] = made.get(order.lot_id, 0) + 1
        if order.side == "SELL" and not order.settled:
            found = PendingExit(order.client_order_id, order.order_id, order.created_ms, order.counted_size)
            pending.setdefault(order.lot_id, []).append(found)
    taken = read_key_value(db, TAKEN)
    return Holdings(
        str(boot_id or "")[:EPOCH_LENGTH],
        tuple(_lot(lot, made, pending) for lot in lots),
        int(taken) if taken else None,
    )


def _lot(lot: Any, made: Mapping[str, int], pending: Mapping[str, list[PendingExit]]) -> HeldLot:
    exits = tuple(pending.get(lot.lot_id, ()))
    return HeldLot(lot.lot_id, lot.product_id, lot.base_left, made.get(lot.lot_id, 0), exits)
