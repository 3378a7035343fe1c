"""Which report is due: the last whole UTC day, as the ledger books days, and the last whole ISO week.

A report is told at a time of day in the user's zone; what it is about ends with a UTC day, so that its figures are
those of the ledger, of the limits and of the dashboard.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from shared.alert_settings import WEEKDAYS, parse_report_at
from shared.setting_table import Settings
from shared.times import epoch_ms, from_epoch_ms

_WEEK = re.compile(r"(\d{4})-W(\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class ReportKind(StrEnum):
    DAY = "day"
    WEEK = "week"


# So many that were missed are still told; older ones are only counted. Two at least: where the hour lies next to
# midnight UTC, a change of the clocks leaves one out, and the next time brings both.
MOST_LATE = {ReportKind.DAY: 3, ReportKind.WEEK: 2}


@dataclass(frozen=True, slots=True, order=True)
class ReportPeriod:
    """Whole UTC days. `first`: the day, or the week's Monday."""

    first: date
    kind: ReportKind

    @property
    def key(self) -> str:
        """2026-11-29 or 2026-W48, as the dashboard names days and weeks."""
        if self.kind is ReportKind.DAY:
            return self.first.isoformat()
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02d}"

    @property
    def days(self) -> list[str]:
        """The UTC dates in it, as the ledger writes them."""
        count = 1 if self.kind is ReportKind.DAY else 7
        return [(self.first + timedelta(days=n)).isoformat() for n in range(count)]

    @property
    def start_ms(self) -> int:
        return epoch_ms(datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC))

    @property
    def end_ms(self) -> int:
        """The first moment after it."""
        return self.start_ms + len(self.days) * 86_400_000

    @property
    def title(self) -> str:
        """`29 Nov 2026`, or `week 48, 23 to 29 Nov 2026`."""
        if self.kind is ReportKind.DAY:
            return f"{self.first:%-d %b %Y}"
        last = self.first + timedelta(days=6)
        begins = f"{self.first:%-d}" if last.month == self.first.month else f"{self.first:%-d %b}"
        return f"week {self.first.isocalendar().week}, {begins} to {last:%-d %b %Y}"

    @property
    def before(self) -> "ReportPeriod":
        """The one before it."""
        return ReportPeriod(self.first - timedelta(days=len(self.days)), self.kind)


def period_of(key: str) -> ReportPeriod:
    """The period that a key names. Raises ValueError for what is none."""
    week = _WEEK.fullmatch(key)
    if week is not None:
        return ReportPeriod(date.fromisocalendar(int(week[1]), int(week[2]), 1), ReportKind.WEEK)
    if not _DAY.fullmatch(key):
        raise ValueError(f"{key} is neither a day, 2026-11-29, nor a week, 2026-W48")
    return ReportPeriod(date.fromisoformat(key), ReportKind.DAY)


def last_whole(kind: ReportKind, at_ms: int) -> ReportPeriod:
    """The newest period that is over at that moment."""
    today = from_epoch_ms(at_ms).date()
    if kind is ReportKind.DAY:
        return ReportPeriod(today - timedelta(days=1), kind)
    return ReportPeriod(today - timedelta(days=today.weekday() + 7), kind)


@dataclass(frozen=True, slots=True)
class DueReport:
    """`due_ms`: when it was to be told. `missed`: how many before it were not told and will not be."""

    period: ReportPeriod
    due_ms: int
    missed: int = 0


@dataclass(frozen=True, slots=True)
class ReportTimes:
    """When reports are told. `minute`: of the day in `zone`; None = never. `weekday`: 0 = Monday; None = no weekly."""

    minute: int | None
    zone: tzinfo = UTC
    weekday: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> "ReportTimes":
        """REPORT_AT and REPORT_WEEKLY; a REPORT_AT that is not written as it must be is its default."""
        try:
            found = parse_report_at(settings.report_at)
        except ValueError:
            found = (8 * 60, UTC)
        if found is None:
            return cls(None)
        weekly = settings.report_weekly
        return cls(*found, WEEKDAYS.index(weekly) if weekly in WEEKDAYS else None)

    def newest(self, kind: ReportKind, now_ms: int) -> DueReport | None:
        """The newest report whose time has come; None = there is none of that kind."""
        if self.minute is None or (kind is ReportKind.WEEK and self.weekday is None):
            return None
        day = from_epoch_ms(now_ms).astimezone(self.zone).date() + timedelta(days=1)
        while True:
            # Made anew in the zone for each day, so that a day of 23 or 25 hours keeps the hour on the clock.
            at = datetime(day.year, day.month, day.day, self.minute // 60, self.minute % 60, tzinfo=self.zone)
            due_ms = epoch_ms(at.astimezone(UTC))
            if due_ms <= now_ms and (kind is ReportKind.DAY or day.weekday() == self.weekday):
                return DueReport(last_whole(kind, due_ms), due_ms)
            day -= timedelta(days=1)

    def due(self, told: Mapping[str, str], now_ms: int) -> DueReport | None:
        """What is to be told next, the oldest first. `told`: kind → key of the newest that was told.

        A kind that is not in `told` is never due: what was before the first look is nobody's news.
        """
        for kind in ReportKind:
            newest = self.newest(kind, now_ms)
            if newest is None or kind not in told:
                continue
            last = period_of(told[kind])
            waiting = list[ReportPeriod]()
            one = newest.period
            while one > last and len(waiting) < 400:
                waiting.append(one)
                one = one.before
            if waiting:
                kept = waiting[: MOST_LATE[kind]]
                due_ms = newest.due_ms - (newest.period.end_ms - kept[-1].end_ms)
                return DueReport(kept[-1], due_ms, len(waiting) - len(kept))
        return None
