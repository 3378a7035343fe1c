"""A month of the account, day by day: what was realised, by the UTC day on which a lot was sold."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dashboard.views import format as f
from dashboard.views.performance import GroupRow

_STEPS = 4  # of colour


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """`css`: q1…q4 by how large a gain or loss is beside the month's largest, `gain` or `loss` with it."""

    day: date
    number: str
    css: str
    result: str  # empty = nothing was sold
    short: str  # the same without cents, for a phone
    trips: str
    say: str
    today: bool
    ahead: bool


@dataclass(frozen=True, slots=True)
class WeekRow:
    days: tuple[CalendarDay | None, ...]  # Monday first; None = of another month
    result: str  # empty = nothing was sold
    tone: str


@dataclass(frozen=True, slots=True)
class MonthTable:
    key: str  # 2026-11
    name: str  # November 2026
    before: str  # key of the month before
    after: str | None  # of the month after; None = it has not begun
    weeks: tuple[WeekRow, ...]
    say: str


def month_of(text: str, now: datetime) -> date:
    """The first day of the asked month; of this one where none is asked for, or one that has not begun."""
    this = now.astimezone(UTC).date().replace(day=1)
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return asked if date(2009, 1, 1) <= asked <= this else this


def after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def start_ms(day: date) -> int:
    """Its first moment, in ms since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def table(month: date, sums: Sequence[GroupRow], now: datetime) -> MonthTable:
    """`sums`: closed lots by day, keyed 2026-11-29."""
    by_day = {one.key: one for one in sums}
    largest = max((abs(one.pnl) for one in sums), default=0.0)
    today, following = now.astimezone(UTC).date(), after(month)
    weeks = []
    for days in calendar.Calendar().monthdatescalendar(month.year, month.month):
        own = [by_day[f"{day}"] for day in days if day.month == month.month and f"{day}" in by_day]
        whole = sum(one.pnl for one in own)
        cells = tuple(_cell(day, by_day, largest, today) if day.month == month.month else None for day in days)
        weeks.append(WeekRow(cells, f.signed(whole) if own else "", f.tone(whole) if own else ""))
    return MonthTable(
        f"{month:%Y-%m}",
        f"{month:%B %Y}",
        f"{(month - timedelta(days=1)):%Y-%m}",
        f"{following:%Y-%m}" if following <= today else None,
        tuple(weeks),
        _say(sums, min(today, following - timedelta(days=1)).day),
    )


def _cell(day: date, by_day: Mapping[str, GroupRow], largest: float, today: date) -> CalendarDay:
    found = by_day.get(f"{day}")
    if found is None:
        say = f"{day:%d %b}: nothing was sold"
        return CalendarDay(day, f"{day.day}", "q0", "", "", "none", say, day == today, day > today)
    step = max(1, round(_STEPS * abs(found.pnl) / largest)) if largest else 1
    css = f"q{step} {'gain' if found.pnl > 0 else 'loss'}" if found.pnl else "q0"
    trips = f.plural(found.lots, "trip")
    say = f"{day:%d %b}: {f.signed(found.pnl)} USD, {trips}"
    return CalendarDay(
        day, f"{day.day}", css, f.signed(found.pnl), f.signed(found.pnl, 0), trips, say, day == today, day > today
    )


def _say(sums: Sequence[GroupRow], days: int) -> str:
    gain, loss = sum(one.pnl > 0 for one in sums), sum(one.pnl < 0 for one in sums)
    without = f.plural(days - len(sums), "day")
    return f"{f.plural(gain, 'day')} with a gain, {loss} with a loss, {without} without a sale"
