"""Plans of bots that trade otherwise than in lots with levels alone: at target weights (KIND=exposure), or out of
lots by a SELL (SIGNAL_EXITS); with any faults and acts.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

WEIGHTS: Mapping[str, tuple[Any, ...]] = {
    "strategy": ("weight_steps",) * 6 + ("always", "sma_cross"),
    "kind": ("exposure",),
    "exposure_max_pct": (100.0, 90.0, 50.0),
    "exposure_band_pct": (5.0, 1.0, 20.0),
    "exposure_maker_sec": (5.0, 10.0, 20.0, 45.0, 0.0),
}
SIGNALS: Mapping[str, tuple[Any, ...]] = {
    "strategy": ("sma_cross",),
    "signal_exits": (True,),
    "ma_fast": (1, 2),
    "ma_slow": (3, 6),
    "stop_loss_pct": (1000.0, 3.0),
    "take_profit_pct": (0.2, 2.0),
}


def signal_settings(random: Random) -> dict[str, Any]:
    """What plans set in any case whose bot sells its lots on a SELL."""
    return {"strategy_options": {}, **{name: random.choice(choices) for name, choices in SIGNALS.items()}}


def weight_settings(random: Random, made: Mapping[str, Any]) -> dict[str, Any]:
    """What these plans set in any case; `made`: the plan's other settings."""
    found = {name: random.choice(choices) for name, choices in WEIGHTS.items()}
    found |= {"strategy_options": {}, "scanner_max_products": 0, "sim_funds": min(made.get("sim_funds", 1e4), 10_000.0)}
    if found["strategy"] == "weight_steps":
        found["kind"] = random.choice(("auto", "exposure"))
    return found
