"""Values that the ledger remembers by a key: texts that no table of their own holds."""

from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession
from shared.ledger.shape import stored_as, tables_of


def read_key_values(db: DatabaseSession) -> dict[str, str]:
    """Every value by its key. Raises LedgerError."""
    return {row.key: row.value for row in db.rows(f"SELECT key, value FROM {_table(db)}")}  # noqa: S608


def read_key_value(db: DatabaseSession, key: str) -> str | None:
    """One value; None = there is none of that key. Raises LedgerError."""
    found: str | None = db.value(f"SELECT value FROM {_table(db)} WHERE key = :key", {"key": key})  # noqa: S608
    return found


def _table(db: DatabaseSession) -> str:
    """Readers come before the bot has migrated a ledger: a requested stop must be read from it all the same."""
    return stored_as(tables_of(db), t.key_values).name
