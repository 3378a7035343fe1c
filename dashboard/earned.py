"""PnL of a range, read once for the page and for the API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.hub import Hub
from dashboard.rows import LedgerClosedLot, LedgerDay
from dashboard.views import equity, performance, ratios, results, trades
from dashboard.views.performance import GroupRow, PeriodRow
from dashboard.views.results import Headline, OpenLotRow
from dashboard.views.snapshot import Snapshot
from shared.market_data import EquityRow

KEPT_S = 10.0
RANGES = (("1w", "1W"), ("1m", "1M"), ("1y", "1Y"), ("all", "All"))
_SPLITS: tuple[tuple[str, Callable[[LedgerClosedLot], str], Callable[[OpenLotRow], str]], ...] = (
    ("Product", lambda lot: lot.product_id, lambda lot: lot.product_id),
    ("Lot kind", lambda lot: lot.kind, lambda lot: lot.kind),
    ("Exit reason", lambda lot: lot.exit_reason, lambda _lot: performance.STILL_OPEN),
)


_COUNTS = ("closed_lots", "won", "lost", "open_lots", "open_won")
_NAMES = (
    "realised", "open", "total", "fees", "win_rate_pct", "profit_factor", "expectancy", "time_weighted_pct",
    "drawdown_pct", "max_drawdown_pct", "sharpe", "sortino", "calmar",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """Sums over the ledger's rows: nothing here moves with a price."""

    closed: results.ClosedTotals
    fees: float
    days: list[LedgerDay]
    by_day: list[GroupRow]
    splits: list[tuple[str, list[GroupRow]]]
    before: EquityRow | None
    notes: list[EquityRow]
    shown: list[LedgerClosedLot]  # of the page of the trade list
    lots: int


@dataclass(frozen=True, slots=True)
class Earned:
    head: Headline
    days: list[LedgerDay]
    by_day: list[PeriodRow]
    splits: list[tuple[str, list[GroupRow]]]
    notes: list[EquityRow]  # the account at the end of each day, now last
    trades: list[trades.TradeRow]
    page: int
    pages: int


async def look(hub: Hub, s: Snapshot, range_: str, page: int = 1) -> Earned | None:
    """None = there is no ledger to read. What a price moves is of now, the rest is at most ten seconds old."""
    since_ms = performance.since(range_, s.now)
    open_ = results.open_lots(s)
    account = s.state.account if s.state else None
    # A fill or a closed lot is in the figures at once, as it is on the other pages.
    booked = (account.day, account.day_fees, account.day_realized, account.day_transfers) if account else ()
    key = ("earned", range_, since_ms, page, open_.count, booked)
    found = await hub.cache.get(key, KEPT_S, lambda: _read(hub, since_ms, trades.window(open_.count, page)))
    if found is None:
        return None
    pages = trades.pages(found.lots + open_.count)
    if page > pages:
        return await look(hub, s, range_, pages)
    return Earned(
        Headline(found.closed, open_, found.fees),
        found.days,
        performance.by_day(found.by_day, found.days, account),
        [
            (name, performance.with_open(groups, open_, of_open))
            for (name, groups), (_, _, of_open) in zip(found.splits, _SPLITS, strict=True)
        ],
        ratios.days_until_now(found.before, found.notes, equity.now(s)),
        trades.page(found.shown, open_, s, page),
        page,
        pages,
    )


def figures(found: Earned | None, by: str, s: Snapshot) -> dict[str, Any]:
    """The same as numbers, for the API."""
    if found is None:
        return dict.fromkeys((*_NAMES, *_COUNTS)) | {"periods": []}
    head, account = found.head, s.state.account if s.state else None
    returns, deepest = ratios.daily_returns(found.notes), ratios.max_drawdown_pct(found.notes)
    return {
        "realised": head.closed.realised,
        "open": head.open.pnl,
        "total": head.total,
        "fees": head.fees,
        "closed_lots": head.closed.count,
        "won": head.closed.won,
        "lost": head.closed.lost,
        "open_lots": None if head.open.lots is None else head.open.count,
        "open_won": None if head.open.pnl is None else head.open.won,
        "win_rate_pct": head.win_pct,
        "profit_factor": head.profit_factor,
        "expectancy": head.expectancy,
        "time_weighted_pct": ratios.time_weighted_pct(found.notes),
        "drawdown_pct": account.drawdown_pct if account is not None else None,
        "max_drawdown_pct": deepest,
        "sharpe": ratios.sharpe(returns),
        "sortino": ratios.sortino(returns),
        "calmar": ratios.calmar(returns, deepest),
        "periods": [
            {
                "key": one.key,
                "result": one.result,
                "realised": one.realised,
                "open_change": one.open_change,
                "fees": one.fees,
                "transfers": one.transfers,
                "lots": one.lots,
                "wins": one.wins,
            }
            for one in performance.by_period(found.by_day, by)
        ],
    }


def _read(hub: Hub, since_ms: int, window: tuple[int, int]) -> _Read | None:
    """All the sums, in a thread: a year's round trips take a while."""
    rows = hub.ledger.closed_lots(since_ms)
    if rows is None:
        return None
    known = hub.ledger.days() or []
    days = [day for day in known if not since_ms or day.day >= performance.day_at(since_ms)]
    before, notes = hub.market.equity_by_day(since_ms // 1000) or (None, [])
    if before is not None and before.curve is not None and known:
        began = performance.day_at(before.at_s * 1000) == known[0].day
        before = before._replace(at_s=before.at_s - 1, curve=1.0) if began else before  # the curve began at 1
    return _Read(
        results.closed(rows),
        results.fees(days),
        days,
        performance.group(rows, performance.day_of),
        [(name, performance.group(rows, key)) for name, key, _ in _SPLITS],
        before,
        notes,
        rows[::-1][slice(*window)],
        len(rows),
    )
