"""Base units held, in flight and planned, of MAX_BASE."""

from bot.engine.risk.exposure import base_cap, exposure_base
from bot.engine.risk.guard import Guard, Planned, at_decision
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _used_pct(state: EngineState, market: Market, entry: Planned) -> float | None:
    """In percent of the product's cap; 0 = it has none, None = no price to turn money with."""
    cap = base_cap(state, market)
    if cap is None:
        return 0.0
    if entry.base is None:
        return None
    return float((exposure_base(state, market, entry.own) + entry.base) / cap * 100)


POLICY = guard_policy(
    Guard(
        "base_cap",
        "Base units with this entry, of MAX_BASE",
        "%",
        lambda s: 100.0 if s.max_base else 0.0,
        at_decision(_used_pct),
        "when a lot is closed",
        reaching_is_fine=True,
        unknown_shuts=True,
        per_product=True,
        of_entry=_used_pct,
    ),
    "Base units of the product with this entry; until a lot is closed",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_BASE",),
    standing=False,
)
