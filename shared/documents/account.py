"""Lots, positions, orders and the account's money."""

from dataclasses import dataclass

POSITIONS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDoc:
    lot_id: str
    kind: str  # runner or scalp
    side: str = "long"  # or short; a file of an older bot knows long lots only
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
    take_price: float | None = None  # None = no take profit: a holding of a product at a target weight
    take_price_text: str | None = None
    break_even_price: float
    stop_price: float | None = None  # null = off
    trail_active: bool = False
    trail_peak: float | None = None
    trail_stop: float | None = None
    exit_state: str = "none"  # none, resting (take on the book), cancelling, exiting, dust
    exit_reason: str | None = None  # take, stop, trail, signal, command (closed by hand), flatten
    exit_order_id: str | None = None
    take_moved_by: str | None = None  # who moved the take last; null = it stands where the settings put it
    take_moved_ms: int | None = None  # when
    stop_moved_by: str | None = None
    stop_moved_ms: int | None = None


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
    base_min_text: str = "0"  # the smallest size that the exchange takes
    quote_min_text: str = "0"  # the smallest notional that it takes, quote units
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
    take_fee_pct: float | None = None  # of a take profit: the maker's where takes rest, else the taker's
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
