"""A ledger on a Postgres server: what stands in there for the file's WAL, lock, checks and copies.

Durable: synchronous_commit is on in every session, whatever the server's default. One writer: an advisory lock that
the server gives up with the session; a second bot is refused. Every wait is bounded, since the bot waits in its event
loop: an unreachable server is a ledger that cannot be written, so nothing is sent. Readers are read-only sessions.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from shared.files import write_whole
from shared.ledger.db import Cursor, Database, DatabaseSession, LedgerError, LedgerUnavailable, Values, percent_style
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, NewerLedger, make_tables, migrate, revision
from shared.ledger.schema import HEAD_REVISION
from shared.ledger.shape import is_newer, missing_tables, tables_of

CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_MS = 3000
LEFT_ALONE_S = 4.0
_SILENT_S = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 2000}


class UnusableUrl(DamagedLedger):
    """LEDGER_URL cannot be used; the text says why and never holds the URL."""

    def __init__(self, why: str) -> None:
        Exception.__init__(self, f"LEDGER_URL: {why}")
        self.kept = None


def open_writer(location: LedgerLocation) -> Database:
    """The bot's database: one connection, serializable, holding the writer's lock; the schema is made or migrated.

    Raises DamagedLedger where tables are missing or the URL is unusable, LedgerUnavailable where the server cannot be
    reached, refuses, or another bot holds the ledger.
    """
    with _session(location).begin() as db:
        if not has_schema(db, location.schema):
            db.run(f'CREATE SCHEMA IF NOT EXISTS "{location.schema}"')
    patience = _Patience()

    def connect() -> Any:
        connection = patience.connect(lambda: _connected(location, "-c synchronous_commit=on"))
        connection.isolation_level = _driver().IsolationLevel.SERIALIZABLE
        if not _held(connection, location):
            connection.close()
            raise _second_writer()
        return connection

    database = PostgresDatabase(connect, kept=True)
    with database.connect() as db:
        there = tables_of(db)
    if not there:
        make_tables(database)
        return database
    missing = missing_tables(there)
    if missing:
        raise DamagedLedger(Path(str(location)), None, f"tables {', '.join(missing)} are missing")
    found = revision(database)
    if is_newer(found):
        database.dispose()
        raise NewerLedger(str(location), found)
    if found != HEAD_REVISION:
        copy_rows(database, location.path.with_name(f"{location.schema}.before-{HEAD_REVISION}.jsonl"))
        migrate(_url(location).replace("://", "+psycopg://", 1), connect_args=_connect_args(location))
    return database


class PostgresDatabase:
    """A schema on a server. The writer keeps one connection; a reader holds none between reads (`kept` False)."""

    name = "postgres"

    def __init__(self, connect: Callable[[], Any], *, kept: bool) -> None:
        self._open, self._kept = connect, kept
        self._connection: Any = None

    @contextmanager
    def connect(self) -> Iterator[DatabaseSession]:
        with self._transaction(commit=False) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[DatabaseSession]:
        with self._transaction(commit=False) as session:
            session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield session

    @contextmanager
    def begin(self) -> Iterator[DatabaseSession]:
        with self._transaction(commit=True) as session:
            yield session

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[DatabaseSession]:
        connection = self._ready()
        try:
            try:
                yield _postgres_session(connection)
                with _told():
                    connection.commit() if commit else connection.rollback()
            except BaseException:
                if not connection.closed:
                    _undo(connection)
                raise
        finally:
            if not self._kept or connection.closed:
                self._connection = None
                connection.close()

    def _ready(self) -> Any:
        if self._connection is not None:
            return self._connection
        with _told():
            connection = self._open()
        if self._kept:
            self._connection = connection
        return connection

    def dispose(self) -> None:
        """Close what is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def _told() -> Iterator[None]:
    """The driver's errors in the ledger's words."""
    driver = _driver()
    try:
        yield
    except driver.OperationalError as error:
        raise LedgerUnavailable(str(error)) from error
    except driver.Error as error:
        raise LedgerError(str(error)) from error


def _undo(connection: Any) -> None:
    try:
        connection.rollback()
    except _driver().Error:
        connection.close()


def _postgres_session(connection: Any) -> DatabaseSession:
    def execute(sql: str, values: Values) -> Cursor:
        with _told():
            cursor: Cursor = connection.execute(percent_style(sql), values)
            return cursor

    def many(sql: str, rows: Sequence[Values]) -> None:
        with _told(), connection.cursor() as cursor:
            cursor.executemany(percent_style(sql), rows)

    return DatabaseSession("postgres", execute, many, connection)


class _Patience:
    """A server that did not answer is left alone for a while: each try may hold the bot's event loop for two seconds,
    in which nobody else is heard, a kill included."""

    def __init__(self) -> None:
        self._again_s, self._why = 0.0, ""

    def connect(self, connect: Callable[[], Any]) -> Any:
        if time.monotonic() < self._again_s:
            raise LedgerUnavailable(self._why)
        try:
            return connect()
        except _driver().OperationalError as error:
            self._again_s, self._why = time.monotonic() + LEFT_ALONE_S, str(error)
            raise


def open_reader(location: LedgerLocation) -> Database:
    """Read-only sessions, none of them held between reads."""
    _url(location)
    return PostgresDatabase(lambda: _connected(location, "-c default_transaction_read_only=on"), kept=False)


def _session(location: LedgerLocation) -> PostgresDatabase:
    """For one piece of work that is no bot's."""
    _url(location)
    return PostgresDatabase(lambda: _connected(location), kept=False)


def exists(location: LedgerLocation) -> bool:
    """Whether the schema holds a ledger. Raises LedgerUnavailable, UnusableUrl."""
    with open_reader(location).connect() as db:
        return "orders" in tables_of(db)


def has_schema(db: DatabaseSession, name: str) -> bool:
    return db.value("SELECT 1 FROM pg_namespace WHERE nspname = :name", {"name": name}) is not None


def set_aside(location: LedgerLocation, suffix: str) -> str | None:
    """Rename the schema, so that a fresh one can be made; its new name, None where there was none."""
    if not exists(location):
        return None
    kept = f"{location.schema}_{suffix}"
    with _unwritten(location) as db:
        db.run(f'ALTER SCHEMA "{location.schema}" RENAME TO "{kept}"')
    return kept


def swap(location: LedgerLocation, fresh: LedgerLocation, kept: str) -> str | None:
    """Put the schema of `fresh` in the place of `place`'s, which is named `kept` from then on, in one transaction.

    The answer is `kept`, None where there was none. Raises LedgerError; under a bot that writes nothing changes.
    """
    with _unwritten(location) as db:
        there = has_schema(db, location.schema)
        if there:
            db.run(f'ALTER SCHEMA "{location.schema}" RENAME TO "{kept}"')
        db.run(f'ALTER SCHEMA "{fresh.schema}" RENAME TO "{location.schema}"')
    return kept if there else None


def drop(location: LedgerLocation) -> None:
    """Remove a schema that an interrupted restore left half filled. Raises LedgerError."""
    with _session(location).begin() as db:
        db.run(f'DROP SCHEMA IF EXISTS "{location.schema}" CASCADE')


@contextmanager
def _unwritten(location: LedgerLocation) -> Iterator[DatabaseSession]:
    """A transaction under the writer's lock. Raises LedgerUnavailable where a bot has it."""

    def connect() -> Any:
        connection = _connected(location)
        if not _held(connection, location):
            connection.close()
            raise _second_writer()
        return connection

    with PostgresDatabase(connect, kept=False).begin() as db:
        yield db


def copy_rows(database: Database, target: Path) -> None:
    """Every row of every table as JSON lines, whatever the schema's revision; 0600. Raises OSError."""
    out: list[bytes] = []
    with database.snapshot() as db:
        for name in sorted(tables_of(db)):
            rows = db.column(f'SELECT row_to_json(r)::text FROM "{name}" r')  # noqa: S608
            told = sorted(({"table": name, "row": orjson.loads(row)} for row in rows), key=orjson.dumps)
            out += [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in told]
    write_whole(target, b"".join(out), durable=True)


def _url(location: LedgerLocation) -> str:
    """The URL as the driver takes it. Raises UnusableUrl."""
    url = location.url.reveal()
    try:
        parts = urlsplit(url)
        usable = parts.scheme.partition("+")[0] in ("postgresql", "postgres") and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise UnusableUrl("it is no postgresql://user:password@host/database")
    try:
        _driver()
    except ImportError:
        raise UnusableUrl("the Postgres driver is missing: ./coin setup installs it") from None
    return f"postgresql://{url.partition('://')[2]}"


def _driver() -> Any:
    import psycopg  # noqa: PLC0415  there only where it is asked for

    return psycopg


def _connected(location: LedgerLocation, *options: str) -> Any:
    """A new connection; JSON comes as text. Raises the driver's errors."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415

    connection = _driver().connect(_url(location), **_connect_args(location, *options))
    connection.adapters.register_loader("json", TextLoader)
    return connection


def _connect_args(location: LedgerLocation, *options: str) -> dict[str, Any]:
    always = (f"-c search_path={location.schema}", f"-c statement_timeout={STATEMENT_TIMEOUT_MS}")
    waits = f"-c lock_timeout={STATEMENT_TIMEOUT_MS}"
    return {"connect_timeout": CONNECT_TIMEOUT_S, "options": " ".join((*always, waits, *options)), **_SILENT_S}


def _held(connection: Any, location: LedgerLocation) -> bool:
    """Take the writer's lock, which the session keeps to its end; False = another session has it."""
    number = int.from_bytes(hashlib.sha256(f"cointrader {location.schema}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        (held,) = cursor.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone()
    connection.commit()
    return bool(held)


def _second_writer() -> LedgerUnavailable:
    return LedgerUnavailable("another bot writes this ledger")
