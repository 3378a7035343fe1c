"""The database's rows as the writer finds them: read when asked for, remembered while they are likely to move again."""

from collections import OrderedDict

from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession
from shared.ledger.events import Row
from shared.ledger.reduce import Key
from shared.ledger.tables import Table, key_parameters, one_row
from shared.ledger.unit_of_work import UnitOfWork

MOST_ROWS = 5000


class RowCache:
    """Rows by table and key. There is one writer, so what it wrote last is what the database holds."""

    def __init__(self, remembered: int = MOST_ROWS) -> None:
        self._db: DatabaseSession | None = None
        self._most = remembered
        self.forget()

    def forget(self) -> None:
        """A transaction failed: what the database holds is asked anew."""
        self._rows: OrderedDict[tuple[Table, Key], Row | None] = OrderedDict()
        self._newest_day: str | None = None
        self._day_known = False
        self._last_note: int | None = None

    def reading(self, db: DatabaseSession) -> "RowCache":
        """The same cache, asking through `db` from here on."""
        self._db = db
        return self

    def get(self, table: Table, key: Key) -> Row | None:
        found = table, key
        if found not in self._rows:
            assert self._db is not None
            row = self._db.row(one_row(table), key_parameters(table, key), of=table)
            self._keep(table, key, row._asdict() if row is not None else None)
        self._rows.move_to_end(found)
        return self._rows[found]

    def newest_day(self) -> str | None:
        if not self._day_known:
            assert self._db is not None
            self._newest_day = self._db.value("SELECT max(day) FROM days")
            self._day_known = True
        return self._newest_day

    def last_note(self) -> int:
        if self._last_note is None:
            assert self._db is not None
            self._last_note = self._db.value("SELECT max(seq) FROM activity_log") or 0
        return self._last_note

    def committed(self, unit: UnitOfWork) -> None:
        """The draft is durable: its rows are the database's now."""
        for table, key, _, row in unit.changes():
            if table is t.activity_log:
                self._last_note = max(self.last_note(), key[0])
                continue
            if table is t.days:
                self._newest_day = max(filter(None, (self._newest_day, key[0])), default=None)
            self._keep(table, key, row)

    def _keep(self, table: Table, key: Key, row: Row | None) -> None:
        self._rows[table, key] = row
        self._rows.move_to_end((table, key))
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)
