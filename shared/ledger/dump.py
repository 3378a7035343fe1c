"""The ledger's rows as text: what is compared, exported and read back. The same bytes from SQLite and Postgres."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession
from shared.ledger.events import EXACT_COLUMNS, Row
from shared.ledger.reduce import key_of
from shared.ledger.shape import stored_as, tables_of
from shared.ledger.tables import ColumnKind, Table, select
from shared.money import plain

ALL = (*t.DERIVED, t.events)


def text_rows(db: DatabaseSession, table: Table) -> list[Row]:
    """The table's rows by their key, amounts exactly as they are spelled in the database."""
    stored = stored_as(tables_of(db), table)
    rows = [row._asdict() for row in db.rows(select(stored), of=_AS_SPELLED[table])]
    return sorted(rows, key=lambda row: key_of(table, row))


_AS_SPELLED = {
    table: Table(
        table.name, tuple(replace(c, kind=ColumnKind.TEXT) if c.kind is ColumnKind.EXACT else c for c in table.columns)
    )
    for table in ALL
}


def spelled(table: Table, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows with amounts as text, as `text_rows` gives them."""
    exact = EXACT_COLUMNS.get(table.name, frozenset())
    out = [{n: plain(v) if n in exact and v is not None else v for n, v in row.items()} for row in rows]
    return sorted(out, key=lambda row: key_of(table, row))


def lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """Each row as one line of JSON, its columns in the order of their names."""
    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def dump(tables: Mapping[Table, list[Row]], names: Mapping[str, str] | None = None) -> bytes:
    """The derived tables as bytes; equal ledgers give equal bytes. `names`: those of another schema, by ours."""
    spoken = names or {}
    return b"".join(
        b"".join((spoken.get(table.name, table.name).encode(), b"\n", *lines(tables[table])))
        for table in t.DERIVED
    )  # fmt: skip


def dump_of(db: DatabaseSession) -> bytes:
    """The derived tables of a ledger as bytes."""
    return dump({table: text_rows(db, table) for table in t.DERIVED})


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
