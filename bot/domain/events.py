"""Everything that can happen to the engine. The list is closed: what is not here does not reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.orders import OrderReport
from bot.domain.price_book import Ladder
from bot.domain.targets import StrategyFailure, Target
from shared.control import Command, TradingState
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class InstrumentList:
    products: tuple[Instrument, ...]


@dataclass(frozen=True, slots=True)
class FeeUpdate:
    rates: FeeRates


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """All balances. `asked_ms`: when they were asked for; an answer that an own order overtook is not used."""

    balances: tuple[Balance, ...]
    asked_ms: int


@dataclass(frozen=True, slots=True)
class OrderReports:
    """Orders as a list answer shows them. `complete`: every open order of the account is among them."""

    orders: tuple[OrderReport, ...]
    complete: bool
    asked_ms: int


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Every order and fill of the account since some time before the ledger was restored. No fill names our id.

    `flattened`: ids of the orders by which the sentinel sold lots while no bot ran; `noted_ms`: of its note, which is
    taken up with them.
    """

    orders: tuple[OrderReport, ...]
    fills: tuple[Fill, ...]
    flattened: tuple[str, ...] = ()
    noted_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FillReports:
    """`through_ms`: the account's every fill up to then (the exchange's clock) was told by now; None = of one order."""

    fills: tuple[Fill, ...]
    through_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PriceUpdate:
    """One product's price changed: last trade, and the best bid and ask where known."""

    product_id: str
    price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None = None  # offered at the best ask, base units


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """One product's price book, as far as it is kept."""

    product_id: str
    bids: Ladder
    asks: Ladder


@dataclass(frozen=True, slots=True)
class BarsClosed:
    """Newly closed bars of one granularity, oldest first; ones that are known already are ignored."""

    product_id: str
    granularity: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class TargetReady:
    """The strategy's answer to one `AskStrategy`. `model`: what of it must survive a restart; None = nothing.

    `notice`: why it says nothing, where a person must be told; None = nothing is to be told."""

    product_id: str
    bar_start_s: int  # the newest bar of the question
    target: Target | StrategyFailure
    model: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class VenueRejected:
    """The exchange said no, definitively. `insufficient`: for want of funds."""

    client_order_id: str
    reason: str
    insufficient: bool = False


@dataclass(frozen=True, slots=True)
class RiskRejected:
    """Our own last gate, or the ledger, said no before anything was sent."""

    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class LookupResult:
    """A search for one order. `complete`: every page was read, so a None means it was not there."""

    client_order_id: str
    found: OrderReport | None
    complete: bool


@dataclass(frozen=True, slots=True)
class TradingStateSet:
    level: TradingState
    source: str


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A once-command that was recorded as seen; it may have been seen by an earlier run of the bot."""

    command: Command


@dataclass(frozen=True, slots=True)
class KillLatched:
    """The kill is latched; the process shut the order gate before it sent this event."""

    latch_id: str
    source: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class KillLifted:
    latch_id: str
    by: str


@dataclass(frozen=True, slots=True)
class FeedChanged:
    """The market stream went up or down; `product_ids` empty = all."""

    up: bool
    note: str


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """This machine's wall clock jumped against its monotonic one: it was set, or the machine slept.

    `step_ms`: forward positive. `offset_ms`: what the exchange's clock is ahead of ours now, as far as it can be told.
    """

    step_ms: int
    offset_ms: int | None


@dataclass(frozen=True, slots=True)
class ClockChecked:
    offset_ms: int  # exchange minus ours


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests to the exchange so far in this run, and how many of them failed."""

    calls: int
    errors: int


@dataclass(frozen=True, slots=True)
class LivePermissionUpdate:
    """Why live entries are locked, and why nothing at all may be sold, for a person; None = they are not."""

    reason: str | None
    sales: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRightsReport:
    """What is wrong with the rights of the key, for a person; None = they are as they must be."""

    problem: str | None


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """All orders, all fills and the balances were compared with the ledger, both ways. `findings`: none = equal."""

    findings: tuple[str, ...]
    orders: int
    fills: int


@dataclass(frozen=True, slots=True)
class KillSourceKnown:
    """Who asked for the kill that is latched is known by now."""

    latch_id: str
    source: str


@dataclass(frozen=True, slots=True)
class ScannerSelection:
    """The scanner's choice, best first; their ProductsSeen came before."""

    product_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    ok: bool
    note: str


@dataclass(frozen=True, slots=True)
class PortfolioBound:
    """The ledger belongs to this portfolio of the exchange from now on."""

    portfolio_id: str


@dataclass(frozen=True, slots=True)
class EquitySampled:
    """Equity was noted for the charts: the deepest drawdown is looked for anew."""


@dataclass(frozen=True, slots=True)
class SettingsReloaded:
    """Limits, sizes and pauses that hold from now on. `changes`: key to "old → new"."""

    settings: Settings
    changes: Mapping[str, str]
    by: str


@dataclass(frozen=True, slots=True)
class TradingReady:
    """The boot is over: decisions may be made."""


@dataclass(frozen=True, slots=True)
class SafeMode:
    """Too many unclean starts: cancel only, until `start`."""

    note: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A second went by."""


Event = (
    InstrumentList
    | FeeUpdate
    | BalanceReport
    | OrderReports
    | HistoryReport
    | FillReports
    | PriceUpdate
    | BookUpdate
    | BarsClosed
    | TargetReady
    | OrderAccepted
    | VenueRejected
    | RiskRejected
    | OutcomeUnknown
    | LookupResult
    | TradingStateSet
    | CommandReceived
    | KillLatched
    | KillLifted
    | FeedChanged
    | ClockStepped
    | ClockChecked
    | LedgerChanged
    | PortfolioBound
    | EquitySampled
    | RequestCounts
    | LivePermissionUpdate
    | KeyRightsReport
    | ReconciliationReport
    | KillSourceKnown
    | ScannerSelection
    | SettingsReloaded
    | TradingReady
    | SafeMode
    | Tick
)
