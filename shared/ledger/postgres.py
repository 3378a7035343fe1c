"""A ledger on a Postgres server: what stands in there for the file's WAL, lock, checks and copies.

Durable: synchronous_commit is on in every session, whatever the server's default. One writer: an advisory lock that
the server gives up with the session; a second bot is refused. Every wait is bounded, since the bot waits in its event
loop: an unreachable server is a ledger that cannot be written, so nothing is sent. Readers are read-only sessions.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from shared.files import write_whole
from shared.ledger.open import DamagedLedger, make_tables, migrate, revision
from shared.ledger.place import Place
from shared.ledger.schema import HEAD_REVISION

CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_MS = 3000
LEFT_ALONE_S = 4.0
NEEDED = frozenset({"orders", "fills", "lots", "facts"})
_SILENT_S = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 2000}


class UnusableUrl(DamagedLedger):
    """LEDGER_URL cannot be used; the text says why and never holds the URL."""

    def __init__(self, why: str) -> None:
        Exception.__init__(self, f"LEDGER_URL: {why}")
        self.kept = None


class SecondWriter(Exception):
    """Another bot writes this ledger."""


def open_writer(place: Place) -> Engine:
    """The bot's engine: one connection, serializable, holding the writer's lock; the schema is made or migrated.

    Raises DamagedLedger where tables are missing or the URL is unusable, sqlalchemy.exc.OperationalError where the
    server cannot be reached, refuses, or another bot holds the ledger.
    """
    _make_schema(place)
    engine = create_engine(
        _url(place), poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=CONNECT_TIMEOUT_S,
        isolation_level="SERIALIZABLE", connect_args=_connect_args(place, "-c synchronous_commit=on"),
    )  # fmt: skip
    event.listen(engine, "do_connect", _Patience().connect)
    event.listen(engine, "connect", _lock_for(place))
    there = set(inspect(engine).get_table_names())
    if not there:
        make_tables(engine)
        return engine
    missing = NEEDED - there
    if missing:
        raise DamagedLedger(Path(str(place)), None, f"tables {', '.join(sorted(missing))} are missing")
    if revision(engine) != HEAD_REVISION:
        copy_rows(engine, place.path.with_name(f"{place.schema}.before-{HEAD_REVISION}.jsonl"))
        migrate(engine)
    return engine


class _Patience:
    """A server that did not answer is left alone for a while: each try may hold the bot's event loop for two seconds,
    in which nobody else is heard, a kill included."""

    def __init__(self) -> None:
        self._again_s, self._why = 0.0, ""

    def connect(self, dialect: Any, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        if time.monotonic() < self._again_s:
            raise dialect.dbapi.OperationalError(self._why)
        try:
            return dialect.connect(*arguments, **parameters)
        except dialect.dbapi.OperationalError as error:
            self._again_s, self._why = time.monotonic() + LEFT_ALONE_S, str(error)
            raise


def open_reader(place: Place) -> Engine:
    """Read-only sessions, none of them held between reads."""
    args = _connect_args(place, "-c default_transaction_read_only=on")
    return create_engine(_url(place), poolclass=NullPool, connect_args=args)


def exists(place: Place) -> bool:
    """Whether the schema holds a ledger. Raises OperationalError, UnusableUrl."""
    return inspect(open_reader(place)).has_table("orders", schema=place.schema)


def set_aside(place: Place, suffix: str) -> str | None:
    """Rename the schema, so that a fresh one can be made; its new name, None where there was none."""
    if not exists(place):
        return None
    kept = f"{place.schema}_{suffix}"
    engine = create_engine(_url(place), poolclass=NullPool, connect_args=_connect_args(place))
    with engine.begin() as db:
        if not _held(db.connection.dbapi_connection, place):
            raise _second_writer()  # never under a bot that writes
        db.execute(text(f'ALTER SCHEMA "{place.schema}" RENAME TO "{kept}"'))
    engine.dispose()
    return kept


def swap(place: Place, fresh: Place, kept: str) -> str | None:
    """Put the schema of `fresh` in the place of `place`'s, which is named `kept` from then on, in one transaction.

    The answer is `kept`, None where there was none. Raises SQLAlchemyError; under a bot that writes nothing changes.
    """
    engine = create_engine(_url(place), poolclass=NullPool, connect_args=_connect_args(place))
    try:
        with engine.begin() as db:
            if not _held(db.connection.dbapi_connection, place):
                raise _second_writer()
            there = inspect(db).has_schema(place.schema)
            if there:
                db.execute(text(f'ALTER SCHEMA "{place.schema}" RENAME TO "{kept}"'))
            db.execute(text(f'ALTER SCHEMA "{fresh.schema}" RENAME TO "{place.schema}"'))
    finally:
        engine.dispose()
    return kept if there else None


def drop(place: Place) -> None:
    """Remove a schema that an interrupted restore left half filled. Raises SQLAlchemyError."""
    engine = create_engine(_url(place), poolclass=NullPool, connect_args=_connect_args(place))
    try:
        with engine.begin() as db:
            db.execute(text(f'DROP SCHEMA IF EXISTS "{place.schema}" CASCADE'))
    finally:
        engine.dispose()


def copy_rows(engine: Engine, target: Path) -> None:
    """Every row of every table as JSON lines, whatever the schema's revision; 0600. Raises OSError."""
    found = MetaData()
    out: list[bytes] = []
    with engine.connect() as db:
        found.reflect(db)
        for name in sorted(found.tables):
            out += _lines(db, found.tables[name])
    write_whole(target, b"".join(out), durable=True)


def _lines(db: Connection, table: Table) -> list[bytes]:
    rows = db.execute(select(table).order_by(*table.primary_key))
    told = ({"table": str(table.name), "row": {str(k): v for k, v in row._mapping.items()}} for row in rows)
    return [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in told]


def _url(place: Place) -> URL:
    try:
        url = make_url(place.url.reveal())
    except (ArgumentError, ValueError):
        raise UnusableUrl("it is no postgresql://user:password@host/database") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise UnusableUrl("it is no postgresql://user:password@host/database")
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError:
        raise UnusableUrl("the Postgres driver is missing: ./coin setup installs it") from None
    return url.set(drivername="postgresql+psycopg")


def _connect_args(place: Place, *options: str) -> dict[str, Any]:
    always = (f"-c search_path={place.schema}", f"-c statement_timeout={STATEMENT_TIMEOUT_MS}")
    waits = f"-c lock_timeout={STATEMENT_TIMEOUT_MS}"
    return {"connect_timeout": CONNECT_TIMEOUT_S, "options": " ".join((*always, waits, *options)), **_SILENT_S}


def _make_schema(place: Place) -> None:
    engine = create_engine(_url(place), poolclass=NullPool, connect_args=_connect_args(place))
    if not inspect(engine).has_schema(place.schema):
        with engine.begin() as db:
            db.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{place.schema}"'))
    engine.dispose()


def _lock_for(place: Place) -> Any:
    def lock(connection: Any, _record: object) -> None:
        if not _held(connection, place):
            connection.close()
            raise _second_writer()

    return lock


def _held(connection: Any, place: Place) -> bool:
    """Take the writer's lock, which the session keeps to its end; False = another session has it."""
    number = int.from_bytes(hashlib.sha256(f"cointrader {place.schema}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        (held,) = cursor.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone()
    connection.commit()
    return bool(held)


def _second_writer() -> OperationalError:
    return OperationalError("connect", {}, SecondWriter("another bot writes this ledger"))
