"""The writer's side of the ledger: every transaction is one row of the journal and the rows that follow from it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from shared.ledger import schema as t
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.events import to_text
from shared.ledger.row_cache import RowCache
from shared.ledger.tables import new_row
from shared.ledger.unit_of_work import UnitOfWork

GENESIS = "0" * 64


def link(before: str, seq: int, at_ms: int, boot_id: str, data: str) -> str:
    """The chain after one row of the journal: SHA-256, in hex, of the chain before it and of the row."""
    return sha256(f"{before}\n{seq}\n{at_ms}\n{boot_id}\n{data}".encode()).hexdigest()


class JournalWriter:
    """One writer's ledger. Not for threads; one transaction at a time."""

    def __init__(self, engine: Database, boot_id: str) -> None:
        self._engine, self._boot_id = engine, boot_id
        self._cache = RowCache()
        self._head: tuple[int, str] | None = None  # (seq, chain) of the newest row of the journal; None = to be asked
        self._next: tuple[int, str] | None = None  # the same, once the transaction at work is committed
        self._doubtful: str | None = None  # chain of a transaction that failed, yet may be in the database

    @contextmanager
    def transaction(self, at_ms: int) -> Iterator[UnitOfWork]:
        """A draft to which events may happen; durable when the block ends. Raises LedgerError, nothing written.

        A failed commit may have reached the database all the same (a connection lost in the middle). The next
        transaction asks the database anew and does not depend on the answer: events are differences from its rows.
        """
        try:
            with self._engine.begin() as db:
                unit = UnitOfWork(self._cache.reading(db), at_ms)
                if self._head is None:
                    self._head = head(db)
                unit.failed_is_in = self._doubtful is not None and self._head[1] == self._doubtful
                self._next = None
                yield unit
                if unit.events:
                    self._append(db, unit)
                    unit.write(db)
        except BaseException:
            self._cache.forget()
            self._head = None
            raise
        self._cache.committed(unit)
        self._head, self._doubtful = self._next or self._head, None

    def _append(self, db: DatabaseSession, unit: UnitOfWork) -> None:
        assert self._head is not None
        seq, before = self._head[0] + 1, self._head[1]
        data = to_text(unit.events)
        chain = link(before, seq, unit.at_ms, self._boot_id, data)
        self._next = (seq, chain)
        self._doubtful = chain
        row = {"seq": seq, "at_ms": unit.at_ms, "boot_id": self._boot_id, "data": data, "chain": chain}
        db.run(new_row(t.events), row)

    @property
    def known_head(self) -> tuple[int, str] | None:
        """The newest row of the journal as far as it is known without asking."""
        return self._head

    def head(self) -> tuple[int, str]:
        """(number, chain) of the journal's newest row. Raises LedgerError."""
        if self._head is None:
            with self._engine.connect() as db:
                self._head = head(db)
        return self._head


def head(db: DatabaseSession) -> tuple[int, str]:
    """(number, chain) of the newest row of the journal; (0, GENESIS) where there is none."""
    row = db.row("SELECT seq, chain FROM events ORDER BY seq DESC LIMIT 1")
    return (row.seq, row.chain) if row is not None else (0, GENESIS)


def write(engine: Database, boot_id: str, at_ms: int, describe: Callable[[UnitOfWork], None]) -> None:
    """One transaction by whoever writes while the bot is stopped. Raises LedgerError."""
    with JournalWriter(engine, boot_id).transaction(at_ms) as unit:
        describe(unit)
