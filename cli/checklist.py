"""`./coin checklist`: the weekly or monthly list, filled in by what is known now."""

import time
from typing import Annotated

import typer

from cli import ui
from cli.options import Json
from incident.bundle import loaded_anyway
from reports.checklist import ChecklistLine, LineState, summary
from reports.checklist_facts import gathered
from reports.checklist_ticks import (
    LISTS,
    ChecklistTick,
    TicksUnusable,
    lines_of,
    newest_of,
    period_of,
    read_ticks,
)
from shared.exits import Exit
from shared.figures import ago

_MARKS = {LineState.DONE: ui.GOOD, LineState.FAILED: ui.BAD, LineState.PERSON: ui.WARN, LineState.UNKNOWN: ui.DOT}


def checklist(which: Annotated[str, typer.Argument(help="weekly or monthly.")] = "weekly", json: Json = False) -> int:
    """Print it. 1 = a line failed; what waits for a person, or is not known, is shown and is no failure."""
    if which not in LISTS:
        ui.give_up(f"There is no checklist {which!r}.", "weekly, monthly", code=Exit.USAGE)
    now_ms, settings = round(time.time() * 1000), loaded_anyway().settings
    lines = lines_of(which, gathered(settings, now_ms, LISTS[which][1]))
    failed = any(line.state is LineState.FAILED for line in lines)
    if json:
        ui.say_json(lines)
        return Exit.FAILED if failed else Exit.DONE
    try:
        ticks = newest_of(read_ticks(settings.paths.reports), period_of(which, now_ms))
    except TicksUnusable as error:
        ui.line(ui.WARN, f"Who has looked is not known: {error}")
        ticks = {}
    for line in lines:
        _print(line, now_ms, ticks.get(line.name))
    ui.plain(f"\n  {summary(lines)}")
    return Exit.FAILED if failed else Exit.DONE


def _print(line: ChecklistLine, now_ms: int, tick: ChecklistTick | None) -> None:
    age = f" ({ago(max(0, now_ms - line.at_ms) / 1000)} ago)" if line.at_ms is not None else ""
    word = "" if line.state is LineState.DONE else f" [{line.state.value}]"
    ui.line(_MARKS[line.state], f"{line.title}{word}: {line.figure}{age}")
    if line.todo:
        ui.plain(f"      {line.todo}")
    if tick is not None:
        when = f"{ago(max(0, now_ms - tick.at_ms) / 1000)} ago"
        ui.plain(f"      {tick.by} looked {when}{'' if tick.counts_for(line) else '; it is worse since'}")
