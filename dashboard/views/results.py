"""PnL figures, in one definition for every page, the API and the CSV.

Realised: lots that are closed, after all their fees. Open: lots that are held, at their marks, after paid fees and the
fee of the exit that they wait for, with what their sold parts brought. Total: both. Fees: those of every fill, by the
day that the bot booked them to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dashboard.rows import LedgerClosedLot, LedgerDay
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.account import LotDoc, PositionDoc


@dataclass(frozen=True, slots=True)
class OpenLotRow:
    lot_id: str
    product_id: str
    kind: str
    opened_ms: int
    open_price: float
    mark: float | None
    size: str
    cost: float  # of the whole lot, with its entry fee
    fees: float  # paid so far
    result: float | None  # None = there is no price
    exit: str


@dataclass(frozen=True, slots=True)
class OpenTotals:
    """The lots that are held; `lots` None = not known yet."""

    lots: tuple[OpenLotRow, ...] | None

    @property
    def count(self) -> int:
        return len(self.lots or ())

    @property
    def pnl(self) -> float | None:
        """None = not known, as a lot has no price."""
        if self.lots is None:
            return None
        results = [lot.result for lot in self.lots]
        known = [result for result in results if result is not None]
        return sum(known) if len(known) == len(results) else None

    @property
    def won(self) -> int:
        return sum(lot.result > 0 for lot in self.lots or () if lot.result is not None)

    @property
    def fees(self) -> float:
        return sum(lot.fees for lot in self.lots or ())

    def of(self, lots: Sequence[OpenLotRow]) -> "OpenTotals":
        """The same for some of them."""
        return OpenTotals(None if self.lots is None else tuple(lots))

    @property
    def say(self) -> str:
        """`4 open lots at −1,150.02`."""
        if self.lots is None:
            return "open lots not known yet"
        if not self.lots:
            return "no open lots"
        pnl = self.pnl
        return f"{f.plural(self.count, 'open lot')} {'without a price' if pnl is None else 'at ' + f.signed(pnl)}"


def open_lots(s: Snapshot) -> OpenTotals:
    """Every open lot as the bot judged it last."""
    positions = s.state.positions if s.state else None
    if positions is None:
        return OpenTotals(None)
    return OpenTotals(tuple(_lot(lot, position) for position in positions for lot in position.lots))


def result_of(lot: LotDoc) -> float | None:
    """What an open lot comes to: its held part at the mark, and what its sold part brought."""
    return None if lot.unrealized_pnl is None else lot.unrealized_pnl + lot.sold_pnl


def _lot(lot: LotDoc, position: PositionDoc) -> OpenLotRow:
    return OpenLotRow(
        lot.lot_id,
        lot.product_id,
        lot.kind,
        lot.opened_ms,
        lot.open_price,
        position.mark,
        lot.base_size_text,
        lot.bought_usd or lot.cost_usd,
        lot.fees_paid_usd,
        result_of(lot),
        lot.exit_reason or "",
    )


@dataclass(frozen=True, slots=True)
class ClosedTotals:
    """Sums of closed lots. One that was booked as dust, never sold, is no round trip; its fees were paid."""

    count: int
    won: int
    lost: int
    realised: float
    gains: float
    losses: float  # >= 0
    fees: float
    held_s: float | None  # mean of a round trip


def closed(rows: Sequence[LedgerClosedLot]) -> ClosedTotals:
    sold = [row for row in rows if row.proceeds > 0]
    pnls = [row.realized_pnl for row in rows]
    held = sum(row.closed_ms - row.opened_ms for row in sold) / len(sold) / 1000 if sold else None
    return ClosedTotals(
        len(sold),
        sum(p > 0 for p in pnls),
        sum(p < 0 for p in pnls),
        float(sum(pnls, Decimal(0))),
        float(sum((p for p in pnls if p > 0), Decimal(0))),
        float(-sum((p for p in pnls if p < 0), Decimal(0))),
        float(sum((row.entry_fee + row.exit_fee for row in rows), Decimal(0))),
        held,
    )


def fees(days: Sequence[LedgerDay]) -> float:
    """Paid in these days, by every fill: of lots closed and open, and of orders that no lot holds."""
    return float(sum((day.fees for day in days), Decimal(0)))


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures that no other figure stands without."""

    closed: ClosedTotals
    open: OpenTotals
    fees: float

    @property
    def total(self) -> float | None:
        return None if self.open.pnl is None else self.closed.realised + self.open.pnl

    @property
    def lots(self) -> int:
        return self.closed.count + self.open.count

    @property
    def win_pct(self) -> float | None:
        """Of all lots, an open one by what it would bring now."""
        if not self.lots or self.open.pnl is None:
            return None
        return 100 * (self.closed.won + self.open.won) / self.lots

    @property
    def profit_factor(self) -> float | None:
        """Gains over losses of all lots, an open one by what it would bring now."""
        if self.open.pnl is None:
            return None
        results = [lot.result or 0.0 for lot in self.open.lots or ()]
        gains = self.closed.gains + sum(r for r in results if r > 0)
        losses = self.closed.losses - sum(r for r in results if r < 0)
        return gains / losses if losses else None

    @property
    def expectancy(self) -> float | None:
        return self.total / self.lots if self.lots and self.total is not None else None

    @property
    def won_say(self) -> str:
        """`7 of 10 closed lots won; 4 open lots at −1,150.02`."""
        return f"{self.closed.won} of {f.plural(self.closed.count, 'closed lot')} won; {self.open.say}"
