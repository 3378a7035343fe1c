"""What the queries return: plain rows, which the views are made of. No file is opened here."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.market_data import CandleRow, EquityRow

# The order life's words for an order of which nothing more comes.
DONE_STATES = frozenset({"filled", "cancelled", "expired", "failed", "refused", "denied", "absent"})


@dataclass(frozen=True, slots=True)
class LedgerFill:
    order_id: str
    trade_id: str
    client_order_id: str
    product_id: str
    side: str
    price: Decimal
    base_size: Decimal
    fee: Decimal
    liquidity: str
    exchange_ms: int
    lot_id: str | None


@dataclass(frozen=True, slots=True)
class LedgerLot:
    """What is known of every lot. Amounts in quote currency."""

    lot_id: str
    product_id: str
    kind: str
    opened_ms: int
    open_price: Decimal
    base_bought: Decimal
    cost: Decimal
    entry_fee: Decimal


@dataclass(frozen=True, slots=True)
class LedgerOpenLot(LedgerLot):
    """A lot that is held, as the ledger has it."""

    seq: int
    exit_fee: Decimal
    proceeds: Decimal  # of sold parts


@dataclass(frozen=True, slots=True)
class LedgerClosedLot(LedgerOpenLot):
    """One round trip."""

    closed_ms: int
    realized_pnl: Decimal
    exit_reason: str
    dust: Decimal = Decimal(0)  # of `base_bought`: too small to sell


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    client_order_id: str
    order_id: str | None
    product_id: str
    side: str
    kind: str
    purpose: str
    base_size: Decimal | None
    quote_size: Decimal | None
    limit_price: Decimal | None
    lot_id: str | None
    created_ms: int
    updated_ms: int
    state: str
    reason: str | None
    filled_size: Decimal


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """Amounts in quote currency. None = nothing was filled, or not every fill is known yet."""

    average_fill_price: Decimal | None = None
    filled_quote: Decimal | None = None
    fee: Decimal | None = None
    realized_pnl: Decimal | None = None  # of a sale: after its fee and the sold part's cost and entry fee
    opened_lot: str | None = None  # the lot that this entry made
    closed_lot: str | None = None  # the lot of which this sale sold the last
    sold_of_lot: str | None = None  # the lot of which it sold a part

    def with_order(self, o: LedgerOrder) -> dict[str, Any]:
        """The order with its money, flat."""
        return {n: getattr(o, n) for n in o.__slots__} | {n: getattr(self, n) for n in self.__slots__}


NO_MONEY = OrderMoney()


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One line of the activity log."""

    seq: int
    at_ms: int
    kind: str
    level: str
    product_id: str | None
    ref: str | None
    text: str
    data: Any


@dataclass(frozen=True, slots=True)
class LedgerCommand:
    id: str
    cmd: str
    args: dict[str, str]
    by: str
    sent_ms: int | None
    seen_ms: int
    state: str
    done_ms: int | None
    reason: str | None
    result: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class ShutGate:
    """What kept the decisions within one bar of a chart from an entry."""

    start_s: int  # of the chart's bar
    gate: str  # ENTERED = an entry followed
    title: str
    bars: int  # decisions within it
    fault: bool  # it was shut because something is broken; False also where an older bot did not note it


@dataclass(frozen=True, slots=True)
class StopCount:
    """How many closed bars of a product one gate kept from an entry."""

    product_id: str
    gate: str
    title: str
    bars: int
    buys: int  # of them, bars with a buy signal


@dataclass(frozen=True, slots=True)
class LedgerLatch:
    latch_id: str
    kind: str
    at_ms: int
    source: str
    note: str | None
    lifted_ms: int | None
    lifted_by: str | None


@dataclass(frozen=True, slots=True)
class LedgerDay:
    day: str
    start_equity: Decimal
    peak_equity: Decimal
    realized: Decimal
    fees: Decimal
    transfers: Decimal
    breaker_ms: int | None


@dataclass(frozen=True, slots=True)
class LotThen(LedgerLot):
    """A lot that was open at a past moment, and what became of it."""

    take_price: Decimal
    closed_ms: int | None
    realized_pnl: Decimal | None
    exit_reason: str | None


@dataclass(frozen=True, slots=True)
class BootThen:
    boot_id: str
    at_ms: int
    build: str
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last time in the activity log; None where it is empty."""

    first_ms: int | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class PastMoment:
    """One moment as it was recorded."""

    at_ms: int
    span: Span
    boot: BootThen | None  # the newest start by then
    level: LedgerCommand | None  # the newest level command that the bot had seen by then
    latches: list[LedgerLatch]
    lots: list[LotThen]
    orders: list[LedgerOrder]
    before: list[ActivityRow]  # newest first
    after: list[ActivityRow]  # oldest first
    equity: EquityRow | None
    bars: dict[str, CandleRow]  # the last closed minute of each product with lots


@dataclass(frozen=True, slots=True)
class FileLook:
    name: str
    exists: bool
    age_s: float | None
    size: int | None
    private: bool | None  # no other user may read it


@dataclass(frozen=True, slots=True)
class DiskLook:
    files: tuple[FileLook, ...]
    free_bytes: int | None
    folder_private: bool | None
