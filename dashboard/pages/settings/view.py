"""The receipt of the newest change, and the history of all, as the Settings page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.settings_change import SettingsStanding
from dashboard.settings_form import label_of, with_unit
from dashboard.settings_history import SettingsChange, undone, why_no_undo
from dashboard.views import commands
from dashboard.views import format as f
from dashboard.views.commands import ReceiptStep
from dashboard.views.snapshot import Snapshot

SHOWN_S = 600.0


@dataclass(frozen=True, slots=True)
class SettingsReceipt:
    """`undo`: id of the change that can be taken back, "" = none; `restart`: whether to show its button; `why` not."""

    heading: str
    by: str
    steps: tuple[ReceiptStep, ...]
    say: str
    undo: str
    restart: bool
    why: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One setting of one change; `first`: it carries the change's own cells, `rows` of them."""

    id: str
    at: datetime | None
    by: str
    label: str
    key: str
    old: str
    new: str
    how: str
    rests_on: str
    state: str  # undo, undone, or why it cannot be
    first: bool


def receipt(
    s: Snapshot, rows: Sequence[SettingsChange], standing: SettingsStanding | None, lines: Mapping[str, str], role: str
) -> SettingsReceipt | None:
    """Of the newest change, until the bot runs with it, and for ten minutes; None = there is none to show."""
    if not rows or standing is None:
        return None
    row = rows[0]
    at = f.of_text(row.at)
    old = at is None or (s.now - at).total_seconds() > SHOWN_S
    if old and standing.word == "in force":
        return None
    in_force = standing.word == "in force"
    seen = in_force or _seen(s, row, at)
    second = "restarted" if row.how == "restart" else "seen"
    steps = (
        ReceiptStep("done", "ok", "written", f.clock(at, s.now)),
        ReceiptStep("done" if seen else "wait", "ok" if seen else "wait", second, ""),
        ReceiptStep("done" if in_force else "wait", "ok" if in_force else "wait", "in force", ""),
    )
    why = commands.why_not_process(s, restart=True, role=role, chosen=True) if standing.word == "waits" else ""
    undo = row.id if role == "operator" and not why_no_undo(rows, row.id, lines) else ""
    by = f"{f.clean(row.by)}, {f.clock(at, s.now)}"
    restart = standing.word == "waits" and not why
    return SettingsReceipt(_heading(row), by, steps, _say(standing), undo, restart, why)


def history_rows(rows: Sequence[SettingsChange], lines: Mapping[str, str], role: str) -> list[HistoryRow]:
    gone = undone(rows)
    made = []
    for row in rows:
        why = why_no_undo(rows, row.id, lines)
        state = "undone" if row.id in gone else why or ("undo" if role == "operator" else "")
        how = f"undone by a {row.how}" if row.undoes else row.how
        for place, edit in enumerate(row.edits):
            made.append(
                HistoryRow(
                    row.id, f.of_text(row.at), f.clean(row.by), label_of(edit.key), edit.key,
                    with_unit(edit.key, edit.now), with_unit(edit.key, edit.new),
                    how, f.clean(row.rests_on), state, place == 0,
                )
            )  # fmt: skip
    return made


def _heading(row: SettingsChange) -> str:
    first = row.edits[0]
    more = f" and {len(row.edits) - 1} more" if len(row.edits) > 1 else ""
    return f"{label_of(first.key)} {f.clean(first.now) or 'empty'} to {with_unit(first.key, first.new)}{more}"


def _seen(s: Snapshot, row: SettingsChange, at: datetime | None) -> bool:
    """Whether the bot read `.env` since."""
    if s.state is None or at is None:
        return False
    if row.how == "restart":
        started = f.of_text(s.state.started_at)
        return started is not None and started > at
    wrote_ms = at.timestamp() * 1000
    return any(one.cmd == "reload" and one.seen_ms >= wrote_ms for one in s.state.receipts)


def _say(standing: SettingsStanding) -> str:
    match standing.word:
        case "in force":
            return "The bot runs with it."
        case "unknown":
            return "The bot does not answer. It takes effect at its next start."
        case "waits":
            return "The bot goes on with the settings it was started with until a restart."
    return (
        "The bot runs with settings that differ from .env in more than this: a change by hand, or by another process. "
        "./coin restart makes it take up the file."
    )
