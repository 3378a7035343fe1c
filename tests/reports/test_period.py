"""Which report is due when: zones, days of 23 and 25 hours, a watcher that was off."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from reports.period import DueReport, ReportKind, ReportTimes, last_whole, period_of
from shared.settings import Settings
from shared.times import epoch_ms

BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")
HOUR, DAY = 3_600_000, 86_400_000


def ms(text: str) -> int:
    return epoch_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "first", "days", "title"),
    [
        ("2026-11-29", "2026-11-29", 1, "29 Nov 2026"),
        ("2026-W48", "2026-11-23", 7, "week 48, 23 to 29 Nov 2026"),
        ("2026-W53", "2026-12-28", 7, "week 53, 28 Dec to 3 Jan 2027"),
        ("2024-02-29", "2024-02-29", 1, "29 Feb 2024"),
    ],
)
def test_a_key_names_whole_utc_days_and_comes_back(key: str, first: str, days: int, title: str) -> None:
    period = period_of(key)
    assert (period.first.isoformat(), len(period.days), period.title, period.key) == (first, days, title, key)
    assert (period.start_ms, period.end_ms) == (ms(first), ms(first) + days * DAY)
    assert period_of(period.before.key).end_ms == period.start_ms


@pytest.mark.parametrize(
    "text", ["", "2026-W54", "2026-13-01", "2026-11-9", "yesterday", "../2026-11-29", "٢٠٢٦-11-29"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        period_of(text)


def test_the_last_whole_ones() -> None:
    monday = ms("2026-11-30T00:00")
    assert (
        last_whole(ReportKind.DAY, monday).key == "2026-11-29" and last_whole(ReportKind.WEEK, monday).key == "2026-W48"
    )
    assert last_whole(ReportKind.DAY, monday - 1).key == "2026-11-28"
    assert last_whole(ReportKind.WEEK, monday - 1).key == "2026-W47"


@pytest.mark.parametrize(
    ("times", "now", "day", "due"),
    [
        (ReportTimes(8 * 60), "2026-11-30T08:00", "2026-11-29", "2026-11-30T08:00"),
        (ReportTimes(8 * 60), "2026-11-30T07:59", "2026-11-28", "2026-11-29T08:00"),
        (ReportTimes(8 * 60, BERLIN), "2026-11-30T07:00", "2026-11-29", "2026-11-30T07:00"),
        (ReportTimes(8 * 60, BERLIN), "2026-07-01T06:00", "2026-06-30", "2026-07-01T06:00"),
        (ReportTimes(2 * 60 + 30, BERLIN), "2026-03-29T12:00", "2026-03-28", "2026-03-29T01:30"),  # no such hour there
        (ReportTimes(8 * 60, AUCKLAND), "2026-11-29T19:00", "2026-11-28", "2026-11-29T19:00"),  # there it is Monday
    ],
)
def test_the_newest_report_is_of_the_last_utc_day_before_its_hour(
    times: ReportTimes, now: str, day: str, due: str
) -> None:
    assert times.newest(ReportKind.DAY, ms(now)) == DueReport(period_of(day), ms(due))


def test_every_day_is_due_once_through_a_year_of_a_zone_that_changes_its_clocks() -> None:
    """Where the hour lies next to midnight UTC, a change of the clocks brings one day twice and leaves one out."""
    for times in (ReportTimes(90, BERLIN, 0), ReportTimes(12 * 60 + 30, AUCKLAND, 6), ReportTimes(0, BERLIN, 3)):
        told = {kind.value: times.newest(kind, ms("2026-01-10T00:00")).period.key for kind in ReportKind}  # type: ignore[union-attr]
        first, found = dict(told), list[str]()
        for now in range(ms("2026-01-10T00:00"), ms("2027-01-10T00:00"), HOUR // 2):
            while (due := times.due(told, now)) is not None:
                assert due.missed == 0 and due.period.end_ms <= now
                told[due.period.kind] = due.period.key
                found.append(due.period.key)
        for kind in ReportKind:
            keys = [key for key in found if period_of(key).kind is kind]
            expected, one = list[str](), period_of(told[kind])
            while one > period_of(first[kind]):
                expected, one = [one.key, *expected], one.before
            assert keys == expected, (times, kind)
            assert len(keys) in ((52, 53) if kind is ReportKind.WEEK else (365,))


def test_what_was_missed_is_told_late_the_newest_of_it_and_the_rest_is_counted() -> None:
    times, told, now = ReportTimes(8 * 60, UTC, 0), {"day": "2026-11-19", "week": "2026-W45"}, ms("2026-11-30T09:00")
    found = []
    while (due := times.due(told, now)) is not None:
        found.append(due)
        told[due.period.kind] = due.period.key
    assert [(due.period.key, due.missed) for due in found] == [
        ("2026-11-27", 7), ("2026-11-28", 0), ("2026-11-29", 0), ("2026-W47", 1), ("2026-W48", 0),
    ]  # fmt: skip
    assert found[0].due_ms == ms("2026-11-28T08:00") and found[2].due_ms == ms("2026-11-30T08:00")


def test_off_and_a_kind_that_was_never_looked_at() -> None:
    now = ms("2026-11-30T09:00")
    assert ReportTimes.of(Settings(report_at="off")).newest(ReportKind.DAY, now) is None
    assert ReportTimes.of(Settings(report_weekly="off")).newest(ReportKind.WEEK, now) is None
    assert ReportTimes.of(Settings()).due({}, now) is None
    berlin = ReportTimes.of(Settings(report_at="20:30 Europe/Berlin", report_weekly="friday"))
    assert berlin == ReportTimes(20 * 60 + 30, BERLIN, 4)
    assert ReportTimes.of(Settings(report_at="25:00")) == ReportTimes(8 * 60, UTC, 0), "told at the default's hour"


def test_a_clock_that_goes_back_tells_nothing_twice() -> None:
    times, told = ReportTimes(8 * 60, UTC, 0), {"day": "2026-11-29", "week": "2026-W48"}
    assert times.due(told, ms("2026-11-29T09:00")) is None
