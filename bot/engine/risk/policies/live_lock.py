"""Live mode: no order without DRY_RUN=false, an own folder and a valid permission."""

from bot.engine.risk.policy import FAULT, OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.settings import Mode


def _live_lock(state: EngineState, _market: Market) -> Gate:
    mode = state.settings.coin_mode
    if mode is not Mode.LIVE:
        return Gate("live_lock", "Live lock", OPEN, mode.value, None)
    if state.settings.dry_run:
        return Gate("live_lock", "Live lock", SHUT, "locked", "open", "DRY_RUN=false, set by hand")
    if state.control.sale_lock is not None:
        way = "./coin adopt-folder" if "adopt-folder" in state.control.sale_lock else "./coin restart"
        return Gate("live_lock", "Live lock", FAULT, state.control.sale_lock, "sending possible", way)
    if state.risk.live_lock is not None:
        return Gate("live_lock", "Live lock", SHUT, state.risk.live_lock, "a valid permission", "./coin enable-live")
    return Gate("live_lock", "Live lock", OPEN, mode.value, None)


POLICY = RiskPolicy(
    "live_lock",
    "Live lock",
    "Live: an own data folder and a valid permission (`./coin enable-live`); the order gate asks for both once more",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("DRY_RUN",),
    "no lock was in the way",
    judge=_live_lock,
    standing=True,
)
