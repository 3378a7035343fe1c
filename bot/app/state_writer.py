"""The state file, every 500 ms and at once when poked; the durable projection of the lots beside it.

Built in the event loop, so that a hung loop cannot look alive, and written in a thread, so that a slow disk
cannot hang the loop. A write that fails is counted and shown; the next tick tries again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot.app.metrics import Samples
from bot.app.offload import Offload
from bot.app.state_copy import StateCopy
from shared.documents.feeds import IoDoc
from shared.documents.state import BotState, encode_state
from shared.paths import DataPaths
from shared.ports import Clock, Fs

log = logging.getLogger("state")
INTERVAL_S = 0.5


@dataclass(slots=True)
class IoHealth:
    """Counted write errors; `positions_ok` false shuts entries."""

    write_errors: int = 0
    last_error: str | None = None
    positions_ok: bool = True
    disk_free_mb: int | None = None


class StateWriter:
    """Owns `bot_state.json`, `positions.json` and its older name."""

    def __init__(
        self,
        paths: DataPaths,
        fs: Fs,
        clock: Clock,
        offload: Offload,
        state: Callable[[], BotState],
        positions: Callable[[], bytes | None],
        copy: StateCopy | None = None,
    ) -> None:
        self._paths, self._fs, self._clock, self._offload = paths, fs, clock, offload
        self._state, self._positions = state, positions
        self._copy = copy
        self._copy_error: str | None = None
        self._poked = asyncio.Event()
        self._positions_due = True
        self._last_write_s: float | None = None
        self._disk_at_s = -1e9
        self.health = IoHealth()
        self.interval_ms = Samples()

    def poke(self) -> None:
        """Write at once: the phase changed, or a receipt came."""
        self._poked.set()

    def lots_changed(self) -> None:
        """`positions.json` is to be written with the next state."""
        self._positions_due = True

    def io(self, ledger_ok: bool, ledger_error: str | None) -> IoDoc:
        h = self.health
        return IoDoc(
            write_errors=h.write_errors,
            last_error=h.last_error,
            ledger_ok=ledger_ok,
            ledger_error=ledger_error,
            disk_free_mb=h.disk_free_mb,
        )

    async def run(self) -> None:
        """Write for ever. The beat keeps its own time: a poke in between does not shift it."""
        due_s = self._clock.monotonic_s()
        while True:
            beat = await self._wait(due_s)
            if beat:
                now_s = self._clock.monotonic_s()
                if self._last_write_s is not None:
                    self.interval_ms.add((now_s - self._last_write_s) * 1000)
                self._last_write_s = now_s
                due_s = max(due_s + INTERVAL_S, now_s + INTERVAL_S / 2)
            await self.write()

    async def _wait(self, due_s: float) -> bool:
        """True at the beat, False at a poke."""
        left_s = due_s - self._clock.monotonic_s()
        if left_s > 0:
            try:
                # Not `wait_for`: until Python 3.12 it loses a cancellation that comes with the poke, and never ends.
                async with asyncio.timeout(left_s):
                    await self._poked.wait()
            except TimeoutError:
                return True
            self._poked.clear()
            return False
        return True

    async def write(self, *, durable: bool = False) -> None:
        """Write the state now, and the positions where they changed. Never raises OSError."""
        data = encode_state(self._state())
        # None: the lots are not known yet, and the file of the last run says more than an empty one would.
        positions = self._positions() if self._positions_due else None
        self._positions_due = self._positions_due and positions is None
        await self._offload.run(lambda: self._to_disk(data, positions, durable))

    def _to_disk(self, state: bytes, positions: bytes | None, durable: bool) -> None:
        now_s = self._clock.monotonic_s()
        try:
            self._fs.write_whole(self._paths.state, state, durable=durable)
            if self.health.last_error is not None and positions is None and self.health.positions_ok:
                self.health.last_error = self._copy_error
        except OSError as error:
            self._failed(f"bot_state.json: {error.strerror or error}")
        if self._copy is not None:
            self._copy_error = self._copy.write(state)
            if self._copy_error is not None:
                self._failed(self._copy_error)
        if positions is not None:
            try:
                self._fs.write_whole(self._paths.positions, positions, durable=True)
                self._fs.write_whole(self._paths.live_positions, positions, durable=False)
                self.health.positions_ok = True
            except OSError as error:
                self._positions_due, self.health.positions_ok = True, False
                self._failed(f"positions.json: {error.strerror or error}")
        if now_s - self._disk_at_s > 5.0:
            self._disk_at_s = now_s
            try:
                self.health.disk_free_mb = self._fs.free_bytes(self._paths.root) // 2**20
            except OSError:
                self.health.disk_free_mb = None

    def _failed(self, text: str) -> None:
        self.health.write_errors += 1
        if self.health.last_error != text:
            log.error("%s", text)
        self.health.last_error = text
