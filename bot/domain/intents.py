"""What the engine wants done. Records are committed in one transaction before anything is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.bars import Bar
from bot.domain.day import TradingDay
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.lots import Lot
from bot.domain.order_life import Order
from bot.domain.orders import OrderSpec
from shared.documents.control import ReceiptState


@dataclass(frozen=True, slots=True)
class SaveOrder:
    order: Order


@dataclass(frozen=True, slots=True)
class SaveFill:
    fill: Fill
    lot_id: str | None
    received_ms: int


@dataclass(frozen=True, slots=True)
class SaveLot:
    lot: Lot


@dataclass(frozen=True, slots=True)
class SaveDay:
    day: TradingDay


@dataclass(frozen=True, slots=True)
class SaveKeyValue:
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class SaveReceipt:
    """The end of a once-command, or its progress."""

    command_id: str
    state: ReceiptState
    reason: str | None = None
    result: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the activity log, written for people; `level` is info, good, warn or bad."""

    kind: str
    text: str
    level: str = "info"
    product_id: str | None = None
    ref: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


Record = SaveOrder | SaveFill | SaveLot | SaveDay | SaveKeyValue | SaveReceipt | Note


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    spec: OrderSpec


@dataclass(frozen=True, slots=True)
class CancelOrder:
    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class LookUpOrder:
    """Find out what became of it: by the exchange's id where known, else by searching for ours."""

    client_order_id: str
    order_id: str | None
    product_id: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class FetchFills:
    order_id: str


@dataclass(frozen=True, slots=True)
class ShutForKill:
    """A risk rule asks for the kill latch."""

    source: str


@dataclass(frozen=True, slots=True)
class PeerBars:
    """Closed bars of another product that is traded, oldest first; none opens after the newest that is asked about."""

    instrument: Instrument
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class AskStrategy:
    """What does the strategy want after the newest of these closed bars? `TargetReady` is the answer."""

    instrument: Instrument
    bars: tuple[Bar, ...]  # oldest first, as many as the strategy remembers; never empty
    peers: tuple[PeerBars, ...] = ()  # where it needs them; a product without bars is not among them

    @property
    def bar_start_s(self) -> int:
        return self.bars[-1].start_s


Action = PlaceOrder | CancelOrder | LookUpOrder | FetchFills | ShutForKill | AskStrategy
Intent = Record | Action
