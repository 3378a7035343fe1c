"""The table of settings: each with its type, default, range and one sentence. Loading it is `shared.settings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.bots import DEFAULT_BOT, DEFAULT_FOLDER, DEFAULT_NAME
from shared.paths import ROOT, DataPaths
from shared.regimes import parse_regime_strategies


class Mode(StrEnum):
    """Where the exchange's protocol is served."""

    SIM = "sim"
    REPLAY = "replay"
    PAPER = "paper"
    LIVE = "live"


class Profile(StrEnum):
    """A named set of defaults."""

    DEV = "dev"
    CANARY = "canary"
    PROD = "prod"


class FormChange(StrEnum):
    """How the bot takes up what the Settings page writes; NEVER = the page does not write it."""

    NEVER = "never"
    RESTART = "restart"
    RELOAD = "reload"  # read anew at each use and safe in the middle of a lot's life


class Secret:
    """A value that hides itself from logs and tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('…')" if self._value else "Secret('')"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Rule:
    """All that is known of a setting beside its type and default. Everybody who lists settings reads it from here.

    `help`: one sentence for the Settings page. `low`, `high`: the range, in the unit that the name ends in.
    `secret`: only from a 0600 .env, masked wherever it is shown. `harmless`: why it may be changed without a new
    permission for live orders; a setting without a reason is bound by the permission. `form`: whether the Settings
    page may write it, and how the bot takes it up; a setting that says nothing is changed by hand.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    harmless: str = ""
    form: FormChange = FormChange.NEVER


def _set(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    *,
    secret: bool = False,
    harmless: str = "",
    form: FormChange = FormChange.NEVER,
) -> Any:
    return field(default=default, metadata={"rule": Rule(help, low, high, choices, secret, harmless, form)})


_RESTART, _RELOAD = FormChange.RESTART, FormChange.RELOAD


_KEPT_ASIDE = "copies that are kept aside; they decide nothing"
_SIMULATED = "COIN-SIM's own; live does not run it"
_TOLD = "who is told of trouble; it decides nothing"
_CHAT = "who may ask and command from a chat; it decides nothing by itself"
_LAB = "what the Lab page may compute, beside the bot; it decides nothing"
_SHOWN = "who may look at the dashboard; it decides nothing"
_WATCHED = "where ./coin monitoring listens; the bot does not know it"


# A strategy's own settings: STRATEGY_DIP_PERIOD is `period` of the strategy `dip`.
STRATEGY_PREFIX = "STRATEGY_"
GRANULARITY_S = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "ONE_HOUR": 3600,
    "ONE_DAY": 86_400,
}
GRANULARITIES = tuple(GRANULARITY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective settings. A field's upper-case name is the public key."""

    # Where and what
    coin_mode: Mode = _set(Mode.SIM, "Where the exchange is: sim, replay, paper or live.")
    profile: Profile = _set(Profile.DEV, "Named set of defaults: dev, canary or prod.")
    bot_name: str = _set(DEFAULT_NAME, "Name of this bot inside its client order ids (letters and digits).")
    data_dir: Path = _set(
        Path(DEFAULT_FOLDER),
        "Folder of all files between the processes.",
        harmless="the folder's id is bound instead: a folder may be moved, a copy is told",
    )
    state_file: str = _set(
        "", "Path of a second copy of bot_state.json; empty = none.", harmless="a second copy of what the bot shows"
    )
    log_level: str = _set(
        "INFO", "Lowest level that is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR"), harmless="what is logged"
    )
    log_format: str = _set(
        "text",
        "Form of the lines on stdout, as pm2 logs shows them: text or json; the files in logs/ are text.",
        choices=("text", "json"),
        harmless="how is logged",
    )
    products: tuple[str, ...] = _set(
        ("BTC-USD", "ETH-USD", "SOL-USD"), "Products to trade, all of one quote currency.", form=_RESTART
    )
    depth_view: bool = _set(
        True,
        "Show the 20 best levels of each book on the Chart page.",
        harmless="what the Chart page shows",
        form=_RESTART,
    )
    granularity: str = _set("ONE_MINUTE", "Bar on which decisions are made.", choices=GRANULARITIES)
    use_tick_price: bool = _set(True, "Judge exits on every price, not on closed bars only.", form=_RESTART)
    tick_interval_sec: float = _set(
        1.0, "Shortest time between two evaluations of one product.", 0.0, 60.0, form=_RESTART
    )
    candle_resync_sec: float = _set(
        60.0, "How often closed candles are read again from the exchange.", 5.0, 3600.0, form=_RESTART
    )
    max_history_candles: int = _set(5000, "Closed bars kept for signals.", 60, 100_000)
    record: bool = _set(
        False,
        "Keep a tape of prices and decisions, 7 days of it, for ./coin parity.",
        harmless="what is kept for ./coin parity",
    )

    # The sentinel
    sentinel: str = _set(
        "cancel",
        "What COIN-WATCH does about a bot that is dead or hung: cancel its resting entries; flatten = also sell its "
        "lots; off.",
        choices=("off", "cancel", "flatten"),
        harmless="it only ever cancels entries and sells own lots",
    )
    sentinel_after_s: float = _set(
        30.0,
        "How long a bot must be dead or hung until the sentinel acts, seconds.",
        10.0,
        3600.0,
        harmless="it only ever cancels entries and sells own lots",
    )

    # Backups
    backup_every_h: float = _set(
        24.0, "How often COIN-WATCH makes a backup, hours; 0 = never.", 0.0, 720.0, harmless=_KEPT_ASIDE
    )
    backup_keep: int = _set(14, "Backups of the schedule that are kept.", 1, 1000, harmless=_KEPT_ASIDE)
    backup_drill_days: float = _set(
        7.0,
        "How often the newest backup is restored into a scratch folder and checked, days; 0 = never.",
        0.0,
        90.0,
        harmless=_KEPT_ASIDE,
    )

    backup_url: str = _set(
        "",
        "Where the ledger is copied to continuously: a folder (/mnt/backup), s3://bucket/prefix or "
        "sftp://user@host/path (needs requirements-backup.txt); empty = none.",
        harmless=_KEPT_ASIDE,
    )
    backup_s3_access_key_id: Secret = _set(
        Secret(""), "Key id for BACKUP_URL=s3://…, only from a 0600 .env.", secret=True, harmless=_KEPT_ASIDE
    )
    backup_s3_secret_access_key: Secret = _set(
        Secret(""), "Secret key for BACKUP_URL=s3://…, only from a 0600 .env.", secret=True, harmless=_KEPT_ASIDE
    )
    backup_sftp_key_file: str = _set(
        "", "0600 file with a private key without a passphrase, for BACKUP_URL=sftp://….", harmless=_KEPT_ASIDE
    )
    backup_sftp_host_key: str = _set(
        "", "Public key of the host in BACKUP_URL=sftp://…, as ssh-keyscan prints it.", harmless=_KEPT_ASIDE
    )

    # The live lock
    dry_run: bool = _set(
        True,
        "In live mode: send no orders. Elsewhere orders flow to COIN-SIM.",
        harmless="it can only lock; the permission is asked for in its own words",
    )
    live_permission_days: float = _set(
        7.0,
        "How long ./coin enable-live allows live orders.",
        0.01,
        30.0,
        harmless="how long the next permission lasts; this one's end is sealed in it",
    )

    # Risk and sizing
    order_min_usd: float = _set(5.00, "Smallest entry.", 1.0, 100_000.0, form=_RELOAD)
    low_funds: str = _set(
        "part",
        "If free cash covers only part of an entry. part: buys with what is left, from a quarter of the entry up; "
        "retry: tries once at ORDER_MIN_USD, the default if you set ORDER_MIN_USD.",
        choices=("part", "retry"),
        form=_RELOAD,
    )
    risk_per_trade_pct: float = _set(20.0, "Entry size in percent of sizing equity.", 0.01, 100.0, form=_RELOAD)
    max_daily_loss_pct: float = _set(
        2.0, "Day loss that shuts entries until the next UTC day.", 0.01, 100.0, form=_RELOAD
    )
    max_daily_loss_usd: float = _set(
        0.0, "Day loss in USD that shuts entries; 0 = no such limit.", 0.0, 1e9, form=_RELOAD
    )
    usd_equity: float = _set(1000.0, "Sizing equity when USE_LIVE_EQUITY is false.", 1.0, 1e9, form=_RELOAD)
    use_live_equity: bool = _set(True, "Size entries by the account's equity.", form=_RELOAD)
    vol_risk_adjust: bool = _set(True, "Scale entries by long over short volatility, 0.25 to 1.5.", form=_RELOAD)
    daily_breaker_mark_to_market: bool = _set(True, "Count open lots at mark in the day's loss.", form=_RESTART)
    max_total_lots: int = _set(60, "Open lots over all products.", 1, 1000, form=_RELOAD)
    max_concurrent_lots: int = _set(20, "Open lots of one product.", 1, 1000, form=_RELOAD)
    max_order_usd: float = _set(0.0, "Largest single entry; 0 = no such limit.", 0.0, 1e9, form=_RELOAD)
    max_orders_per_min: int = _set(
        30, "Most orders in a minute; that many entries block new ones until Start.", 1, 600, form=_RELOAD
    )
    price_collar_pct: float = _set(
        5.0, "Entry is refused when two price sources differ by more.", 0.1, 50.0, form=_RELOAD
    )
    stale_data_sec: float = _set(30.0, "No entry on a price older than this.", 1.0, 600.0, form=_RELOAD)
    trading_window_utc: str = _set("", "Entries only inside HH:MM-HH:MM UTC; empty = always.", form=_RELOAD)
    reduce_only: bool = _set(False, "No entries at all: exits only.", form=_RELOAD)
    max_product_usd: float = _set(
        0.0,
        "Most USD in one product, pending entries included: 2000, or BTC:5000,ETH:2000, or largest-10; 0 = off.",
        0.0,
        1e9,
        form=_RELOAD,
    )
    max_total_usd: float = _set(0.0, "Most USD in all products together; 0 = off.", 0.0, 1e9, form=_RELOAD)
    max_base: str = _set("", "Most base units held, such as BTC:0.01,ETH:0.2; empty = no such limit.", form=_RELOAD)
    max_drawdown_pct: float = _set(
        10.0, "Drawdown from the highest equity that latches entries; 0 = off.", 0.0, 100.0, form=_RELOAD
    )
    max_consecutive_losses: int = _set(
        10, "Losing lots in a row that shut entries for the day; 0 = off.", 0, 1000, form=_RELOAD
    )
    max_error_rate_pct: float = _set(
        50.0, "Share of recent orders refused or unanswered; 0 = off.", 0.0, 100.0, form=_RELOAD
    )
    max_api_error_pct: float = _set(
        50.0, "Share of the last minute's requests that failed; 0 = off.", 0.0, 100.0, form=_RELOAD
    )
    max_vol_spike: float = _set(
        4.0, "No entry while the hour's volatility exceeds the day's by this factor; 0 = off.", 0.0, 4.8, form=_RELOAD
    )
    max_spread_pct: float = _set(1.0, "No entry while bid and ask are further apart; 0 = off.", 0.0, 50.0, form=_RELOAD)
    min_depth_usd: float = _set(
        25.0, "No entry while less than this many USD is at the best ask; 0 = off.", 0.0, 1e9, form=_RELOAD
    )
    max_impact_bp: float = _set(
        50.0,
        "No entry whose average price is this many basis points above the best ask; 0 = off.",
        0.0,
        5000.0,
        form=_RESTART,
    )
    vol_band_method: str = _set(
        "std", "What measures a bar's volatility.", choices=("std", "ewma", "atr"), form=_RESTART
    )
    vol_band_low_pct: float = _set(0.0, "No entry while a bar moves less than this; 0 = off.", 0.0, 100.0, form=_RELOAD)
    vol_band_high_pct: float = _set(
        0.0, "No entry while a bar moves more than this; 0 = off.", 0.0, 100.0, form=_RELOAD
    )
    volatility_mult: float = _set(
        0.0,
        "No entry whose price is further from the last close than this many volatilities; 0 = off.",
        0.0,
        1000.0,
        form=_RESTART,
    )
    volatility_method: str = _set(
        "std", "How VOLATILITY_MULT measures volatility.", choices=("std", "ewma", "atr"), form=_RESTART
    )
    volatility_window: int = _set(60, "VOLATILITY_METHOD=std: bars of the standard deviation.", 5, 5000, form=_RESTART)
    volatility_alpha: float = _set(0.06, "VOLATILITY_METHOD=ewma: weight of the newest bar.", 0.001, 1.0, form=_RESTART)
    atr_window: int = _set(14, "VOLATILITY_METHOD=atr: bars of the average true range.", 2, 5000, form=_RESTART)
    correlation_limit: float = _set(
        0.0, "Products that correlate at least this much share one MAX_PRODUCT_USD; 0 = off.", 0.0, 1.0, form=_RESTART
    )
    correlation_window: int = _set(
        120, "Number of bars that the correlation is computed over.", 20, 5000, form=_RESTART
    )
    sizing: str = _set(
        "percent",
        "Entry size: percent of equity, fixed money, a volatility to aim at, or Kelly from own results.",
        choices=("percent", "fixed", "volatility", "kelly"),
        form=_RELOAD,
    )
    fixed_order_usd: float = _set(50.0, "SIZING=fixed: money for each entry.", 1.0, 1e9, form=_RELOAD)
    target_day_vol_pct: float = _set(
        0.5, "SIZING=volatility: daily volatility of a lot, % of equity.", 0.001, 100.0, form=_RELOAD
    )
    kelly_cap_pct: float = _set(
        20.0, "SIZING=kelly: never more than this percent of equity.", 0.01, 100.0, form=_RELOAD
    )
    kelly_confidence: float = _set(
        0.5, "SIZING=kelly: part of the full Kelly size that is used.", 0.01, 1.0, form=_RELOAD
    )

    # Scanner
    scanner_max_products: int = _set(
        0, "Products that the scanner picks; 0 = off, PRODUCTS as set.", 0, 30, form=_RESTART
    )
    scanner_min_volume_usd: float = _set(
        1e6, "Smallest 24-hour volume, in quote currency, of a product that is picked.", 0.0, 1e12, form=_RESTART
    )

    # Position
    allow_pyramiding: bool = _set(True, "Add scalps to an open position.", form=_RELOAD)
    pyramid_min_adverse_pct: float = _set(
        1.5, "Fall since the newest entry that a scalp needs.", 0.0, 100.0, form=_RELOAD
    )
    pyramid_decay_lambda: float = _set(0.02, "Decay of the fall that is needed, per minute.", 0.0, 10.0, form=_RELOAD)
    pyramid_decay_min_pct: float = _set(
        0.4, "The fall that is needed never decays below this.", 0.0, 100.0, form=_RELOAD
    )
    pyramid_min_seconds_between: float = _set(
        0.0, "Pause between two entries of one product.", 0.0, 86_400.0, form=_RELOAD
    )

    # Entries
    entry_order: str = _set(
        "market",
        "market: bought at once; maker: post-only at the best bid.",
        choices=("market", "maker"),
        form=_RESTART,
    )
    maker_timeout_sec: float = _set(
        30.0, "ENTRY_ORDER=maker: the entry is given up after this time.", 1.0, 600.0, form=_RESTART
    )
    maker_reprice_sec: float = _set(
        3.0, "ENTRY_ORDER=maker: shortest time between two changes of the price.", 1.0, 60.0, form=_RESTART
    )

    # Exits
    take_profit_pct: float = _set(1.9, "Take profit of a scalp.", 0.01, 1000.0, form=_RESTART)
    stop_loss_pct: float = _set(
        1000.0, "Stop loss, percent below the entry; 100 or more = none.", 0.01, 1000.0, form=_RESTART
    )
    trail_activate_pct: float = _set(
        1.9,
        "Gain at which the runner's trailing stop starts; if unset, raised to what covers the fees.",
        0.01,
        1000.0,
        form=_RESTART,
    )
    trail_distance_pct: float = _set(0.4, "Distance of the trailing stop from the peak.", 0.01, 99.0, form=_RESTART)
    runner_tp_mult: float = _set(
        2.0, "The runner's take profit is TAKE_PROFIT_PCT times this.", 0.1, 100.0, form=_RESTART
    )
    scalp_tp_decay_enable: bool = _set(True, "Later scalps take profit earlier.", form=_RESTART)
    scalp_tp_dec_mode: str = _set(
        "exp", "How a scalp's take profit falls: exp or linear.", choices=("exp", "linear"), form=_RESTART
    )
    scalp_tp_dec_pct: float = _set(0.20, "linear: percent less for each scalp open before.", 0.0, 100.0, form=_RESTART)
    scalp_tp_decay_factor: float = _set(0.9802, "exp: factor for each scalp open before.", 0.01, 1.0, form=_RESTART)
    scalp_tp_min_pct: float = _set(1.55, "A scalp's take profit never falls below this.", 0.01, 1000.0, form=_RESTART)
    take_profit_order: str = _set(
        "limit", "limit: rests as a maker order; market: sent when reached.", choices=("limit", "market"), form=_RESTART
    )
    signal_exits: bool = _set(False, "A closed bar that says SELL closes the product's lots at market.", form=_RESTART)

    # Target weights
    exposure_max_pct: float = _set(
        95.0,
        "KIND=exposure: most of equity that all products hold together; each has an equal share.",
        1.0,
        100.0,
        form=_RESTART,
    )
    exposure_band_pct: float = _set(
        5.0,
        "KIND=exposure: no trade within so many points of the product's share around the target.",
        0.0,
        100.0,
        form=_RESTART,
    )
    exposure_maker_sec: float = _set(
        300.0,
        "KIND=exposure: post-only for this time, then the rest at market; 0 = market at once.",
        0.0,
        86_400.0,
        form=_RESTART,
    )

    # Fees
    fee_rate_pct: float = _set(0.75, "Fee per side where the exchange states none.", 0.0, 10.0, form=_RESTART)
    edge_gate: bool = _set(
        True, "Refuse entries where an exit (take profit, trailing stop) would not cover its fees.", form=_RESTART
    )
    min_edge_pct: float = _set(0.05, "What every exit must earn beyond its costs.", 0.0, 100.0, form=_RESTART)

    # Strategy
    strategy: str = _set("logistic", "Strategy by name; combined where STRATEGIES names several.")
    strategies: tuple[str, ...] = _set(
        (), "Several strategies at once, comma-separated names or class paths; empty = STRATEGY alone."
    )
    strategies_rule: str = _set(
        "vote",
        "How several strategies decide: vote = one vote each; weight = each counts by STRATEGIES_WEIGHTS.",
        choices=("vote", "weight"),
        form=_RESTART,
    )
    strategies_weights: str = _set(
        "",
        "STRATEGIES_RULE=weight: how much each counts, such as trend:2,steady:1; one not named counts 1.",
        form=_RESTART,
    )
    strategies_majority: float = _set(
        0.5,
        "More than this part of the votes (or weight) must agree, or have an opinion; 0.5 = a majority.",
        0.0,
        0.99,
        form=_RESTART,
    )
    kind: str = _set(
        "auto",
        "lots: signals open lots; exposure: each product is held at a target weight; auto: what the strategy says.",
        choices=("auto", "lots", "exposure"),
    )
    regime: bool = _set(
        False, "Tell regimes apart (trend and volatility of closed bars) and size entries by them.", form=_RESTART
    )
    regime_trend_bars: int = _set(1440, "Bars over which the trend is measured.", 10, 3600, form=_RESTART)
    regime_trend_enter: float = _set(
        1.0, "A trend begins when the move is so many standard deviations of a random walk.", 0.1, 10.0, form=_RESTART
    )
    regime_trend_leave: float = _set(0.5, "It ends when the move is at most so many.", 0.0, 10.0, form=_RESTART)
    regime_vol_bars: int = _set(240, "Newest bars whose volatility is compared.", 5, 3600, form=_RESTART)
    regime_vol_long_bars: int = _set(2880, "Bars whose volatility it is compared with.", 10, 3600, form=_RESTART)
    regime_wild_enter: float = _set(
        1.5, "The market is wild when the newest volatility is so many times that.", 0.5, 20.0, form=_RESTART
    )
    regime_wild_leave: float = _set(
        1.2, "It is calm again when it is at most so many times that.", 0.1, 20.0, form=_RESTART
    )
    regime_scales: str = _set(
        "down-calm:0.5,down-wild:0.25,range-wild:0.5,up-wild:0.5",
        "What each regime makes of a size, 0 (no entry) to 1; one that is not named makes 1.",
        form=_RESTART,
    )
    regime_strategies: str = _set("", "Regimes in which another strategy decides, such as down-wild:steady.")
    ma_fast: int = _set(10, "Bars of the fast average.", 1, 10_000, form=_RESTART)
    ma_slow: int = _set(30, "Bars of the slow average.", 2, 10_000, form=_RESTART)
    buy_threshold: float = _set(
        0.45, "BUY when the model's probability of a rise is above this.", 0.0, 1.0, form=_RESTART
    )
    sell_threshold: float = _set(0.55, "SELL when it is below this, unless BUY applies.", 0.0, 1.0, form=_RESTART)
    use_ma_filter: bool = _set(
        True, "BUY only while the fast average is above the slow one, SELL only below.", form=_RESTART
    )
    model_mode: str = _set(
        "extended", "Features of the logistic model.", choices=("baseline", "extended"), form=_RESTART
    )
    walk_forward_min: int = _set(1, "Minutes between two fits of the model.", 1, 10_080, form=_RESTART)
    backtest_sleep_ms: int = _set(
        0,
        "./coin backtest shows bar after bar, each for this long; 0 = the result at once.",
        0,
        60_000,
        harmless="how a backtest is shown",
    )

    # Kill and restart
    kill_flatten: bool = _set(False, "Kill also sells every lot.", form=_RESTART)
    safe_starts: int = _set(
        5, "Unclean exits within ten minutes after which it starts in SAFE; 0 = never.", 0, 100, form=_RESTART
    )
    watchdog_sec: int = _set(
        10,
        "A bot whose event loop stalls for this long is ended, and PM2 restarts it; 0 = never (for a debugger).",
        0,
        600,
        form=_RESTART,
    )

    # Keys (live; in the other modes COIN-SIM's own key is used)
    coinbase_key_file: str = _set(
        "", "0600 file with the key as Coinbase hands it out.", harmless="the key itself is bound, wherever it lies"
    )
    coinbase_api_key_name: str = _set(
        "", "Key name, only from a 0600 .env.", secret=True, harmless="the key itself is bound"
    )
    coinbase_api_private_key: Secret = _set(
        Secret(""),
        "Private key, only from a 0600 .env.",
        secret=True,
        harmless="the key itself is bound: it seals the permission",
    )

    # Ledger
    ledger_url: Secret = _set(
        Secret(""),
        "Postgres database of the ledger instead of ledger.db, only from a 0600 .env; empty = ledger.db.",
        secret=True,
        harmless="the ledger names the folder, whose id is bound",
    )

    # COIN-SIM
    sim_port: int = _set(
        8790, "Loopback port of COIN-SIM: REST and both WebSocket endpoints.", 1, 65_535, harmless=_SIMULATED
    )
    sim_admin_port: int = _set(8791, "Loopback port of its admin API.", 1, 65_535, harmless=_SIMULATED)
    sim_plain_port: int = _set(
        0, "Loopback port of COIN-SIM without TLS (plain HTTP and WebSocket); 0 = none.", 0, 65_535, harmless=_SIMULATED
    )
    sim_rate_limits: bool = _set(
        True, "Apply the exchange's limits on requests, connections, messages.", harmless=_SIMULATED
    )
    sim_market: str = _set("lively", "Synthetic market: lively, calm, or a scenario's name.", harmless=_SIMULATED)
    sim_seed: int = _set(1, "Seed of the synthetic market.", 0, 2**63 - 1, harmless=_SIMULATED)
    sim_funds: float = _set(10_000.0, "USD on a new account.", 0.0, 1e12, harmless=_SIMULATED)
    sim_replay: str = _set(
        "",
        "File of recorded candles for COIN_MODE=replay; several products' files with commas between them.",
        harmless=_SIMULATED,
    )
    sim_replay_product: str = _set("BTC-USD", "Product of a recording whose file name holds none.", harmless=_SIMULATED)
    sim_replay_speed: float = _set(1.0, "Replay at this many times real speed.", 1.0, 1000.0, harmless=_SIMULATED)
    sim_upstream: str = _set(
        "", "Paper: host:port of another COIN-SIM to relay; empty = Coinbase's public feed.", harmless=_SIMULATED
    )
    sim_upstream_ca: str = _set("", "Certificate file that this upstream is checked with.", harmless=_SIMULATED)
    sim_client_id: bool = _set(
        True, "Frames carry client_id (the SDK's parser needs it; recorded frames lack it).", harmless=_SIMULATED
    )
    sim_idempotency: str = _set(
        "return_existing",
        "What a repeated client_order_id gets.",
        choices=("return_existing", "reject", "not_enforced"),
        harmless=_SIMULATED,
    )
    sim_queue_ms: int = _set(
        25, "Time that a cancel or an edit waits in the simulated matching engine.", 0, 60_000, harmless=_SIMULATED
    )
    sim_maker_fee_pct: float = _set(
        0.50, "Maker fee of the simulated account's first tier.", 0.0, 10.0, harmless=_SIMULATED
    )
    sim_taker_fee_pct: float = _set(
        0.90, "Taker fee of the simulated account's first tier.", 0.0, 10.0, harmless=_SIMULATED
    )

    # COIN
    dashboard_host: str = _set("127.0.0.1", "Address that the dashboard binds.", harmless=_SHOWN)
    dashboard_port: int = _set(8080, "Port of the dashboard.", 1, 65_535, harmless=_SHOWN)
    dashboard_password_hash: Secret = _set(
        Secret(""), "argon2 hash that allows a password at the login, only from .env.", secret=True, harmless=_SHOWN
    )
    dashboard_behind_proxy: bool = _set(False, "A proxy with TLS stands before the dashboard.", harmless=_SHOWN)
    dashboard_hosts: tuple[str, ...] = _set(
        (), "Additional host names (with port) under which the dashboard is reached.", harmless=_SHOWN
    )
    dashboard_tls_cert: str = _set("", "Certificate file, when the dashboard serves TLS itself.", harmless=_SHOWN)
    dashboard_tls_key: str = _set("", "Key file of that certificate.", harmless=_SHOWN)

    # Monitoring
    prometheus_port: int = _set(9090, "Loopback port of Prometheus.", 1, 65_535, harmless=_WATCHED)
    alertmanager_port: int = _set(9093, "Loopback port of Alertmanager.", 1, 65_535, harmless=_WATCHED)
    node_exporter_port: int = _set(9100, "Loopback port of the host's figures.", 1, 65_535, harmless=_WATCHED)

    # COIN-WATCH (the secrets among these are used by COIN-WATCH, and by Alertmanager where it runs)
    watch: bool = _set(True, "Run COIN-WATCH, which tells when the bot is in trouble.", harmless=_TOLD)
    alert_enable: bool = _set(True, "Send alerts to the sinks that are set; false = only show them.", harmless=_TOLD)
    alert_min_severity: str = _set(
        "warning",
        "Least severity that is sent: warning or critical, for all sinks or one by one: warning,telegram:critical.",
        harmless=_TOLD,
    )
    alert_quiet_hours: str = _set(
        "",
        "When warnings wait, such as 22:00-07:00 or 22:00-07:00 Europe/Berlin (UTC without a zone); critical alerts "
        "are always sent.",
        harmless=_TOLD,
    )
    report_at: str = _set(
        "08:00",
        "When the daily and weekly reports are told, such as 08:00 or 20:30 Europe/Berlin (UTC without a zone); off = "
        "never.",
        harmless=_TOLD,
    )
    report_weekly: str = _set(
        "monday",
        "Day of the weekly report.",
        choices=("off", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        harmless=_TOLD,
    )
    report_to: tuple[str, ...] = _set(
        (), "Sinks that are sent reports, such as mail,telegram; empty = all that take warnings.", harmless=_TOLD
    )
    alert_pnl_threshold: float = _set(
        0.0, "Day loss in USD at which a warning is sent, 50 or -50; 0 = none.", -1e9, 1e9, harmless=_TOLD
    )
    slack_webhook: Secret = _set(
        Secret(""),
        "Incoming webhook of a Slack channel for alerts, only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    slack_bot_token: Secret = _set(
        Secret(""),
        "Token of a Slack app that may write (chat:write), only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    slack_alert_channel: str = _set("", "Slack channel that SLACK_BOT_TOKEN writes to.", harmless=_TOLD)
    teams_webhook_url: Secret = _set(
        Secret(""),
        "URL of a Teams workflow that posts to a channel, only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    telegram_bot_token: Secret = _set(
        Secret(""), "Token of a Telegram bot for alerts, only from a 0600 .env.", secret=True, harmless=_TOLD
    )
    telegram_chat_id: str = _set("", "Telegram chat that TELEGRAM_BOT_TOKEN writes to.", harmless=_TOLD)
    alert_webhook_url: Secret = _set(
        Secret(""), "URL that each alert is posted to as JSON, only from a 0600 .env.", secret=True, harmless=_TOLD
    )
    alert_smtp_url: Secret = _set(
        Secret(""),
        "Mail server for alerts, smtp://user:password@host:587 or smtps://…:465, only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    alert_mail_from: str = _set("", "Sender of alerts by mail.", harmless=_TOLD)
    alert_mail_to: tuple[str, ...] = _set((), "Recipients of alerts by mail.", harmless=_TOLD)
    alert_urls: Secret = _set(
        Secret(""),
        "More sinks as Apprise URLs with spaces between them (needs requirements-alerts.txt), only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    heartbeat_url: Secret = _set(
        Secret(""),
        "URL asked every minute by COIN-WATCH; the service behind it tells when it is not. Only from a 0600 .env.",
        secret=True,
        harmless=_TOLD,
    )
    alert_push_hosts: tuple[str, ...] = _set(
        (),
        "Hosts of push services beside those of the common browsers; what is named here may lie anywhere.",
        harmless=_TOLD,
    )
    alert_set_in_browser: tuple[str, ...] = _set(
        (),
        "Written by the dashboard: which of these settings were set there, and when. Their URLs may lead to public "
        "addresses only.",
        harmless=_TOLD,
    )

    # COIN-CHAT (its tokens are SLACK_BOT_TOKEN and TELEGRAM_BOT_TOKEN above, and SLACK_APP_TOKEN)
    chat_users: tuple[str, ...] = _set(
        (),
        "Who may use the bot from a chat, such as telegram:123456789:operator,slack:U024BE7LH:viewer; empty = nobody, "
        "and COIN-CHAT does not run.",
        harmless=_CHAT,
    )
    slack_app_token: Secret = _set(
        Secret(""),
        "App-level token of the Slack app for chat (connections:write), only from a 0600 .env.",
        secret=True,
        harmless=_CHAT,
    )
    slack_channel_id: str = _set(
        "",
        "Slack channel in which chat commands are answered; elsewhere answers come as direct messages.",
        harmless=_CHAT,
    )

    # COIN-LAB, which works for the Lab page
    lab: bool = _set(
        True,
        "The dashboard's Lab: backtests, sweeps and imports in COIN-LAB, which PM2 starts when somebody asks for one.",
        harmless=_LAB,
    )
    lab_memory_mb: int = _set(
        2048, "Most memory of one job of the Lab, MB; a job that needs more fails.", 512, 1_048_576, harmless=_LAB
    )

    # Raw STRATEGY_… keys: each strategy knows and checks its own (bot/strategies/options.py).
    strategy_options: Mapping[str, str] = field(default_factory=dict)
    # Keys that a person set (.env, environment, --set): what is not among them may be adjusted to the fee tier.
    by_hand: frozenset[str] = frozenset()
    product_caps: Mapping[str, float] = field(default_factory=dict)  # of MAX_PRODUCT_USD: base currency to its cap

    @property
    def paths(self) -> DataPaths:
        """The bot's files; a relative DATA_DIR lies in the project folder."""
        flavour = f"-{self.coin_mode}" if self.coin_mode in (Mode.REPLAY, Mode.PAPER) else ""
        return DEFAULT_BOT.paths(self.data_dir if self.data_dir.is_absolute() else ROOT / self.data_dir, flavour)

    @property
    def strategy_files(self) -> tuple[str, ...]:
        """Names of all strategies that decide: STRATEGY, those that it is combined of, those of regimes."""
        others = tuple(parse_regime_strategies(self.regime_strategies).values()) if self.regime else ()
        return (self.strategy, *self.strategies, *others, *(("by_regime",) if self.regime else ()))

    def product_cap_usd(self, product_id: str) -> float:
        """Most money in this product; 0 = no such limit."""
        return self.product_caps.get(product_id.partition("-")[0], self.max_product_usd)

    @property
    def limit_windows(self) -> dict[str, int]:
        """Bars over which the limits that are on measure, by the setting that says so; one more close is needed."""
        bands = "VOLATILITY_WINDOW" if self.volatility_method == "std" else "ATR_WINDOW"
        found = {bands: getattr(self, bands.lower())} if self.volatility_mult else {}
        return found | ({"CORRELATION_WINDOW": self.correlation_window} if self.correlation_limit else {})

    @property
    def state_copy(self) -> Path | None:
        """Where a copy of the state goes; None = nowhere, or it is the state file itself."""
        if not self.state_file:
            return None
        path = ROOT / Path(self.state_file).expanduser()  # an absolute one stays as it is
        return None if path == self.paths.state else path


RULES: Mapping[str, Rule] = {f.name.upper(): f.metadata["rule"] for f in fields(Settings) if "rule" in f.metadata}


def handed_over() -> list[str]:
    """The settings that a process is given from the shell: all but keys, their paths and password hashes.

    PM2 keeps what it is given, in files that others can read.
    """
    return [key for key, rule in RULES.items() if not rule.secret and not key.startswith("COINBASE_")]


PROFILES: Mapping[Profile, Mapping[str, str]] = {
    # The lively market moves in an hour as a real one does in days: two percent would end every trial.
    # The plain strategy shows what it does at a glance. Every way out but the stop pays the fees of Coinbase's first
    # tier: a take that rests costs 1.41 %, a trailing stop at its worst gives 1.89 % and costs 1.82 %.
    Profile.DEV: {
        "MAX_DAILY_LOSS_PCT": "10",
        "MAX_DRAWDOWN_PCT": "30",
        "MAX_CONSECUTIVE_LOSSES": "0",
        "RISK_PER_TRADE_PCT": "3",
        "STOP_LOSS_PCT": "2.5",
        "STRATEGY": "sma_cross",
        "RUNNER_TP_MULT": "1.25",
        "TRAIL_ACTIVATE_PCT": "2.2",
        "TRAIL_DISTANCE_PCT": "0.3",
    },
    Profile.CANARY: {
        "PRODUCTS": "BTC-USD",
        "MAX_BASE": "BTC:0.01",
        "MAX_DAILY_LOSS_USD": "10",
        "MAX_CONCURRENT_LOTS": "2",
        "MAX_TOTAL_LOTS": "2",
        "MAX_ORDER_USD": "100",
        "TRADING_WINDOW_UTC": "14:00-15:00",
    },
    Profile.PROD: {},
}
