"""One transaction on its way: the events it brings, and the rows that they make of what was there before."""

from collections.abc import Iterator
from typing import Protocol

from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession
from shared.ledger.events import JournalEvent, Row, from_text, to_text
from shared.ledger.reduce import Key, apply, fitted, key_of
from shared.ledger.tables import Table, key_parameters, moved_row, new_row


class StoredRows(Protocol):
    """The ledger as the transaction finds it."""

    def get(self, table: Table, key: Key) -> Row | None: ...
    def newest_day(self) -> str | None: ...
    def last_note(self) -> int: ...


class UnitOfWork:
    """Rows as they will stand (`shared.ledger.reduce.Rows`), and the events that made them so."""

    def __init__(self, before: StoredRows, at_ms: int) -> None:
        self.at_ms = at_ms
        self.events: list[JournalEvent] = []
        self.failed_is_in = False  # the transaction before, which seemed to fail, is in the database after all
        self._before = before
        self._rows: dict[Table, dict[Key, Row]] = {}
        self._found: dict[tuple[Table, Key], Row | None] = {}
        self._newest_day: str | None = None
        self._last_note = 0

    def get(self, table: Table, key: Key) -> Row | None:
        row = self._rows.get(table, {}).get(key)
        if row is not None:
            return row
        if (table, key) not in self._found:
            self._found[table, key] = self._before.get(table, key)
        return self._found[table, key]

    def put(self, table: Table, row: Row) -> None:
        key = key_of(table, row)
        if table is t.activity_log:
            self._found[table, key] = None  # lines are only added
        else:
            self.get(table, key)  # whether it is new is known from here on
        self._rows.setdefault(table, {})[key] = fitted(table, row)

    def newest_day(self) -> str | None:
        own = self._rows.get(t.days)
        newest = max(row["day"] for row in own.values()) if own else None
        before = self._before.newest_day()
        return max(filter(None, (newest, before)), default=None)

    def next_note(self) -> int:
        self._last_note = max(self._last_note, self._before.last_note()) + 1
        return self._last_note

    def happen(self, event: JournalEvent) -> None:
        """Let `event` happen, exactly as a replay will read it."""
        (event,) = from_text(to_text([event]))
        apply(self, event)
        self.events.append(event)

    def changes(self) -> Iterator[tuple[Table, Key, Row | None, Row]]:
        """(table, key, row before or None, row after) of what really changed."""
        for table, rows in self._rows.items():
            for key, row in rows.items():
                before = self._found[table, key]
                if before != row:
                    yield table, key, before, row

    def write(self, db: DatabaseSession) -> None:
        """The changed rows into their tables."""
        for table, key, before, row in self.changes():
            if before is None:
                db.run(new_row(table), row)
                continue
            changed = {name: value for name, value in row.items() if before[name] != value}
            db.run(moved_row(table, tuple(changed)), {**changed, **key_parameters(table, key)})
