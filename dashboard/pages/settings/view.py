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
from shared.command_table import Cmd
from shared.documents.control import ReceiptDoc, ReceiptState

SHOWN_S = 600.0
NOT_READ_S = 3.0  # after which a reload that was not read is said to be


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
    if old and standing is SettingsStanding.IN_FORCE:
        return None
    in_force = standing is SettingsStanding.IN_FORCE
    answer = _answer(s, at) if row.how == "reload" else None
    steps = _steps(s, row, at, answer, in_force=in_force)
    why = (
        commands.why_not_process(s, restart=True, role=role, chosen=True) if standing is SettingsStanding.WAITS else ""
    )
    undo = row.id if role == "operator" and not why_no_undo(rows, row.id, lines) else ""
    by = f"{f.clean(row.by)}, {f.clock(at, s.now)}"
    young = row.how == "reload" and answer is None and at is not None and (s.now - at).total_seconds() < NOT_READ_S
    restart = standing is SettingsStanding.WAITS and not why and not young
    return SettingsReceipt(_heading(row), by, steps, _say(standing, row, answer), undo, restart, why)


def history_rows(rows: Sequence[SettingsChange], lines: Mapping[str, str], role: str) -> list[HistoryRow]:
    gone = undone(rows)
    made = []
    for row in rows:
        why = why_no_undo(rows, row.id, lines)
        state = "undone" if row.id in gone else why or ("undo" if role == "operator" else "")
        how = f"undo, {row.how}" if row.undoes else row.how
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


def _answer(s: Snapshot, at: datetime | None) -> ReceiptDoc | None:
    """The bot's receipt of the reload that was sent with a change; None = it has not read it."""
    if s.state is None or at is None:
        return None
    wrote_ms = at.timestamp() * 1000
    return next((one for one in s.state.receipts if one.cmd == Cmd.RELOAD and one.seen_ms >= wrote_ms), None)


def _steps(
    s: Snapshot, row: SettingsChange, at: datetime | None, answer: ReceiptDoc | None, *, in_force: bool
) -> tuple[ReceiptStep, ...]:
    written = ReceiptStep("done", "ok", "written", f.clock(at, s.now))
    if row.how == "restart":
        started = f.of_text(s.state.started_at) if s.state is not None else None
        again = in_force or (started is not None and at is not None and started > at)
        return (written, _step("restarted", again), _step("in force", in_force))
    seen_ms = None if answer is None or at is None else answer.seen_ms - at.timestamp() * 1000
    took_ms = None if answer is None or answer.done_ms is None else answer.done_ms - answer.seen_ms
    if answer is not None and answer.state in (ReceiptState.REJECTED, ReceiptState.FAILED):
        last = ReceiptStep("fail", "bads", "refused", "")
    else:
        last = _step("in force", in_force, took_ms)
    return (written, _step("seen", answer is not None or in_force, seen_ms), last)


def _step(word: str, done: bool, ms: float | None = None) -> ReceiptStep:
    time = f.milliseconds(max(0.0, ms)) if done and ms is not None else ""
    return ReceiptStep("done", "ok", word, time) if done else ReceiptStep("wait", "wait", word, "")


def _say(standing: SettingsStanding, row: SettingsChange, answer: ReceiptDoc | None) -> str:
    match standing:
        case SettingsStanding.IN_FORCE:
            return "The bot runs with it."
        case SettingsStanding.UNKNOWN:
            return "The bot does not answer. It takes effect at its next start."
        case SettingsStanding.WAITS if answer is not None:
            return f"The bot did not take it up: {f.clean(answer.reason or answer.state)}. A restart does."
        case SettingsStanding.WAITS if row.how == "reload":
            return "The bot has not read it yet."
        case SettingsStanding.WAITS:
            return "The bot goes on with the settings it was started with until a restart."
    return (
        "The bot runs with settings that differ from .env in more than this: a change by hand, or by another process. "
        "./coin restart makes it take up the file."
    )
