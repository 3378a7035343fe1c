"""Performance: by day, week and month; by product, lot kind and exit reason; and the figures over all.

No figure leaves the open lots out (`views.results`). Ratios are of the time-weighted curve (`views.ratios`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from dashboard.rows import ClosedLot, Day
from dashboard.views import format as f
from dashboard.views import ratios, results
from dashboard.views.results import Headline, Open, OpenLot
from shared.documents import AccountDoc
from shared.market_data import EquityRow

STILL_OPEN = "still open"


@dataclass(frozen=True, slots=True)
class Group:
    """Sums of some closed lots, and of the open ones beside them."""

    key: str
    lots: int  # closed by a sale; one that was booked as dust is no round trip
    wins: int
    pnl: float
    fees: float
    open: Open = Open(())

    @property
    def total(self) -> float | None:
        return None if self.open.pnl is None else self.pnl + self.open.pnl

    @property
    def win_pct(self) -> float | None:
        """Of all lots, an open one by what it would bring now."""
        lots = self.lots + self.open.count
        return 100 * (self.wins + self.open.won) / lots if lots and self.open.pnl is not None else None


@dataclass(frozen=True, slots=True)
class Period:
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
class Figure:
    name: str
    value: str
    tone: str
    say: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One period of the bar chart: its place in percent, its height, its sentence."""

    x: float
    y: float
    width: float
    height: float
    up: bool
    say: str


def group(rows: Iterable[ClosedLot], key: Callable[[ClosedLot], str]) -> list[Group]:
    """Sums by `key`, in the order of the key's first lot."""
    found: dict[str, list[ClosedLot]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return [_sum(name, lots) for name, lots in found.items()]


def _sum(name: str, lots: list[ClosedLot]) -> Group:
    found = results.closed(lots)
    return Group(name, found.count, found.won, found.realised, found.fees)


def with_open(groups: Sequence[Group], open_: Open, key: Callable[[OpenLot], str]) -> list[Group]:
    """The groups with the open lots in them, the best first."""
    beside: dict[str, list[OpenLot]] = {}
    for lot in open_.lots or ():
        beside.setdefault(key(lot), []).append(lot)
    whole = [replace(g, open=open_.of(beside.pop(g.key, []))) for g in groups]
    whole += [Group(name, 0, 0, 0.0, 0.0, open_.of(lots)) for name, lots in beside.items()]
    return sorted(whole, key=lambda g: -(g.pnl if g.total is None else g.total))


def day_at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def day_of(lot: ClosedLot) -> str:
    return day_at(lot.closed_ms)


def week_of(day: str) -> str:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02d}"


PERIODS: dict[str, Callable[[str], str]] = {"day": lambda day: day, "week": week_of, "month": lambda day: day[:7]}


def by_day(closed: Sequence[Group], days: Sequence[Day], account: AccountDoc | None) -> list[Period]:
    """Each day, oldest first; `closed`: the lots closed on each. A day ends where the next one starts, today now."""
    sums = {g.key: g for g in closed}
    out = []
    for day, after in zip(days, [*days[1:], None], strict=True):
        result = None
        if after is not None:
            result = float(after.start_equity - day.start_equity - day.transfers)
        elif account is not None and account.day == day.day:
            result = account.day_pnl
        g = sums.pop(day.day, Group(day.day, 0, 0, 0.0, 0.0))
        out.append(Period(day.day, g.pnl, float(day.fees), float(day.transfers), result, g.lots, g.wins))
    out += [Period(g.key, g.pnl, g.fees, 0.0, None, g.lots, g.wins) for g in sums.values()]
    return sorted(out, key=lambda period: period.key)


def by_period(days: Sequence[Period], by: str) -> list[Period]:
    """The same by week or month."""
    found: dict[str, list[Period]] = {}
    for one in days:
        found.setdefault(PERIODS[by](one.key), []).append(one)
    return [_added(key, some) for key, some in found.items()]


def _added(key: str, some: list[Period]) -> Period:
    ends = [one.result for one in some if one.result is not None]
    return Period(
        key,
        sum(one.realised for one in some),
        sum(one.fees for one in some),
        sum(one.transfers for one in some),
        sum(ends) if len(ends) == len(some) else None,
        sum(one.lots for one in some),
        sum(one.wins for one in some),
    )


def headlines(head: Headline) -> list[Figure]:
    """The first row of the page."""
    closed, open_ = head.closed, head.open
    return [
        Figure("Total", f.signed(head.total), f.tone(head.total), "realised and open, after fees"),
        Figure("Realised", f.signed(closed.realised), f.tone(closed.realised), f"{closed.won} won, {closed.lost} lost"),
        Figure("Open", f.signed(open_.pnl), f.tone(open_.pnl), f"{open_.say.split(' at ')[0]}, less the exit fee"),
        Figure("Fees", f.money(head.fees), "", f"of every fill; open lots have paid {f.money(open_.fees)}"),
    ]


def figures(head: Headline, notes: Sequence[EquityRow], account: AccountDoc | None) -> list[Figure]:
    """The figures below it. `notes`: the account at the end of each day, now last."""
    returns = ratios.daily_returns(notes)
    deepest, grown = ratios.max_drawdown_pct(notes), ratios.time_weighted_pct(notes)
    now = account.drawdown_pct if account is not None else None
    with_them = "with the open lots" if head.open.count else "of closed lots"
    return [
        Figure("Return", f.signed_pct(grown), f.tone(grown), "time-weighted: transfers left out"),
        Figure("Round trips", f.count(head.closed.count), "", f"and {f.plural(head.open.count, 'open lot')}"),
        Figure("Win rate", f.pct(head.win_pct, 1), "", head.won_say),
        Figure("Profit factor", f.number(head.profit_factor), "", f"gains over losses, {with_them}"),
        Figure("Expectancy", f.signed(head.expectancy), f.tone(head.expectancy), f"mean of a lot, USD, {with_them}"),
        Figure("Held", f.span(head.closed.held_s), "", "mean time of a closed lot"),
        Figure("Drawdown", f.pct(now), "", "now, from the curve's highest point"),
        Figure("Max drawdown", f.pct(deepest), "", "in this range, measured every second"),
        Figure("Sharpe", f.number(ratios.sharpe(returns)), "", f"{f.plural(len(returns), 'daily return')}, × √365"),
        Figure("Sortino", f.number(ratios.sortino(returns)), "", "downside only"),
        Figure("Calmar", f.number(ratios.calmar(returns, deepest)), "", "growth per year over max drawdown"),
    ]


def statement(days: Sequence[Day], periods: Sequence[Period], account: AccountDoc | None) -> list[Figure]:
    """How the account came from where it was to where it is; empty = not known."""
    if not days or account is None or any(one.result is None for one in periods):
        return []
    whole = _added("", list(periods))
    start = float(days[0].start_equity)
    rows = [
        Figure("Equity at start", f.money(start), "", f"{days[0].day}, 00:00 or the bot's first"),
        Figure("Transfers", f.signed(whole.transfers), "", "deposits less withdrawals, not part of the result"),
        Figure("Realised", f.signed(whole.realised), f.tone(whole.realised), "lots closed since"),
        Figure("Open and other", f.signed(whole.open_change), f.tone(whole.open_change), "change of holdings, at mark"),
        Figure("Equity now", f.money(account.equity), "", "the sum"),
    ]
    if account.waiting_value:
        waits = Figure("Not adopted yet", f.signed(account.waiting_value), "", "in equity, not yet in any result")
        rows.insert(4, waits)
    return rows


def bars(groups: Sequence[Period | Group], most: int = 60) -> tuple[list[Bar], float]:
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
        out.append(Bar(round(i * step + step * 0.15, 3), round(y, 2), round(step * 0.7, 3), round(max(height, 0.6), 2),
                       g.pnl >= 0, f"{g.key}: {f.signed(g.pnl)}"))  # fmt: skip
    return out, round(zero, 2)


def since(range_: str, now: datetime) -> int:
    """Where a range begins, in milliseconds: whole UTC days, today among them."""
    days = {"1w": 7, "1m": 30, "1y": 365}.get(range_)
    if days is None:
        return 0
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today - timedelta(days=days - 1)).timestamp() * 1000)
