"""`bot_state.json`: every section of it, typed.

Display values are numbers; exact amounts stand beside them as text in fields that end in `_text`. A section is
null until it is built. Money is in the quote currency (USD) unless a field says otherwise; percentages are in
percent; `…_ms` is milliseconds; `at` fields are ISO 8601 UTC in whole seconds.
Readers ignore unknown fields (`decode_state`), and show an unknown `version` as such instead of guessing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum

import msgspec
import orjson

from shared.bots import DEFAULT_BOT
from shared.files import Unreadable, parse_object
from shared.verdict import VerdictDoc

STATE_VERSION = 1
POSITIONS_VERSION = 1


class Status(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    SAFE = "safe"
    ERROR = "error"


class Phase(StrEnum):
    INIT = "init"
    PREFLIGHT = "preflight"
    SYNCING = "syncing"
    BACKFILL = "backfill"
    TRADING = "trading"
    STOPPED = "stopped"
    ERROR = "error"


BOOT_PHASES = (Phase.INIT, Phase.PREFLIGHT, Phase.SYNCING, Phase.BACKFILL)
LEGAL_PAIRS: dict[Status, frozenset[Phase]] = {
    Status.STARTING: frozenset(BOOT_PHASES),
    Status.RUNNING: frozenset({Phase.TRADING}),
    Status.PAUSED: frozenset({Phase.TRADING}),
    Status.STOPPING: frozenset({Phase.TRADING}),
    Status.STOPPED: frozenset({Phase.STOPPED}),
    Status.KILLED: frozenset({Phase.STOPPED}),
    Status.SAFE: frozenset({Phase.STOPPED}),
    Status.ERROR: frozenset({Phase.ERROR}),
}


class StepState(StrEnum):
    """Of one step of the boot."""

    WAIT = "wait"
    CURRENT = "current"
    DONE = "done"
    FAILED = "failed"


class GateVerdict(StrEnum):
    """OPEN lets an entry pass; SHUT is a choice doing its job; FAULT is broken (and shuts, too)."""

    OPEN = "open"
    SHUT = "shut"
    FAULT = "fault"
    UNKNOWN = "unknown"


class ReceiptState(StrEnum):
    SEEN = "seen"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStep:
    phase: str  # init, preflight, syncing, backfill, running, stopped, error
    state: StepState
    at: str | None = None  # when the step began
    seconds: float | None = None  # how long it took, or has taken so far
    done: int | None = None  # progress of `total`, where the step counts something
    total: int | None = None
    note: str | None = None  # what it does or waits for now, for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDoc:
    lot_id: str
    kind: str  # runner or scalp
    product_id: str
    opened_at: str
    opened_ms: int
    open_price: float
    open_price_text: str
    base_size: float  # what is left of the lot
    base_size_text: str
    value_usd: float | None = None  # base_size at mark; null = no mark yet
    cost_usd: float  # open price x size left, with its part of the entry fee
    entry_fee_usd: float
    unrealized_pnl: float | None = None  # after the paid entry fee and the fee of the exit it waits for
    sold_pnl: float = 0.0  # what its sold part earned after both fees; realised when the lot is closed
    fees_paid_usd: float = 0.0  # of the whole lot so far
    bought_usd: float = 0.0  # what the whole lot cost, with its entry fee; `cost_usd` is of what is left
    unrealized_pct: float | None = None  # price change since open, in percent
    take_price: float
    take_price_text: str
    break_even_price: float
    stop_price: float | None = None  # null = off
    trail_active: bool = False
    trail_peak: float | None = None
    trail_stop: float | None = None
    exit_state: str = "none"  # none, resting (take on the book), cancelling, exiting, dust
    exit_reason: str | None = None  # take, stop, trail, command (closed by hand), flatten
    exit_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDoc:
    symbol: str  # BTC
    product_id: str  # BTC-USD
    base_size: float
    size_usd: float | None
    cost_usd: float
    unrealized_pnl: float | None
    lots: list[LotDoc]
    base_size_text: str = "0"
    mark: float | None = None
    mark_source: str | None = None  # trade or mid
    mark_age_ms: int | None = None  # since the exchange was last heard to confirm it: a heartbeat does, too
    price_increment_text: str = "0.01"
    base_increment_text: str = "0.00000001"
    exchange_base_text: str | None = None  # what the exchange says we own (available + hold); null = not known
    difference_text: str | None = None  # exchange minus lots; holdings that are not ours are not an error


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDoc:
    version: int = 1
    quote_currency: str = "USD"
    equity: float
    equity_text: str
    cash: float  # available + held
    cash_text: str
    cash_available: float
    held_in_orders: float
    lots_value: float
    other_value: float  # holdings that are not in lots, at mark
    day: str  # UTC date
    day_start_equity: float
    day_pnl: float
    day_pnl_pct: float
    day_realized: float
    day_unrealized_change: float
    day_fees: float
    day_peak_equity: float
    peak_equity: float
    drawdown_pct: float  # of the time-weighted curve from its persisted peak, >= 0; the one drawdown there is
    drawdown_limit_pct: float  # MAX_DRAWDOWN_PCT; 0 = off
    maker_fee_pct: float
    taker_fee_pct: float
    fee_tier: str
    day_lots_opened: int = 0
    day_lots_closed: int = 0
    day_wins: int = 0
    day_losses: int = 0
    day_decisions: int = 0
    day_entries: int = 0
    day_orders: int = 0
    day_orders_refused: int = 0
    orders_unknown: int = 0
    synced_at: str | None = None  # when the exchange last confirmed balances
    priced_ms: int | None = None  # when the oldest price in equity came; null = it hangs on none
    curve: float | None = None  # the time-weighted curve: what 1 unit of money has become since the ledger began
    day_transfers: float = 0.0  # adopted today, in less out
    transfers: float = 0.0  # adopted since the ledger began
    waiting_value: float = 0.0  # in equity, but not explained yet: in no result
    open_pnl: float | None = None  # open lots with their sold parts, after paid fees and the exit's; null = no price
    open_fees: float = 0.0  # paid for them so far


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDoc:
    client_order_id: str
    order_id: str | None
    product_id: str
    side: str  # BUY or SELL
    kind: str  # market, limit
    purpose: str  # entry, exit, take, flatten, foreign
    state: str  # the order life's word: new, sent, unknown, open, cancelling, filled, cancelled, …
    base_size: float | None
    quote_size: float | None
    limit_price: float | None
    filled_size: float
    average_fill_price: float | None
    created_at: str
    updated_at: str
    lot_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitDoc:
    """One risk limit with its current value."""

    name: str
    title: str  # for a person
    value: float | None
    limit: float | None
    unit: str
    state: str  # ok, warn, tripped, off; unknown: not measured yet, and entries pass
    tripped_at: str | None = None
    note: str | None = None
    at_least: bool = False  # the value must reach the limit, not stay below it


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedDoc:
    """A setting whose default contradicts the account's fee tier: another value is in force."""

    key: str
    value: str  # in force
    why: str  # one sentence for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDoc:
    version: int = 1
    entries_blocked: str | None  # the reason in words; null = not blocked by risk
    limits: list[LimitDoc]
    adjusted: list[AdjustedDoc] = field(default_factory=list)
    trips_since: str | None = None  # from when on trips are remembered; of what was before nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDoc:
    """The last comparison of all orders, all fills and the balances with the exchange; null = there was none yet."""

    at: str
    at_ms: int
    ok: bool
    text: str  # what was compared, or what differs, for a person
    orders: int
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDoc:
    name: str  # control, feed, signal, …
    title: str  # for a person
    verdict: GateVerdict
    value: str | None = None  # what it is now, as text with its unit
    limit: str | None = None  # what it needs
    opens: str | None = None  # what opens it: "at 111,905.06, 1.81 % lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductGatesDoc:
    product_id: str
    sentence: str  # "Buys, but the price is not low enough: needs 111,905.06, 1.81 % lower"
    shut: int
    gates: list[GateDoc]
    decided_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesDoc:
    version: int = 1
    products: list[ProductGatesDoc]


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
    budget_pct: float | None  # of the request budget that is left
    clock_offset_ms: int | None  # exchange minus ours
    clock_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDoc:
    product_id: str
    signal: str  # buy, sell, flat
    probability: float | None
    bar_at: str | None  # start of the bar it was decided on
    bars: int
    bars_needed: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDoc:
    """How good a model's probabilities were, on bars that it had not seen; rates are fractions."""

    count: int  # predictions that were judged
    hit_rate: float
    base_rate: float  # share of bars that rose
    brier: float  # mean squared error; lower is better
    base_brier: float  # of saying the base rate each time
    log_loss: float
    bins: list[list[float]]  # [mean probability, share that rose, count], lowest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDoc:
    """One product's fitted model. `weights` belong to standardised features, so their sizes compare."""

    product_id: str
    features: list[str]
    weights: list[float]
    intercept: float
    rows: int  # that it was fitted on
    fitted_at: str | None
    fits: int
    score: ScoreDoc | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettingDoc:
    """One setting that the strategy reads, as a person writes it in .env."""

    key: str
    value: str
    default: str
    origin: str  # default, profile, .env, environment
    help: str
    own: bool  # STRATEGY_<NAME>_…: the strategy's own, no general one


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDoc:
    version: int = 1
    name: str
    granularity: str
    parameters: dict[str, str]
    signals: list[SignalDoc]
    settings: list[StrategySettingDoc] = field(default_factory=list)  # what `parameters` says, with its origin
    models: list[ModelDoc] = field(default_factory=list)  # none for a strategy of rules


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDoc:
    ok: bool
    error: str | None
    level: str | None  # run, pause, stop, kill: the desired state as the bot knows it
    seen_at: str | None
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillDoc:
    """The latch. Null in the state = not killed."""

    latch_id: str
    at: str
    at_ms: int
    source: str  # command, kill_switch, KILL file, risk
    gate_shut_ms: float  # from first seen to gate shut
    flat: bool | None = None  # after a flatten: does the exchange show it flat?
    orders_found: int | None = None
    orders_cancelled: int | None = None
    verified: int = 0  # how many times in a row the exchange showed none left
    cleared_ms: float | None = None  # from latch to the second such look; null = not yet
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDoc:
    id: str
    cmd: str
    state: ReceiptState
    by: str
    sent_ms: int | None  # the sender's clock; null for a change by hand
    seen_ms: int
    done_ms: int | None = None
    reason: str | None = None
    result: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IoDoc:
    write_errors: int = 0
    last_error: str | None = None
    ledger_ok: bool = True
    ledger_error: str | None = None
    disk_free_mb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDoc:
    """One of the newest things that happened, for people; the ledger's journal holds them all."""

    at: str
    at_ms: int
    kind: str  # entry, exit, command, boot, risk, feed, order, day
    level: str  # info, good, warn, bad
    text: str
    product_id: str | None = None


SECOND_WRITER = "second_writer"  # another bot trades under this name: no entry until a person presses Start
FOLDER_NOT_OWN = "folder_not_own"  # an alert's code: nothing is sent, so the bot is not well however fresh it is


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDoc:
    """What a person must be told of. `code` is for machines and does not change; `text` is for people."""

    code: str  # folder_not_own, second_writer, dry_run_with_lots, entries_locked
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotState:
    """The whole document. The first eight fields are the users' contract: scripts depend on them."""

    ts: str
    mode: str
    status: Status
    phase: Phase
    positions: list[PositionDoc] | None  # absent in the file until SYNCING is over
    portfolio_value: float | None
    ws_ok: bool
    error: str | None

    version: int = STATE_VERSION
    ts_ms: int
    seq: int
    interval_ms: int
    boot_id: str
    pid: int
    started_at: str
    build: str
    config_hash: str
    bot: str = DEFAULT_BOT.process
    supervised: bool
    dry_run: bool = False
    live_lock: str | None = None  # live only: "locked: why", "entries locked: why" (exits go on) or "open until when"
    alerts: list[AlertDoc] = field(default_factory=list)  # what holds now
    boot: list[BootStep]
    account: AccountDoc | None = None
    orders: list[OrderDoc] | None = None
    risk: RiskDoc | None = None
    differences: str | None = None  # "BTC -0.5, USD +100": what nobody has explained; `adopt` names it; null = none
    differences_since: str | None = None  # when they began; null where there are none, or it is not known
    audit: AuditDoc | None = None
    gates: GatesDoc | None = None
    feeds: FeedsDoc | None = None
    verdict: VerdictDoc | None = None  # what the bot can know of itself; a reader adds the rest (shared.verdict)
    strategy: StrategyDoc | None = None
    metrics: MetricsDoc | None = None
    control: ControlDoc
    kill: KillDoc | None = None
    last_command_id: str | None = None
    receipts: list[ReceiptDoc]
    events: list[EventDoc]
    io: IoDoc


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteDoc:
    """The last prices that the bot heard within one minute: for charts, while the exchange's own bar is not there."""

    start_s: int  # of the minute, by the exchange's clock
    since_ms: int  # when the first of them came: what was before is not known
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    product_id: str
    bid: float | None
    ask: float | None
    last: float | None
    at_ms: int
    price_increment_text: str = ""  # "" = not told
    minutes: list[MinuteDoc] = field(default_factory=list)  # the running one and the one before, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthDoc:
    """The best levels of one product's book: [price, base size], best first."""

    product_id: str
    bids: list[list[float]]
    asks: list[list[float]]
    at_ms: int  # when the book last changed


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDoc:
    """`market.json`: best bid and ask of each product, and the book where it is kept, every second."""

    version: int = 1
    ts_ms: int
    quotes: list[Quote]
    depth: list[DepthDoc] = field(default_factory=list)


def alert_of(state: BotState | None, code: str) -> AlertDoc | None:
    """The alert of that code, where the state has it."""
    return next((alert for alert in state.alerts if alert.code == code), None) if state is not None else None


def encode_state(state: BotState) -> bytes:
    """The document's bytes. Positions that are not known are absent, never null or []; so are the fields of lots and
    gates that hold nothing, which are most of what a large document would say."""
    document = {name: getattr(state, name) for name in _STATE}
    if state.positions is None:
        del document["positions"]
    else:
        document["positions"] = [_row(p, _POSITION) | {"lots": _lean(p.lots, _LOT)} for p in state.positions]
    if state.gates is not None:
        products = [_row(p, _PRODUCT_GATES) | {"gates": _lean(p.gates, _GATE)} for p in state.gates.products]
        document["gates"] = {"version": state.gates.version, "products": products}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _names(document: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(document))


_STATE, _POSITION, _LOT = _names(BotState), _names(PositionDoc), _names(LotDoc)
_PRODUCT_GATES, _GATE = _names(ProductGatesDoc), _names(GateDoc)


def _row(document: object, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(document, name) for name in names}


def _lean(documents: Iterable[object], names: Iterable[str]) -> list[dict[str, object]]:
    """Each as a row without the fields that hold nothing."""
    return [{name: value for name in names if (value := getattr(d, name)) is not None} for d in documents]


def decode_state(data: bytes) -> BotState:
    """The document in `data`. Raises Unreadable with a sentence for a person; unknown fields are ignored."""
    raw = parse_object(data)
    version = raw.get("version")
    if version != STATE_VERSION:
        raise Unreadable(f"its version is {version!r}, this program knows {STATE_VERSION}: the bot is of another build")
    raw.setdefault("positions", None)
    try:
        return msgspec.convert(raw, BotState)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a bot state: {error}") from error
