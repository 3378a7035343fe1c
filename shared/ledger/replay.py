"""From the journal alone to a whole ledger: what I16 asks for, and the way back where a table was damaged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from shared.ledger import schema as t
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.dump import dump_of, spelled
from shared.ledger.events import Row, from_text
from shared.ledger.open import open_reader, open_writer
from shared.ledger.reduce import Key, apply
from shared.ledger.tables import Table, new_row, select
from shared.ledger.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One transaction as the journal keeps it."""

    seq: int
    at_ms: int
    boot_id: str
    data: str
    chain: str


class Memory:
    """A ledger in memory, empty at first (`shared.ledger.unit_of_work.StoredRows`)."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict[Key, Row]] = {table: {} for table in t.DERIVED}
        self._last_note = 0

    def get(self, table: Table, key: Key) -> Row | None:
        return self.tables[table].get(key)

    def newest_day(self) -> str | None:
        days = self.tables[t.days]
        return str(next(reversed(days.values()))["day"]) if days else None

    def last_note(self) -> int:
        return self._last_note

    def take(self, row: JournalRow) -> None:
        """Let one transaction happen. Raises BadEvent."""
        unit = UnitOfWork(self, row.at_ms)
        for event in from_text(row.data):
            apply(unit, event)
        for table, key, _, after in unit.changes():
            self.tables[table][key] = after
            if table is t.activity_log:
                self._last_note = max(self._last_note, key[0])

    def rows(self) -> dict[Table, list[Row]]:
        """Every derived table, amounts as text, in the order of the keys."""
        return {table: spelled(table, self.tables[table].values()) for table in t.DERIVED}


def journal_of(db: DatabaseSession) -> Iterator[JournalRow]:
    """The journal, oldest first."""
    for row in db.rows(f"{select(t.events)}ORDER BY seq"):
        yield JournalRow(*row)


def fold(journal: Iterable[JournalRow]) -> Memory:
    """What the journal comes to. Raises BadEvent."""
    memory = Memory()
    for row in journal:
        memory.take(row)
    return memory


def rebuild(journal: list[JournalRow], target: Database) -> None:
    """Fill a fresh ledger from the journal. Raises BadEvent, ValueError where the target holds anything."""
    tables = fold(journal).tables
    with target.begin() as db:
        if db.value("SELECT seq FROM events LIMIT 1") is not None:
            raise ValueError("the target is not an empty ledger")
        for table in t.DERIVED:
            _add(db, table, [tables[table][key] for key in sorted(tables[table])])
        _add(db, t.events, [{name: getattr(row, name) for name in JournalRow.__slots__} for row in journal])


def _add(db: DatabaseSession, table: Table, rows: list[Row]) -> None:
    db.run_many(new_row(table), rows)


def replay(source: Database, target: Database) -> tuple[bytes, bytes, int]:
    """Rebuild `target` from the journal of `source`: (dump of source, dump of target, transactions)."""
    with source.snapshot() as db:
        journal = list(journal_of(db))
        before = dump_of(db)
    rebuild(journal, target)
    with target.snapshot() as db:
        return before, dump_of(db), len(journal)


def replay_files(source: Path, target: Path) -> tuple[bytes, bytes]:
    """The dumps of the ledger at `source` and of the one that its journal gives, made at `target` (not there yet).

    They are equal bytes, or the ledger does not hold. Raises BadEvent, LedgerError.
    """
    made = open_writer(target)
    try:
        before, after, _ = replay(open_reader(source), made)
    finally:
        made.dispose()
    return before, after


def first_difference(before: bytes, after: bytes) -> str | None:
    """The first line that differs, for a person; None = they are equal."""
    if before == after:
        return None
    table = "?"
    for one, other in zip(before.splitlines(), after.splitlines(), strict=False):
        if one != other:
            return f"{table}: {_told(one, other)}"
        if not one.startswith(b"{"):
            table = one.decode()
    return f"{table}: one has {len(before.splitlines())} rows, the other {len(after.splitlines())}"


def _told(one: bytes, other: bytes) -> str:
    if not (one.startswith(b"{") and other.startswith(b"{")):
        return "one of the two has a row more"
    here, there = orjson.loads(one), orjson.loads(other)
    differ = (f"{name} is {here[name]}, the journal gives {there[name]}" for name in here if here[name] != there[name])
    return f"{'; '.join(differ)} in {one.decode()[:300]}"
