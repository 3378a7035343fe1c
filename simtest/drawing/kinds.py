"""Plans of bots that trade otherwise than in lots by one strategy alone: at target weights (KIND=exposure), out of
lots by a SELL (SIGNAL_EXITS), by several strategies (STRATEGIES), by the regime of the market (REGIME); with any faults
and acts. And calm plans in which so many purchases, or so many losses in a row, shut entries.
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

# Of these combinations the judge reckons those of always and sma_cross; of the others it knows no signal.
COMBINED: Mapping[str, tuple[Any, ...]] = {
    "strategies": (
        ("always", "sma_cross"), ("always", "sma_cross"), ("sma_cross", "momentum"),
        ("always", "momentum", "rsi_reversion"),
    ),
    "strategies_rule": ("vote", "weight"),
    "strategies_weights": ("", "always:3"),
    "strategies_majority": (0.5, 0.4, 0.7),
    "ma_fast": (1, 2),
    "ma_slow": (3, 6),
}  # fmt: skip
# Windows so short that ten minutes go through several regimes.
REGIMES: Mapping[str, tuple[Any, ...]] = {
    "regime": (True,),
    "regime_trend_bars": (10, 30),
    "regime_trend_enter": (0.5, 1.0),
    "regime_trend_leave": (0.2, 0.4),
    "regime_vol_bars": (5, 10),
    "regime_vol_long_bars": (20, 60),
    "regime_wild_enter": (1.1, 1.5),
    "regime_wild_leave": (0.9, 1.0),
    "regime_scales": ("down-calm:0.5,down-wild:0.25,range-wild:0.5,up-wild:0.5", "down-wild:0,range-calm:0.3"),
    "regime_strategies": ("", "", "down-wild:momentum,up-calm:sma_cross"),
    "strategy": ("always", "always", "sma_cross"),
    "max_history_candles": (120, 400),  # all of them are read at each start
}
# Every bar buys several products; a person presses Start now and then. One of the two limits is soon reached.
LATCHES: Mapping[str, tuple[Any, ...]] = {
    "strategy": ("always",),
    "entry_order": ("market",),
    "take_profit_order": ("limit", "market"),
    "risk_per_trade_pct": (0.5, 1.0),
    "sim_funds": (10_000.0,),
    "low_funds": ("part",),
    "use_tick_price": (True,),
    "price_collar_pct": (5.0,),
    "pyramid_min_seconds_between": (0.0,),
    "pyramid_min_adverse_pct": (0.0,),
}
RATE: Mapping[str, tuple[Any, ...]] = {"max_orders_per_min": (2, 3, 4, 5), "stop_loss_pct": (1000.0, 0.3)}
STREAK: Mapping[str, tuple[Any, ...]] = {
    "max_consecutive_losses": (2, 3),
    "take_profit_pct": (0.05, 0.1),
    "stop_loss_pct": (0.05, 0.1),
    "trail_activate_pct": (1.9,),
}


def settings_of(way: str, random: Random, made: Mapping[str, Any]) -> dict[str, Any]:
    """What the plans of a way to trade set in any case; `made`: the plan's other settings."""
    match way:
        case "weights":
            return _weights(random, made)
        case "combined":
            return _combined(random)
        case "latches":
            return _chosen(random, {**LATCHES, **random.choice((RATE, STREAK))})
        case "signals":
            return _chosen(random, SIGNALS)
        case "regimes":
            return _chosen(random, REGIMES)
    return {}


def _chosen(random: Random, table: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    return {"strategy_options": {}, **{name: random.choice(choices) for name, choices in table.items()}}


def _weights(random: Random, made: Mapping[str, Any]) -> dict[str, Any]:
    found = _chosen(random, WEIGHTS) | {
        "scanner_max_products": 0,
        "sim_funds": min(made.get("sim_funds", 1e4), 10_000.0),
    }
    if found["strategy"] == "weight_steps":
        found["kind"] = random.choice(("auto", "exposure"))
    return found


def _combined(random: Random) -> dict[str, Any]:
    found = _chosen(random, COMBINED) | {"strategy": "combined", "signal_exits": random.random() < 1 / 4}
    if found["strategies_rule"] == "vote" or "always" not in found["strategies"]:
        found["strategies_weights"] = ""
    return found


def latch_acts(random: Random, length_s: float) -> list[tuple[float, str]]:
    """Start is pressed every few minutes, and lifts what has latched."""
    return [(at_s + random.uniform(0, 60), "start") for at_s in range(150, int(length_s), 180)]
