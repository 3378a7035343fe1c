"""The market recorder: closed bars, equity and signals into `market.db`, for the charts.

Losing it costs nothing: BACKFILL makes it anew. So a write that fails is counted, and trading goes on.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import orjson

from bot.core.model import Bar
from bot.runtime.offload import Offload
from shared.market_data import CandleRow, EquityRow, open_market_writer, put_candles

log = logging.getLogger("market")
_PRUNE = "DELETE FROM candles WHERE granularity=? AND start_s<?"
KEEP_S = {"ONE_MINUTE": 14 * 86_400, "FIVE_MINUTE": 60 * 86_400, "ONE_HOUR": 730 * 86_400, "ONE_DAY": 10_000 * 86_400}


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

    async def equity(self, row: EquityRow) -> None:
        await self._write(lambda: self._execute("INSERT OR REPLACE INTO equity VALUES (?,?,?,?)", tuple(row)))

    async def signal(
        self, product_id: str, start_s: int, signal: str, probability: float | None, values: Mapping[str, float]
    ) -> None:
        row = (product_id, start_s, signal, probability, orjson.dumps(dict(values)).decode())
        await self._write(lambda: self._execute("INSERT OR REPLACE INTO signals VALUES (?,?,?,?,?)", row))

    async def prune(self, now_s: int) -> None:
        """Drop bars that no chart shows any more."""
        for granularity, keep_s in KEEP_S.items():
            await self._write(partial(self._execute, _PRUNE, (granularity, now_s - keep_s)))

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
