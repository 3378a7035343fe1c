"""What tables, columns and indexes a database has, whichever it is."""

from shared.ledger.db import DatabaseSession


def tables_of(db: DatabaseSession) -> set[str]:
    """The names of its tables."""
    if db.name == "sqlite":
        return set(db.column("SELECT name FROM sqlite_master WHERE type = 'table'"))
    return set(db.column("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))


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
