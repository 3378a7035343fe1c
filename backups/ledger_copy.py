"""A copy of the ledger that follows it, for continuous backup: what ships it away never touches the ledger itself.

The journal is append only, and every other table follows from it; so the copy takes the rows of the journal that it
does not have yet, as they are, and lets them happen to itself. It is a whole ledger at every moment, one moment of the
bot's. Reading is all that the bot's ledger sees of it: its commits and checkpoints are its own. It follows a ledger on
a server in the same way.
"""

from dataclasses import dataclass
from pathlib import Path

from shared.ledger import schema as t
from shared.ledger.connect import connect_reader
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.events import from_text
from shared.ledger.journal_writer import head
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_writer
from shared.ledger.reduce import apply
from shared.ledger.replay import JournalRow
from shared.ledger.row_cache import RowCache
from shared.ledger.tables import new_row, select
from shared.ledger.unit_of_work import UnitOfWork

BATCH = 500  # rows of the journal in one transaction of the copy


@dataclass(frozen=True, slots=True)
class Followed:
    """What one step did. `head`: of the copy now; `behind`: rows of the journal that are still to come."""

    head: int
    taken: int
    behind: int
    began_anew: bool = False  # the ledger was replaced by another, or by an older one


class LedgerCopy:
    """The copy at `path`, which only this process writes. Raises DamagedLedger, LedgerError, OSError."""

    def __init__(self, source: LedgerLocation, path: Path) -> None:
        self._source: Database = connect_reader(source)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._copy = open_writer(path)
        self._cache = RowCache()

    def close(self) -> None:
        self._copy.dispose()
        self._source.dispose()

    def step(self) -> Followed:
        """Take the next rows of the journal. Raises LedgerError and BadEvent, with the copy as it was."""
        with self._copy.connect() as db:
            seq, chain = head(db)
        with self._source.connect() as db:
            newest, _ = head(db)
            same = seq == 0 or db.value("SELECT chain FROM events WHERE seq = :seq", {"seq": seq}) == chain
            if not same:
                # Begun anew in one transaction: at no moment is the copy a part of a ledger.
                return self._take(_rows(db, 0, newest), newest, anew=True)
            rows = _rows(db, seq, BATCH)
        return self._take(rows, newest, anew=False) if rows else Followed(seq, 0, newest - seq)

    def _take(self, rows: list[JournalRow], newest: int, *, anew: bool) -> Followed:
        try:
            with self._copy.begin() as db:
                if anew:
                    self._cache.forget()
                    for table in (*t.DERIVED, t.events):
                        db.run(f"DELETE FROM {table.name}")  # noqa: S608  the schema's own names
                for row in rows:
                    self._happen(db, row)
        except BaseException:
            self._cache.forget()
            raise
        last = rows[-1].seq if rows else 0
        return Followed(last, len(rows), newest - last, began_anew=anew)

    def _happen(self, db: DatabaseSession, row: JournalRow) -> None:
        unit = UnitOfWork(self._cache.reading(db), row.at_ms)
        for event in from_text(row.data):
            apply(unit, event)
        unit.write(db)
        db.run(new_row(t.events), {name: getattr(row, name) for name in JournalRow.__slots__})
        self._cache.committed(unit)


def _rows(db: DatabaseSession, after: int, most: int) -> list[JournalRow]:
    query = f"{select(t.events)}WHERE seq > :seq ORDER BY seq LIMIT :most"
    return [JournalRow(*row) for row in db.rows(query, {"seq": after, "most": most})]
