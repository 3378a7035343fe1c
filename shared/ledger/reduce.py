"""The one place where the ledger's tables follow from its journal.

`apply` is pure: rows before and one event in, rows after out. The bot's writer and `./coin ledger replay` both go
through it, so what is replayed is what was written. Money is added up from fills here; levels and decisions are taken
from the events, so that a journal replays to the same rows whatever later versions of the trading rules say.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from shared.ledger import schema as t
from shared.ledger.events import EventType, JournalEvent, Row
from shared.ledger.tables import ColumnKind, Table
from shared.lot_money import average_price, realized_pnl
from shared.money import ZERO

Key = tuple[Any, ...]

# The states that an order does not leave by itself (bot/domain/order_life.py); a test compares the two.
DONE_STATES = frozenset({"filled", "cancelled", "expired", "failed", "refused", "denied", "absent"})
LOT_MONEY = (
    "open_price", "base_bought", "base_left", "cost", "entry_fee", "proceeds", "exit_fee", "realized_pnl", "dust",
)  # fmt: skip
DAY_MONEY = ("realized", "fees")


class Rows(Protocol):
    """The rows of the ledger as they stand."""

    at_ms: int  # of the transaction

    def get(self, table: Table, key: Key) -> Row | None: ...
    def put(self, table: Table, row: Row) -> None: ...
    def newest_day(self) -> str | None: ...
    def next_note(self) -> int: ...


def key_of(table: Table, row: Mapping[str, Any]) -> Key:
    """The row's primary key."""
    return tuple(row[name] for name in table.key)


def blank(table: Table) -> Row:
    """A row of which nothing is known yet."""
    return dict(_BLANK[table])


def fitted(table: Table, row: Row) -> Row:
    """`row` with texts cut to what their columns hold (keys excepted), and without the NUL that Postgres refuses."""
    for name, column in _TEXTS[table.name]:
        value = row[name]
        if isinstance(value, str):
            value = value.replace("\x00", "�") if "\x00" in value else value
            row[name] = value if column is None or len(value) <= column else value[:column]
    return row


_BLANK: Mapping[Table, Row] = {
    table: {c.name: ZERO if c.kind is ColumnKind.EXACT and not c.null else c.default for c in table.columns}
    for table in t.DERIVED
}
_TEXTS: dict[str, list[tuple[str, int | None]]] = {
    table.name: [
        (column.name, None if column.key else column.length)
        for column in table.columns
        if column.kind is ColumnKind.TEXT
    ]
    for table in t.DERIVED
}


def apply(rows: Rows, event: JournalEvent) -> None:
    """Let `event` happen to `rows`."""
    _REDUCERS[event.word](rows, event.data)


def _merged(rows: Rows, table: Table, data: Mapping[str, Any]) -> tuple[Row | None, Row]:
    """The row before, and the row with the event's columns in it."""
    before = rows.get(table, key_of(table, data))
    return before, {**(before or blank(table)), **data}


def _order(rows: Rows, data: Mapping[str, Any]) -> None:
    _, row = _merged(rows, t.orders, data)
    _put_order(rows, row)


def _put_order(rows: Rows, row: Row) -> None:
    counted = row["counted_size"]
    over = row["state"] in DONE_STATES and counted >= row["filled_size"]
    row["settled"] = over and (row["state"] != "filled" or counted > 0)
    rows.put(t.orders, row)


def _fill(rows: Rows, data: Mapping[str, Any]) -> None:
    before, fill = _merged(rows, t.fills, data)
    if before is not None:
        return
    rows.put(t.fills, fill)
    quote = fill["price"] * fill["base_size"]
    order = rows.get(t.orders, (fill["client_order_id"],))
    if order is not None:
        order = {**order, "counted_size": order["counted_size"] + fill["base_size"]}
        order["counted_quote"] += quote
        _put_order(rows, order)
    if fill["lot_id"] is not None:
        _into_lot(rows, fill, quote)
    _add_to_day(rows, "fees", fill["fee"])


def _into_lot(rows: Rows, fill: Row, quote: Decimal) -> None:
    lot = rows.get(t.lots, (fill["lot_id"],))
    if fill["side"] == "BUY":
        lot = {**blank(t.lots), "lot_id": fill["lot_id"]} if lot is None or _is_closed(lot) else dict(lot)
        lot["base_bought"] += fill["base_size"]
        lot["base_left"] += fill["base_size"]
        lot["cost"] += quote
        lot["entry_fee"] += fill["fee"]
        lot["open_price"] = average_price(lot["cost"], lot["base_bought"])
    elif lot is None or _is_closed(lot):
        return
    else:
        lot = dict(lot)
        lot["base_left"] -= fill["base_size"]
        lot["proceeds"] += quote
        lot["exit_fee"] += fill["fee"]
    rows.put(t.lots, lot)


def _is_closed(lot: Row) -> bool:
    return lot["closed_ms"] is not None


def _lot(rows: Rows, data: Mapping[str, Any]) -> None:
    before, row = _merged(rows, t.lots, data)
    if before is not None and not _is_closed(before) and _is_closed(row):
        row["realized_pnl"] = realized_pnl(
            row["cost"], row["entry_fee"], row["base_bought"], row["base_left"], row["proceeds"], row["exit_fee"]
        )
        row["dust"], row["base_left"] = row["base_left"], ZERO
        _add_to_day(rows, "realized", row["realized_pnl"])
    rows.put(t.lots, row)


def _set_lot(rows: Rows, data: Mapping[str, Any]) -> None:
    rows.put(t.lots, _merged(rows, t.lots, data)[1])


def _add_to_day(rows: Rows, column: str, value: Decimal) -> None:
    """Sums belong to the newest day there is; before the first one, to none."""
    newest = rows.newest_day()
    day = rows.get(t.days, (newest,)) if newest is not None else None
    if day is not None:
        rows.put(t.days, {**day, column: day[column] + value})


def _day(rows: Rows, data: Mapping[str, Any]) -> None:
    before, row = _merged(rows, t.days, data)
    if before is not None and "counters" in data:
        row["counters"] = {**before["counters"], **data["counters"]}
    row["counters"] = row["counters"] or {}
    rows.put(t.days, row)


def _transfer(rows: Rows, data: Mapping[str, Any]) -> None:
    day = rows.get(t.days, (data["day"],))
    if day is not None:
        rows.put(t.days, {**day, "transfers": day["transfers"] + data["amount"]})


def _put(table: Table) -> Callable[[Rows, Mapping[str, Any]], None]:
    def reducer(rows: Rows, data: Mapping[str, Any]) -> None:
        rows.put(table, _merged(rows, table, data)[1])

    return reducer


def _note(rows: Rows, data: Mapping[str, Any]) -> None:
    rows.put(t.activity_log, {**blank(t.activity_log), "at_ms": rows.at_ms, **data, "seq": rows.next_note()})


def _row(rows: Rows, data: Mapping[str, Any]) -> None:
    table = t.table_named(data["table"])
    rows.put(table, {**blank(table), **data["row"]})


_REDUCERS: Mapping[EventType, Callable[[Rows, Mapping[str, Any]], None]] = {
    EventType.ORDER: _order,
    EventType.FILL: _fill,
    EventType.LOT: _lot,
    EventType.LOT_SET: _set_lot,
    EventType.DAY: _day,
    EventType.DAY_SET: _put(t.days),
    EventType.TRANSFER: _transfer,
    EventType.FACT: _put(t.key_values),
    EventType.COMMAND: _put(t.commands),
    EventType.RECEIPT: _put(t.commands),
    EventType.LATCH: _put(t.latches),
    EventType.LIFT: _put(t.latches),
    EventType.BOOT: _put(t.boots),
    EventType.BOOT_END: _put(t.boots),
    EventType.NOTE: _note,
    EventType.ROW: _row,
}
