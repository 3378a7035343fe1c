"""A ledger as far as its brakes go, read before another one is put in its place."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from shared.errors import first_line
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import Database, DatabaseSession, LedgerError
from shared.ledger.events import Row
from shared.ledger.journal_writer import head
from shared.ledger.key_values import read_key_values
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, open_writer
from shared.ledger.tables import select

BOOTS_KEPT = 100
WITH_WAL = ("", "-wal", "-shm")


class UnreadableLedger(Exception):
    """There is no ledger, or none that can be read; the text says which, for a person."""


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """What one ledger knows. Rows are those of the schema; times are epoch milliseconds."""

    head: tuple[int, str]  # number and chain of the journal's newest row
    last_ms: int  # when the newest row was written
    key_values: Mapping[str, str]
    latch: Row | None  # the kill latch that holds
    days: tuple[Row, ...]  # oldest first
    boots: tuple[Row, ...]
    unfinished: tuple[str, ...]  # commands that were seen and did not end
    orders: frozenset[str]
    fees: Mapping[tuple[str, str], Decimal] = field(repr=False)  # of each fill
    results: Mapping[str, Decimal] = field(repr=False)  # of each closed lot
    chain_then: str | None = None  # of the row that was asked for; None = there is no such row

    @property
    def day(self) -> Row | None:
        """The newest; None = none began."""
        return self.days[-1] if self.days else None

    def continues(self, older: "LedgerSummary") -> bool:
        """Whether this ledger went on where `older` ends; that row's number must have been asked for."""
        return bool(older.head[0]) and self.chain_then == older.head[1]


def summary_of_file(path: Path, work: Path, then: int = 0) -> LedgerSummary:
    """Of the ledger file at `path`, from a copy of it in the folder `work`: what is there is not touched.

    The copy is opened as the bot would: its WAL is played in, an older schema is migrated. `then`: the row of the
    journal whose chain is wanted. Raises UnreadableLedger.
    """
    if not path.exists() or not path.stat().st_size:
        raise UnreadableLedger(f"there is no {path.name}")
    try:
        work.mkdir(mode=0o700)
        for ending in WITH_WAL:
            beside = path.with_name(path.name + ending)
            if beside.exists():
                shutil.copyfile(beside, work / beside.name)
        engine = open_writer(work / path.name)
    except DamagedLedger as error:
        raise UnreadableLedger(str(error).partition(";")[0]) from error
    except (LedgerError, OSError) as error:
        raise UnreadableLedger(f"{path.name} cannot be read ({first_line(error)})") from error
    try:
        return read_summary(engine, path.name, then)
    finally:
        engine.dispose()


def summary_of(location: LedgerLocation, work: Path, then: int = 0) -> LedgerSummary:
    """Of the ledger where it is. Raises UnreadableLedger."""
    if not location.on_server:
        return summary_of_file(location.path, work, then)
    try:
        if not ledger_exists(location):
            raise UnreadableLedger(f"there is no {location}")
        return read_summary(connect_reader(location), str(location), then)
    except (LedgerError, DamagedLedger) as error:
        raise UnreadableLedger(f"{location} cannot be read ({first_line(error)})") from error


def read_summary(engine: Database, name: str, then: int = 0) -> LedgerSummary:
    """Through an open engine; `name` is for people. Raises UnreadableLedger."""
    try:
        with engine.snapshot() as db:
            found = _summary(db, then)
    except (LedgerError, ValueError, TypeError, ArithmeticError) as error:
        raise UnreadableLedger(f"{name} cannot be read ({first_line(error)})") from error
    if not found.head[0]:
        raise UnreadableLedger(f"{name} is empty")
    return found


def _summary(db: DatabaseSession, then: int) -> LedgerSummary:
    latch = db.row(f"{select(t.latches)}WHERE kind = 'kill' AND lifted_ms IS NULL", of=t.latches)
    days = db.rows(f"{select(t.days)}ORDER BY day", of=t.days)
    begun = db.rows(f"{select(t.boots)}ORDER BY at_ms DESC LIMIT :most", {"most": BOOTS_KEPT}, of=t.boots)
    fills = db.rows("SELECT order_id, trade_id, fee FROM fills", of=t.fills)
    closed = db.rows("SELECT lot_id, realized_pnl FROM lots WHERE closed_ms IS NOT NULL", of=t.lots)
    return LedgerSummary(
        head=head(db),
        last_ms=db.value("SELECT at_ms FROM events ORDER BY seq DESC LIMIT 1") or 0,
        key_values=read_key_values(db),
        latch=latch._asdict() if latch is not None else None,
        days=tuple(row._asdict() for row in days),
        boots=tuple(row._asdict() for row in begun)[::-1],
        unfinished=tuple(db.column("SELECT id FROM commands WHERE state = 'seen'")),
        orders=frozenset(db.column("SELECT client_order_id FROM orders")),
        fees={(row.order_id, row.trade_id): row.fee for row in fills},
        results={row.lot_id: row.realized_pnl for row in closed},
        chain_then=db.value("SELECT chain FROM events WHERE seq = :seq", {"seq": then}),
    )
