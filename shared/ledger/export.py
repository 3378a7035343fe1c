"""Every table as a file, for other programs or for safe keeping, and the way back.

CSV is for spreadsheets and statistics; JSON lines keep types and can be read back. Amounts are exact text in both.
"""

import csv
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Any

import orjson

from shared.files import write_whole
from shared.ledger import schema as t
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.dump import ALL, digest, dump, lines, text_rows
from shared.ledger.events import EXACT_COLUMNS, Row
from shared.ledger.tables import Table, new_row, select

MANIFEST = "ledger.json"


# The schemas whose exports are read back, each with the names that it has for tables of ours.
NAMES_OF: Mapping[str, Mapping[str, str]] = {
    "0002": {name: former for former, name in t.FORMER_NAMES.items()},
    t.HEAD_REVISION: {},
}


class Format(StrEnum):
    """What the files hold."""

    JSONL = "jsonl"
    CSV = "csv"


class BadExport(ValueError):
    """A folder that cannot be read back. The text says why."""


def export(engine: Database, folder: Path, form: Format) -> dict[str, int]:
    """Write one file for each table, 0600, and `ledger.json` about them: table → rows. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with engine.snapshot() as db:
        tables = {table: text_rows(db, table) for table in ALL}
    rows = {str(table.name): len(found) for table, found in tables.items()}
    for table, found in tables.items():
        write_whole(folder / f"{table.name}.{form}", _AS[form](table, found), durable=True)
    about = {"revision": t.HEAD_REVISION, "format": form.value, "rows": rows, "sha256": digest(dump(tables))}
    write_whole(folder / MANIFEST, orjson.dumps(about, option=orjson.OPT_INDENT_2), durable=True)
    return rows


def _jsonl(_table: Table, rows: list[Row]) -> bytes:
    return b"".join(lines(rows))


def _csv(table: Table, rows: list[Row]) -> bytes:
    out = StringIO()
    names = table.names
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else value


_AS: Mapping[Format, Callable[[Table, list[Row]], bytes]] = {Format.JSONL: _jsonl, Format.CSV: _csv}


def copy_ledger(source: Database, target: Database) -> int:
    """Every row of `source` into a fresh ledger: rows copied. Raises BadExport, LedgerError."""
    with source.snapshot() as db:
        tables = {table: text_rows(db, table) for table in ALL}
    _into_fresh(target, tables)
    return sum(len(rows) for rows in tables.values())


def read_back(folder: Path, target: Database) -> int:
    """Fill a fresh ledger with an export of JSON lines: the rows read. Raises BadExport, OSError, LedgerError.

    What the manifest says of them must hold, or nothing is written.
    """
    try:
        about = orjson.loads((folder / MANIFEST).read_bytes())
        if about["format"] != Format.JSONL.value or about["revision"] not in NAMES_OF:
            raise BadExport(
                f"{about['format']} of schema {about['revision']}: only JSON lines of {_readable()} are read"
            )
        names = NAMES_OF[about["revision"]]
        tables = {table: _read(folder / f"{names.get(table.name, table.name)}.jsonl") for table in ALL}
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise BadExport(f"{folder} is not an export: {error}") from error
    counted = {names.get(table.name, table.name): len(rows) for table, rows in tables.items()}
    if counted != about["rows"] or digest(dump(tables, names)) != about["sha256"]:
        raise BadExport(f"the files in {folder} are not those that {MANIFEST} describes")
    _into_fresh(target, tables)
    return sum(counted.values())


def _readable() -> str:
    return " or ".join(NAMES_OF)


def _into_fresh(target: Database, tables: Mapping[Table, list[Row]]) -> None:
    with target.begin() as db:
        if any(db.row(f"{select(table)}LIMIT 1") is not None for table in ALL):
            raise BadExport("the target is not an empty ledger")
        for table, rows in tables.items():
            _fill(db, table, rows)


def _read(path: Path) -> list[Row]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def _fill(db: DatabaseSession, table: Table, rows: list[Row]) -> None:
    exact = EXACT_COLUMNS.get(table.name, frozenset())
    made = [{n: Decimal(v) if n in exact and v is not None else v for n, v in row.items()} for row in rows]
    db.run_many(new_row(table), made)
