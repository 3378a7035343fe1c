"""The settings that the Lab's form offers, in its groups: those that a backtest applies (`research/coverage.py`).

Type, range, default and sentence of each stand in the table of settings alone. A test holds this list to what a
backtest applies: a new setting that it applies must be given its place here.
"""

from collections.abc import Mapping

# What the form moves by a slider: settings of rules, whose answer comes while the hand is still on it.
SLIDERS: Mapping[str, tuple[str, float, float, float]] = {  # key → (words, from, to, step)
    "TAKE_PROFIT_PCT": ("Take profit", 0.5, 10.0, 0.05),
    "PYRAMID_MIN_ADVERSE_PCT": ("Next lot after a fall of", 0.2, 10.0, 0.1),
    "RISK_PER_TRADE_PCT": ("Order size", 0.5, 25.0, 0.1),
    "STOP_LOSS_PCT": ("Stop loss, 100 = none", 0.5, 100.0, 0.5),
}
# What the form has a place of its own for.
ELSEWHERE = ("STRATEGY", "KIND", "PRODUCTS", "GRANULARITY")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Exits": (
        "TRAIL_ACTIVATE_PCT", "TRAIL_DISTANCE_PCT", "RUNNER_TP_MULT", "TAKE_PROFIT_ORDER", "SIGNAL_EXITS",
        "SCALP_TP_DECAY_ENABLE", "SCALP_TP_DEC_MODE", "SCALP_TP_DEC_PCT", "SCALP_TP_DECAY_FACTOR", "SCALP_TP_MIN_PCT",
    ),
    "Entries": (
        "ALLOW_PYRAMIDING", "PYRAMID_DECAY_LAMBDA", "PYRAMID_DECAY_MIN_PCT", "PYRAMID_MIN_SECONDS_BETWEEN",
        "EDGE_GATE", "MIN_EDGE_PCT", "TRADING_WINDOW_UTC", "REDUCE_ONLY", "LOW_FUNDS",
    ),
    "Size": (
        "SIZING", "ORDER_MIN_USD", "FIXED_ORDER_USD", "TARGET_DAY_VOL_PCT", "KELLY_CAP_PCT", "KELLY_CONFIDENCE",
        "VOL_RISK_ADJUST", "USE_LIVE_EQUITY", "USD_EQUITY", "MAX_ORDER_USD",
    ),
    "Limits": (
        "MAX_CONCURRENT_LOTS", "MAX_TOTAL_LOTS", "MAX_PRODUCT_USD", "MAX_TOTAL_USD", "MAX_BASE", "MAX_DAILY_LOSS_PCT",
        "MAX_DAILY_LOSS_USD", "DAILY_BREAKER_MARK_TO_MARKET", "MAX_DRAWDOWN_PCT", "MAX_CONSECUTIVE_LOSSES",
    ),
    "Volatility": (
        "MAX_VOL_SPIKE", "VOL_BAND_METHOD", "VOL_BAND_LOW_PCT", "VOL_BAND_HIGH_PCT", "VOLATILITY_MULT",
        "VOLATILITY_METHOD", "VOLATILITY_WINDOW", "VOLATILITY_ALPHA", "ATR_WINDOW",
    ),
    "Signals": (
        "MA_FAST", "MA_SLOW", "USE_MA_FILTER", "BUY_THRESHOLD", "SELL_THRESHOLD", "MODEL_MODE", "WALK_FORWARD_MIN",
        "MAX_HISTORY_CANDLES", "STRATEGIES", "STRATEGIES_RULE", "STRATEGIES_WEIGHTS", "STRATEGIES_MAJORITY",
    ),
    "Target weights": ("EXPOSURE_MAX_PCT", "EXPOSURE_BAND_PCT", "EXPOSURE_MAKER_SEC"),
    "Regimes": (
        "REGIME", "REGIME_SCALES", "REGIME_STRATEGIES", "REGIME_TREND_BARS", "REGIME_TREND_ENTER", "REGIME_TREND_LEAVE",
        "REGIME_VOL_BARS", "REGIME_VOL_LONG_BARS", "REGIME_WILD_ENTER", "REGIME_WILD_LEAVE",
    ),
}  # fmt: skip
OFFERED = frozenset((*SLIDERS, *ELSEWHERE, *(key for keys in GROUPS.values() for key in keys)))
