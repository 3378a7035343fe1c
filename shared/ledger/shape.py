"""What tables, columns and indexes a database has, whichever it is."""

from functools import cache

from shared.ledger.db import DatabaseSession
from shared.ledger.schema import FORMER_NAMES, HEAD_REVISION
from shared.ledger.tables import Table


def tables_of(db: DatabaseSession) -> set[str]:
    """The names of its tables."""
    if db.name == "sqlite":
        return set(db.column("SELECT name FROM sqlite_master WHERE type = 'table'"))
    return set(db.column("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))


def missing_tables(tables: set[str]) -> list[str]:
    """What no ledger goes without, of whatever schema, that is not among `tables`."""
    known = {FORMER_NAMES.get(name, name) for name in tables}
    return sorted({"orders", "fills", "lots", "key_values"} - known)


def stored_as(tables: set[str], table: Table) -> Table:
    """`table` by the name that a database with these tables has for it: an older schema had other names."""
    if table.name not in tables:
        for former, name in FORMER_NAMES.items():
            if name == table.name and former in tables:
                return _renamed(table, former)
    return table


@cache
def _renamed(table: Table, name: str) -> Table:
    return Table(name, table.columns, table.indexes)


def is_newer(revision: str | None) -> bool:
    """Whether a newer program than this one made the schema."""
    return revision is not None and revision > HEAD_REVISION


def outdated(revision: str | None) -> str | None:
    """What a ledger of that schema needs, for a person; None = it is at the newest."""
    if revision == HEAD_REVISION:
        return None
    if is_newer(revision):
        return f"schema {revision}, this program's is {HEAD_REVISION}: a newer CoinTrader wrote it"
    return f"schema {revision or 'unknown'}, this program's is {HEAD_REVISION}: the next ./coin start migrates it"


def columns_of(db: DatabaseSession, table: str) -> set[str]:
    """The names of a table's columns."""
    if db.name == "sqlite":
        return set(db.column("SELECT name FROM pragma_table_info(:name)", {"name": table}))
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    return set(db.column(f"{query}AND table_name = :name", {"name": table}))


def indexes_of(db: DatabaseSession, table: str) -> set[str]:
    """The names of a table's indexes."""
    if db.name == "sqlite":
        return set(db.column("SELECT name FROM pragma_index_list(:name)", {"name": table}))
    query = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :name"
    return set(db.column(query, {"name": table}))
