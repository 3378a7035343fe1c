"""A checklist as rows: what was found, how old that is, what to do, and who has looked."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from reports.checklist import ChecklistFacts, ChecklistLine, LineState
from reports.checklist_ticks import ChecklistTick, lines_of, newest_of

_MARKS = {
    LineState.DONE: ("ok", "ok", "done"),
    LineState.FAILED: ("bad", "bads", "failed"),
    LineState.PERSON: ("warn", "warns", "for a person"),
    LineState.UNKNOWN: ("unk", "unk", "not known"),
}


@dataclass(frozen=True, slots=True)
class ChecklistRow:
    """`may`: it can be ticked. `seen`: who did, or that it got worse since."""

    name: str
    title: str
    state: str
    icon: str
    word: str
    figure: str
    age: str
    todo: str
    may: bool
    ticked: bool
    seen: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChecklistView:
    which: str
    period: str
    days: int
    head: str
    rows: list[ChecklistRow]


def checklist(
    which: str, facts: ChecklistFacts, ticks: list[ChecklistTick], period: str, now: datetime
) -> ChecklistView:
    """The list as it stands; lines that wait for somebody keep their place among the others."""
    newest = newest_of(ticks, period)
    rows = [_row(line, newest.get(line.name), now) for line in lines_of(which, facts)]
    waiting = [row for row in rows if row.may]
    done = f"{len(rows) - len(waiting)} of {len(rows)} done by themselves"
    seen = sum(row.ticked for row in waiting)
    rest = f"; {seen} of the other {len(waiting)} looked at" if waiting else ""
    return ChecklistView(which, period, facts.days, f"{done}{rest}", rows)


def _row(line: ChecklistLine, tick: ChecklistTick | None, now: datetime) -> ChecklistRow:
    state, icon, word = _MARKS[line.state]
    age = "" if line.at_ms is None else f"{f.span(max(0.0, now.timestamp() - line.at_ms / 1000))} ago"
    counts = tick is not None and tick.counts_for(line)
    seen = "" if tick is None else f"{f.clean(tick.by)} looked" if counts else f"worse since {f.clean(tick.by)} looked"
    return ChecklistRow(
        line.name, f.clean(line.title), state, icon, word, f.clean(line.figure), age, f.clean(line.todo),
        line.state is not LineState.DONE, counts, seen, f.of_ms(tick.at_ms) if tick is not None else None,
    )  # fmt: skip
