"""Changes of settings that the audit trail tells of: who, when, from what to what, and which can be undone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared import audit_log
from shared.paths import DataPaths
from shared.setting_change import FORM_SETTINGS, SettingEdit

CHANGED, NOT_WRITTEN = "settings_changed", "settings_not_written"
SHOWN = 40
LOOKED_AT = 2000  # lines of the trail, newest first


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """One line of the trail. `hash_before`, `hash_after`: of all settings, as a bot with them publishes it."""

    id: str
    at: str
    by: str
    edits: tuple[SettingEdit, ...]
    hash_before: str
    hash_after: str
    how: str  # restart or reload
    undoes: str  # id of the change that it takes back; "" = none
    rests_on: str  # what was shown before it was applied


def facts(
    change_id: str, edits: Iterable[SettingEdit], before: str, after: str, how: str, undoes: str, rests: str
) -> dict[str, Any]:
    """What the trail keeps of a change. None of these settings is a secret."""
    made = {
        "change": change_id,
        "edits": [[one.key, one.now, one.new, one.before, one.written] for one in edits],
        "before": before,
        "after": after,
        "how": how,
    }
    return made | {k: v for k, v in (("undoes", undoes), ("rests_on", rests)) if v}


def changes(paths: DataPaths) -> list[SettingsChange]:
    """The newest first. Blocks."""
    rows = audit_log.tail(paths.audit, LOOKED_AT)
    failed = {str(row.get("change", "")) for row in rows if row.get("what") == NOT_WRITTEN}
    made = (_of(row) for row in rows if row.get("what") == CHANGED)
    return [one for one in made if one is not None and one.id not in failed][:SHOWN]


def _of(row: Mapping[str, Any]) -> SettingsChange | None:
    """The trail may be edited by hand: what is not of the form is no change."""
    try:
        edits = tuple(SettingEdit(*(str(part) for part in one)) for one in row["edits"])
    except (KeyError, TypeError):
        return None
    if not edits or any(edit.key not in FORM_SETTINGS for edit in edits):
        return None
    text = {name: str(row.get(name, "")) for name in ("change", "at", "by", "before", "after", "how", "undoes")}
    return SettingsChange(
        text["change"], text["at"], text["by"], edits, text["before"], text["after"], text["how"],
        text["undoes"], str(row.get("rests_on", "")),
    )  # fmt: skip


def undone(rows: Sequence[SettingsChange]) -> set[str]:
    """Ids of the changes that a later one took back, and that nothing brought again since."""
    return {row.undoes for row in rows if row.undoes}


def why_no_undo(rows: Sequence[SettingsChange], change_id: str, lines: Mapping[str, str]) -> str:
    """Why a change cannot be taken back; "" = it can. `lines`: what `.env` says now."""
    row = next((one for one in rows if one.id == change_id), None)
    if row is None:
        return "There is no such change."
    if change_id in undone(rows):
        return "It was undone."
    newer = rows[: rows.index(row)]
    touched = {edit.key for one in newer for edit in one.edits} & {edit.key for edit in row.edits}
    if touched:
        return f"{min(touched)} was changed again since."
    other = next((edit.key for edit in row.edits if lines.get(edit.key, "") != edit.written), None)
    return f"{other} was changed by hand since." if other is not None else ""


def since(rows: Sequence[SettingsChange], bot_hash: str) -> list[SettingsChange] | None:
    """The changes made after the settings that a bot runs with; None = the trail does not lead back to them."""
    for place, row in enumerate(rows):
        if row.hash_before == bot_hash:
            return list(rows[: place + 1])
        if place + 1 < len(rows) and rows[place + 1].hash_after != row.hash_before:
            return None
    return None
