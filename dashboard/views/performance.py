"""Performance: by day, week and month; by product, lot kind and exit reason; and the figures over all.

No figure leaves the open lots out (`views.results`). Ratios are of the time-weighted curve (`views.ratios`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from dashboard.rows import LedgerClosedLot, LedgerDay
from dashboard.views import format as f
from dashboard.views import ratios, results
from dashboard.views.results import Headline, OpenLotRow, OpenTotals
from shared.documents.account import AccountDoc
from shared.market_data import EquityRow

STILL_OPEN = "still open"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Sums of some closed lots, and of the open ones beside them."""

    key: str
    lots: int  # closed by a sale; one that was booked as dust is no round trip
    wins: int
    pnl: float
    fees: float
    open: OpenTotals = OpenTotals(())

    @property
    def total(self) -> float | None:
        return None if self.open.pnl is None else self.pnl + self.open.pnl

    @property
    def win_pct(self) -> float | None:
        """Of all lots, an open one by what it would bring now."""
        lots = self.lots + self.open.count
        return 100 * (self.wins + self.open.won) / lots if lots and self.open.pnl is not None else None


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One or more UTC days. `result` None = not known: the bot has not told of its end."""

    key: str
    realised: float
    fees: float
    transfers: float
    result: float | None  # of the account, money that moved left out
    lots: int
    wins: int

    @property
    def open_change(self) -> float | None:
        """What open lots and other holdings gained or lost meanwhile."""
        return None if self.result is None else self.result - self.realised

    @property
    def pnl(self) -> float:
        return self.realised if self.result is None else self.result


@dataclass(frozen=True, slots=True)
class FigureRow:
    name: str
    value: str
    tone: str
    say: str


@dataclass(frozen=True, slots=True)
class PeriodBar:
    """One period of the bar chart: its place in percent, its height, its sentence."""

    x: float
    y: float
    width: float
    height: float
    up: bool
    say: str


def group(rows: Iterable[LedgerClosedLot], key: Callable[[LedgerClosedLot], str]) -> list[GroupRow]:
    """Sums by `key`, in the order of the key's first lot."""
    found: dict[str, list[LedgerClosedLot]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return [_sum(name, lots) for name, lots in found.items()]


def _sum(name: str, lots: list[LedgerClosedLot]) -> GroupRow:
    found = results.closed(lots)
    return GroupRow(name, found.count, found.won, found.realised, found.fees)


def with_open(groups: Sequence[GroupRow], open_: OpenTotals, key: Callable[[OpenLotRow], str]) -> list[GroupRow]:
    """The groups with the open lots in them, the best first."""
    beside: dict[str, list[OpenLotRow]] = {}
    for lot in open_.lots or ():
        beside.setdefault(key(lot), []).append(lot)
    whole = [replace(g, open=open_.of(beside.pop(g.key, []))) for g in groups]
    whole += [GroupRow(name, 0, 0, 0.0, 0.0, open_.of(lots)) for name, lots in beside.items()]
    return sorted(whole, key=lambda g: -(g.pnl if g.total is None else g.total))


def day_at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def day_of(lot: LedgerClosedLot) -> str:
    return day_at(lot.closed_ms)


def week_of(day: str) -> str:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02d}"


PERIODS: dict[str, Callable[[str], str]] = {"day": lambda day: day, "week": week_of, "month": lambda day: day[:7]}


def by_day(closed: Sequence[GroupRow], days: Sequence[LedgerDay], account: AccountDoc | None) -> list[PeriodRow]:
    """Each day, oldest first; `closed`: the lots closed on each. A day ends where the next one starts, today now."""
    sums = {g.key: g for g in closed}
    out = []
    for day, after in zip(days, [*days[1:], None], strict=True):
        result = None
        if after is not None:
            result = float(after.start_equity - day.start_equity - day.transfers)
        elif account is not None and account.day == day.day:
            result = account.day_pnl
        g = sums.pop(day.day, GroupRow(day.day, 0, 0, 0.0, 0.0))
        out.append(PeriodRow(day.day, g.pnl, float(day.fees), float(day.transfers), result, g.lots, g.wins))
    out += [PeriodRow(g.key, g.pnl, g.fees, 0.0, None, g.lots, g.wins) for g in sums.values()]
    return sorted(out, key=lambda period: period.key)


def by_period(days: Sequence[PeriodRow], by: str) -> list[PeriodRow]:
    """The same by week or month."""
    found: dict[str, list[PeriodRow]] = {}
    for one in days:
        found.setdefault(PERIODS[by](one.key), []).append(one)
    return [_added(key, some) for key, some in found.items()]


def _added(key: str, some: list[PeriodRow]) -> PeriodRow:
    ends = [one.result for one in some if one.result is not None]
    return PeriodRow(
        key,
        sum(one.realised for one in some),
        sum(one.fees for one in some),
        sum(one.transfers for one in some),
        sum(ends) if len(ends) == len(some) else None,
        sum(one.lots for one in some),
        sum(one.wins for one in some),
    )


def headlines(head: Headline) -> list[FigureRow]:
    """The first row of the page."""
    closed, open_ = head.closed, head.open
    return [
        FigureRow("Total", f.signed(head.total), f.tone(head.total), "realised and open, after fees"),
        FigureRow(
            "Realised", f.signed(closed.realised), f.tone(closed.realised), f"{closed.won} won, {closed.lost} lost"
        ),
        FigureRow("Open", f.signed(open_.pnl), f.tone(open_.pnl), f"{open_.say.split(' at ')[0]}, after the exit fee"),
        FigureRow("Fees", f.money(head.fees), "", f"of all fills; {f.money(open_.fees)} by open lots"),
    ]


def figures(head: Headline, notes: Sequence[EquityRow], account: AccountDoc | None) -> list[FigureRow]:
    """The figures below it. `notes`: the account at the end of each day, now last."""
    returns = ratios.daily_returns(notes)
    deepest, grown = ratios.max_drawdown_pct(notes), ratios.time_weighted_pct(notes)
    now = account.drawdown_pct if account is not None else None
    with_them = "open lots included" if head.open.count else "closed lots"
    return [
        FigureRow("Return", f.signed_pct(grown), f.tone(grown), "time-weighted, transfers excluded"),
        FigureRow("Round trips", f.count(head.closed.count), "", f"and {f.plural(head.open.count, 'open lot')}"),
        FigureRow("Win rate", f.pct(head.win_pct, 1), "", head.won_say),
        FigureRow("Profit factor", f.number(head.profit_factor), "", f"gross profit over gross loss, {with_them}"),
        FigureRow("Expectancy", f.signed(head.expectancy), f.tone(head.expectancy), f"mean per lot, USD, {with_them}"),
        FigureRow("Mean holding time", f.span(head.closed.held_s), "", "closed lots"),
        FigureRow("Drawdown", f.pct(now), "", "now, from the peak of the curve"),
        FigureRow("Max drawdown", f.pct(deepest), "", "in this range, measured every second"),
        FigureRow(
            "Sharpe",
            f.number(ratios.sharpe(returns)),
            "",
            f"{f.plural(len(returns), 'daily return')}, annualised by √365",
        ),
        FigureRow("Sortino", f.number(ratios.sortino(returns)), "", "downside deviation only"),
        FigureRow("Calmar", f.number(ratios.calmar(returns, deepest)), "", "annual growth over max drawdown"),
    ]


def statement(days: Sequence[LedgerDay], periods: Sequence[PeriodRow], account: AccountDoc | None) -> list[FigureRow]:
    """How the account came from where it was to where it is; empty = not known."""
    if not days or account is None or any(one.result is None for one in periods):
        return []
    whole = _added("", list(periods))
    start = float(days[0].start_equity)
    rows = [
        FigureRow("Equity at start", f.money(start), "", f"{days[0].day}, 00:00, or the bot's first start"),
        FigureRow("Transfers", f.signed(whole.transfers), "", "deposits less withdrawals, not part of the result"),
        FigureRow("Realised", f.signed(whole.realised), f.tone(whole.realised), "lots closed since then"),
        FigureRow(
            "Open and other",
            f.signed(whole.open_change),
            f.tone(whole.open_change),
            "change in value of holdings, at mark",
        ),
        FigureRow("Equity now", f.money(account.equity), "", "the sum"),
    ]
    if account.waiting_value:
        waits = FigureRow("Not adopted yet", f.signed(account.waiting_value), "", "in equity, not in any result yet")
        rows.insert(4, waits)
    return rows


def bars(groups: Sequence[PeriodRow | GroupRow], most: int = 60) -> tuple[list[PeriodBar], float]:
    """(bars of the newest periods, where zero stands), in percent of the box."""
    shown = groups[-most:]
    if not shown:
        return [], 50.0
    high = max(0.0, *(g.pnl for g in shown))
    low = min(0.0, *(g.pnl for g in shown))
    spread = (high - low) or 1.0
    zero = 100 * high / spread
    step = 100 / max(len(shown), 8)
    out = []
    for i, g in enumerate(shown):
        height = 100 * abs(g.pnl) / spread
        y = zero - height if g.pnl >= 0 else zero
        x, width = round(i * step + step * 0.15, 3), round(step * 0.7, 3)
        say = f"{g.key}: {f.signed(g.pnl)}"
        out.append(PeriodBar(x, round(y, 2), width, round(max(height, 0.6), 2), g.pnl >= 0, say))
    return out, round(zero, 2)


def since(range_: str, now: datetime) -> int:
    """Where a range begins, in milliseconds: whole UTC days, today among them."""
    days = {"1w": 7, "1m": 30, "1y": 365}.get(range_)
    if days is None:
        return 0
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today - timedelta(days=days - 1)).timestamp() * 1000)
