"""Short reads of the ledger and the market data: each opens, reads and closes, so that a replaced file is noticed.

Every function here blocks and is called in a thread. A file that is not there yet gives None, never an empty list:
"nothing happened" and "not known" are different things.
"""

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import orjson

from dashboard.rows import (
    DONE_STATES,
    ActivityRow,
    LedgerClosedLot,
    LedgerCommand,
    LedgerDay,
    LedgerFill,
    LedgerLatch,
    LedgerOpenLot,
    LedgerOrder,
    ShutGate,
    StopCount,
)
from shared.ledger.connect import connect_reader
from shared.ledger.db import Database, LedgerError, Values, among
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger
from shared.ledger.schema import activity_log, commands, days, fills, latches, lots, orders
from shared.ledger.tables import Table, select
from shared.market_data import CandleRow, EquityRow, IndicatorRow, open_market_reader, read_candles, read_equity

FAR_S = 1 << 40  # later than every bar
T = TypeVar("T")
log = logging.getLogger(__name__)


def columns(made: type[Any]) -> tuple[str, ...]:
    """The columns that a row of this shape is made of."""
    return tuple(one.name for one in fields(made))


def _complete(lot: LedgerClosedLot) -> LedgerClosedLot:
    """Columns that an older version left empty get their plain meaning."""
    if lot.exit_reason and lot.realized_pnl is not None:
        return lot
    return replace(lot, realized_pnl=lot.realized_pnl or Decimal(0), exit_reason=lot.exit_reason or "unknown")


class LedgerQueries:
    """Read models over the ledger, `ledger.db` or on its server; read-only sessions in either case."""

    def __init__(self, location: Path | LedgerLocation) -> None:
        self.location = location if isinstance(location, LedgerLocation) else LedgerLocation(location)
        self._engine: Database | None = None

    def rows(self, table: Table, names: Sequence[str], end: str = "", values: Values | None = None) -> list[Any] | None:
        """These columns of a table; `end` is what follows FROM. None = there is no ledger to read."""
        if not self.location.on_server and not self.location.path.exists():
            return None
        try:
            self._engine = self._engine or connect_reader(self.location)
        except DamagedLedger as error:  # no driver for the server
            log.warning("ledger.unreadable error=%s", error)
            return None
        try:
            with self._engine.connect() as db:
                return db.rows(f"{select(table, tuple(names))}{end}", values, of=table)
        except LedgerError:
            return None

    def all(self, made: type[T], table: Table, end: str = "", values: Values | None = None) -> list[T] | None:
        """The same, each row as `made`, whose fields name the columns."""
        rows = self.rows(table, columns(made), end, values)
        return None if rows is None else [made(*row) for row in rows]

    def fills(self, since_ms: int = 0, limit: int = 500, product_id: str | None = None) -> list[LedgerFill] | None:
        """Newest first."""
        of_product = "" if product_id is None else "AND product_id = :product "
        end = f"WHERE exchange_ms >= :since {of_product}ORDER BY exchange_ms DESC LIMIT :most"
        return self.all(LedgerFill, fills, end, {"since": since_ms, "product": product_id, "most": limit})

    def closed_lots(self, since_ms: int = 0, limit: int = 20_000) -> list[LedgerClosedLot] | None:
        """Round trips that ended at or after `since_ms`, oldest first."""
        end = "WHERE closed_ms >= :since ORDER BY closed_ms DESC LIMIT :most"
        found = self.all(LedgerClosedLot, lots, end, {"since": since_ms, "most": limit})
        return None if found is None else [_complete(lot) for lot in reversed(found)]

    def closed_between(self, start_ms: int, end_ms: int) -> list[LedgerClosedLot] | None:
        """Round trips that ended from `start_ms` to before `end_ms`, oldest first."""
        end = "WHERE closed_ms >= :start AND closed_ms < :end ORDER BY closed_ms"
        found = self.all(LedgerClosedLot, lots, end, {"start": start_ms, "end": end_ms})
        return None if found is None else [_complete(lot) for lot in found]

    def closed_of(self, product_id: str, start_ms: int, end_ms: int, limit: int) -> list[LedgerClosedLot] | None:
        """The newest `limit` round trips of the product that were held at some time from `start_ms` to before `end_ms`,
        oldest first."""
        held = "closed_ms >= :start AND opened_ms < :end"
        end = f"WHERE product_id = :product AND {held} ORDER BY closed_ms DESC LIMIT :most"
        asked = {"product": product_id, "start": start_ms, "end": end_ms, "most": limit}
        found = self.all(LedgerClosedLot, lots, end, asked)
        return None if found is None else [_complete(lot) for lot in reversed(found)]

    def closed_lot(self, lot_id: str) -> LedgerClosedLot | None:
        """None = there is no such round trip, or no ledger to read."""
        end = "WHERE lot_id = :lot AND closed_ms IS NOT NULL"
        found = self.all(LedgerClosedLot, lots, end, {"lot": lot_id})
        return _complete(found[0]) if found else None

    def open_lots(self) -> list[LedgerOpenLot] | None:
        """Lots that are held, oldest first."""
        return self.all(LedgerOpenLot, lots, "WHERE closed_ms IS NULL ORDER BY opened_ms")

    def orders(self, *, working: bool, limit: int = 200) -> list[LedgerOrder] | None:
        """Orders that work, or those that ended; newest first."""
        done, states = among("state", sorted(DONE_STATES))
        end = f"WHERE state {'NOT IN' if working else 'IN'} {done} ORDER BY updated_ms DESC LIMIT :most"
        return self.all(LedgerOrder, orders, end, {**states, "most": limit})

    def activity(self, limit: int = 200, kind: str | None = None, ref: str | None = None) -> list[ActivityRow] | None:
        """Newest first."""
        asked = {name: value for name, value in (("kind", kind), ("ref", ref)) if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in asked)
        end = f"{f'WHERE {where} ' if where else ''}ORDER BY seq DESC LIMIT :most"
        return self.all(ActivityRow, activity_log, end, {**asked, "most": limit})

    def activity_between(self, from_ms: int, to_ms: int, limit: int) -> list[ActivityRow] | None:
        """What the bot noted in that time, oldest first; the first `limit` lines."""
        end = "WHERE at_ms BETWEEN :start AND :end ORDER BY at_ms, seq LIMIT :most"
        return self.all(ActivityRow, activity_log, end, {"start": from_ms, "end": to_ms, "most": limit})

    def activity_of(self, refs: list[str]) -> list[ActivityRow] | None:
        """Every line about the named orders, oldest first."""
        named, values = among("ref", refs)
        return self.all(ActivityRow, activity_log, f"WHERE ref IN {named} ORDER BY seq LIMIT 2000", values)

    def commands(self, limit: int = 200) -> list[LedgerCommand] | None:
        """Newest first."""
        return self.all(LedgerCommand, commands, "ORDER BY seen_ms DESC LIMIT :most", {"most": limit})

    def command(self, command_id: str) -> LedgerCommand | None:
        found = self.all(LedgerCommand, commands, "WHERE id = :id", {"id": command_id})
        return found[0] if found else None

    def adopted(self, limit: int = 500) -> list[LedgerCommand] | None:
        """Differences that a person adopted as transfers, newest first."""
        end = "WHERE cmd = 'adopt' AND state = 'done' ORDER BY seen_ms DESC LIMIT :most"
        return self.all(LedgerCommand, commands, end, {"most": limit})

    def latches(self, limit: int = 20) -> list[LedgerLatch] | None:
        """Newest first."""
        return self.all(LedgerLatch, latches, "ORDER BY at_ms DESC LIMIT :most", {"most": limit})

    def days(self, limit: int = 800) -> list[LedgerDay] | None:
        """Oldest first."""
        rows = self.all(LedgerDay, days, "ORDER BY day DESC LIMIT :most", {"most": limit})
        return None if rows is None else rows[::-1]


class MarketQueries:
    """Candles and equity from `market.db`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def candles(self, product_id: str, granularity: str, limit: int, before_s: int = FAR_S) -> list[CandleRow] | None:
        """The newest `limit` bars that began before `before_s`, oldest first."""
        try:
            db = open_market_reader(self.path)
        except sqlite3.Error:
            return None
        try:
            return read_candles(db, product_id, granularity, limit, before_s)
        except sqlite3.Error:
            return None
        finally:
            db.close()

    def minutes(self, product_id: str, since_s: int) -> list[CandleRow]:
        """Closed minutes since then, oldest first; none where nothing can be read."""
        rows = self._rows(
            "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id = ? AND "
            "granularity = 'ONE_MINUTE' AND start_s >= ? ORDER BY start_s",
            (product_id, since_s),
        )
        return [CandleRow(*row) for row in rows or []]

    def minutes_between(self, product_id: str, start_s: int, end_s: int) -> list[CandleRow]:
        """Closed minutes that began from `start_s` to before `end_s`, oldest first; none where nothing can be read."""
        rows = self._rows(
            "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id = ? AND "
            "granularity = 'ONE_MINUTE' AND start_s >= ? AND start_s < ? ORDER BY start_s",
            (product_id, start_s, end_s),
        )
        return [CandleRow(*row) for row in rows or []]

    def indicators(self, product_id: str, granularity: str, since_s: int, before_s: int = FAR_S) -> list[IndicatorRow]:
        """The strategy's indicators of that time, oldest first; none where nothing can be read."""
        rows = self._rows(
            "SELECT start_s, vals FROM indicators WHERE product_id = ? AND granularity = ? AND start_s >= ? "
            "AND start_s < ? ORDER BY start_s",
            (product_id, granularity, since_s, before_s),
        )
        try:
            return [IndicatorRow(int(at_s), orjson.loads(values)) for at_s, values in rows or []]
        except orjson.JSONDecodeError:
            return []

    def equity(self, since_s: int, most: int = 1500) -> list[EquityRow] | None:
        """Equity since `since_s`, oldest first, at most about `most` points: the last one of each equal span."""
        try:
            db = open_market_reader(self.path)
        except sqlite3.Error:
            return None
        try:
            first, last, found = db.execute(
                "SELECT min(at_s), max(at_s), count(*) FROM equity WHERE at_s >= ?", (since_s,)
            ).fetchone()
            if not found:
                return []
            step = max(1, (last - first) // most) if found > most else 1
            return read_equity(db, since_s, step)
        except sqlite3.Error:
            return None
        finally:
            db.close()

    def bar_at(self, product_id: str, at_s: int) -> CandleRow | None:
        """The newest minute that had closed by `at_s`."""
        row = self._one(
            "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id = ? AND "
            "granularity = 'ONE_MINUTE' AND start_s <= ? ORDER BY start_s DESC LIMIT 1",
            (product_id, at_s - 60),
        )
        return CandleRow(*row) if row else None

    def equity_at(self, at_s: int) -> EquityRow | None:
        """The newest note of equity by `at_s`."""
        row = self._one(
            "SELECT at_s, equity, cash, lots_value FROM equity WHERE at_s <= ? ORDER BY at_s DESC LIMIT 1", (at_s,)
        )
        return EquityRow(*row) if row else None

    def equity_by_day(self, since_s: int) -> tuple[EquityRow | None, list[EquityRow]] | None:
        """(where it began, the last note of each UTC day since then, oldest first).

        It began at the last note within a week before, else at the first one there is.
        """
        try:
            db = open_market_reader(self.path)
        except sqlite3.Error:
            return None
        try:
            rows = read_equity(db, since_s, 86_400)
            before = read_equity(db, since_s - 7 * 86_400, 7 * 86_400, since_s - 1) if since_s else []
            if not before:
                (first,) = db.execute("SELECT min(at_s) FROM equity WHERE at_s >= ?", (since_s,)).fetchone()
                before = read_equity(db, first, 1, first) if first is not None else []
            return (before[-1] if before else None), rows
        except sqlite3.Error:
            return None
        finally:
            db.close()

    def _one(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        rows = self._rows(query, values)
        return rows[0] if rows else None

    def decisions(self, product_id: str, since_s: int, before_s: int = FAR_S) -> list[tuple[int, str]]:
        """(bar's start; buy, sell or flat) of that time, oldest first."""
        query = (
            "SELECT start_s, signal FROM signals WHERE product_id = ? AND start_s >= ? AND start_s < ? ORDER BY start_s"
        )
        return [(int(at), str(word)) for at, word in self._rows(query, (product_id, since_s, before_s)) or []]

    def shut_gates(self, product_id: str, span_s: int, since_s: int, before_s: int = FAR_S) -> list[ShutGate]:
        """The first shut gate of each decision of that time, counted within bars of `span_s`, oldest first.

        What was not recorded is left out; none where nothing can be read.
        """
        rows = self._rows(
            "SELECT start_s / ? * ? AS bar_s, gate, max(title), count(*), max(fault) FROM stops WHERE product_id = ? "
            "AND start_s >= ? AND start_s < ? GROUP BY bar_s, gate ORDER BY bar_s",
            (span_s, span_s, product_id, since_s, before_s),
        )
        return [ShutGate(int(at_s), gate, title, bars, bool(fault)) for at_s, gate, title, bars, fault in rows or []]

    def stops(self, since_s: int) -> list[StopCount] | None:
        """What kept closed bars from an entry since then; None = nothing to read."""
        query = (
            "SELECT product_id, gate, max(title), count(*), sum(signal = 'buy') FROM stops WHERE start_s >= ? "
            "GROUP BY product_id, gate"
        )
        rows = self._rows(query, (since_s,))
        return None if rows is None else [StopCount(*row) for row in rows]

    def signals(self, product_id: str, limit: int = 60) -> list[tuple[int, str]]:
        """(bar's start, buy, sell or flat), oldest first."""
        query = "SELECT start_s, signal FROM signals WHERE product_id = ? ORDER BY start_s DESC LIMIT ?"
        rows = self._rows(query, (product_id, limit)) or []
        return [(int(at), str(signal)) for at, signal in reversed(rows)]

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]] | None:
        """All rows; None = there is no such file or table (also where an older bot wrote it)."""
        try:
            db = open_market_reader(self.path)
        except sqlite3.Error:
            return None
        try:
            return db.execute(query, values).fetchall()
        except sqlite3.Error:
            return None
        finally:
            db.close()
