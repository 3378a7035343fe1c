"""What becomes of each setting in a backtest: applied, replaced by an assumption that is named, or refused.

A test goes over the whole table of settings, so that a new one must be given its place here.
"""

from collections.abc import Mapping

from bot.engine.risk.policies.registry import POLICIES
from bot.engine.risk.policy import Backtest, RiskPolicy
from research.errors import ResearchError
from shared.settings import Settings, keys

_DEFAULTS = {key: default for key, _, default in keys()}
# Applied by the compiled loop, by the signals, or to the bars before it: of no risk policy.
_APPLIED = frozenset(
    """
    PRODUCTS GRANULARITY MAX_HISTORY_CANDLES RISK_PER_TRADE_PCT USD_EQUITY USE_LIVE_EQUITY VOL_RISK_ADJUST
    VOL_BAND_METHOD SIZING FIXED_ORDER_USD TARGET_DAY_VOL_PCT KELLY_CAP_PCT KELLY_CONFIDENCE TAKE_PROFIT_PCT
    STOP_LOSS_PCT TRAIL_ACTIVATE_PCT TRAIL_DISTANCE_PCT RUNNER_TP_MULT SCALP_TP_DECAY_ENABLE SCALP_TP_DEC_MODE
    SCALP_TP_DEC_PCT SCALP_TP_DECAY_FACTOR SCALP_TP_MIN_PCT TAKE_PROFIT_ORDER SIGNAL_EXITS
    KIND EXPOSURE_MAX_PCT EXPOSURE_BAND_PCT EXPOSURE_MAKER_SEC
    STRATEGY STRATEGIES STRATEGIES_RULE STRATEGIES_WEIGHTS STRATEGIES_MAJORITY
    REGIME REGIME_TREND_BARS REGIME_TREND_ENTER REGIME_TREND_LEAVE REGIME_VOL_BARS REGIME_VOL_LONG_BARS
    REGIME_WILD_ENTER REGIME_WILD_LEAVE REGIME_SCALES REGIME_STRATEGIES
    MA_FAST MA_SLOW BUY_THRESHOLD SELL_THRESHOLD USE_MA_FILTER MODEL_MODE WALK_FORWARD_MIN
    """.split()  # noqa: SIM905 - one word after the other reads better
)
# A history says nothing of these; what holds instead, in one sentence for each: of no risk policy.
_ASSUMED: Mapping[str, str] = {
    "USE_TICK_PRICE": "exits were checked on bars, not on every price",
    "TICK_INTERVAL_SEC": "exits were checked on bars, not on every price",
    "FEE_RATE_PCT": "fees were those of --maker-pct and --taker-pct",
}

# They decide nothing over a history: where things are, how they are shown, who may, how refused entries work.
ELSEWHERE = (
    "COINBASE_", "SIM_", "DASHBOARD_", "COIN_MODE", "DATA_DIR", "STATE_FILE", "LOG_LEVEL", "LOG_FORMAT", "PROFILE",
    "BOT_NAME", "DRY_RUN", "BACKTEST_SLEEP_MS", "LIVE_PERMISSION_DAYS", "DEPTH_VIEW", "RECORD", "CANDLE_RESYNC_SEC",
    "LEDGER_URL", "SENTINEL", "SENTINEL_", "BACKUP_", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "NODE_EXPORTER_PORT",
    "WATCH", "ALERT_", "REPORT_", "SLACK_", "TEAMS_", "TELEGRAM_", "CHAT_USERS", "HEARTBEAT_URL",
    "LAB", "LAB_MEMORY_MB",
    "KILL_FLATTEN", "SAFE_STARTS", "WATCHDOG_SEC", "MAKER_TIMEOUT_SEC", "MAKER_REPRICE_SEC",
)  # fmt: skip


def _of(*kinds: Backtest) -> list[RiskPolicy]:
    return [policy for policy in POLICIES.all if policy.backtest in kinds and policy.settings]


def is_elsewhere(key: str) -> bool:
    """Whether the setting decides nothing over a history."""
    return any(key == word or (word.endswith("_") and key.startswith(word)) for word in ELSEWHERE)


# With the settings of the risk policies, as each says what a backtest makes of it.
APPLIED = _APPLIED | {key for policy in _of(Backtest.MODELLED) for key in policy.settings}
ASSUMED: Mapping[str, str] = {
    key: policy.assumed
    for policy in _of(Backtest.LIVE_ONLY, Backtest.REFUSED_BY_HAND)
    for key in policy.settings
    if not is_elsewhere(key)
} | dict(_ASSUMED)
# Of those: set by hand, they ask for what the loop cannot give; leaving them out would flatter.
REFUSED_BY_HAND = tuple(key for policy in _of(Backtest.REFUSED_BY_HAND) for key in policy.settings)
# Refused unless they stand at the value beside them.
REFUSED: Mapping[str, object] = {"ENTRY_ORDER": "market"} | {
    policy.settings[0]: _DEFAULTS[policy.settings[0]] for policy in _of(Backtest.REFUSED)
}
# They say how a refused policy works.
OF_REFUSED = frozenset(key for policy in _of(Backtest.REFUSED) for key in policy.settings[1:])


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


# Limits of purchases that the loop of target weights lacks: refused where they are on.
NOT_WITH_WEIGHTS = (
    "MAX_ORDER_USD", "MAX_PRODUCT_USD", "MAX_TOTAL_USD", "MAX_BASE", "VOL_BAND_LOW_PCT", "VOL_BAND_HIGH_PCT",
    "VOLATILITY_MULT", "CORRELATION_LIMIT", "SCANNER_MAX_PRODUCTS",
)  # fmt: skip


def check_exposure(s: Settings) -> None:
    """Raises ResearchError for settings whose rule the loop of target weights does not have."""
    found = [key for key in NOT_WITH_WEIGHTS if getattr(s, key.lower())]
    found += [key for key in REFUSED_BY_HAND if key in s.by_hand and getattr(s, key.lower())]
    if found:
        raise ResearchError(f"a backtest of target weights does not support {', '.join(found)}: turn it off with --set")


def exposure_assumptions(s: Settings) -> str:
    """What else holds in a backtest of target weights, in one sentence."""
    limits = [key for key in ("MAX_CONSECUTIVE_LOSSES", "MAX_VOL_SPIKE") if getattr(s, key.lower())]
    words = "Limits of the day's loss, of the drawdown, the trading window and REDUCE_ONLY hold back purchases"
    return words + (f"; not modelled with target weights: {', '.join(limits)}" if limits else "")
