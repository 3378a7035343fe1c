"""What the writer tells of a transaction, put into events: only what changed, and only what cannot be derived.

The writer hands over whole rows as the engine sees them. Money in them is compared with what the ledger derives from
the fills: the two are the same by construction, and where they ever differ, the difference is an event of its own
(`lot_set`, `day_set`), which `./coin ledger verify` reports.
"""

from collections.abc import Mapping
from typing import Any

from shared.ledger import schema as t
from shared.ledger.events import TABLE_OF, EventType, JournalEvent, Row
from shared.ledger.reduce import DAY_MONEY, LOT_MONEY, Key, blank, key_of
from shared.ledger.tables import Table
from shared.ledger.unit_of_work import UnitOfWork
from shared.money import ZERO


class EventEncoder:
    """One transaction as it is told. `close` must come last."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._told: dict[
            tuple[EventType, Table, Key], Row
        ] = {}  # money as the engine sees it, to be compared at the end

    def order(self, row: Row) -> None:
        """The order as it stands."""
        before = self._unit.get(t.orders, key_of(t.orders, row))
        if before is not None:
            row = {**row, "boot_id": before["boot_id"]}  # of the run that made it
        self.changed(EventType.ORDER, row)

    def fill(self, row: Row) -> None:
        """A fill; the second time it is told nothing happens."""
        self.once(EventType.FILL, row)

    def lot(self, row: Row) -> None:
        """The lot as it stands, after the fills that moved it."""
        before = self._unit.get(t.lots, key_of(t.lots, row))
        if before is None:
            self.changed(EventType.LOT_SET, row)
            return
        self.changed(EventType.LOT, row, without=LOT_MONEY)
        self._told[EventType.LOT_SET, t.lots, key_of(t.lots, row)] = {name: row[name] for name in LOT_MONEY}

    def day(self, row: Row) -> None:
        """The day as it stands, after the fills, lots and transfers of it."""
        before = self._unit.get(t.days, key_of(t.days, row))
        if before is None:
            self.changed(EventType.DAY, row)
            return
        moved = row["transfers"] - before["transfers"]
        if moved != ZERO:
            self._unit.happen(JournalEvent(EventType.TRANSFER, {"day": row["day"], "amount": moved}))
        counters = {name: n for name, n in row["counters"].items() if before["counters"].get(name) != n}
        told = {**row, "counters": counters} if counters else {k: v for k, v in row.items() if k != "counters"}
        self.changed(EventType.DAY, told, without=(*DAY_MONEY, "transfers"))
        self._told[EventType.DAY_SET, t.days, key_of(t.days, row)] = {name: row[name] for name in DAY_MONEY}

    def whole(self, table: Table, row: Row) -> None:
        """A row as it is, in place of what the ledger holds and of what follows from its journal."""
        if self._unit.get(table, key_of(table, row)) != row:
            self._unit.happen(JournalEvent(EventType.ROW, {"table": table.name, "row": row}))

    def note(self, row: Row) -> None:
        """A line for people."""
        self._unit.happen(
            JournalEvent(EventType.NOTE, {name: value for name, value in row.items() if value is not None})
        )

    def once(self, word: EventType, row: Row) -> None:
        """A row that is written once; where it is there, nothing happens."""
        if self._unit.get(TABLE_OF[word], key_of(TABLE_OF[word], row)) is None:
            self.changed(word, row)

    def moved(self, word: EventType, row: Row) -> None:
        """Columns of a row that is there; where it is not, nothing happens."""
        if self._unit.get(TABLE_OF[word], key_of(TABLE_OF[word], row)) is not None:
            self.changed(word, row)

    def changed(self, word: EventType, row: Mapping[str, Any], without: tuple[str, ...] = ()) -> None:
        """What of `row` differs from what the ledger holds; a row that it does not hold is told in any case."""
        table = TABLE_OF[word]
        key = key_of(table, row)
        before = self._unit.get(table, key)
        known = before if before is not None else blank(table)
        keys = table.key
        news = {name: value for name, value in row.items() if name in keys or known[name] != value}
        news = {name: value for name, value in news.items() if name not in without}
        if before is None or len(news) > len(keys):
            self._unit.happen(JournalEvent(word, news))

    def close(self) -> None:
        """Compare the money that was told with the money that was derived."""
        for (word, table, key), money in self._told.items():
            self.changed(word, {**dict(zip(table.key, key, strict=True)), **money})
