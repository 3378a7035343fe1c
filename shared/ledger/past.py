"""A ledger as far as its brakes go, read before another one is put in its place."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from shared.ledger import schema as t
from shared.ledger.at import exists, reader_at
from shared.ledger.book import head
from shared.ledger.dump import snapshot
from shared.ledger.events import Row
from shared.ledger.open import DamagedLedger, open_writer
from shared.ledger.place import Place

BOOTS_KEPT = 100
WITH_WAL = ("", "-wal", "-shm")


class NoPast(Exception):
    """There is no ledger, or none that can be read; the text says which, for a person."""


@dataclass(frozen=True, slots=True)
class Past:
    """What one ledger knows. Rows are those of the schema; times are epoch milliseconds."""

    head: tuple[int, str]  # number and chain of the journal's newest row
    last_ms: int  # when the newest row was written
    facts: Mapping[str, str]
    latch: Row | None  # the kill latch that holds
    day: Row | None  # the newest
    boots: tuple[Row, ...]
    unfinished: tuple[str, ...]  # commands that were seen and did not end
    orders: frozenset[str]
    fees: Mapping[tuple[str, str], Decimal] = field(repr=False)  # of each fill
    results: Mapping[str, Decimal] = field(repr=False)  # of each closed lot
    chain_then: str | None = None  # of the row that was asked for; None = there is no such row

    def continues(self, older: "Past") -> bool:
        """Whether this ledger went on where `older` ends; that row's number must have been asked for."""
        return bool(older.head[0]) and self.chain_then == older.head[1]


def of_file(path: Path, work: Path, then: int = 0) -> Past:
    """Of the ledger file at `path`, from a copy of it in the folder `work`: what is there is not touched.

    The copy is opened as the bot would: its WAL is played in, an older schema is migrated. `then`: the row of the
    journal whose chain is wanted. Raises NoPast.
    """
    if not path.exists() or not path.stat().st_size:
        raise NoPast(f"there is no {path.name}")
    try:
        work.mkdir(mode=0o700)
        for ending in WITH_WAL:
            beside = path.with_name(path.name + ending)
            if beside.exists():
                shutil.copyfile(beside, work / beside.name)
        engine = open_writer(work / path.name)
    except DamagedLedger as error:
        raise NoPast(str(error).partition(";")[0]) from error
    except (SQLAlchemyError, OSError) as error:
        raise NoPast(f"{path.name} cannot be read ({_why(error)})") from error
    try:
        return read_past(engine, path.name, then)
    finally:
        engine.dispose()


def of_place(place: Place, work: Path, then: int = 0) -> Past:
    """Of the ledger where it is. Raises NoPast."""
    if not place.on_server:
        return of_file(place.path, work, then)
    try:
        if not exists(place):
            raise NoPast(f"there is no {place}")
        return read_past(reader_at(place), str(place), then)
    except (SQLAlchemyError, DamagedLedger) as error:
        raise NoPast(f"{place} cannot be read ({_why(error)})") from error


def read_past(engine: Engine, name: str, then: int = 0) -> Past:
    """Through an open engine; `name` is for people. Raises NoPast."""
    try:
        with snapshot(engine) as db:
            found = _past(db, then)
    except (SQLAlchemyError, ValueError, TypeError, ArithmeticError) as error:
        raise NoPast(f"{name} cannot be read ({_why(error)})") from error
    if not found.head[0]:
        raise NoPast(f"{name} is empty")
    return found


def _past(db: Connection, then: int) -> Past:
    held = select(t.latches).where(t.latches.c.kind == "kill", t.latches.c.lifted_ms.is_(None))
    newest = select(t.days).order_by(t.days.c.day.desc())
    begun = select(t.boots).order_by(t.boots.c.at_ms.desc()).limit(BOOTS_KEPT)
    waiting = select(t.commands.c.id).where(t.commands.c.state == "seen")
    last_ms = select(t.events.c.at_ms).order_by(t.events.c.seq.desc()).limit(1)
    closed = select(t.lots.c.lot_id, t.lots.c.realized_pnl).where(t.lots.c.closed_ms.is_not(None))
    fills = select(t.fills.c.order_id, t.fills.c.trade_id, t.fills.c.fee)
    latch, day = db.execute(held).first(), db.execute(newest).first()
    return Past(
        head=head(db),
        last_ms=db.execute(last_ms).scalar() or 0,
        facts={row.key: row.value for row in db.execute(select(t.facts))},
        latch=dict(latch._mapping) if latch is not None else None,
        day=dict(day._mapping) if day is not None else None,
        boots=tuple(dict(row._mapping) for row in db.execute(begun))[::-1],
        unfinished=tuple(db.execute(waiting).scalars()),
        orders=frozenset(db.execute(select(t.orders.c.client_order_id)).scalars()),
        fees={(row.order_id, row.trade_id): row.fee for row in db.execute(fills)},
        results={row.lot_id: row.realized_pnl for row in db.execute(closed)},
        chain_then=db.execute(select(t.events.c.chain).where(t.events.c.seq == then)).scalar(),
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
