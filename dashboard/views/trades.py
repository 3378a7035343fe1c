"""The lots one by one, open ones first, newest first; and the same as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.rows import LedgerClosedLot, LedgerOpenLot
from dashboard.views import chart
from dashboard.views import format as f
from dashboard.views.results import OpenLotRow, OpenTotals
from dashboard.views.snapshot import Snapshot
from dashboard.views.spreadsheet import cell

PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class TradeRow:
    lot_id: str
    short: str
    product_id: str
    kind: str
    open: bool
    opened: datetime | None
    closed: datetime | None  # None = still open
    held: str
    entry: str  # average price of its fills
    exit: str  # average price of its sales; the mark of an open one
    fees: float  # paid
    result: float | None
    pct: float | None  # of what it cost
    reason: str
    href: str


def page(closed: Sequence[LedgerClosedLot], open_: OpenTotals, s: Snapshot, number: int) -> list[TradeRow]:
    """One page. `closed`: those that stand on it (see `window`), newest first."""
    held = sorted(open_.lots or (), key=lambda lot: -lot.opened_ms)
    first = (number - 1) * PER_PAGE
    shown = [_open(lot, s) for lot in held[first : first + PER_PAGE]]
    return shown + [_closed(row, s) for row in closed[: PER_PAGE - len(shown)]]


def window(open_count: int, number: int) -> tuple[int, int]:
    """(first, behind the last) of the closed lots, newest first, that a page shows."""
    return max(0, (number - 1) * PER_PAGE - open_count), max(0, number * PER_PAGE - open_count)


def pages(lots: int) -> int:
    return max(1, -(-lots // PER_PAGE))


def _open(lot: OpenLotRow, s: Snapshot) -> TradeRow:
    step = chart.increment(s, lot.product_id)
    reason = f"being sold, {f.exit_reason(lot.exit)}" if lot.exit else "open"
    return TradeRow(
        lot.lot_id, f.short_id(lot.lot_id, 6), lot.product_id, lot.kind, True, f.of_ms(lot.opened_ms), None,
        f.span(max(0.0, s.now.timestamp() - lot.opened_ms / 1000)), f.price_text(lot.open_price, step),
        f.price_text(lot.mark, step), lot.fees, lot.result,
        100 * lot.result / lot.cost if lot.result is not None and lot.cost else None, f.clean(reason),
        f"/positions#l-{lot.lot_id}",
    )  # fmt: skip


def _closed(row: LedgerClosedLot, s: Snapshot) -> TradeRow:
    step = chart.increment(s, row.product_id)
    sold, cost = row.base_bought - row.dust, row.cost + row.entry_fee
    at = datetime.fromtimestamp(row.closed_ms / 1000, UTC)
    reason = f.exit_reason(row.exit_reason) if row.proceeds else "dust: too small to sell"
    return TradeRow(
        row.lot_id, f.short_id(row.lot_id, 6), row.product_id, row.kind, False, f.of_ms(row.opened_ms), at,
        f.span((row.closed_ms - row.opened_ms) / 1000), f.price_text(row.open_price, step),
        f.price_text(row.proceeds / sold, step) if sold > 0 and row.proceeds else f.DASH,
        float(row.entry_fee + row.exit_fee), float(row.realized_pnl),
        float(100 * row.realized_pnl / cost) if cost else None, f.clean(reason), f"/moment?at={at:%Y-%m-%dT%H:%M:%S}",
    )  # fmt: skip


CSV_HEADER = (
    "lot_id,seq,product_id,kind,opened_at,closed_at,open_price,base_bought,cost,entry_fee,proceeds,exit_fee,"
    "realized_pnl,exit_reason,status,fees,open_pnl,total"
)


def csv(closed: Sequence[LedgerClosedLot], held: Sequence[LedgerOpenLot], results: Mapping[str, float | None]) -> str:
    """Closed lots, then open ones, exact amounts as text; `open_pnl` at the bot's last marks, empty where not known.

    A cell that a spreadsheet would run as a formula gets a quote.
    """
    lines = [CSV_HEADER]
    for r in closed:
        cells = (*_first(r), _stamp(r.closed_ms), *_amounts(r), f"{r.realized_pnl:f}", r.exit_reason, "closed",
                 f"{r.entry_fee + r.exit_fee:f}", "0", f"{r.realized_pnl:f}")  # fmt: skip
        lines.append(",".join(cell(c) for c in cells))
    for o in held:
        result = results.get(o.lot_id)
        text = "" if result is None else f"{result:.8f}"
        cells = (*_first(o), "", *_amounts(o), "", "", "open", f"{o.entry_fee + o.exit_fee:f}", text, text)
        lines.append(",".join(cell(c) for c in cells))
    return "\r\n".join(lines) + "\r\n"


def _first(r: LedgerClosedLot | LedgerOpenLot) -> tuple[object, ...]:
    return r.lot_id, r.seq, r.product_id, r.kind, _stamp(r.opened_ms)


def _amounts(r: LedgerClosedLot | LedgerOpenLot) -> tuple[str, ...]:
    return tuple(f"{x:f}" for x in (r.open_price, r.base_bought, r.cost, r.entry_fee, r.proceeds, r.exit_fee))


def _stamp(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
