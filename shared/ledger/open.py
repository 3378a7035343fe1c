"""Opening a ledger: for the one writer, with migrations and checks, or read-only for everybody else."""

import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.ledger import schema as t
from shared.ledger.db import Database, SqliteDatabase, of_sqlite
from shared.ledger.schema import HEAD_REVISION
from shared.ledger.shape import is_newer, missing_tables, outdated, tables_of
from shared.ledger.tables import created

BUSY_TIMEOUT_MS = 3000


class DamagedLedger(Exception):
    """The ledger does not hold. It was kept aside at `kept`; nothing may trade until a person decided."""

    def __init__(self, path: Path, kept: Path | None, why: str) -> None:
        where = f"; it is kept as {kept.name}" if kept else ""
        super().__init__(
            f"{path.name} is damaged ({why}){where}. Restore a backup with ./coin restore, "
            f"or move it away to start over from what the exchange reports"
        )
        self.kept = kept


class NewerLedger(DamagedLedger):
    """A newer program wrote it; this one must not touch it."""

    def __init__(self, name: str, revision: str | None) -> None:
        Exception.__init__(self, f"{name} has {outdated(revision)}. Update CoinTrader, or restore an older backup")
        self.kept = None


def open_writer(path: Path) -> Database:
    """The bot's connection, at the newest schema: one connection, WAL, synchronous=FULL.

    Raises DamagedLedger where the file fails SQLite's own check (a copy is kept aside first; the file stays where
    it is, so that the next start finds the same), and LedgerUnavailable where it cannot be opened.
    """
    fresh = not path.exists() or path.stat().st_size == 0
    if not fresh:
        fresh = not _check(path)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        _pragmas(connection)
        return connection

    engine = SqliteDatabase(connect, kept=True)
    if fresh:
        make_tables(engine)
    else:
        with engine.connect():
            pass
    path.chmod(0o600)
    found = HEAD_REVISION if fresh else revision(engine)
    if is_newer(found):
        engine.dispose()
        raise NewerLedger(path.name, found)
    if found != HEAD_REVISION:
        backup(path, path.with_name(f"{path.stem}.before-{HEAD_REVISION}.db"))
        migrate(f"sqlite:///{path}")
    return engine


def open_reader(path: Path) -> Database:
    """A read-only engine that holds no connection between reads, so that a replaced file is noticed."""
    uri = f"file:{path}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=1.0, check_same_thread=False, isolation_level=None)

    return SqliteDatabase(connect, kept=False)


def _pragmas(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _check(path: Path) -> bool:
    """SQLite's own quick check; False = nothing is in it yet: whoever made the file died before its first table.

    The database is opened as the writer would, so that a WAL left behind is used. Raises DamagedLedger.
    """
    try:
        with sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        db.close()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise of_sqlite(error) from error
        raise DamagedLedger(path, _keep_aside(path), str(error)) from error
    if found != "ok":
        raise DamagedLedger(path, _keep_aside(path), str(found))
    missing = missing_tables(tables)
    if tables and missing:
        raise DamagedLedger(path, _keep_aside(path), f"tables {', '.join(missing)} are missing")
    return bool(tables)


def _keep_aside(path: Path) -> Path | None:
    """A copy of the damaged file (one for each content), so that no repair can lose what is left of it."""
    data = path.read_bytes()
    for kept in path.parent.glob(f"{path.stem}.damaged-*.db"):
        if kept.read_bytes() == data:
            return kept
    kept = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
    try:
        kept.write_bytes(data)
        kept.chmod(0o600)
    except OSError:
        return None
    return kept


def revision(engine: Database) -> str | None:
    """The schema's revision; None = a ledger that never was migrated."""
    with engine.connect() as db:
        if "alembic_version" not in tables_of(db):
            return None
        found = db.value("SELECT version_num FROM alembic_version")
        return str(found) if found is not None else None


def backup(source: Path, target: Path) -> None:
    """A consistent copy of the database while it is in use, 0600."""
    with sqlite3.connect(source) as db, sqlite3.connect(target) as copy:
        db.backup(copy)
    db.close()
    copy.close()
    target.chmod(0o600)


def copy_open(engine: Database, target: Path) -> None:
    """All that the engine's own connection sees, 0600, in one file: also of a ledger whose files were removed.

    Raises LedgerError, sqlite3.Error, OSError; then there is no `target`.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        with engine.connect() as db, sqlite3.connect(partial) as copy:
            db.raw.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.close()
        partial.chmod(0o600)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def make_tables(engine: Database) -> None:
    """The newest schema, all of it or, where the process dies meanwhile, nothing."""
    with engine.begin() as db:
        for table in t.BY_NAME.values():
            for statement in created(table, db.name):
                db.run(statement)
        db.run("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        db.run("INSERT INTO alembic_version VALUES (:v)", {"v": HEAD_REVISION})


def migrate(url: str, *, connect_args: Mapping[str, Any] | None = None) -> None:
    """Bring the schema to its newest revision; all of it or nothing. Raises LedgerError.

    Only here the libraries of migrations are loaded: a bot at the newest schema never needs them.
    """
    from shared.ledger import migrating  # noqa: PLC0415

    migrating.upgrade(url, connect_args or {})
