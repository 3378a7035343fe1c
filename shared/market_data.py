"""`market.db`: candles, equity, signals, for the charts. May be lost; the bot's BACKFILL makes it anew.

Plain SQLite (WAL, synchronous=OFF): display values as REAL, times in whole seconds since 1970.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

_SCHEMA = """
CREATE TABLE IF NOT EXISTS candles (
  product_id TEXT NOT NULL, granularity TEXT NOT NULL, start_s INTEGER NOT NULL,
  open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL,
  PRIMARY KEY (product_id, granularity, start_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS equity (
  at_s INTEGER PRIMARY KEY, equity REAL NOT NULL, cash REAL NOT NULL, lots_value REAL NOT NULL,
  transfers REAL, curve REAL, drawdown REAL);
CREATE TABLE IF NOT EXISTS signals (
  product_id TEXT NOT NULL, start_s INTEGER NOT NULL, signal TEXT NOT NULL, probability REAL, vals TEXT NOT NULL,
  PRIMARY KEY (product_id, start_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indicators (
  product_id TEXT NOT NULL, granularity TEXT NOT NULL, start_s INTEGER NOT NULL, vals TEXT NOT NULL,
  PRIMARY KEY (product_id, granularity, start_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stops (
  product_id TEXT NOT NULL, start_s INTEGER NOT NULL, signal TEXT NOT NULL, gate TEXT NOT NULL, title TEXT NOT NULL,
  fault INTEGER, PRIMARY KEY (product_id, start_s)) WITHOUT ROWID;
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


class IndicatorRow(NamedTuple):
    start_s: int  # the bar's open time
    values: dict[str, float]  # by the strategy's own names; unknown ones are left out


class EquityRow(NamedTuple):
    """The account at one moment. What a version before this one did not note is None: not known."""

    at_s: int
    equity: float
    cash: float
    lots_value: float
    transfers: float | None = None  # in less out since the ledger began, what waits to be adopted among it
    curve: float | None = None  # time-weighted: what 1 unit of money has become, whatever was paid in or taken out
    drawdown: float | None = None  # percent below the curve's highest point, at its deepest since the note before


# Columns that a table has not in a file of an older version, and their types.
_LATER = {
    "equity": {"transfers": "REAL", "curve": "REAL", "drawdown": "REAL"},
    "stops": {"fault": "INTEGER"},  # 1 = the gate was shut because something is broken; NULL = not noted
}


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
    for table, later in _LATER.items():
        for name in sorted(set(later) - _columns(db, table)):
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {later[name]}")
    path.chmod(0o600)
    return db


def open_market_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; close it after the read. Raises sqlite3.OperationalError where there is no file."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)


def _columns(db: sqlite3.Connection, table: str = "equity") -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def put_equity(db: sqlite3.Connection, row: EquityRow) -> None:
    """Insert or replace one note."""
    names = ", ".join(EquityRow._fields)
    db.execute(f"INSERT OR REPLACE INTO equity ({names}) VALUES (?,?,?,?,?,?,?)", tuple(row))  # noqa: S608


def read_equity(db: sqlite3.Connection, since_s: int, step_s: int = 1, until_s: int = 1 << 40) -> list[EquityRow]:
    """Notes from `since_s` to `until_s`, oldest first: the last one of each `step_s`, the deepest drawdown of them."""
    there = _columns(db)
    names = ", ".join(name if name in there else f"NULL AS {name}" for name in EquityRow._fields[1:-1])
    deepest = "max(drawdown)" if "drawdown" in there else "NULL"
    rows = db.execute(
        f"SELECT at_s, {names}, deepest FROM (SELECT max(at_s) AS last_s, {deepest} AS deepest FROM equity "  # noqa: S608
        "WHERE at_s BETWEEN ? AND ? GROUP BY at_s / ?) JOIN equity ON at_s = last_s ORDER BY at_s",
        (since_s, until_s, step_s),
    )
    return [EquityRow(*row) for row in rows]


def put_candles(db: sqlite3.Connection, product_id: str, granularity: str, rows: Iterable[CandleRow]) -> None:
    """Insert or replace closed bars."""
    with db:
        db.execute("BEGIN")
        db.executemany(
            "INSERT OR REPLACE INTO candles VALUES (?,?,?,?,?,?,?,?)", [(product_id, granularity, *row) for row in rows]
        )


def read_candles(
    db: sqlite3.Connection, product_id: str, granularity: str, limit: int, before_s: int = 1 << 40
) -> list[CandleRow]:
    """The newest `limit` bars that began before `before_s`, oldest first. Minutes without a trade are absent."""
    rows = db.execute(
        "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id=? AND granularity=? "
        "AND start_s < ? ORDER BY start_s DESC LIMIT ?",
        (product_id, granularity, before_s, limit),
    ).fetchall()
    return [CandleRow(*row) for row in reversed(rows)]


def put_indicators(
    db: sqlite3.Connection, product_id: str, granularity: str, rows: Sequence[IndicatorRow], *, whole: bool
) -> None:
    """What a strategy's indicators are on each of these bars; `whole`: in place of everything that was kept."""
    with db:
        db.execute("BEGIN")
        if whole:
            db.execute("DELETE FROM indicators WHERE product_id=? AND granularity=?", (product_id, granularity))
        db.executemany(
            "INSERT OR REPLACE INTO indicators VALUES (?,?,?,?)",
            [(product_id, granularity, row.start_s, orjson.dumps(row.values).decode()) for row in rows],
        )
