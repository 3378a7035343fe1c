"""The ledger's facts: texts by their keys."""

from shared.ledger.db import DatabaseSession


def read_key_values(db: DatabaseSession) -> dict[str, str]:
    """Every fact by its key."""
    return {row.key: row.value for row in db.rows("SELECT key, value FROM facts")}


def read_key_value(db: DatabaseSession, key: str) -> str | None:
    """One fact; None = there is none of that key."""
    found: str | None = db.value("SELECT value FROM facts WHERE key = :key", {"key": key})
    return found
