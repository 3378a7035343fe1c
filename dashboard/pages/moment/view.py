"""A past moment as rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.rows import LotThen, PastMoment
from dashboard.views import events, orders
from dashboard.views import format as f
from shared.market_data import CandleRow

STEPS = (("−1 d", -86_400), ("−1 h", -3600), ("−1 min", -60), ("+1 min", 60), ("+1 h", 3600), ("+1 d", 86_400))


@dataclass(frozen=True, slots=True)
class MomentLotRow:
    product_id: str
    kind: str
    short: str
    opened: datetime | None
    size: str
    open_price: str
    price: str
    pct: float | None
    value: float | None
    outcome: str
    outcome_pnl: float | None


@dataclass(frozen=True, slots=True)
class View:
    at: datetime
    field: str  # for the form
    steps: list[tuple[str, str]]
    earlier: str  # the change before, the one after: where the links lead
    later: str
    rows: list[tuple[str, str]]
    lots: list[MomentLotRow]
    orders: list[orders.OrderView]
    before: list[events.EventRow]
    after: list[events.EventRow]
    span: str


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def moment(m: PastMoment) -> View:
    """The rows of a moment. Ages are counted from then, not from now."""
    at = datetime.fromtimestamp(m.at_ms / 1000, UTC)
    earlier = next((e.at_ms for e in m.before if e.at_ms // 1000 < m.at_ms // 1000), None)
    later = m.after[0].at_ms if m.after else None
    ends = [f.of_ms(m.span.first_ms), f.of_ms(m.span.last_ms)]
    return View(
        at,
        stamp(at),
        [(name, stamp(at + timedelta(seconds=s))) for name, s in STEPS],
        "" if earlier is None else stamp(datetime.fromtimestamp(earlier / 1000, UTC)),
        "" if later is None else stamp(datetime.fromtimestamp(later / 1000 + 1, UTC)),
        _rows(m, at),
        [_lot(one, m.bars.get(one.product_id), at) for one in m.lots],
        orders.ended(m.orders, None),
        [events.entry(e) for e in m.before],
        [events.entry(e) for e in m.after],
        "the activity log is empty"
        if ends[0] is None
        else f"recorded from {f.clock(ends[0], at)} to {f.clock(ends[1], at)}",
    )


def _rows(m: PastMoment, at: datetime) -> list[tuple[str, str]]:
    boot, level, equity = m.boot, m.level, m.equity
    alive = boot is not None and (boot.ended_ms is None or boot.ended_ms > m.at_ms)
    rows = [
        (
            "Bot",
            f"{'up' if alive else 'ended'}, started {f.clock(f.of_ms(boot.at_ms), at)}" if boot else "not started yet",
        ),
        ("Build", f.clean(boot.build) if boot else f.DASH),
        ("Requested", f"{level.cmd} by {f.clean(level.by)}" if level else "run, no command yet"),
        ("Latches", ", ".join(f"{x.kind} {f.short_id(x.latch_id, 6)}" for x in m.latches) or "none"),
    ]
    if equity is not None and m.at_ms // 1000 - equity.at_s < 3600:
        noted = f.clock(datetime.fromtimestamp(equity.at_s, UTC), at)
        rows += [("Equity", f"{f.money(equity.equity)} USD"), ("Cash", f"{f.money(equity.cash)} USD"),
                 ("In lots", f"{f.money(equity.lots_value)} USD"), ("Recorded at", noted)]  # fmt: skip
    else:
        rows.append(("Equity", "not recorded then"))
    return rows


def _lot(one: LotThen, bar: CandleRow | None, at: datetime) -> MomentLotRow:
    price = bar.close if bar else None
    pct = None if price is None else 100 * (price / float(one.open_price) - 1)
    closed = f.of_ms(one.closed_ms)
    reason = f.clean(f.exit_reason(one.exit_reason or ""))
    outcome = "still open" if closed is None else f"closed {f.clock(closed, at)}, {reason}"
    return MomentLotRow(
        one.product_id,
        one.kind,
        f.short_id(one.lot_id, 6),
        f.of_ms(one.opened_ms),
        f.number(one.base_bought, 8),
        f.number(one.open_price, 2 if one.open_price >= 1000 else 4),
        f.number(price, 2 if price and price >= 1000 else 4) if price is not None else f.DASH,
        pct,
        None if price is None else price * float(one.base_bought),
        outcome,
        None if one.realized_pnl is None else float(one.realized_pnl),
    )
