"""This machine's clock against the exchange's."""

from bot.engine.risk.limits import plain_limit
from bot.engine.risk.policy import FAULT, OPEN, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.documents.risk import LimitDoc

LIMIT_MS = 5000


def _clock(state: EngineState, _market: Market) -> Gate:
    offset = state.clock.offset_ms
    if offset is None:
        return Gate("clock", "Clock", OPEN, "not compared yet", f"± {LIMIT_MS} ms")
    verdict = FAULT if abs(offset) > LIMIT_MS else OPEN
    return Gate("clock", "Clock", verdict, f"{offset:+d} ms", f"± {LIMIT_MS} ms", "set this machine's clock")


def _limits(state: EngineState) -> list[LimitDoc]:
    offset = state.clock.offset_ms
    return [plain_limit("clock", "Clock offset", abs(offset) if offset is not None else None, LIMIT_MS, "ms")]


POLICY = RiskPolicy(
    "clock",
    "Clock",
    "This machine's clock within 5 s of the exchange's",
    Failure.RECOVERABLE,
    Backtest.LIVE_ONLY,
    assumed="the clock was right",
    judge=_clock,
    standing=True,
    limits=_limits,
)
