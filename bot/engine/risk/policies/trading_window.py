"""TRADING_WINDOW_UTC: entries only inside it."""

from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import in_window
from shared.settings import parse_window


def _window(state: EngineState, _market: Market) -> Gate:
    text = state.settings.trading_window_utc
    window = parse_window(text) if text else None
    if window is None:
        return Gate("window", "Trading window", OPEN, "always", None)
    minute = state.clock.now_ms // 60_000 % 1440
    first, last = window
    verdict = OPEN if in_window(minute, first, last) else SHUT
    now, opens = f"{minute // 60:02d}:{minute % 60:02d}", f"at {first // 60:02d}:{first % 60:02d} UTC"
    return Gate("window", "Trading window", verdict, now, text, opens)


POLICY = RiskPolicy(
    "window",
    "Trading window",
    "Inside the hours that are set",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("TRADING_WINDOW_UTC",),
    judge=_window,
    standing=True,
)
