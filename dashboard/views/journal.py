"""The journal: each round trip with average prices, how far prices went against and for it, its reason and its note."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.lot_notes import LotNote
from dashboard.rows import LedgerClosedLot
from dashboard.views import chart, track
from dashboard.views import format as f
from dashboard.views.performance import FigureRow, PeriodRow
from dashboard.views.results import ClosedTotals, OpenTotals
from dashboard.views.snapshot import Snapshot
from shared.market_data import CandleRow
from shared.money import plain


@dataclass(frozen=True, slots=True)
class Excursion:
    """How far prices went below and above the average entry while a lot was held, in percent: MAE and MFE.

    Of the minutes on record that lie wholly within; `whole` is False where some are missing, so that it may have been
    more.
    """

    worst_pct: float
    best_pct: float
    whole: bool


@dataclass(frozen=True, slots=True)
class TripRow:
    lot_id: str
    short: str
    product_id: str
    kind: str
    closed: datetime | None
    held: str
    bought: str
    size: str
    sold: str
    move_pct: float | None
    excursion: Excursion | None
    x_even: float  # places on the track, percent of its width
    x_worst: float
    x_best: float
    x_sold: float | None
    say: str
    fees: float
    result: float
    pct: float | None
    reason: str
    note: LotNote | None
    href: str


def excursion(lot: LedgerClosedLot, minutes: Sequence[CandleRow]) -> Excursion | None:
    """None = no minute on record lies within the time that it was held. `minutes`: of its product, oldest first."""
    first_s, last_s = -(-lot.opened_ms // 60_000) * 60, lot.closed_ms // 60_000 * 60
    inside = [bar for bar in minutes if first_s <= bar.start_s < last_s]
    open_price = float(lot.open_price)
    if not inside or not open_price:
        return None
    # The sale itself was made inside of it, in a minute that is not whole.
    sold = [float(lot.proceeds / size)] if (size := lot.base_bought - lot.dust) > 0 and lot.proceeds else []
    low, high = min(*(bar.low for bar in inside), *sold), max(*(bar.high for bar in inside), *sold)
    return Excursion(
        100 * (low / open_price - 1), 100 * (high / open_price - 1), len(inside) == (last_s - first_s) // 60
    )


def trip(lot: LedgerClosedLot, s: Snapshot, minutes: Sequence[CandleRow], note: LotNote | None) -> TripRow:
    step, size = chart.increment(s, lot.product_id), lot.base_bought - lot.dust
    average = float(lot.proceeds / size) if size > 0 and lot.proceeds else None
    open_price = float(lot.open_price)
    move = 100 * (average / open_price - 1) if average is not None and open_price else None
    found = excursion(lot, minutes)
    cost = lot.cost + lot.entry_fee
    # Where the lot would have earned nothing: its fees as they were paid.
    even = float(100 * (lot.entry_fee + lot.exit_fee) / lot.cost) if lot.cost else 0.0
    closed = datetime.fromtimestamp(lot.closed_ms / 1000, UTC)
    reason = f.exit_reason(lot.exit_reason) if lot.proceeds else "dust: too small to sell"
    return TripRow(
        lot.lot_id,
        f.short_id(lot.lot_id, 6),
        lot.product_id,
        lot.kind,
        closed,
        f.span((lot.closed_ms - lot.opened_ms) / 1000),
        f.price_text(lot.open_price, step),
        plain(size),
        f.DASH if average is None else f.price_text(average, step),
        move,
        found,
        track.x(even),
        track.x(found.worst_pct) if found else 0.0,
        track.x(found.best_pct) if found else 0.0,
        None if move is None else track.x(move),
        _say(found, move),
        float(lot.entry_fee + lot.exit_fee),
        float(lot.realized_pnl),
        float(100 * lot.realized_pnl / cost) if cost else None,
        f.clean(reason),
        note,
        f"/moment?at={closed:%Y-%m-%dT%H:%M:%S}",
    )


def _say(found: Excursion | None, move: float | None) -> str:
    words = []
    if found is not None:
        words.append(f"at worst {f.signed_pct(found.worst_pct)}, at best {f.signed_pct(found.best_pct)}")
    if move is not None:
        words.append(f"sold at {f.signed_pct(move)}")
    return f.sentence(", ".join(words)) if words else "Prices of that time are not on record"


def matches(lot: LedgerClosedLot, note: LotNote | None, words: str) -> bool:
    """Whether each word stands in the lot's product, kind, reason or id, or in its note or tags."""
    text = " ".join((lot.product_id, lot.kind, f.exit_reason(lot.exit_reason), lot.lot_id))
    text += " ".join(("", note.text, *note.tags)) if note is not None else ""
    return all(word in text.lower() for word in words.lower().split())


def headlines(
    month: str, whole: PeriodRow | None, closed: ClosedTotals, open_: OpenTotals, *, running: bool
) -> list[FigureRow]:
    """The first row. `whole`: the account's month, None = not known. A month that is over has no open lots of its own,
    but what is held now stands beside it."""
    result = whole.result if whole is not None else None
    fees, of = (closed.fees, "of these round trips") if whole is None else (whole.fees, "of all fills")
    return [
        _figure(f"Result, {month}", result, "realised and open, after fees"),
        _figure("Realised", closed.realised, f"{f.plural(closed.count, 'round trip')}, {closed.won} won"),
        _figure("Open", open_.pnl, f"{open_.say.split(' at ')[0]} now, after the exit fee"),
        FigureRow("Fees", f.money(fees), "", of),
        _average(closed, open_, running=running),
    ]


def _average(closed: ClosedTotals, open_: OpenTotals, *, running: bool) -> FigureRow:
    """Of a running month with its open lots in it, which closed ones alone would leave out."""
    alone, trips = closed.realised / closed.count if closed.count else None, closed.count + open_.count
    if not running:
        return _figure("An average trip", alone, "closed in this month")
    whole = (closed.realised + open_.pnl) / trips if trips and open_.pnl is not None else None
    return _figure("An average trip", whole, f"with the open lots; closed ones alone {f.signed(alone)}")


def _figure(name: str, value: float | None, say: str) -> FigureRow:
    return FigureRow(name, f.signed(value), f.tone(value), say)


@dataclass(frozen=True, slots=True)
class StatementRow:
    name: str
    say: str
    value: str
    tone: str = ""
    is_sum: bool = False


def statement(start: float | None, whole: PeriodRow | None, end: float | None, end_word: str) -> list[StatementRow]:
    """From the equity at the beginning of a month to that at its end; what is not known is left out."""
    rows = [StatementRow("Equity at the beginning", "", f.money(start))] if start is not None else []
    if whole is not None:
        trips, change = f.plural(whole.lots, "round trip"), whole.open_change
        rows.append(StatementRow("In and out", "", f.signed(whole.transfers)))
        rows.append(StatementRow("Realised", trips, f.signed(whole.realised), f.tone(whole.realised)))
        if change is not None:
            say = "change in value of what is held"
            rows.append(StatementRow("Open and other", say, f.signed(change), f.tone(change)))
    if end is not None:
        rows.append(StatementRow(end_word, "", f.money(end), "", is_sum=True))
    if whole is not None:
        rows.append(StatementRow("Fees in it", "", f.money(whole.fees)))
    return rows


@dataclass(frozen=True, slots=True)
class MonthBar:
    """A month of the year beside others; `x` and `width` in percent of the box."""

    key: str
    name: str
    value: float
    x: float
    width: float


def months(year: int, periods: Mapping[str, PeriodRow]) -> tuple[list[MonthBar], float]:
    """(months of the year with something in them, where zero stands)."""
    own = [(key, one) for key, one in sorted(periods.items()) if key.startswith(f"{year}-")]
    values = [one.realised for _, one in own]
    high, low = max([0.0, *values]), min([0.0, *values])
    spread = (high - low) or 1.0
    zero = -100 * low / spread
    made = []
    for key, one in own:
        width = 100 * abs(one.realised) / spread
        x = zero if one.realised >= 0 else zero - width
        name = f"{datetime.fromisoformat(f'{key}-01'):%b}"
        made.append(MonthBar(key, name, one.realised, round(x, 2), round(max(width, 0.4), 2)))
    return made, round(zero, 2)
