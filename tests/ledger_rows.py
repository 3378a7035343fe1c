"""Rows put into a ledger's tables past its journal, for tests of readers."""

from typing import Any

from shared.ledger.db import DatabaseSession
from shared.ledger.reduce import blank
from shared.ledger.tables import Table, new_row


def put(db: DatabaseSession, table: Table, **row: Any) -> None:
    """One row; columns that are not named are blank."""
    db.run(new_row(table), {**blank(table), **row})
