"""Shapes of the API's answers: what OpenAPI shows, and what the tests hold every answer against."""

from typing import Any

from pydantic import BaseModel, Field


class ErrorReply(BaseModel):
    error: str = Field(description="Human-readable reason.")
    status: int


class HealthReply(BaseModel):
    ok: bool
    build: str
    uptime_s: float
    rss_mb: float | None
    streams: int
    connections: int
    assets_missing: list[str]


class VerdictPartBody(BaseModel):
    name: str = Field(description="stream, orders, rest, prices, balances, clock, ledger, lock, file or pm2.")
    state: str = Field(description="ok, warn, gone or unknown.")
    age_ms: int | None = Field(description="Since this source last answered; null = never, or it has no age.")
    text: str


class AlertBody(BaseModel):
    code: str = Field(description="folder_not_own, second_writer, dry_run_with_lots, entries_locked.")
    text: str


class BotHealthReply(BaseModel):
    ok: bool = Field(
        description="The bot writes, its data folder is adopted, and no second bot trades under its name. `word` says "
        "whether it receives data."
    )
    alerts: list[AlertBody] = Field(description="Conditions that need a person, as the bot last reported them.")
    presence: str = Field(description="loading, fresh, stale, offline or unreadable: of the state file.")
    status: str | None = Field(description="The bot's own status; null unless the file is fresh.")
    word: str = Field(
        description="The verdict: the bot's own status, or blind, second_writer, locked_out, ledger_gone, stale, "
        "hung, offline, unreadable, loading."
    )
    reason: str | None = Field(description="Why `word` differs from the bot's own status; null = it does not.")
    seconds: float | None = Field(description="How long this has lasted; null where `word` is the bot's own status.")
    figures_age_s: float | None = Field(description="Age of the prices that equity, marks and PnL are based on.")
    parts: list[VerdictPartBody]
    age_s: float | None
    late: bool
    error: str | None
    pid: int | None
    pid_alive: bool | None
    lock: str
    pm2: str | None = Field(description="PM2's effective state of the bot's process; null = not known.")


class StateReply(BaseModel):
    health: BotHealthReply
    state: dict[str, Any] | None = Field(description="bot_state.json as the bot wrote it last.")


class PositionsReply(BaseModel):
    known: bool
    fresh: bool
    age_s: float | None = Field(description="Age of the state file.")
    figures_age_s: float | None = Field(description="Age of the prices that value and PnL are based on.")
    positions: list[dict[str, Any]]


class OrderBody(BaseModel):
    client_order_id: str
    order_id: str | None
    product_id: str
    side: str
    kind: str
    purpose: str
    state: str
    base_size: str | None
    quote_size: str | None
    limit_price: str | None
    filled_size: str
    lot_id: str | None
    created_ms: int
    updated_ms: int
    reason: str | None
    average_fill_price: str | None = Field(description="Null: nothing filled, or not every fill is known yet.")
    filled_quote: str | None
    fee: str | None = Field(description="Of its fills, in quote currency.")
    realized_pnl: str | None = Field(description="Of a sale: after its fee and the sold part's cost and entry fee.")
    opened_lot: str | None
    closed_lot: str | None = Field(description="The lot of which this sale sold the last.")
    sold_of_lot: str | None = Field(description="The lot of which this sale sold a part.")


class OrdersReply(BaseModel):
    known: bool
    orders: list[OrderBody]


class FillBody(BaseModel):
    order_id: str
    trade_id: str
    client_order_id: str
    product_id: str
    side: str
    price: str
    base_size: str
    fee: str
    liquidity: str
    exchange_ms: int
    lot_id: str | None


class FillsReply(BaseModel):
    known: bool
    fills: list[FillBody]


class TradeBody(BaseModel):
    lot_id: str
    seq: int
    product_id: str
    kind: str
    opened_ms: int
    closed_ms: int
    open_price: str
    base_bought: str
    cost: str
    entry_fee: str
    exit_fee: str
    proceeds: str
    realized_pnl: str
    exit_reason: str
    dust: str


class OpenLotBody(BaseModel):
    lot_id: str
    product_id: str
    kind: str
    opened_ms: int
    open_price: float
    mark: float | None
    size: str
    cost: float = Field(description="Of the whole lot, with its entry fee.")
    fees: float = Field(description="Paid so far.")
    result: float | None = Field(description="At the mark, after the exit's fee, sold parts included; null: no price.")
    exit: str


class TradesReply(BaseModel):
    known: bool
    trades: list[TradeBody]
    open: list[OpenLotBody] = Field(description="Lots that are still open; sums over `trades` do not include them.")


class PeriodBody(BaseModel):
    key: str
    result: float | None = Field(description="Of the account, transfers excluded; null: its end is not known.")
    realised: float
    open_change: float | None
    fees: float
    transfers: float
    lots: int
    wins: int


class PerformanceReply(BaseModel):
    known: bool
    range: str
    realised: float | None = Field(description="Lots closed in the range, after all fees.")
    open: float | None = Field(description="Open lots at their marks, after fees; null: a lot has no price.")
    total: float | None = Field(description="Both.")
    fees: float | None = Field(description="Of every fill in the range.")
    closed_lots: int | None
    won: int | None
    lost: int | None
    open_lots: int | None
    open_won: int | None
    win_rate_pct: float | None = Field(description="Of closed and open lots.")
    profit_factor: float | None = Field(description="Of closed and open lots.")
    expectancy: float | None = Field(description="Mean of closed and open lots.")
    time_weighted_pct: float | None
    drawdown_pct: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    periods: list[PeriodBody]


class TransferBody(BaseModel):
    at_s: int
    value: float = Field(description="In quote currency; positive = deposit.")
    what: str
    adopted: bool


class EquityReply(BaseModel):
    known: bool
    range: str
    at_s: list[int]
    equity: list[float]
    drawdown: list[float | None] = Field(
        description="Percent below the time-weighted curve's highest point so far, <= 0; null: recorded by a version "
        "that did not measure it."
    )
    curve: list[float | None] = Field(description="Time-weighted: growth of 1 unit of money.")
    noted: int = Field(description="Number of points recorded each minute; a point after them is the current value.")
    transfers: list[TransferBody]
    day_start: float | None
    fills: list[dict[str, Any]] = Field(description="Those of one side within a span are one, with their count.")


class CandlesReply(BaseModel):
    known: bool
    product_id: str
    granularity: str
    step_s: int = Field(description="Length of a bar in seconds.")
    candles: list[list[float]] = Field(
        description="[start_s, open, high, low, close, volume] of closed bars, oldest first."
    )
    older: bool = Field(description="There are bars before these.")
    forming: list[list[float]] = Field(
        description="[start_s, open, high, low, close] of bars that the exchange has not closed yet, the newest last: "
        "closed minutes and the last prices that the bot received. No decision uses them."
    )
    fills: list[dict[str, Any]] = Field(description="Of the newest bars; none where older ones are asked for.")
    round_trips: list[dict[str, Any]] = Field(
        description="Closed lots that were held within these bars; the result is after all fees, in quote currency."
    )
    lines: list[dict[str, Any]] = Field(description="Open, take and stop of each open lot of the product.")
    signals: list[tuple[int, str]] = Field(
        description="[bar's start, buy or sell] where the strategy's signal changed."
    )
    indicators: dict[str, list[tuple[int, float]]] = Field(
        description="[bar's start, value] of each on the price: as the bot recorded it; a moving average also on other "
        "bars, of their closes."
    )
    regimes: list[tuple[int, str]] = Field(
        description="[bar's start, down-calm … up-wild] where REGIME is on and the regime is known."
    )
    gates: list[tuple[int, str, int, bool]] = Field(
        description="[bar's start, gate, decisions, fault]: the first gate that was shut at the decisions within the "
        "bar; `entered`: an entry followed, `open`: all were open. Not recorded is absent."
    )
    gate_rows: list[dict[str, str]] = Field(description="Those gates with their titles, in the order they are asked.")
    last: float | None


class RiskReply(BaseModel):
    known: bool
    entries_blocked: str | None
    limits: list[dict[str, Any]]
    kill: dict[str, Any] | None
    latches: list[dict[str, Any]]


class LogLineBody(BaseModel):
    source: str
    at: str
    level: str
    text: str


class LogsReply(BaseModel):
    lines: list[LogLineBody]
    sources: list[str]


class Pm2ProcessBody(BaseModel):
    name: str
    pid: int
    state: str
    label: str
    restarts: int
    uptime_s: float | None
    memory_bytes: int
    cpu_pct: float
    exit_code: int | None


class Pm2Reply(BaseModel):
    ok: bool
    trouble: str | None
    version: str | None
    processes: list[Pm2ProcessBody]


class CommandBody(BaseModel):
    cmd: str = Field(description="start, pause, stop, kill, flatten, close_lot, cancel, reset_kill, adopt, …")
    args: dict[str, str] = Field(default_factory=dict)
    confirm: str = Field(default="", description="FLATTEN or ADOPT, where a browser's session sends that.")
    held: bool = Field(default=False, description="Kill by holding its key.")


class CommandSentReply(BaseModel):
    id: str
    cmd: str
    seq: int | None = Field(description="Null: a kill by the file KILL alone.")
    at: str
    receipt: str = Field(description="Where its receipt will be.")
    text: str = Field(description="What was done, and how it was delivered.")
    ways: list[str] = Field(description="Deliveries that worked: control.json; for a kill also the file KILL.")
    failed: list[str] = Field(description="Deliveries of a kill that failed, each with its reason.")


class ReceiptReply(BaseModel):
    id: str
    cmd: str
    state: str = Field(description="sent, not_seen (more than 2 s), seen, done, failed, expired or rejected.")
    by: str
    sent_ms: int | None
    seen_ms: int | None
    done_ms: int | None
    reason: str | None
    result: dict[str, str] | None


class CommandsReply(BaseModel):
    commands: list[ReceiptReply]
