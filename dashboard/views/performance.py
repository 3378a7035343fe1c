"""Performance from closed lots: by day, week, month, product, lot kind and exit reason, and the figures over all.

Ratios are of daily returns (realised PnL over the day's starting equity), annualised by √365, since crypto has no
weekend; a ratio is not known below two days. Definitions stand beside the figures on the page.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dashboard.rows import ClosedLot, Day
from dashboard.views import format as f
from shared.market_data import EquityRow

YEAR_DAYS = 365
LEAST_DAYS = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Sums of some closed lots; `lots` counts the sold ones, since one that was booked as dust is no round trip."""

    key: str
    lots: int
    wins: int
    pnl: float
    fees: float
    volume: float
    best: float
    worst: float

    @property
    def win_pct(self) -> float | None:
        return 100 * self.wins / self.lots if self.lots else None


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
    pnls = [lot.realized_pnl for lot in lots]
    return Group(
        name,
        sum(lot.proceeds > 0 for lot in lots),
        sum(p > 0 for p in pnls),
        float(sum(pnls, Decimal(0))),
        float(sum((lot.entry_fee + lot.exit_fee for lot in lots), Decimal(0))),
        float(sum((lot.cost + lot.proceeds for lot in lots), Decimal(0))),
        float(max(pnls)),
        float(min(pnls)),
    )


def _closed(lot: ClosedLot) -> datetime:
    return datetime.fromtimestamp(lot.closed_ms / 1000, UTC)


def day_of(lot: ClosedLot) -> str:
    return f"{_closed(lot):%Y-%m-%d}"


def week_of(lot: ClosedLot) -> str:
    year, week, _ = _closed(lot).isocalendar()
    return f"{year}-W{week:02d}"


def month_of(lot: ClosedLot) -> str:
    return f"{_closed(lot):%Y-%m}"


PERIODS: dict[str, Callable[[ClosedLot], str]] = {"day": day_of, "week": week_of, "month": month_of}


def daily_returns(rows: list[ClosedLot], days: list[Day]) -> list[float]:
    """Realised PnL of each day over its starting equity; days without a trade are zero, days without a start drop."""
    start = {d.day: float(d.start_equity) for d in days}
    by_day = {g.key: g.pnl for g in group(rows, day_of)}
    if not start:
        return []
    return [by_day.get(day, 0.0) / equity for day, equity in sorted(start.items()) if equity > 0]


def sharpe(returns: list[float]) -> float | None:
    """Mean over standard deviation (n − 1), times √365."""
    if len(returns) < LEAST_DAYS:
        return None
    mean = sum(returns) / len(returns)
    variance = sum((r - mean) ** 2 for r in returns) / (len(returns) - 1)
    return None if variance <= 0 else mean / math.sqrt(variance) * math.sqrt(YEAR_DAYS)


def sortino(returns: list[float]) -> float | None:
    """Mean over the deviation of losses below zero (over all days), times √365."""
    if len(returns) < LEAST_DAYS:
        return None
    down = sum(min(0.0, r) ** 2 for r in returns) / len(returns)
    return None if down <= 0 else sum(returns) / len(returns) / math.sqrt(down) * math.sqrt(YEAR_DAYS)


def max_drawdown_pct(equity: list[EquityRow]) -> float | None:
    """The deepest drawdown that the bot judged in this time, percent, >= 0; None = none is noted."""
    return max((row.drawdown for row in equity if row.drawdown is not None), default=None)


def calmar(returns: list[float], drawdown_pct: float | None) -> float | None:
    """Yearly return (mean of days times 365) over the largest drawdown."""
    if len(returns) < LEAST_DAYS or not drawdown_pct:
        return None
    return sum(returns) / len(returns) * YEAR_DAYS / (drawdown_pct / 100)


def figures(rows: list[ClosedLot], days: list[Day], equity: list[EquityRow]) -> list[Figure]:
    """The figures over all closed lots. One that was booked as dust, never sold, is no round trip."""
    wins = [float(r.realized_pnl) for r in rows if r.realized_pnl > 0]
    losses = [float(r.realized_pnl) for r in rows if r.realized_pnl < 0]
    sold = [r for r in rows if r.proceeds]
    total, n = sum(wins) + sum(losses), len(sold)
    fees = float(sum((r.entry_fee + r.exit_fee for r in rows), Decimal(0)))
    returns = daily_returns(rows, days)
    drawdown = max_drawdown_pct(equity)
    factor = sum(wins) / -sum(losses) if losses else None
    held = sum(r.closed_ms - r.opened_ms for r in sold) / n / 1000 if n else None
    return [
        Figure("Realised", f.signed(total), f.tone(total), "after all fees, USD"),
        Figure("Round trips", f.count(n), "", f"{len(wins)} won, {len(losses)} lost"),
        Figure("Win rate", f.pct(100 * len(wins) / n if n else None, 1), "", "lots closed with a gain"),
        Figure("Profit factor", f.number(factor), "", "gains over losses"),
        Figure("Expectancy", f.signed(total / n if n else None), f.tone(total), "mean of a round trip, USD"),
        Figure("Fees", f.money(fees), "", "paid, USD"),
        Figure("Held", f.span(held), "", "mean time of a lot"),
        Figure("Max drawdown", f.pct(drawdown), "", "of the time-weighted curve"),
        Figure("Sharpe", f.number(sharpe(returns)), "", f"{len(returns)} days, × √365"),
        Figure("Sortino", f.number(sortino(returns)), "", "downside only"),
        Figure("Calmar", f.number(calmar(returns, drawdown)), "", "yearly return over drawdown"),
    ]


def bars(groups: list[Group], most: int = 60) -> tuple[list[Bar], float]:
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
    """Where a range begins, in milliseconds."""
    days = {"1w": 7, "1m": 30, "1y": 365}.get(range_)
    return 0 if days is None else int((now - timedelta(days=days)).timestamp() * 1000)


CSV_HEADER = (
    "lot_id,seq,product_id,kind,opened_at,closed_at,open_price,base_bought,cost,entry_fee,proceeds,exit_fee,"
    "realized_pnl,exit_reason"
)


def csv(rows: list[ClosedLot]) -> str:
    """Closed lots as CSV, exact amounts as text. A cell that a spreadsheet would run as a formula gets a quote."""
    lines = [CSV_HEADER]
    for r in rows:
        opened, closed = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (r.opened_ms, r.closed_ms))
        cells = (r.lot_id, r.seq, r.product_id, r.kind, f"{opened:%Y-%m-%dT%H:%M:%SZ}", f"{closed:%Y-%m-%dT%H:%M:%SZ}",
                 f"{r.open_price:f}", f"{r.base_bought:f}", f"{r.cost:f}", f"{r.entry_fee:f}", f"{r.proceeds:f}",
                 f"{r.exit_fee:f}", f"{r.realized_pnl:f}", r.exit_reason)  # fmt: skip
        lines.append(",".join(_cell(c) for c in cells))
    return "\r\n".join(lines) + "\r\n"


def _cell(value: object) -> str:
    text = str(value)
    if text[:1] in "=+@\t\r" or (text[:1] == "-" and not _numeric(text)):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _numeric(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal()
