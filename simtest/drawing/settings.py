"""Settings of a plan. What only restricts entries comes in families: each seed switches a few of them on, so that a
limit is reached somewhere and most bots trade often. A test holds that every setting is drawn or named in `NOT_DRAWN`.
"""

from collections.abc import Collection, Mapping
from random import Random
from typing import Any, NamedTuple

Choices = Mapping[str, tuple[Any, ...]]

# Drawn for every seed; a value that stands twice comes twice as often.
ALWAYS: Choices = {
    "bot_name": ("coin",) * 8 + ("b", "Aa0Bb1Cc2Dd3Ee4Ff5Gg"),
    "use_tick_price": (True,) * 9 + (False,),
    "tick_interval_sec": (1.0, 1.0, 1.0, 0.0, 4.0),
    "candle_resync_sec": (60.0, 60.0, 15.0, 300.0),
    "max_history_candles": (5000, 5000, 400, 120),
    "record": (False,) * 19 + (True,),
    "depth_view": (False,) * 19 + (True,),
    "order_min_usd": (5.0, 5.0, 5.0, 1.0, 25.0),
    "low_funds": ("part", "retry"),
    "risk_per_trade_pct": (0.5, 1.0, 1.0, 1.0, 3.0, 20.0),
    "use_live_equity": (True,) * 9 + (False,),
    "usd_equity": (1000.0, 10_000.0),
    "vol_risk_adjust": (True, False),
    "price_collar_pct": (5.0, 5.0, 5.0, 0.3),
    "stale_data_sec": (30.0, 30.0, 5.0),
    "pyramid_min_adverse_pct": (0.0,) * 7 + (0.02,),
    "pyramid_decay_lambda": (0.02, 0.0, 1.0),
    "pyramid_decay_min_pct": (0.0, 0.0, 0.01),
    "pyramid_min_seconds_between": (0.0,) * 7 + (30.0,),
    "entry_order": ("market", "maker"),
    "maker_timeout_sec": (5.0, 30.0, 50.0),
    "maker_reprice_sec": (1.0, 1.0, 3.0),
    "take_profit_pct": (0.02, 0.02, 0.02, 0.05, 0.2),
    "runner_tp_mult": (1.0, 1.0, 2.0),
    "scalp_tp_decay_enable": (True, True, False),
    "scalp_tp_dec_mode": ("exp", "linear"),
    "scalp_tp_dec_pct": (0.2, 0.01),
    "scalp_tp_decay_factor": (0.9802, 0.5),
    "scalp_tp_min_pct": (0.02,),
    "stop_loss_pct": (1000.0, 0.3, 0.1, 0.1, 0.05, 0.05),
    "trail_activate_pct": (0.05, 1.9),
    "trail_distance_pct": (0.03, 0.4),
    "take_profit_order": ("limit", "limit", "market"),
    "fee_rate_pct": (0.75, 0.1),
    "ma_fast": (1, 1, 2),
    "ma_slow": (3, 6, 10),
    "use_ma_filter": (False,) * 4 + (True,),
    "kill_flatten": (False,) * 6 + (True,),
    "safe_starts": (0, 0, 5),
    "sim_maker_fee_pct": (0.0, 0.01, 0.01, 0.5),
    "sim_taker_fee_pct": (0.02, 0.02, 0.02, 0.9),
    "sim_queue_ms": (25, 25, 250, 1000, 5000),
    "sim_funds": (10_000.0, 10_000.0, 10_000.0, 400.0, 1_000_000.0),
    "sim_rate_limits": (True,) * 9 + (False,),
    "profile": ("dev", "prod"),
    "max_orders_per_min": (60, 120, 600),
    "kind": ("auto",),  # other ways to trade: `drawing.kinds`
    "signal_exits": (False,),
}


class Family(NamedTuple):
    """Settings that go together. `on`: choices, in the share of seeds that has the family; `off`: values in others."""

    share: float
    off: Mapping[str, Any]
    on: Choices


FAMILIES: Mapping[str, Family] = {
    "day loss": Family(
        0.06,
        {"max_daily_loss_pct": 50.0, "max_daily_loss_usd": 0.0},
        {
            "max_daily_loss_pct": (2.0, 0.5, 0.1),
            "max_daily_loss_usd": (0.0, 0.0, 3.0, 30.0),
            "daily_breaker_mark_to_market": (True, True, False),
        },
    ),
    "drawdown": Family(0.06, {"max_drawdown_pct": 0.0}, {"max_drawdown_pct": (10.0, 0.3)}),
    "loss streak": Family(0.05, {"max_consecutive_losses": 0}, {"max_consecutive_losses": (10, 3)}),
    # Guards that pause a bot in trouble would hide most of the faults that it is tested with.
    "errors": Family(
        0.12,
        {"max_error_rate_pct": 0.0, "max_api_error_pct": 0.0},
        {"max_error_rate_pct": (0.0, 50.0, 20.0), "max_api_error_pct": (0.0, 50.0, 20.0)},
    ),
    "rate": Family(0.05, {}, {"max_orders_per_min": (4, 12, 30)}),
    "volatility spike": Family(0.05, {"max_vol_spike": 0.0}, {"max_vol_spike": (4.0, 1.2)}),
    "spread": Family(0.08, {"max_spread_pct": 0.0}, {"max_spread_pct": (1.0, 0.05, 0.01)}),
    "depth": Family(0.08, {"min_depth_usd": 0.0}, {"min_depth_usd": (25.0, 500.0)}),
    "impact": Family(0.1, {"max_impact_bp": 0.0}, {"max_impact_bp": (0.1, 1.0, 50.0)}),
    "volatility band": Family(
        0.03,
        {},
        {
            "vol_band_method": ("std", "ewma", "atr"),
            "vol_band_low_pct": (0.0, 0.01),
            "vol_band_high_pct": (0.1, 0.3, 5.0),
        },
    ),
    "price band": Family(
        0.05,
        {},
        {
            "volatility_mult": (1.0, 2.0, 8.0),
            "volatility_method": ("std", "ewma", "atr"),
            "volatility_window": (5, 60),
            "volatility_alpha": (0.06, 0.5),
            "atr_window": (2, 14),
        },
    ),
    "correlation": Family(
        0.05,
        {},
        {"correlation_limit": (0.3, 0.9), "correlation_window": (20, 60), "max_product_usd": (600.0, 2500.0)},
    ),
    "money caps": Family(
        0.08,
        {},
        {
            "max_order_usd": (0.0, 150.0, 60.0),
            "max_product_usd": (0.0, 300.0, 2500.0),
            "max_total_usd": (0.0, 600.0, 7000.0),
        },
    ),
    "coin caps": Family(0.04, {}, {"max_base": ("some", "all"), "product_caps": ("none", "one")}),
    "lots": Family(
        0.1,
        {},
        {"max_total_lots": (60, 12, 4), "max_concurrent_lots": (20, 4, 2), "allow_pyramiding": (True, True, False)},
    ),
    "window": Family(0.02, {}, {"trading_window_utc": ("ends", "begins", "inside")}),
    "edge": Family(
        0.08,
        {"edge_gate": False},
        {"edge_gate": (True,), "min_edge_pct": (0.0, 0.05), "sim_maker_fee_pct": (0.0, 0.01)},
    ),
    "sizing": Family(
        0.25,
        {},
        {
            "sizing": ("fixed", "volatility", "kelly"),
            "fixed_order_usd": (50.0, 40.0),
            "target_day_vol_pct": (0.05, 0.5),
            "kelly_cap_pct": (20.0, 1.0),
            "kelly_confidence": (0.5, 1.0),
        },
    ),
    "scanner": Family(
        0.05,
        {},
        {"scanner_max_products": (1, 2, 3), "scanner_min_volume_usd": (0.0, 1e6), "max_spread_pct": (1.0, 0.0)},
    ),
    "reduce only": Family(0.005, {}, {"reduce_only": (True,)}),
    "slow bars": Family(0.04, {}, {"granularity": ("FIVE_MINUTE",), "allow_pyramiding": (True,)}),
}

STRATEGIES = ("always",) * 32 + ("sma_cross",) * 2 + ("momentum", "rsi_reversion", "logistic")
OWN_OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "momentum": {"STRATEGY_MOMENTUM_BARS": ("1", "3", "20"), "STRATEGY_MOMENTUM_MIN_PCT": ("0", "0.02")},
    "rsi_reversion": {
        "STRATEGY_RSI_REVERSION_PERIOD": ("2", "5"),
        "STRATEGY_RSI_REVERSION_BUY_BELOW": ("45", "60"),
        "STRATEGY_RSI_REVERSION_SELL_ABOVE": ("70", "90"),
    },
}
LOGISTIC: Choices = {
    "buy_threshold": (0.45, 0.3),
    "sell_threshold": (0.55, 0.7),
    "model_mode": ("baseline", "extended"),
    "walk_forward_min": (1, 5),
}

PROFILES = ("dev", "canary", "prod")

# The table of settings itself says of many that they change nothing of what is traded; of the others:
NOT_DRAWN: Mapping[str, str] = {
    "coin_mode": "a plan's `live` says sim or live; replay and paper need another exchange's market",
    "products": "drawn with the plan's world, not with the settings",
    "watchdog_sec": "it counts real time and ends a real process: the tests with processes have it",
}


def settings(
    random: Random, families: Collection[str], products: tuple[str, ...], start_s: int, least_usd: float
) -> dict[str, Any]:
    """Settings with these families of restrictions on; values as a plan's file holds them.

    `least_usd`: the smallest order that the exchange takes.
    """
    made = {name: random.choice(choices) for name, choices in ALWAYS.items()}
    for family in FAMILIES.values():
        made |= family.off
    for name in families:
        made |= {key: random.choice(choices) for key, choices in FAMILIES[name].on.items()}
    made |= _strategy(random)
    made["order_min_usd"] = max(made["order_min_usd"], least_usd * 1.1)
    if made["sim_funds"] > 100_000:
        made["risk_per_trade_pct"] /= 50  # the books are not that deep
    return _agreeing(random, made, products, start_s)


def some_families(random: Random) -> list[str]:
    """The families of one seed: each by its share."""
    return [name for name, family in FAMILIES.items() if random.random() < family.share]


def shipped(random: Random, profile: str) -> dict[str, Any]:
    """Settings as a user has them who sets next to nothing: the guards at their defaults, books and all."""
    chosen: Choices = {
        "strategy": ("always", "always", "logistic", "sma_cross"),
        "edge_gate": (True, False),
        "sim_maker_fee_pct": (0.01, 0.5),
        "sim_taker_fee_pct": (0.02, 0.9),
        "sim_queue_ms": ALWAYS["sim_queue_ms"],
        "pyramid_min_adverse_pct": (0.0, 1.5),
        "take_profit_pct": (0.2, 1.9),
        "low_funds": ("part", "retry"),
    }
    made = {name: random.choice(choices) for name, choices in chosen.items()}
    return {"profile": profile, "depth_view": True, "max_impact_bp": 50.0, **made}


def _strategy(random: Random) -> dict[str, Any]:
    name = random.choice(STRATEGIES)
    own = {key: random.choice(choices) for key, choices in OWN_OPTIONS.get(name, {}).items()}
    made: dict[str, Any] = {"strategy": name, "strategy_options": own}
    if name == "logistic":
        made |= {key: random.choice(choices) for key, choices in LOGISTIC.items()}
    return made


def _agreeing(random: Random, made: dict[str, Any], products: tuple[str, ...], start_s: int) -> dict[str, Any]:
    """The same without contradictions, and with what depends on the products and the time of the day."""
    bases = [product.partition("-")[0] for product in products]
    if made.get("max_base"):
        capped = bases if made["max_base"] == "all" else bases[:1]
        made["max_base"] = ",".join(f"{base}:{random.choice(_CAPS[base])}" for base in capped)
    made["product_caps"] = {bases[0]: 400.0} if made.get("product_caps") == "one" else {}
    if made.get("correlation_limit"):
        made["max_product_usd"] = made.get("max_product_usd") or 600.0
    ladder = ("order_min_usd", "max_order_usd", "max_product_usd", "max_total_usd")
    low = 0.0
    for name in ladder:
        if made.get(name):
            low = made[name] = max(made[name], low)
    for base in made["product_caps"]:
        made["product_caps"][base] = max(400.0, made.get("max_order_usd") or 0.0, made["order_min_usd"])
        if made.get("max_total_usd"):
            made["max_total_usd"] = max(made["max_total_usd"], made["product_caps"][base])
    if made.get("trading_window_utc"):
        made["trading_window_utc"] = _window(made["trading_window_utc"], start_s, random)
    if made["edge_gate"]:
        made["sim_taker_fee_pct"], made["take_profit_pct"] = 0.02, 0.2
        made["scalp_tp_min_pct"] = 0.1
        # A trailing stop that may sell at a loss would keep every entry shut.
        made["trail_activate_pct"], made["trail_distance_pct"] = random.choice(((0.2, 0.03), (1.9, 0.4)))
    return made


_CAPS: Mapping[str, tuple[str, ...]] = {
    "BTC": ("0.01", "0.002"),
    "ETH": ("0.2", "0.03"),
    "SOL": ("4", "0.7"),
    "XRP": ("1000", "150"),
    "ADA": ("1000", "200"),
    "DOGE": ("5000", "700"),
    "LTC": ("7", "1.2"),
    "AVAX": ("20", "3.5"),
    "LINK": ("40", "7"),
}


def _window(how: str, start_s: int, random: Random) -> str:
    """Hours for entries that end, or begin, some minutes after the start, or hold the whole run."""
    now = start_s // 60 % 1440
    turn = now + random.randrange(2, 9)
    begin, end = {"ends": (now - 60, turn), "begins": (turn, now + 60), "inside": (now - 60, now + 60)}[how]
    return "-".join(f"{at % 1440 // 60:02d}:{at % 60:02d}" for at in (begin, end))
