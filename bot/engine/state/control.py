"""What people and the machine allow: the requested level, latches, safe mode, the ledger, sales; commands at work."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.engine.state.part_sale import PartSale
from shared.control import TradingState
from shared.money import ZERO

LOTS_TOO_LARGE = "open lots hold"  # begins the text of a latch that adopting lifts


@dataclass(frozen=True, slots=True)
class Latch:
    """The kill latch."""

    latch_id: str
    source: str
    at_ms: int


@dataclass(slots=True)
class Flatten:
    """A flatten or close command at work: these lots must go."""

    command_id: str
    lot_ids: set[str]
    started_ms: int
    everything: bool = False  # lots that an entry in flight still opens, too
    fees: Decimal = ZERO
    proceeds: Decimal = ZERO
    fills: int = 0
    dust: dict[str, Decimal] = field(default_factory=dict)  # product → size that was too small to sell


@dataclass(slots=True)
class TakeMove:
    """A moved take whose order does not rest yet."""

    lot_id: str
    started_ms: int


@dataclass(slots=True)
class ControlState:
    """`sale_lock`: why nothing may be sold (the folder is a copy, DRY_RUN, the lock is lost); None = it may."""

    level: TradingState
    latch: Latch | None = None
    safe: str | None = None  # why only cancels go out; None = not in safe mode
    entries_latched: str | None = None  # why a person must press Start before the next entry
    sale_lock: str | None = None
    ready: bool = False  # the boot is over
    ready_ms: int = 0  # since when
    ledger_ok: bool = True
    ledger_note: str = ""
    flattens: dict[str, Flatten] = field(default_factory=dict)
    cancels: dict[str, tuple[str, int]] = field(default_factory=dict)  # command → (client order id, since)
    part_sales: dict[str, PartSale] = field(default_factory=dict)  # command → its sale at work
    take_moves: dict[str, TakeMove] = field(default_factory=dict)  # command → its move

    @property
    def may_enter(self) -> bool:
        return self.ready and self.level is TradingState.RUN and self.latch is None and self.safe is None

    @property
    def may_exit(self) -> bool:
        open_ = self.ready and self.level <= TradingState.PAUSE and self.latch is None and self.safe is None
        return open_ and self.sale_lock is None

    def sells_part(self, lot_id: str) -> bool:
        """Whether a command sells a part of the lot: no take of it is placed meanwhile."""
        return any(lot_id in job.keep for job in self.part_sales.values())

    @property
    def may_sell(self) -> bool:
        """Whether a sale would reach the exchange: what rests for a lot is not cancelled for one that would not."""
        return self.sale_lock is None and self.ledger_ok
