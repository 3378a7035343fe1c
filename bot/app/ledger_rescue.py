"""A ledger whose files were removed or replaced under the bot: all of it is copied, each time that they go.

The connection still sees the whole of it; the process's end would lose it. The copy is made where nothing waits for it.
"""

import asyncio
import logging
import sqlite3

from bot.app.ledger import LedgerWriter
from bot.app.offload import Offload
from shared.ledger.db import LedgerError
from shared.paths import ROOT, DataPaths
from shared.ports import Clock

log = logging.getLogger("ledger")


class LedgerRescue:
    """At most one copy while the files are gone: nothing is written after it, so a second one would be the same."""

    def __init__(self, paths: DataPaths, clock: Clock, offload: Offload) -> None:
        self._paths, self._clock, self._offload = paths, clock, offload
        self._task: asyncio.Task[None] | None = None
        self.kept: str | None = None  # the copy's path, from the project's folder where it lies in it

    def begin(self, ledger: LedgerWriter) -> None:
        """Make the copy, unless that was tried."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._copy(ledger), name="ledger-rescue")

    def over(self) -> None:
        """The files are back and are written again: what was copied is old by the next time that they go."""
        self._task, self.kept = None, None

    async def _copy(self, ledger: LedgerWriter) -> None:
        stem = self._paths.ledger.stem
        target = self._paths.root / f"{stem}.rescued-{self._clock.utc():%Y%m%dT%H%M%SZ}.db"
        try:
            await self._offload.run(lambda: ledger.rescue(target))
        except (OSError, sqlite3.Error, LedgerError, RuntimeError) as error:  # RuntimeError: the process is ending
            log.critical("ledger: no copy could be kept: %s", error)
            return
        if self._task is not asyncio.current_task():
            return  # the files were back before the copy was made
        self.kept = str(target.relative_to(ROOT) if target.is_relative_to(ROOT) else target)
        log.warning("ledger: all that was in it is kept as %s", self.kept)
