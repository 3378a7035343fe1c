"""The whole ledger as the checks of `./coin ledger verify` read it: once, in one snapshot, trusting nothing."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession
from shared.ledger.dump import text_rows
from shared.ledger.events import EXACT_COLUMNS, JournalEvent, Row, UnreadableEvent, from_text
from shared.ledger.replay import JournalRow, journal_of
from shared.ledger.shape import columns_of, indexes_of, outdated, stored_as, tables_of
from shared.ledger.tables import Table
from shared.money import ZERO, plain


@dataclass(slots=True)
class Evidence:
    """Rows as they are stored, and the same with amounts as numbers. An amount that is none stands as zero there."""

    revision: str | None
    shape: list[str]  # what of the schema is not there
    texts: dict[Table, list[Row]] = field(default_factory=dict)
    rows: dict[Table, list[Row]] = field(default_factory=dict)
    journal: list[JournalRow] = field(default_factory=list)
    bad_amounts: list[str] = field(default_factory=list)
    file_errors: list[str] = field(default_factory=list)
    _fills_of: dict[str, dict[Any, list[Row]]] = field(default_factory=dict)

    def fills_of(self, column: str) -> dict[Any, list[Row]]:
        """Fills by one of their columns."""
        if column not in self._fills_of:
            found: dict[Any, list[Row]] = defaultdict(list)
            for fill in self.rows[t.fills]:
                found[fill[column]].append(fill)
            self._fills_of[column] = found
        return self._fills_of[column]

    def events(self) -> Iterator[tuple[JournalRow, JournalEvent]]:
        """Every event that can be read, oldest first."""
        for row in self.journal:
            try:
                found = from_text(row.data)
            except UnreadableEvent:
                continue
            for event in found:
                yield row, event


def read(db: DatabaseSession) -> Evidence:
    """Everything, through one connection. Raises LedgerError where the file cannot be read."""
    names = tables_of(db)
    revision = None
    if "alembic_version" in names:
        revision = db.value("SELECT version_num FROM alembic_version")
    evidence = Evidence(revision, [])
    for table in (*t.DERIVED, t.events):
        stored = stored_as(names, table)
        if stored.name not in names:
            evidence.shape.append(f"table {table.name} is missing")
            continue
        columns, indexes = columns_of(db, stored.name), indexes_of(db, stored.name)
        evidence.shape += [f"{stored.name}.{name} is missing" for name in table.names if name not in columns]
        if outdated(revision) is None:
            evidence.shape += [f"index {i.name} is missing" for i in table.indexes if i.name not in indexes]
    if any("index" not in line for line in evidence.shape):
        return evidence
    for table in t.DERIVED:
        evidence.texts[table] = text_rows(db, table)
        evidence.rows[table] = [_numbers(evidence, table, row) for row in evidence.texts[table]]
    evidence.journal = list(journal_of(db))
    return evidence


def _numbers(evidence: Evidence, table: Table, row: Row) -> Row:
    out = dict(row)
    for name in EXACT_COLUMNS[table.name]:
        if row[name] is None:
            continue
        try:
            out[name] = Decimal(row[name])
            if out[name].is_finite() and plain(out[name]) == row[name]:
                continue
        except (InvalidOperation, TypeError, ValueError):
            out[name] = ZERO
        key = ", ".join(str(row[name]) for name in table.key)
        evidence.bad_amounts.append(f"{table.name} {key}: {name} is {row[name]!r}")
        if not out[name].is_finite():
            out[name] = ZERO
    return out
