"""The market recorder: closed bars, equity and signals into `market.db`, for the charts.

Losing it costs nothing: BACKFILL makes it anew. So a write that fails is counted, and trading goes on.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import orjson

from bot.app.offload import Offload
from bot.domain.bars import Bar
from bot.domain.timeframe import Timeframe
from shared.market_data import (
    ENTERED,
    CandleRow,
    EquityRow,
    IndicatorRow,
    open_market_writer,
    put_candles,
    put_equity,
    put_indicators,
    read_candles,
)

log = logging.getLogger("market")
_PRUNE = "DELETE FROM candles WHERE granularity=? AND start_s<?"
_PRUNE_DECISIONS = ("DELETE FROM signals WHERE start_s<?", "DELETE FROM stops WHERE start_s<?")
_PUT_STOP = "INSERT OR REPLACE INTO stops (product_id, start_s, signal, gate, title, fault) VALUES (?,?,?,?,?,?)"
_PRUNE_INDICATORS = "DELETE FROM indicators WHERE granularity=? AND start_s<?"
Draw = Callable[[Sequence[CandleRow]], Sequence[IndicatorRow]]
KEEP_DECISIONS_S = 14 * 86_400
KEEP_S = {
    Timeframe.MINUTE: 14 * 86_400,
    Timeframe.FIVE_MINUTES: 60 * 86_400,
    Timeframe.HOUR: 730 * 86_400,
    Timeframe.DAY: 10_000 * 86_400,
}


class Recorder:
    """One connection, used only in the offload's thread."""

    def __init__(self, path: Path, offload: Offload) -> None:
        self._path, self._offload = path, offload
        self._db: sqlite3.Connection | None = None
        self.errors = 0
        self.last_error: str | None = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None or not self._path.exists():
            self._db = open_market_writer(self._path)
        return self._db

    async def candles(self, product_id: str, granularity: str, bars: Sequence[Bar]) -> None:
        """Keep closed bars."""
        rows = [CandleRow(*bar) for bar in bars]
        if rows:
            await self._write(lambda: put_candles(self._open(), product_id, granularity, rows))

    async def indicators(self, product_id: str, granularity: str, bars: int, draw: Draw) -> None:
        """The indicators on the newest `bars` kept bars, in place of what was kept of them."""

        def work() -> None:
            db = self._open()
            put_indicators(
                db, product_id, granularity, draw(read_candles(db, product_id, granularity, bars)), whole=True
            )

        await self._write(work)

    async def indicators_of(self, product_id: str, granularity: str, row: IndicatorRow) -> None:
        """Those of one more bar."""
        await self._write(lambda: put_indicators(self._open(), product_id, granularity, [row], whole=False))

    async def equity(self, row: EquityRow) -> None:
        await self._write(lambda: put_equity(self._open(), row))

    async def signal(
        self, product_id: str, start_s: int, signal: str, probability: float | None, values: Mapping[str, float]
    ) -> None:
        row = (product_id, start_s, signal, probability, orjson.dumps(dict(values)).decode())
        await self._write(lambda: self._execute("INSERT OR REPLACE INTO signals VALUES (?,?,?,?,?)", row))

    async def stop(
        self, product_id: str, start_s: int, signal: str, gate: str, title: str, *, fault: bool = False
    ) -> None:
        """Which gate was the first shut one when the bar was decided on; ENTERED = an entry followed.

        `fault`: it was shut because something is broken.
        """
        row = (product_id, start_s, signal, gate, title, int(fault))
        await self._write(lambda: self._execute(_PUT_STOP, row))

    async def entered(self, product_id: str, start_s: int) -> None:
        """An entry followed the bar after all."""
        row = (ENTERED, "Entered", product_id, start_s)
        await self._write(
            lambda: self._execute("UPDATE stops SET gate=?, title=?, fault=0 WHERE product_id=? AND start_s=?", row)
        )

    async def prune(self, now_s: int) -> None:
        """Drop bars and decisions that no page shows any more."""
        for granularity, keep_s in KEEP_S.items():
            await self._write(partial(self._execute, _PRUNE, (granularity, now_s - keep_s)))
            await self._write(partial(self._execute, _PRUNE_INDICATORS, (granularity, now_s - keep_s)))
        for statement in _PRUNE_DECISIONS:
            await self._write(partial(self._execute, statement, (now_s - KEEP_DECISIONS_S,)))

    def _execute(self, statement: str, row: tuple[object, ...]) -> None:
        self._open().execute(statement, row)

    async def _write(self, work: Callable[[], None]) -> None:
        try:
            await self._offload.run(work)
        except (sqlite3.Error, OSError) as error:
            self.errors += 1
            self.last_error = f"market.db: {error}"
            log.warning("market.db: %s", error)
            self._db = None
