"""Who has looked at a line of a checklist, when, and what it said then: `reports/ticks.json`.

A tick belongs to one week or month, and to the state that the line had: it makes no line done, and it counts no more
where the line is worse than it was.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from reports.checklist import MONTHLY, WEEKLY, Check, ChecklistFacts, ChecklistLine, LineState, filled_in
from shared import files, flocks
from shared.files import Unreadable
from shared.times import from_epoch_ms

LISTS: Mapping[str, tuple[tuple[Check, ...], int]] = {"weekly": (WEEKLY, 7), "monthly": (MONTHLY, 31)}  # with its days
NAME = "ticks.json"
MOST = 2_000
LOCK_S = 2.0
_RANK = {LineState.DONE: 0, LineState.PERSON: 1, LineState.UNKNOWN: 1, LineState.FAILED: 2}


class TicksUnusable(Exception):
    """The file cannot be read or written, or another process holds it; the text says why, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistTick:
    """`period`: 2026-W48 or 2026-11, in UTC; `by`: the role, as the audit trail has it."""

    period: str
    line: str
    state: LineState
    figure: str
    by: str
    at_ms: int

    def counts_for(self, line: ChecklistLine) -> bool:
        return self.line == line.name and _RANK[line.state] <= _RANK[self.state]


def period_of(which: str, now_ms: int) -> str:
    """The week or month that is ticked now. `which`: weekly or monthly."""
    now = from_epoch_ms(now_ms)
    return f"{now:%G-W%V}" if which == "weekly" else f"{now:%Y-%m}"


def lines_of(which: str, facts: ChecklistFacts) -> list[ChecklistLine]:
    return filled_in(facts, LISTS[which][0])


def read_ticks(reports: Path) -> list[ChecklistTick]:
    """Oldest first; empty where nobody ever ticked. Raises TicksUnusable."""
    try:
        return msgspec.json.decode(files.read_bytes(reports / NAME), type=list[ChecklistTick])
    except FileNotFoundError:
        return []
    except (Unreadable, OSError, msgspec.MsgspecError) as error:
        raise TicksUnusable(f"{NAME} cannot be read: {error}") from error


def newest_of(ticks: list[ChecklistTick], period: str) -> dict[str, ChecklistTick]:
    """The newest tick of each line in that week or month."""
    return {tick.line: tick for tick in ticks if tick.period == period}


def tick(reports: Path, made: ChecklistTick) -> None:
    """Keep it, on the disk when this returns. Raises TicksUnusable."""
    try:
        reports.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = flocks.take(reports / f".{NAME}.lock", LOCK_S)
        if lock is None:
            raise TicksUnusable(f"another process holds {NAME}")
        try:
            kept = [*read_ticks(reports), replace(made, figure=made.figure[:300])][-MOST:]
            files.write_whole(reports / NAME, msgspec.json.encode(kept) + b"\n", durable=True)
        finally:
            os.close(lock)
    except OSError as error:
        raise TicksUnusable(f"{NAME} cannot be written: {error.strerror or error}") from error
