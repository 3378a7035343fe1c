"""What becomes of each setting in a backtest: applied, replaced by an assumption that is named, or refused.

A test goes over the whole table of settings, so that a new one must be given its place here.
"""

from collections.abc import Mapping

from research.errors import ResearchError
from shared.settings import Settings

# Applied by the compiled loop, by the signals, or to the bars before it.
APPLIED = frozenset(
    """
    PRODUCTS GRANULARITY MAX_HISTORY_CANDLES ORDER_MIN_USD LOW_FUNDS RISK_PER_TRADE_PCT MAX_DAILY_LOSS_PCT
    MAX_DAILY_LOSS_USD USD_EQUITY USE_LIVE_EQUITY VOL_RISK_ADJUST DAILY_BREAKER_MARK_TO_MARKET MAX_TOTAL_LOTS
    MAX_CONCURRENT_LOTS MAX_ORDER_USD TRADING_WINDOW_UTC REDUCE_ONLY MAX_PRODUCT_USD MAX_TOTAL_USD MAX_BASE
    MAX_DRAWDOWN_PCT MAX_CONSECUTIVE_LOSSES VOLATILITY_MULT VOLATILITY_METHOD VOLATILITY_WINDOW VOLATILITY_ALPHA
    ATR_WINDOW MAX_VOL_SPIKE VOL_BAND_METHOD VOL_BAND_LOW_PCT VOL_BAND_HIGH_PCT SIZING FIXED_ORDER_USD
    TARGET_DAY_VOL_PCT KELLY_CAP_PCT KELLY_CONFIDENCE ALLOW_PYRAMIDING PYRAMID_MIN_ADVERSE_PCT
    PYRAMID_DECAY_LAMBDA PYRAMID_DECAY_MIN_PCT PYRAMID_MIN_SECONDS_BETWEEN TAKE_PROFIT_PCT STOP_LOSS_PCT
    TRAIL_ACTIVATE_PCT TRAIL_DISTANCE_PCT RUNNER_TP_MULT SCALP_TP_DECAY_ENABLE SCALP_TP_DEC_MODE
    SCALP_TP_DEC_PCT SCALP_TP_DECAY_FACTOR SCALP_TP_MIN_PCT TAKE_PROFIT_ORDER EDGE_GATE MIN_EDGE_PCT STRATEGY
    MA_FAST MA_SLOW BUY_THRESHOLD SELL_THRESHOLD USE_MA_FILTER MODEL_MODE WALK_FORWARD_MIN
    """.split()  # noqa: SIM905 - one word after the other reads better
)

# A history says nothing of these; what holds instead, in one sentence for each.
ASSUMED: Mapping[str, str] = {
    "MAX_SPREAD_PCT": "bars hold no quotes, so the spread was never too wide",
    "MIN_DEPTH_USD": "bars hold no book, so enough was always offered",
    "MAX_IMPACT_BP": "every entry was filled whole, and no sale went in parts",
    "PRICE_COLLAR_PCT": "there is one source of prices, so none contradicted another",
    "STALE_DATA_SEC": "prices were never late",
    "MAX_ERROR_RATE_PCT": "no order failed",
    "MAX_API_ERROR_PCT": "no request failed",
    "MAX_ORDERS_PER_MIN": "orders were not counted by the minute",
    "USE_TICK_PRICE": "exits were judged on bars, not on every price",
    "TICK_INTERVAL_SEC": "exits were judged on bars, not on every price",
    "FEE_RATE_PCT": "fees were those of --maker-pct and --taker-pct",
}

# Of those: set by hand, they ask for what the loop cannot give; leaving them out would flatter.
REFUSED_BY_HAND = ("MAX_SPREAD_PCT", "MIN_DEPTH_USD")

# Refused unless they stand at the value beside them.
REFUSED: Mapping[str, object] = {"ENTRY_ORDER": "market", "SCANNER_MAX_PRODUCTS": 0, "CORRELATION_LIMIT": 0.0}

# They decide nothing over a history: where things are, how they are shown, who may, and what belongs to a refused one.
ELSEWHERE = (
    "COINBASE_", "SIM_", "DASHBOARD_", "COIN_MODE", "DATA_DIR", "STATE_FILE", "LOG_LEVEL", "PROFILE", "BOT_NAME",
    "DRY_RUN", "BACKTEST_SLEEP_MS", "LIVE_PERMISSION_DAYS", "DEPTH_VIEW", "RECORD", "CANDLE_RESYNC_SEC", "LEDGER_URL",
    "KILL_FLATTEN", "SAFE_STARTS", "WATCHDOG_SEC", "MAKER_TIMEOUT_SEC", "MAKER_REPRICE_SEC", "SCANNER_MIN_VOLUME_USD",
    "CORRELATION_WINDOW",
)  # fmt: skip


def check(s: Settings) -> None:
    """Raises ResearchError for settings whose rule the compiled loop does not have: nothing is quietly left out."""
    found = [f"{key}={getattr(s, key.lower())}" for key, fine in REFUSED.items() if getattr(s, key.lower()) != fine]
    found += [key for key in REFUSED_BY_HAND if key in s.by_hand and getattr(s, key.lower())]
    if found:
        raise ResearchError(
            f"the fast engine does not support {', '.join(found)}: use --engine full, or turn it off with --set "
            f"{found[0].partition('=')[0]}={_aside(found[0].partition('=')[0])}"
        )


def _aside(key: str) -> object:
    return REFUSED.get(key, 0)


def assumptions(s: Settings) -> str:
    """The limits that were taken for kept, each with its reason, in one sentence."""
    said: dict[str, list[str]] = {}
    for key, sentence in ASSUMED.items():
        value = getattr(s, key.lower())
        if value:  # a limit of 0 is off, and nothing was assumed of it
            said.setdefault(sentence, []).append(key)
    return "Not modelled in this backtest: " + "; ".join(f"{sentence} ({', '.join(k)})" for sentence, k in said.items())
