"""What people and the machine allow now, and what the bot may call itself."""

from bot.engine.execution import exits
from bot.engine.state.control import Latch
from bot.engine.state.engine_state import EngineState
from shared.control import TradingState
from shared.documents.status import Phase, Status


class ControlView:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def ready(self) -> bool:
        """The boot is over."""
        return self._state.control.ready

    @property
    def level(self) -> TradingState:
        """What is requested of it."""
        return self._state.control.level

    @property
    def latch(self) -> Latch | None:
        """The kill latch; None = it is open."""
        return self._state.control.latch

    @property
    def safe(self) -> str | None:
        """Why only cancels go out; None = not in safe mode."""
        return self._state.control.safe

    @property
    def may_enter(self) -> bool:
        return self._state.control.may_enter

    @property
    def may_exit(self) -> bool:
        return self._state.control.may_exit

    @property
    def ledger_ok(self) -> bool:
        return self._state.control.ledger_ok

    @property
    def entries_latched(self) -> str | None:
        """Why a person must press Start before the next entry; None = nobody must."""
        return self._state.control.entries_latched

    @property
    def entries_blocked(self) -> str | None:
        """Why a person must look before the next entry, latched or not; None = nothing waits for one."""
        return self._state.entries_blocked

    @property
    def stop_is_done(self) -> bool:
        """Nothing is left of what a stop cancels."""
        return exits.stop_is_done(self._state)

    @property
    def status(self) -> Status:
        """What the bot may call itself once its boot is over."""
        control = self._state.control
        if control.safe is not None:
            return Status.SAFE
        if control.latch is not None:
            return Status.KILLED
        if control.level is TradingState.STOP:
            return Status.STOPPED if self.stop_is_done and not control.flattens else Status.STOPPING
        return Status.PAUSED if control.level is TradingState.PAUSE else Status.RUNNING

    @property
    def phase(self) -> Phase:
        """The phase that goes with `status`."""
        trading = self.status in (Status.RUNNING, Status.PAUSED, Status.STOPPING)
        return Phase.TRADING if trading else Phase.STOPPED
