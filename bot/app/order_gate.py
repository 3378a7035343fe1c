"""The order gate: one function, the last line before the socket. No order-creating request passes but through it."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.kinds import Purpose
from bot.domain.orders import OrderSpec
from shared.control import TradingState
from shared.paths import DataPaths
from shared.ports import Fs
from shared.settings import Mode, Settings


@dataclass(slots=True)
class Latches:
    """What shuts the gate. Set by the control poller and the shell, at once, before anybody else hears of it."""

    killed: bool = False
    level: TradingState = TradingState.STOP
    safe: bool = False
    ledger_ok: bool = True
    lock_lost: bool = False
    ledger_bad_s: float | None = None  # monotonic: since when not `ledger_ok`
    lock_lost_s: float | None = None


class OrderGate:
    """Judges every order right before it is sent; the answer is the reason why not, None = it may go."""

    def __init__(
        self,
        settings: Settings,
        paths: DataPaths,
        fs: Fs,
        risk: Callable[[OrderSpec], str | None],
        live_lock: Callable[[Purpose], str | None] | None = None,
    ) -> None:
        """`risk`: the engine's risk policies again. `live_lock`: why live orders are locked; without it they are."""
        self._settings, self._paths, self._fs = settings, paths, fs
        self._risk, self._live_lock = risk, live_lock
        self.latches = Latches()

    def refusal(self, spec: OrderSpec) -> str | None:
        """Why `spec` must not be sent now."""
        return self.shut(spec) or self._risk(spec)

    def shut(self, spec: OrderSpec) -> str | None:
        """The latches alone: safe to ask from the thread that is about to send."""
        latches, flatten = self.latches, spec.purpose is Purpose.FLATTEN
        if latches.lock_lost:
            return "the instance lock is lost: another bot may run"
        if not latches.ledger_ok:
            return "the ledger cannot be written"
        locked = self._locked(spec.purpose)
        if locked is not None:
            return locked
        if flatten:
            return None if spec.reduce_only else "a flatten only sells"
        if latches.killed or self._fs.exists(self._paths.kill):
            return "killed"
        if latches.safe:
            return "SAFE: cancel only"
        if latches.level >= TradingState.STOP:
            return "stopped"
        if latches.level is TradingState.PAUSE and spec.purpose is Purpose.ENTRY:
            return "paused"
        return None

    def nothing_sold(self) -> str | None:
        """Why no sale at all would pass, whatever the level is: asked before a take is cancelled for one."""
        if self.latches.lock_lost:
            return "the instance lock is lost: another bot may run"
        return self._locked(Purpose.FLATTEN)

    def nothing_cancelled(self) -> str | None:
        """Why not even a cancel goes out: in live, DRY_RUN or a folder that is not adopted."""
        return self._locked(Purpose.FLATTEN)

    def _locked(self, purpose: Purpose) -> str | None:
        if self._settings.coin_mode is not Mode.LIVE:
            return None
        if self._settings.dry_run:
            return "DRY_RUN is on: live orders are locked"
        locked = self._live_lock(purpose) if self._live_lock is not None else "live permission not checked"
        return f"live orders are locked: {locked}" if locked is not None else None
