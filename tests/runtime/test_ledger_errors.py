"""What SQLite says while rows are read is told as the ledger's own error, as what it says of a statement is."""

import sqlite3
from pathlib import Path

import pytest

from shared.ledger.db import LedgerError, SqliteDatabase

PAGE = 4096


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A file whose first rows can be read, and the later ones cannot."""
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE events (seq INTEGER, text TEXT)")
        db.executemany("INSERT INTO events VALUES (?, ?)", [(seq, "x" * 500) for seq in range(2000)])
    db.close()
    data = bytearray(path.read_bytes())
    half = len(data) // PAGE // 2
    data[PAGE * half : PAGE * (half + 20)] = b"\xff" * (PAGE * 20)
    path.write_bytes(data)
    return path


def test_a_damage_behind_the_first_row_is_an_error_of_the_ledger(damaged: Path) -> None:
    database = SqliteDatabase(lambda: sqlite3.connect(damaged, isolation_level=None), kept=True)
    for reading in (database.connect, database.snapshot, database.begin):
        with pytest.raises(LedgerError, match="malformed"), reading() as db:
            db.rows("SELECT seq, text FROM events")
    database.dispose()
