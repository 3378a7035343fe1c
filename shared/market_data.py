"""`market.db`: candles, equity, signals, for the charts. May be lost; the bot's BACKFILL makes it anew.

Plain SQLite (WAL, synchronous=OFF): display values as REAL, times in whole seconds since 1970.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS candles (
  product_id TEXT NOT NULL, granularity TEXT NOT NULL, start_s INTEGER NOT NULL,
  open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL,
  PRIMARY KEY (product_id, granularity, start_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS equity (
  at_s INTEGER PRIMARY KEY, equity REAL NOT NULL, cash REAL NOT NULL, lots_value REAL NOT NULL);
CREATE TABLE IF NOT EXISTS signals (
  product_id TEXT NOT NULL, start_s INTEGER NOT NULL, signal TEXT NOT NULL, probability REAL, vals TEXT NOT NULL,
  PRIMARY KEY (product_id, start_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stops (
  product_id TEXT NOT NULL, start_s INTEGER NOT NULL, signal TEXT NOT NULL, gate TEXT NOT NULL, title TEXT NOT NULL,
  PRIMARY KEY (product_id, start_s)) WITHOUT ROWID;
"""
# In the table `stops`, the gate of a bar that an entry followed.
ENTERED = "entered"


class CandleRow(NamedTuple):
    start_s: int  # the bar's open time
    open: float
    high: float
    low: float
    close: float
    volume: float  # base units


class EquityRow(NamedTuple):
    at_s: int
    equity: float
    cash: float
    lots_value: float


def open_market_writer(path: Path) -> sqlite3.Connection:
    """The bot's connection; a damaged one is replaced: all of it can be fetched again."""
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise
        for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            leftover.unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=2.0, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    db.executescript(_SCHEMA)
    path.chmod(0o600)
    return db


def open_market_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; close it after the read. Raises sqlite3.OperationalError where there is no file."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)


def put_candles(db: sqlite3.Connection, product_id: str, granularity: str, rows: Iterable[CandleRow]) -> None:
    """Insert or replace closed bars."""
    with db:
        db.execute("BEGIN")
        db.executemany(
            "INSERT OR REPLACE INTO candles VALUES (?,?,?,?,?,?,?,?)", [(product_id, granularity, *row) for row in rows]
        )


def read_candles(db: sqlite3.Connection, product_id: str, granularity: str, limit: int) -> list[CandleRow]:
    """The newest `limit` bars, oldest first. Minutes without a trade are absent."""
    rows = db.execute(
        "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id=? AND granularity=? "
        "ORDER BY start_s DESC LIMIT ?",
        (product_id, granularity, limit),
    ).fetchall()
    return [CandleRow(*row) for row in reversed(rows)]
