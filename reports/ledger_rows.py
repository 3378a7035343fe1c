"""What a report reads of a bot's ledger and of its market records; read-only, in one look at each."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.period import ReportPeriod
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import DatabaseSession, LedgerError
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger
from shared.ledger.tables import Table, select
from shared.market_data import ENTERED, EquityRow, open_market_reader, read_equity


class NotRead(Exception):
    """It is not there, or it cannot be read; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """Rows of one period, as the tables have them, oldest first."""

    days: Sequence[Any]  # those in the period
    after: Any  # the first booked day after it; None = there is none yet
    opened: int  # lots
    closed: Sequence[Any]  # lots that were closed
    boots: Sequence[Any]  # in the period, and the last one before it
    latches: Sequence[Any]  # that held for a moment of it


@dataclass(frozen=True, slots=True)
class StopRows:
    """(gate, title, bars, buys, distinct moments) of every gate, and how many distinct bars are on record."""

    gates: Sequence[tuple[str, str, int, int, int]]
    moments: int


def read_ledger(location: LedgerLocation, period: ReportPeriod) -> LedgerRows:
    """Raises NotRead."""
    try:
        if not ledger_exists(location):
            raise NotRead(f"there is no {location}")
        engine = connect_reader(location)
        with engine.snapshot() as db:
            return _read(db, period)
    except (LedgerError, DamagedLedger) as error:
        raise NotRead(f"{location} cannot be read: {str(error).partition(chr(10))[0]}") from error


def _read(db: DatabaseSession, period: ReportPeriod) -> LedgerRows:
    span = {"start": period.start_ms, "end": period.end_ms, "first": period.days[0], "last": period.days[-1]}

    def rows(table: Table, end: str) -> list[Any]:
        return db.rows(f"{select(table)}{end}", span, of=table)

    after = rows(t.days, "WHERE day > :last ORDER BY day LIMIT 1")
    before = rows(t.boots, "WHERE at_ms < :start ORDER BY at_ms DESC LIMIT 1")
    opened = db.value("SELECT count(*) FROM lots WHERE opened_ms >= :start AND opened_ms < :end", span)
    return LedgerRows(
        days=rows(t.days, "WHERE day >= :first AND day <= :last ORDER BY day"),
        after=after[0] if after else None,
        opened=int(opened or 0),
        closed=rows(t.lots, "WHERE closed_ms >= :start AND closed_ms < :end ORDER BY closed_ms"),
        boots=[*before, *rows(t.boots, "WHERE at_ms >= :start AND at_ms < :end ORDER BY at_ms")],
        latches=rows(
            t.latches, "WHERE at_ms < :end AND (lifted_ms IS NULL OR lifted_ms > :start) ORDER BY at_ms"
        ),
    )  # fmt: skip


def read_stops(path: Path, period: ReportPeriod) -> StopRows:
    """What kept closed bars of the period from an entry. Raises NotRead."""
    span = (period.start_ms // 1000, period.end_ms // 1000)
    where = "FROM stops WHERE start_s >= ? AND start_s < ?"
    try:
        with closing(open_market_reader(path)) as db:
            gates = db.execute(
                "SELECT gate, max(title), count(*), sum(signal = 'buy'), count(DISTINCT start_s) "
                f"{where} GROUP BY gate",
                span,
            ).fetchall()
            (moments,) = db.execute(f"SELECT count(DISTINCT start_s) {where}", span).fetchone()
    except sqlite3.Error as error:
        raise NotRead(f"{path.name} cannot be read: {error}") from error
    return StopRows([row for row in gates if row[0] != ENTERED] + [row for row in gates if row[0] == ENTERED], moments)


def read_curve(path: Path, period: ReportPeriod, step_s: int) -> list[EquityRow]:
    """Equity of the period, the last note of each `step_s`, oldest first. Raises NotRead."""
    try:
        with closing(open_market_reader(path)) as db:
            return read_equity(db, period.start_ms // 1000, step_s, period.end_ms // 1000 - 1)
    except sqlite3.Error as error:
        raise NotRead(f"{path.name} cannot be read: {error}") from error
