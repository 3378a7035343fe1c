"""The bot's seams in a deterministic run: clock, randomness, files, offload, ledger, all of one process of the bot."""

import asyncio
import errno
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from bot.app.control import LOOK_S
from shared.ledger.db import Database, DatabaseSession, LedgerUnavailable
from shared.ledger.open import open_writer
from shared.ports import SystemFs
from shared.times import EPOCH
from simtest.virtual_loop import VirtualLoop

T = TypeVar("T")
LOOK_US = round(LOOK_S * 1e6)
AWAKE_US = 1_000_000
QUIET_LOOK_S = 1.0
BUSY_LOOK_S = 0.1  # while a command waits for its effect for longer than some seconds
OFFLOAD_S = 0.0004
MARKET_EVERY = 10


class DeadProcessActed(SystemExit):
    """A process that has ended tried to act: an error of the simulation, never of the bot."""


class ChangeSignal:
    """Tells the control task that its files changed, so that it need not poll 100 times a second."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._awake_until_us = 0
        self._waiter: asyncio.Future[None] | None = None

    def changed(self) -> None:
        """A file that the control task looks at may have changed: look every 10 ms for the next second."""
        self._awake_until_us = self._loop.now_us + AWAKE_US
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            grid = LOOK_US - self._loop.now_us % LOOK_US
            self._loop.call_later(grid / 1e6, _wake, waiter)

    def forget(self) -> None:
        """Forget the waiting task, whose process has ended."""
        self._waiter = None

    @property
    def quiet(self) -> bool:
        return self._loop.now_us > self._awake_until_us

    async def wait(self, seconds: float) -> None:
        self._waiter = waiter = self._loop.create_future()
        handle = self._loop.call_later(seconds, _wake, waiter)
        await waiter
        handle.cancel()


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class VirtualClock:
    """Virtual time as the bot's clocks: the wall clock may be off and may jump, the monotonic one never does."""

    def __init__(self, loop: VirtualLoop, start_us: int, change_signal: ChangeSignal, busy: Callable[[], bool]) -> None:
        self._loop, self._start_us, self._signal, self._busy = loop, start_us, change_signal, busy
        self._base_s = start_us / 1e6 % 100_000
        self.wall_off_us = 0
        self._told_us, self._told = -1, EPOCH  # most moments are asked for more than once

    def utc(self) -> datetime:
        us = self._start_us + self._loop.now_us + self.wall_off_us
        if us != self._told_us:
            self._told_us, self._told = us, EPOCH + timedelta(microseconds=us)
        return self._told

    def monotonic_s(self) -> float:
        return self._base_s + self._loop.now_us / 1e6

    async def sleep(self, seconds: float) -> None:
        if seconds == LOOK_S and self._signal.quiet:
            task = asyncio.current_task()
            if task is not None and task.get_name() == "control":
                await self._signal.wait(BUSY_LOOK_S if self._busy() else QUIET_LOOK_S)
                return
        await asyncio.sleep(seconds)


class SeededRng:
    """Ids and jitter from the seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


class InlineOffload:
    """Does blocking work at once and reports its end a moment later."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive = alive

    async def run(self, work: Callable[[], T]) -> T:
        if not self._alive():
            raise DeadProcessActed
        done = work()
        await asyncio.sleep(OFFLOAD_S)
        return done


class VirtualFs(SystemFs):
    """Real files, on a memory disk; writes are told to `written`, and fail while the disk is full.

    `market.json`, a view that nothing of the bot reads, is written each `MARKET_EVERY` times only.
    """

    def __init__(self, alive: Callable[[], bool], full: Callable[[], bool], written: Callable[[Path, bytes], None]):
        self._alive, self._full, self._written = alive, full, written
        self._quotes = 0
        self.unsynced: dict[Path, bytes] = {}  # written without being put on the disk, with what stood there before

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
        if not self._alive():
            raise DeadProcessActed
        if self._full():
            raise OSError(errno.ENOSPC, "No space left on device")
        if path.name == "market.json":
            self._quotes += 1
            if self._quotes % MARKET_EVERY != 1:
                return
        if durable:
            self.unsynced.pop(path, None)
        else:
            self.unsynced[path] = path.read_bytes() if path.exists() else b""
        super().write_whole(path, data, durable=False)
        self._written(path, data)

    def touch(self, path: Path) -> None:
        if not self._alive():
            raise DeadProcessActed
        super().touch(path)

    def audit(self, path: Path, row: Mapping[str, Any], at: str) -> None:
        if not self._alive():
            raise DeadProcessActed
        if self._full():
            raise OSError(errno.ENOSPC, "No space left on device")
        super().audit(path, row, at)

    def free_bytes(self, path: Path) -> int:
        return 0 if self._full() else 10**10


class ProbedDatabase:
    """A real ledger that can fail or crash at every commit."""

    name = "sqlite"

    def __init__(self, engine: Database, probe: Callable[[str], None]) -> None:
        self._engine, self._probe = engine, probe

    @contextmanager
    def begin(self) -> Iterator[DatabaseSession]:
        self._probe("begin")
        with self._engine.begin() as db:
            yield db
            self._probe("before commit")
        self._probe("after commit")

    def connect(self) -> AbstractContextManager[DatabaseSession]:
        return self._engine.connect()

    def snapshot(self) -> AbstractContextManager[DatabaseSession]:
        return self._engine.snapshot()

    def execute_raw(self, statements: Iterable[str]) -> None:
        """Run the test's own statements, without the probe."""
        with self._engine.begin() as db:
            for statement in statements:
                db.run(statement)

    def dispose(self) -> None:
        self._engine.dispose()


def ledger_opener(probe: Callable[[str], None], opened: Callable[[ProbedDatabase], None]) -> Callable[[Path], Database]:
    """The function that the bot calls to open its ledger."""

    def open_probed(path: Path) -> Database:
        database = ProbedDatabase(open_writer(path), probe)
        opened(database)
        return database

    return open_probed


def disk_full() -> LedgerUnavailable:
    """The error of a full disk, as SQLite raises it."""
    return LedgerUnavailable("database or disk is full")
