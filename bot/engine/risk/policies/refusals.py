"""Entries that the exchange refused in a row: the product pauses, each time twice as long."""

from bot.engine.risk.errors import REFUSALS_MAX
from bot.engine.risk.guard import Guard
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _refusals(state: EngineState, market: Market) -> float:
    """Entries refused in a row while their pause lasts; after it one more may try."""
    product_id = market.instrument.product_id
    count = state.risk.refused_in_a_row.get(product_id, 0)
    pause = state.risk.pauses.get(product_id)
    over = pause is not None and pause.until_ms <= state.clock.now_ms
    return float(min(count, REFUSALS_MAX - 1) if over else count)


def _restart(state: EngineState) -> None:
    state.risk.refused_in_a_row.clear()
    state.risk.pauses.clear()


POLICY = guard_policy(
    Guard(
        "refusals",
        "Entries refused in a row",
        "",
        lambda _: float(REFUSALS_MAX),
        _refusals,
        "after a pause, or press Start",
        broken=True,
        per_product=True,
    ),
    "Entries refused in a row, at most four; after 1, 2, 4 … 60 minutes, or Start",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    assumed="no entry was refused",
    restart=_restart,
)
