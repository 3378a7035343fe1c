"""The streams that the bot hears, and what the process measures of itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDoc:
    channel: str
    product_id: str | None
    age_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedsDoc:
    version: int = 1
    ws_connected: bool
    ws_since: str | None
    ws_age_ms: int | None  # since the last message of any kind
    ws_reconnects: int
    ws_gaps: int
    ws_messages: int
    ws_note: str | None  # why it is not connected
    channels: list[ChannelDoc]
    rest_ok: bool
    rest_last_ms: float | None  # what the last answer took
    rest_errors: int
    rest_calls: int
    rest_note: str | None
    rest_rate_limited: int | None = None  # answers 429, since the bot's start; null = a bot that did not count them
    budget_pct: float | None  # of the request budget that is left
    clock_offset_ms: int | None  # exchange minus ours
    clock_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyDoc:
    """How often something took how long, since the bot's start."""

    le_ms: list[float]  # upper bounds, rising
    counts: list[int]  # samples up to each bound and above the one before it; one more: those above the last
    sum_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsDoc:
    """What the dashboard serves at /metrics; names as in the rulebook's list."""

    version: int = 1
    decisions: dict[str, int]  # buy, sell, flat
    orders: dict[str, int]  # "buy", "sell"
    trades: dict[str, int]  # open, win, loss
    vol_risk_factor: float | None
    model_mode: str | None
    walk_forward_fits: int
    rss_mb: float
    cpu_s: float
    loop_lag_ms_p99: float
    write_interval_ms_p99: float | None
    tick_to_order_ms_p50: float | None
    tick_to_order_ms_p99: float | None
    ledger_commit_ms_p99: float | None
    # Severity (recoverable, critical) → risk policy → how often it raised, since the bot's start.
    guard_failures: dict[str, dict[str, int]] = field(default_factory=dict)
    decisions_missed: int | None = None  # bars that a newer one overtook before the strategy had answered
    # order_ack (from decided to the exchange's yes), ledger_commit, loop_lag, rest_request, tick_to_order
    latencies: dict[str, LatencyDoc] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IoDoc:
    write_errors: int = 0
    last_error: str | None = None
    ledger_ok: bool = True
    ledger_error: str | None = None
    disk_free_mb: int | None = None
