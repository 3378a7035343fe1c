"""Journal: a month day by day, its statement, the year by month, and each round trip with its note."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from dashboard.hub import Hub
from dashboard.lot_notes import LotNotes, NotesUnusable
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.rows import LedgerClosedLot, LedgerDay
from dashboard.views import calendar, journal, performance, results
from dashboard.views.journal import TripRow
from dashboard.views.performance import GroupRow, PeriodRow
from dashboard.views.snapshot import Snapshot

KEPT_S = 10.0
PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class _Month:
    """What the ledger holds of a month and of its year: nothing here moves with a price."""

    closed: list[LedgerClosedLot]
    by_day: list[GroupRow]
    days: list[LedgerDay]  # of the year, and those after it
    year: list[GroupRow]  # closed lots of the year by day
    year_key: str  # 2026-


@dataclass(frozen=True, slots=True)
class _Trips:
    """One page of the round trips that were asked for, newest first."""

    rows: list[TripRow]
    fitting: int
    page: int
    pages: int
    notes_problem: str


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    month = calendar.month_of(params.get("month", ""), s.now)
    day = _day(params.get("day", ""), month)
    words, number = params.get("q", "").strip()[:80], params.get("p", "1")
    account = s.state.account if s.state else None
    booked = (account.day, account.day_fees, account.day_realized, account.day_transfers) if account else ()
    found = await hub.cache.get(("journal", month, booked), KEPT_S, lambda: _read(hub, month))
    base: Data = {"month": month, "day": day, "q": words, "edit": params.get("edit", ""), "found": found}
    if found is None:
        return base
    page = int(number) if number.isdecimal() and 0 < int(number) < 100_000 else 1
    # A page that is open is loaded twice a second: prices and notes are read anew where something of them changed.
    written_ns = await asyncio.to_thread(LotNotes(hub.paths.notes).written_ns)
    key = ("journal-trips", month, day, words, page, booked, written_ns)
    trips = await hub.cache.get(key, KEPT_S, lambda: _trips(hub, s, found.closed, day, words, page))
    return base | {"trips": trips}


def _day(text: str, month: date) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if (found.year, found.month) == (month.year, month.month) else None


def _read(hub: Hub, month: date) -> _Month | None:
    """In a thread."""
    year, following = month.replace(month=1), calendar.after(month)
    rows = hub.ledger.closed_between(calendar.start_ms(year), calendar.start_ms(year.replace(year=year.year + 1)))
    if rows is None:
        return None
    start_ms, end_ms = calendar.start_ms(month), calendar.start_ms(following)
    own = [lot for lot in rows if start_ms <= lot.closed_ms < end_ms]
    days = [one for one in hub.ledger.days(5_000) or [] if one.day >= f"{year}"]
    by_day = performance.group(rows, performance.day_of)
    return _Month(own, performance.group(own, performance.day_of), days, by_day, f"{year.year}-")


def _trips(hub: Hub, s: Snapshot, closed: list[LedgerClosedLot], day: date | None, words: str, page: int) -> _Trips:
    """In a thread: the page's prices are read from the market's record."""
    try:
        notes, problem = LotNotes(hub.paths.notes).newest(), ""
    except NotesUnusable as error:
        notes, problem = {}, str(error)
    shown = [lot for lot in reversed(closed) if day is None or performance.day_of(lot) == f"{day}"]
    fitting = [lot for lot in shown if not words or journal.matches(lot, notes.get(lot.lot_id), words)]
    pages = max(1, -(-len(fitting) // PER_PAGE))
    page = min(page, pages)
    rows = [
        journal.trip(
            lot,
            s,
            hub.market.minutes_between(lot.product_id, lot.opened_ms // 1000, lot.closed_ms // 1000),
            notes.get(lot.lot_id),
        )
        for lot in fitting[(page - 1) * PER_PAGE : page * PER_PAGE]
    ]
    return _Trips(rows, len(fitting), page, pages, problem)


def year_periods(hub: Hub, s: Snapshot, year: int) -> list[PeriodRow] | None:
    """The days of a year, oldest first; None = the ledger cannot be read. Blocks."""
    found = _read(hub, date(year, 1, 1))
    return None if found is None else _periods(s, found)


def _periods(s: Snapshot, found: _Month) -> list[PeriodRow]:
    """Days of the year."""
    account = s.state.account if s.state else None
    return [one for one in performance.by_day(found.year, found.days, account) if one.key.startswith(found.year_key)]


def _whole(s: Snapshot, data: Data) -> PeriodRow | None:
    months = performance.by_period(_periods(s, data["found"]), "month")
    return next((one for one in months if one.key == f"{data['month']:%Y-%m}"), None)


def _running(s: Snapshot, month: date) -> bool:
    return month == calendar.month_of("", s.now)


def _figures(s: Snapshot, data: Data, _role: str) -> Context:
    found: _Month | None = data["found"]
    if found is None:
        return {"known": False}
    month: date = data["month"]
    closed, open_ = results.closed(found.closed), results.open_lots(s)
    heads = journal.headlines(f"{month:%B}", _whole(s, data), closed, open_, running=_running(s, month))
    return {"known": True, "heads": heads}


def _calendar(s: Snapshot, data: Data, _role: str) -> Context:
    found: _Month | None = data["found"]
    sums = found.by_day if found is not None else []
    return {"known": found is not None, "cal": calendar.table(data["month"], sums, s.now), "day": data["day"]}


def _statement(s: Snapshot, data: Data, _role: str) -> Context:
    found: _Month | None = data["found"]
    month: date = data["month"]
    if found is None:
        return {"known": False, "month": month, "bars": []}
    key, following = f"{month:%Y-%m}", f"{calendar.after(month)}"
    own = [one for one in found.days if one.day.startswith(key)]
    then = next((one for one in found.days if one.day >= following), None)
    account = s.state.account if s.state else None
    end, word = (float(then.start_equity), "Equity at the end") if then is not None else (None, "")
    if then is None and account is not None and _running(s, month):
        end, word = account.equity, "Equity now"
    start = float(own[0].start_equity) if own else None
    periods = {one.key: one for one in performance.by_period(_periods(s, found), "month")}
    bars, zero = journal.months(month.year, periods)
    last = s.now.date() if _running(s, month) else calendar.after(month) - timedelta(days=1)
    return {
        "known": True,
        "span": f"{own[0].day if own else month} to {last}",
        "rows": journal.statement(start, periods.get(key), end, word),
        "bars": bars,
        "zero": zero,
        "year": month.year,
        "month": month,
        "sum": sum(one.value for one in bars),
    }


def _shown(s: Snapshot, data: Data, role: str) -> Context:
    trips: _Trips | None = data.get("trips")
    key, day, words = f"{data['month']:%Y-%m}", data["day"], data["q"]
    asked = {"month": key} | ({"day": f"{day}"} if day else {}) | ({"q": words} if words else {})
    return {
        "trips": trips,
        "open": results.open_lots(s),
        "key": key,
        "day": day,
        "q": words,
        "edit": data["edit"],
        "query": urlencode(asked),
        "may": role == "operator",
    }


PAGE = Page(
    key="journal",
    shortcut="j",
    parts=(
        PagePart("jo-figs", "figures.html", _figures),
        PagePart("jo-cal", "calendar.html", _calendar),
        PagePart("jo-state", "statement.html", _statement),
        PagePart("jo-trips", "trips.html", _shown),
    ),
    load=load,
    params=("month", "day", "q", "p", "edit"),
)
