"""Which data folder a ledger belongs to, for readers and for the one who adopts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.folder_identity import COMING, FACT, Seen, of_ledger
from shared.ledger.connect import connect_reader, connect_writer, ledger_exists
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.events import EventType, JournalEvent
from shared.ledger.journal_writer import JournalWriter
from shared.ledger.key_values import read_key_value
from shared.ledger.location import LedgerLocation
from shared.ledger.restore_mark import RESTORED


@dataclass(frozen=True, slots=True)
class LedgerBinding:
    """What the ledger says: its facts on the folder, whether it has a past, whether a restore waits to be taken up."""

    key_values: Mapping[str, str] = field(default_factory=dict)
    has_orders: bool = False
    restored: bool = False
    open_lots: int = 0

    @property
    def folder(self) -> str | None:
        """The id that it names."""
        return self.key_values.get(FACT)

    def folder_for(self, seen: Seen) -> str | None:
        """The same, also where the folder got its id and the ledger was not told any more."""
        return of_ledger(self.key_values, seen)


def ledger_binding(location: LedgerLocation) -> LedgerBinding:
    """Raises LedgerError, DamagedLedger, OSError."""
    if not ledger_exists(location):
        return LedgerBinding()
    engine = connect_reader(location)
    try:
        return _of(engine)
    finally:
        engine.dispose()


def has_orders(db: DatabaseSession) -> bool:
    """Whether the ledger has a past. Raises LedgerError."""
    return db.row("SELECT client_order_id FROM orders LIMIT 1") is not None


def bind(location: LedgerLocation, folder: str, text: str, at_ms: int) -> None:
    """Make it that folder's ledger, with a line in its activity log. Raises LedgerError, DamagedLedger, OSError."""
    engine = connect_writer(location)
    try:
        with JournalWriter(engine, "adopt").transaction(at_ms) as unit:
            unit.happen(JournalEvent(EventType.FACT, {"key": FACT, "value": folder}))
            unit.happen(JournalEvent(EventType.NOTE, {"kind": "ledger", "level": "warn", "text": text}))
    finally:
        engine.dispose()


def _of(engine: Database) -> LedgerBinding:
    with engine.connect() as db:
        key_values = {key: value for key in (FACT, COMING, RESTORED) if (value := read_key_value(db, key)) is not None}
        orders = has_orders(db)
        lots = int(db.value("SELECT count(*) FROM lots WHERE closed_ms IS NULL"))
    return LedgerBinding(key_values, orders, bool(key_values.get(RESTORED)), lots)
