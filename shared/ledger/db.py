"""The ledger's database, file or server, through its own driver: one way of asking for both, in one set of SQL.

Statements are plain SQL that SQLite and Postgres both take, with parameters written `:name`. A row comes back as a
named tuple; with `of`, the table whose columns it holds, amounts are Decimal, truths bool and JSON decoded. SQLAlchemy
is not needed here: it costs a process 25 MB, and only migrations use it.
"""

import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import orjson

from shared.ledger.tables import ColumnKind, Table
from shared.money import plain

Values = Mapping[str, Any]


class LedgerError(Exception):
    """The database refused, or could not be asked. The text is its own."""


class LedgerUnavailable(LedgerError):
    """It may work later: locked, full, out of reach."""


class Cursor(Protocol):
    """What both drivers answer with."""

    @property
    def description(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def fetchone(self) -> Any: ...


Execute = Callable[[str, Values], Cursor]
ExecuteMany = Callable[[str, Sequence[Values]], None]


class DatabaseSession:
    """One connection in use. Methods raise LedgerError; `name` is sqlite or postgres."""

    def __init__(self, name: str, execute: Execute, many: ExecuteMany, raw: Any) -> None:
        self.name, self.raw = name, raw  # raw: the driver's own connection
        self._execute, self._many = execute, many

    def overheard(self, heard: Callable[[str, Values], None]) -> "DatabaseSession":
        """The same session, each statement of one row told to `heard` before it is carried out."""

        def execute(sql: str, values: Values) -> Cursor:
            heard(sql, values)
            return self._execute(sql, values)

        return DatabaseSession(self.name, execute, self._many, self.raw)

    def run(self, sql: str, values: Values | None = None) -> None:
        """A statement without an answer."""
        self._execute(sql, bound(values or {}))

    def run_many(self, sql: str, rows: Iterable[Values]) -> None:
        """The same statement for every row."""
        self._many(sql, [bound(row) for row in rows])

    def rows(self, sql: str, values: Values | None = None, *, of: Table | None = None) -> list[Any]:
        """Every row as a named tuple."""
        cursor = self._execute(sql, bound(values or {}))
        names = tuple(column[0] for column in cursor.description)
        make, reads = _row_of(names), _reads(names, of)
        if not reads:
            return [make(*row) for row in cursor.fetchall()]
        return [make(*_read(row, reads)) for row in cursor.fetchall()]

    def row(self, sql: str, values: Values | None = None, *, of: Table | None = None) -> Any:
        """The first row, or None."""
        return next(iter(self.rows(sql, values, of=of)), None)

    def column(self, sql: str, values: Values | None = None, *, of: Table | None = None) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.rows(sql, values, of=of)]

    def value(self, sql: str, values: Values | None = None, *, of: Table | None = None) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self.row(sql, values, of=of)
        return None if row is None else row[0]


class Database(Protocol):
    """A ledger's database, opened for its one writer or for a reader."""

    name: str

    def connect(self) -> AbstractContextManager[DatabaseSession]:
        """For reading. Raises LedgerError."""
        ...

    def snapshot(self) -> AbstractContextManager[DatabaseSession]:
        """For reading what was there when the block began, whatever is written meanwhile."""
        ...

    def begin(self) -> AbstractContextManager[DatabaseSession]:
        """A transaction: durable when the block ends, undone where it raises. Raises LedgerError."""
        ...

    def dispose(self) -> None:
        """Close what is open."""
        ...


class SqliteDatabase:
    """A ledger file. The writer keeps one connection; a reader holds none between reads (`kept` False)."""

    name = "sqlite"

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, kept: bool) -> None:
        self._open, self._kept = connect, kept
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def connect(self) -> Iterator[DatabaseSession]:
        connection = self._connected()
        try:
            yield _sqlite_session(connection)
        finally:
            self._left(connection)

    @contextmanager
    def snapshot(self) -> Iterator[DatabaseSession]:
        with self._within("BEGIN", "ROLLBACK") as session:
            yield session

    @contextmanager
    def begin(self) -> Iterator[DatabaseSession]:
        with self._within("BEGIN IMMEDIATE", "COMMIT") as session:
            yield session

    @contextmanager
    def _within(self, first: str, last: str) -> Iterator[DatabaseSession]:
        connection = self._connected()
        try:
            session = _sqlite_session(connection)
            session.run(first)
            try:
                yield session
                session.run(last)
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):  # what went wrong first is told
                        connection.rollback()
                raise
        finally:
            self._left(connection)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        try:
            connection = self._open()
        except sqlite3.Error as error:
            raise of_sqlite(error) from error
        if self._kept:
            self._connection = connection
        return connection

    def _left(self, connection: sqlite3.Connection) -> None:
        if not self._kept:
            connection.close()

    def dispose(self) -> None:
        """Close what is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def of_sqlite(error: sqlite3.Error) -> LedgerError:
    """The same error in the ledger's words."""
    return (LedgerUnavailable if isinstance(error, sqlite3.OperationalError) else LedgerError)(str(error))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise of_sqlite(error) from error


class _Cursor:
    """SQLite's own reads row by row as it is asked: a damaged page or a failing disk shows only then."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor, self.description = cursor, cursor.description

    def fetchall(self) -> list[Any]:
        with _told():
            return self._cursor.fetchall()

    def fetchone(self) -> Any:
        with _told():
            return self._cursor.fetchone()


def _sqlite_session(connection: sqlite3.Connection) -> DatabaseSession:
    def execute(sql: str, values: Values) -> Cursor:
        with _told():
            return _Cursor(connection.execute(sql, values))

    def many(sql: str, rows: Sequence[Values]) -> None:
        with _told():
            connection.executemany(sql, rows)

    return DatabaseSession("sqlite", execute, many, connection)


def bound(values: Values) -> dict[str, Any]:
    """Values as both drivers take them: amounts and JSON as text."""
    return {name: _spelled(value) for name, value in values.items()}


def _spelled(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def among(name: str, values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """(what stands behind IN, its values): for a list of any length, an empty one included."""
    named = {f"{name}{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f':{one}' for one in named) or 'NULL'})", named


_NAME = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


@cache
def percent_style(sql: str) -> str:
    """The statement with its parameters as psycopg wants them."""
    return _NAME.sub(r"%(\1)s", sql.replace("%", "%%"))


@cache
def _row_of(names: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple("Row", names, rename=True)


Reads = tuple[Callable[[Any], Any] | None, ...]


@cache
def _reads(names: tuple[str, ...], of: Table | None) -> Reads:
    """How each column is read; () = as it is."""
    if of is None:
        return ()
    reads = tuple(_READ.get(of.kind(name)) for name in names)
    return reads if any(reads) else ()


def _read(row: Sequence[Any], reads: Reads) -> Iterator[Any]:
    for value, read in zip(row, reads, strict=True):
        yield value if read is None or value is None else read(value)


_READ: Mapping[ColumnKind | None, Callable[[Any], Any]] = {
    ColumnKind.EXACT: Decimal,
    ColumnKind.BOOLEAN: bool,
    ColumnKind.JSON: orjson.loads,
}
