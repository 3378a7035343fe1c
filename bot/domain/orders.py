"""Orders: what is to be sent, and what the exchange reports of one."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.kinds import LotKind, OrderKind, Purpose, Side


class OrderStatus(StrEnum):
    """What a report says of an order; an adapter maps its venue's words to these."""

    WORKING = "working"  # it may still fill, whatever the venue calls it meanwhile
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"  # a word that the adapter does not know: it may still fill


FINAL_STATUSES = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FAILED})


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as the exchange shows it, ours or foreign; figures are cumulative."""

    order_id: str
    client_order_id: str
    product_id: str
    side: Side
    status: OrderStatus
    filled_size: Decimal
    created_ms: int
    kind: str = "market"
    base_size: Decimal | None = None
    limit_price: Decimal | None = None
    average_fill_price: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OrderSpec:
    """An order to be sent once. Exactly one of `base_size` and `quote_size` is set."""

    client_order_id: str
    product_id: str
    side: Side
    kind: OrderKind
    purpose: Purpose
    base_size: Decimal | None
    quote_size: Decimal | None
    limit_price: Decimal | None
    post_only: bool
    end_ms: int | None  # good until; None = until cancelled, or at once for a market order
    expected_price: Decimal  # mark when it was decided
    lot_id: str | None = None  # the lot that it closes, or that a maker entry's further orders fill
    lot_kind: LotKind | None = None  # of the lot that an entry opens
    tp_pct: Decimal | None = None  # of the lot that an entry opens
    command_id: str | None = None
    retry_of: str | None = None
    reduce_only: bool = False  # it closes a lot, or a part of one, and must never open a position

    @property
    def notional(self) -> Decimal:
        """What it is about in quote units, at the price it was decided at."""
        if self.quote_size is not None:
            return self.quote_size
        assert self.base_size is not None
        return self.base_size * (self.limit_price or self.expected_price)
