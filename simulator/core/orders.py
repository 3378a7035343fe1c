"""Orders: what was asked, what became of it, and which change of status is legal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.core.products import SimProduct


class SimOrderStatus(StrEnum):
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    EDIT_QUEUED = "EDIT_QUEUED"


DONE = frozenset({SimOrderStatus.FILLED, SimOrderStatus.CANCELLED, SimOrderStatus.EXPIRED, SimOrderStatus.FAILED})
# From the venue's documents: a terminal status never changes, PENDING alone can fail.
TRANSITIONS: Mapping[SimOrderStatus, frozenset[SimOrderStatus]] = {
    SimOrderStatus.PENDING: frozenset(
        {
            SimOrderStatus.OPEN,
            SimOrderStatus.QUEUED,
            SimOrderStatus.FILLED,
            SimOrderStatus.CANCELLED,
            SimOrderStatus.EXPIRED,
            SimOrderStatus.FAILED,
        }
    ),
    SimOrderStatus.QUEUED: frozenset(
        {
            SimOrderStatus.OPEN,
            SimOrderStatus.FILLED,
            SimOrderStatus.CANCELLED,
            SimOrderStatus.EXPIRED,
            SimOrderStatus.CANCEL_QUEUED,
        }
    ),
    SimOrderStatus.OPEN: frozenset(
        {
            SimOrderStatus.OPEN,
            SimOrderStatus.FILLED,
            SimOrderStatus.CANCELLED,
            SimOrderStatus.EXPIRED,
            SimOrderStatus.CANCEL_QUEUED,
            SimOrderStatus.EDIT_QUEUED,
        }
    ),
    SimOrderStatus.CANCEL_QUEUED: frozenset({SimOrderStatus.CANCELLED, SimOrderStatus.FILLED, SimOrderStatus.EXPIRED}),
    SimOrderStatus.EDIT_QUEUED: frozenset(
        {
            SimOrderStatus.OPEN,
            SimOrderStatus.FILLED,
            SimOrderStatus.CANCELLED,
            SimOrderStatus.EXPIRED,
            SimOrderStatus.CANCEL_QUEUED,
        }
    ),
    **{status: frozenset() for status in DONE},
}


class OrderTransitionError(AssertionError):
    """A change of status that no order may make: a defect here, never the client's fault."""


class OrderType(StrEnum):
    """REST's `order_type`."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"
    BRACKET = "BRACKET"
    TWAP = "TWAP"
    SCALED = "SCALED"


class TimeInForce(StrEnum):
    GTC = "GOOD_UNTIL_CANCELLED"
    GTD = "GOOD_UNTIL_DATE_TIME"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"


class Trigger(StrEnum):
    """REST's `trigger_status`."""

    NONE = "INVALID_ORDER_TYPE"
    PENDING = "STOP_PENDING"
    TRIGGERED = "STOP_TRIGGERED"


@dataclass(slots=True, kw_only=True, eq=False)
class SimOrder:
    """One order. Prices in ticks, base sizes in steps, money in atoms of the quote, times in microseconds."""

    order_id: str
    client_order_id: str
    portfolio: str
    product: SimProduct
    buys: bool
    kind: OrderType
    tif: TimeInForce
    config_key: str
    config: dict[str, Any]  # as the client sent it
    created_us: int
    maker_ppm: int  # fee rates of the day it was created
    taker_ppm: int
    steps: int | None = None  # None: sized by quote money
    quote: int | None = None  # atoms of quote, fee included
    limit: int | None = None
    stop: int | None = None
    stop_up: bool = False
    post_only: bool = False
    end_us: int | None = None
    start_us: int | None = None
    leaves: int = 0  # steps that may still fill
    filled: int = 0  # steps
    filled_value: int = 0
    fees: int = 0
    fills: int = 0
    hold: int = 0  # atoms of the held currency
    held: str = ""  # currency of the hold
    status: SimOrderStatus = SimOrderStatus.PENDING
    trigger: Trigger = Trigger.NONE
    cancel_message: str = ""
    reject_reason: str = ""
    reject_message: str = ""
    last_fill_us: int | None = None
    updated_us: int = 0  # when it last changed in any way; 0 in accounts of before this was kept
    done_us: int | None = None
    edits: list[dict[str, str]] = field(default_factory=list)
    queued_us: int | None = None  # when the engine carries out the cancel or edit that waits
    wish: list[int | None] | None = None  # the edit that waits
    legs: list[str] = field(default_factory=list)  # order ids of a scaled order's ladder
    parent: str = ""  # of a bracket attached to an entry, or of a leg of a scaled order
    attached: dict[str, Any] | None = None
    attached_id: str = ""
    preview_id: str = ""
    sequence: int = 0  # position in the archive, rising

    @property
    def open(self) -> bool:
        return self.status not in DONE

    @property
    def limit_price(self) -> int:
        """The limit in ticks, of an order that has one."""
        if self.limit is None:
            raise OrderTransitionError(f"order {self.order_id} has no limit price")
        return self.limit

    def move(self, status: SimOrderStatus) -> None:
        """Change the status, or raise IllegalTransition."""
        if status not in TRANSITIONS[self.status]:
            raise OrderTransitionError(f"order {self.order_id}: {self.status} to {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class SimFill:
    """One execution of one of our orders."""

    trade_id: str
    entry_id: str
    order_id: str
    portfolio: str
    product_id: str
    buys: bool
    tick: int
    steps: int
    value: int  # atoms of quote
    fee: int
    taker: bool
    time_us: int
    sequence: int = 0
