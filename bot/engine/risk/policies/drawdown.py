"""Fall of the time-weighted curve from its highest point; latches until Start is pressed."""

from bot.engine.risk import losses
from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.universe import without_price


def _drawdown_pct(state: EngineState, _market: Market) -> float | None:
    """In percent; None = equity is not known."""
    if not state.control.ready or not state.account.portfolio.known or without_price(state) is not None:
        return None
    return state.account.drawdown_pct


def _restart(state: EngineState) -> None:
    """A person looked: where the limit is reached, the fall is measured from here on."""
    market = next(iter(state.markets.by_product.values()), None)
    if market is not None and not _GUARD.read(state, market).approved:
        losses.rebase_peak(state)


_GUARD = Guard(
    "drawdown",
    "Drawdown from the peak",
    "%",
    lambda s: s.max_drawdown_pct,
    _drawdown_pct,
    "press Start after a look: it counts from there",
    latches=True,
)
POLICY = guard_policy(
    _GUARD,
    "Fall of the time-weighted curve from its highest point; latched: press Start, and it counts from there",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_DRAWDOWN_PCT",),
    restart=_restart,
)
