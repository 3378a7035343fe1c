"""What the core speaks of: products, bars, orders, fills, balances. Amounts are exact decimals."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from shared.money import floor_to


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Kind(StrEnum):
    """How an order trades."""

    MARKET = "market"
    LIMIT = "limit"


class Purpose(StrEnum):
    """Why an order exists."""

    ENTRY = "entry"
    EXIT = "exit"  # market order after a stop, a trail, or a take that is not resting
    TAKE = "take"  # resting take profit
    FLATTEN = "flatten"  # by command; passes a shut gate


class LotKind(StrEnum):
    RUNNER = "runner"
    SCALP = "scalp"


class ExitReason(StrEnum):
    TAKE = "take"
    STOP = "stop"
    TRAIL = "trail"
    COMMAND = "command"  # a person closed this lot or this product
    FLATTEN = "flatten"  # everything had to go


ORDERED = frozenset({ExitReason.COMMAND, ExitReason.FLATTEN})  # a person's: they lapse with their command alone


@dataclass(frozen=True, slots=True)
class Product:
    """What may be traded and in which steps. Sizes in base, notionals in quote units."""

    product_id: str
    base: str
    quote: str
    base_increment: Decimal
    quote_increment: Decimal
    price_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    quote_max_size: Decimal
    price: Decimal | None = None  # last trade as the product list shows it
    halted: str | None = None  # why no new order is taken (cancel_only, trading_disabled, …); None = open
    limit_only: bool = False
    post_only: bool = False

    def floor_size(self, base_size: Decimal) -> Decimal:
        return floor_to(base_size, self.base_increment)

    def floor_quote(self, quote_size: Decimal) -> Decimal:
        return floor_to(quote_size, self.quote_increment)

    def sellable(self, base_size: Decimal, price: Decimal) -> bool:
        """Whether the exchange takes a sale of this much; what it does not take is dust."""
        size = self.floor_size(base_size)
        return size > 0 and size >= self.base_min_size and size * price >= self.quote_min_size


class Bar(NamedTuple):
    """One closed bar; floats, since only indicators and charts read it."""

    start_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an own order. `(order_id, trade_id)` names it; a fill seen twice is one fill."""

    order_id: str
    trade_id: str
    client_order_id: str
    product_id: str
    side: Side
    price: Decimal
    base_size: Decimal
    fee: Decimal  # quote units
    liquidity: str  # maker, taker, unknown
    exchange_ms: int


class VenueStatus(StrEnum):
    """The exchange's word for the state of an order."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    OPEN = "OPEN"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    EDIT_QUEUED = "EDIT_QUEUED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN_ORDER_STATUS"


VENUE_DONE = frozenset({VenueStatus.FILLED, VenueStatus.CANCELLED, VenueStatus.EXPIRED, VenueStatus.FAILED})


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the exchange shows it, ours or foreign; figures are cumulative."""

    order_id: str
    client_order_id: str
    product_id: str
    side: Side
    status: VenueStatus
    filled_size: Decimal
    created_ms: int
    kind: str = "market"
    base_size: Decimal | None = None
    limit_price: Decimal | None = None
    average_fill_price: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    currency: str
    available: Decimal
    hold: Decimal

    @property
    def total(self) -> Decimal:
        return self.available + self.hold


@dataclass(frozen=True, slots=True)
class FeeRates:
    """The live tier; rates are fractions of the notional (0.009 = 0.9 %)."""

    maker: Decimal
    taker: Decimal
    tier: str


@dataclass(frozen=True, slots=True)
class OrderSpec:
    """An order to be sent once. Exactly one of `base_size` and `quote_size` is set."""

    client_order_id: str
    product_id: str
    side: Side
    kind: Kind
    purpose: Purpose
    base_size: Decimal | None
    quote_size: Decimal | None
    limit_price: Decimal | None
    post_only: bool
    end_ms: int | None  # good until; None = until cancelled, or at once for a market order
    expected_price: Decimal  # mark when it was decided
    lot_id: str | None = None  # the lot that it closes
    lot_kind: LotKind | None = None  # of the lot that an entry opens
    tp_pct: Decimal | None = None  # of the lot that an entry opens
    command_id: str | None = None
    retry_of: str | None = None

    @property
    def notional(self) -> Decimal:
        """What it is about in quote units, at the price it was decided at."""
        if self.quote_size is not None:
            return self.quote_size
        assert self.base_size is not None
        return self.base_size * (self.limit_price or self.expected_price)
