"""What a table of the ledger is: its columns, their kinds, its key and its indexes; and the statements of one row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from typing import Any


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    BIGINT = "bigint"
    BOOLEAN = "boolean"
    EXACT = "exact"  # a Decimal as the text that spells it: a database's REAL would round it
    JSON = "json"


EXACT_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Column:
    """`length`: the most characters of a text, None = any. `default`: what a row holds of which nothing is known."""

    name: str
    kind: ColumnKind
    length: int | None = None
    key: bool = False
    null: bool = True
    unique: bool = False
    default: Any = None
    server_default: str | None = None
    counted: bool = False  # a server counts it up where it is not named


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """One table. Two are the same only where they are one object."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    _kinds: dict[str, ColumnKind] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._kinds.update({column.name: column.kind for column in self.columns})

    def kind(self, name: str) -> ColumnKind | None:
        """The kind of a column; None = it has none of that name."""
        return self._kinds.get(name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return tuple(column.name for column in self.columns if column.key)

    @cached_property
    def exact(self) -> frozenset[str]:
        """The columns of amounts."""
        return frozenset(column.name for column in self.columns if column.kind is ColumnKind.EXACT)


def quoted(names: Sequence[str]) -> str:
    """Column names as SQL: some of them are words of its own."""
    return ", ".join(f'"{name}"' for name in names)


@cache
def select(table: Table, names: tuple[str, ...] = ()) -> str:
    """`SELECT` of all columns, or of these, to be gone on with."""
    return f"SELECT {quoted(names or table.names)} FROM {table.name} "  # noqa: S608  the schema's own names


KEY = "key_"  # a parameter of the primary key, so that it is not taken for a new value


@cache
def one_row(table: Table) -> str:
    """The row of a primary key, by the parameters key_NAME."""
    return f"{select(table)}WHERE {_is_key(table)}"


@cache
def new_row(table: Table) -> str:
    """A whole row."""
    places = ", ".join(f":{name}" for name in table.names)
    return f"INSERT INTO {table.name} ({quoted(table.names)}) VALUES ({places})"  # noqa: S608


@cache
def moved_row(table: Table, names: tuple[str, ...]) -> str:
    """These columns of the row of a primary key."""
    news = ", ".join(f'"{name}" = :{name}' for name in names)
    return f"UPDATE {table.name} SET {news} WHERE {_is_key(table)}"  # noqa: S608


def key_parameters(table: Table, key: tuple[object, ...]) -> dict[str, object]:
    """The parameters that name a row."""
    return {KEY + name: part for name, part in zip(table.key, key, strict=True)}


def _is_key(table: Table) -> str:
    return " AND ".join(f'"{name}" = :{KEY}{name}' for name in table.key)


def created(table: Table, dialect: str) -> list[str]:
    """The statements that make the table and its indexes; `dialect` is sqlite or postgres."""
    columns = [_column(column, dialect) for column in table.columns]
    columns.append(f"PRIMARY KEY ({quoted(table.key)})")
    columns += [f"UNIQUE ({quoted((column.name,))})" for column in table.columns if column.unique]
    body = ", \n\t".join(columns)
    made = [f"CREATE TABLE {table.name} (\n\t{body}\n)"]
    return made + [f"CREATE INDEX {one.name} ON {table.name} ({quoted(one.columns)})" for one in table.indexes]


def _column(column: Column, dialect: str) -> str:
    kind = {
        ColumnKind.TEXT: f"VARCHAR({column.length})" if column.length else "TEXT",
        ColumnKind.EXACT: f"VARCHAR({EXACT_LENGTH})",
        ColumnKind.INTEGER: "SERIAL" if column.counted and dialect == "postgres" else "INTEGER",
        ColumnKind.BIGINT: "BIGINT",
        ColumnKind.BOOLEAN: "BOOLEAN",
        ColumnKind.JSON: "JSON",
    }[column.kind]
    default = ""
    if column.server_default is not None:
        value = column.server_default
        false = "false" if dialect == "postgres" else "0"
        default = f" DEFAULT {false if column.kind is ColumnKind.BOOLEAN else repr(value)}"
    return f'"{column.name}" {kind}{default}{"" if column.null and not column.key else " NOT NULL"}'
