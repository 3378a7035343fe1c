"""The trades of a bot, from its ledger: every fill of its own orders, oldest first. Read-only."""

from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger
from shared.ledger.tables import select
from statements.trades import Trade

_COLUMNS = ("exchange_ms", "trade_id", "product_id", "side", "base_size", "price", "fee", "lot_id")


class LedgerNotRead(Exception):
    """There is no ledger, or it cannot be read; the text says why, for a person."""


def ledger_trades(location: LedgerLocation) -> list[Trade]:
    """Raises LedgerNotRead."""
    try:
        if not ledger_exists(location):
            raise LedgerNotRead(f"there is no {location}")
        with connect_reader(location).connect() as db:
            rows = db.rows(f"{select(t.fills, _COLUMNS)}ORDER BY exchange_ms, trade_id", of=t.fills)
    except (LedgerError, DamagedLedger) as error:
        raise LedgerNotRead(f"{location} cannot be read: {str(error).partition(chr(10))[0]}") from error
    return [
        Trade(at_ms, trade_id, product_id, side == "BUY", size, price * size, fee, lot_id)
        for at_ms, trade_id, product_id, side, size, price, fee, lot_id in rows
    ]
