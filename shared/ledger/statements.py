"""Statements of one row, built once for each table: building one costs more than a small transaction does."""

from functools import cache

from sqlalchemy import Insert, Select, Table, Update, bindparam, insert, select, update

KEY = "key_"  # a parameter of the primary key, so that it is not taken for a new value


@cache
def one_row(table: Table) -> Select[tuple[object, ...]]:
    """The row of a primary key, by the parameters key_NAME."""
    return select(table).where(*[column == bindparam(KEY + column.name) for column in table.primary_key])


@cache
def new_row(table: Table) -> Insert:
    """A whole row."""
    return insert(table).values({column.name: bindparam(column.name) for column in table.columns})


@cache
def moved_row(table: Table, names: tuple[str, ...]) -> Update:
    """These columns of the row of a primary key."""
    where = [column == bindparam(KEY + column.name) for column in table.primary_key]
    return update(table).where(*where).values({name: bindparam(name) for name in names})


def key_values(table: Table, key: tuple[object, ...]) -> dict[str, object]:
    """The parameters that name a row."""
    return {KEY + column.name: part for column, part in zip(table.primary_key, key, strict=True)}
