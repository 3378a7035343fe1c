"""The last 30 days as cells: how much fired, how urgent it was, and whether anybody watched."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.alert_history import DAYS, AlertEpisode, AlertMonth, day_name, first_day_ms
from dashboard.views import format as f
from shared.documents.alert_life import DAY_MS
from shared.documents.alerts import AlertSeverity
from shared.times import from_epoch_ms

WHOLE = 0.98  # of a day: a restart of the watcher takes seconds, an update minutes
QUIET, ONE, MORE = 10, 17, 24  # heights
CAUSES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class DayCell:
    css: str  # day-quiet, day-warn, day-bad (critical), day-unk (not watched), day-part (watched in part)
    x: float  # percent of the strip's width
    height: int
    say: str


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause in these days."""

    cause: str
    title: str
    cells: list[DayCell]
    say: str
    times: str
    longest: str
    lasted: str  # altogether


@dataclass(frozen=True, slots=True)
class DaysView:
    cells: list[DayCell]
    say: str
    head: str
    first: str
    middle: str
    causes: list[CauseRow]
    more: int  # causes that are not shown


def days(month: AlertMonth, now_ms: int) -> DaysView:
    """All causes together, then each by itself, the most frequent first."""
    cells = _cells(month.episodes, month.watched, now_ms)
    alarmed, unwatched = _counted(cells)
    told = month.told_s
    head = f"{DAYS} days: {alarmed} with alerts"
    if unwatched:
        head += f", {unwatched} that nobody watched"
    if told:
        head += f", told after {f.span(sum(told) / len(told))} on average, slowest {f.span(max(told))}"
    by_cause: dict[str, list[AlertEpisode]] = {}
    for one in month.episodes:
        by_cause.setdefault(one.cause, []).append(one)
    ordered = sorted(by_cause.values(), key=lambda found: (-len(found), -max(one.begin_ms for one in found)))
    start_ms = first_day_ms(now_ms)
    return DaysView(
        cells, head, head, _day(start_ms), _day(start_ms + DAYS // 2 * DAY_MS),
        [_cause(found, month.watched, now_ms) for found in ordered[:CAUSES_SHOWN]], max(0, len(ordered) - CAUSES_SHOWN),
    )  # fmt: skip


def of_cause(month: AlertMonth, cause: str, now_ms: int) -> CauseRow | None:
    """None = it never fired in these days."""
    found = [one for one in month.episodes if one.cause == cause]
    return _cause(found, month.watched, now_ms) if found else None


def _cause(found: list[AlertEpisode], watched: dict[str, int], now_ms: int) -> CauseRow:
    newest = max(found, key=lambda one: one.begin_ms)
    lasted = [((one.end_ms if one.end_ms is not None else now_ms) - one.begin_ms) / 1000 for one in found]
    cells = _cells(found, watched, now_ms)
    return CauseRow(
        f.clean(newest.cause), f.clean(newest.title), cells,
        f"{f.clean(newest.cause)}: on {f.plural(_counted(cells)[0], 'day')} of {DAYS}",
        f.plural(len(found), "time"), f.span(max(lasted)), f.span(sum(lasted)),
    )  # fmt: skip


def _counted(cells: Iterable[DayCell]) -> tuple[int, int]:
    """Days (with alerts, that nobody watched)."""
    kinds = [cell.css for cell in cells]
    return sum(kind in ("day-warn", "day-bad") for kind in kinds), kinds.count("day-unk")


def _day(at_ms: int) -> str:
    at = from_epoch_ms(at_ms)
    return f"{at.day} {at:%b}"


def _cells(episodes: list[AlertEpisode], watched: dict[str, int], now_ms: int) -> list[DayCell]:
    start_ms = first_day_ms(now_ms)
    return [_cell(number, start_ms + number * DAY_MS, episodes, watched, now_ms) for number in range(DAYS)]


def _cell(
    number: int, day_ms: int, episodes: list[AlertEpisode], watched: dict[str, int], now_ms: int
) -> DayCell:  # fmt: skip
    end_ms = day_ms + DAY_MS
    on_it = [one for one in episodes if one.begin_ms < end_ms and (one.end_ms is None or one.end_ms >= day_ms)]
    share = watched.get(day_name(day_ms), 0) / max(1, min(end_ms, now_ms) - day_ms)
    day = _day(day_ms)
    seen = "watched" if share >= WHOLE else "not watched" if share <= 0 else f"watched for {share:.0%} of it"
    x = round(number * 100 / DAYS, 2)
    if on_it:
        critical = any(one.severity is AlertSeverity.CRITICAL for one in on_it)
        say = f"{day}: {f.plural(len(on_it), 'alert')}, {'critical' if critical else 'warning'}; {seen}"
        return DayCell("day-bad" if critical else "day-warn", x, ONE if len(on_it) == 1 else MORE, say)
    if share >= WHOLE:
        return DayCell("day-quiet", x, QUIET, f"{day}: quiet, {seen}")
    if share <= 0:
        return DayCell("day-unk", x, QUIET, f"{day}: not known, {seen}")
    return DayCell("day-part", x, QUIET, f"{day}: nothing fired while it was watched; {seen}")
