"""What the ledger knew when the process started."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.day import TradingDay
from bot.domain.lots import Lot
from bot.domain.order_ids import NO_EPOCH, OrderIdCodec
from bot.domain.order_life import Order
from bot.engine.state.control import Latch
from shared.documents.events import EventDoc


@dataclass(frozen=True, slots=True)
class RecoveredState:
    """What the ledger knew at the start."""

    lots: tuple[Lot, ...] = ()
    next_lot_seq: int = 1
    orders: tuple[Order, ...] = ()  # not settled ones, and those that open lots wait for
    fill_keys: frozenset[tuple[str, str]] = frozenset()
    own_ids: frozenset[str] = frozenset()  # every client order id the ledger holds
    ids: OrderIdCodec | None = None  # as the venue's ids allow; None = in full length
    epoch: str = NO_EPOCH  # of this run (`domain.order_ids`)
    earlier_epochs: frozenset[str] = frozenset()  # of the ledger's other runs
    fence_ms: int | None = None  # unknown orders under our name since then (exchange's clock) are a second writer's
    day: TradingDay | None = None
    key_values: Mapping[str, str] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)  # lot id → orders made for its exit
    order_times_ms: tuple[int, ...] = ()  # entries and exits of the last minute: a restart is no way round a limit
    latch: Latch | None = None
    totals: Mapping[str, int] = field(default_factory=dict)  # counters since the ledger began
    events: tuple[EventDoc, ...] = ()
