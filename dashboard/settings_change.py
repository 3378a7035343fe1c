"""Applying and undoing changes of settings: checked as a whole, in the audit trail, then written; never half."""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dashboard import settings_history as history
from dashboard.auth.roles import Principal
from dashboard.env_choices import take_up
from dashboard.hub import Hub
from dashboard.settings_history import SettingsChange
from dashboard.views.snapshot import Snapshot
from shared import env_file, setting_change
from shared.env_file import EnvFileRefused
from shared.setting_change import FORM_SETTINGS, SettingRefused, SettingsEffect
from shared.settings import Loaded, SettingsError, config_hash


class SettingsNotWritten(Exception):
    """Nothing was changed, for a reason that is no fault of what was typed."""


class SettingsStanding(StrEnum):
    """Whether the bot runs with what `.env` says."""

    IN_FORCE = "in force"
    WAITS = "waits"  # it runs with the settings before the newest changes that were made here
    DIFFERS = "differs"  # in more than those
    UNKNOWN = "unknown"


def disk(hub: Hub) -> Loaded:
    """The settings as `.env` has them now. Blocks. Raises SettingsError."""
    return setting_change.reread(hub.loaded)


def standing(found: Loaded, s: Snapshot, rows: list[SettingsChange]) -> SettingsStanding:
    """By the mark of all settings that the bot publishes."""
    if s.state is None or not s.fresh:
        return SettingsStanding.UNKNOWN
    if s.state.config_hash == config_hash(found.settings):
        return SettingsStanding.IN_FORCE
    pending = history.since(rows, s.state.config_hash)
    if not pending or pending[0].hash_after != config_hash(found.settings):
        return SettingsStanding.DIFFERS
    return SettingsStanding.WAITS


def may_restart(hub: Hub, s: Snapshot) -> bool:
    """Whether a restart would make the bot take up a change that was applied here. Blocks."""
    try:
        return standing(disk(hub), s, history.changes(hub.paths)) is SettingsStanding.WAITS
    except SettingsError:
        return False


def apply(
    hub: Hub, s: Snapshot, who: Principal, address: str, given: Mapping[str, str], was: Mapping[str, str], rests_on: str
) -> str:
    """Write what was previewed; `was`: what the person saw in force, setting by setting. Blocks.

    The answer: how the bot takes it up, restart or reload; "" = nothing was written, as nothing differs. Raises
    SettingRefused (what was typed), SettingsNotWritten (all else): nothing was changed.
    """
    found = _found(hub)
    now = setting_change.values_in_force(found)
    moved = {
        key: f"It is {now.get(key) or 'empty'} by now, not {text or 'empty'}: look again."
        for key, text in was.items()
        if key in given and now.get(key) != text
    }
    if moved:
        raise SettingRefused(moved)
    made = _effect(found, given)
    return _write(hub, who, address, found, made, how(hub, s, found, made), rests_on=rests_on)


def undo(hub: Hub, s: Snapshot, who: Principal, address: str, change_id: str) -> str:
    """Put back what the file said before a change. Blocks. Raises as `apply`."""
    found, rows = _found(hub), history.changes(hub.paths)
    why = history.why_no_undo(rows, change_id, _lines(found))
    if why:
        raise SettingsNotWritten(why)
    row = next(one for one in rows if one.id == change_id)
    made = _effect(found, {edit.key: edit.before for edit in row.edits})
    return _write(hub, who, address, found, made, how(hub, s, found, made), undoes=row.id)


def how(hub: Hub, s: Snapshot, found: Loaded, made: SettingsEffect) -> str:
    """restart or reload. A reload takes up all of `.env` or nothing, so one that waits for a restart makes all wait."""
    if made.restarts:
        return "restart"
    return "reload" if standing(found, s, history.changes(hub.paths)) is SettingsStanding.IN_FORCE else "restart"


def _found(hub: Hub) -> Loaded:
    try:
        return disk(hub)
    except SettingsError as error:
        raise SettingsNotWritten(f".env cannot be used: {error.problems[0]}.") from error


def _lines(found: Loaded) -> dict[str, str]:
    try:
        return env_file.values_of(found.env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsNotWritten(f".env cannot be read: {error}.") from error


def _effect(found: Loaded, given: Mapping[str, str]) -> SettingsEffect:
    try:
        return setting_change.effect(found, given)
    except OSError as error:
        raise SettingsNotWritten(f".env cannot be written: {error.strerror or error}.") from error


def _write(
    hub: Hub,
    who: Principal,
    address: str,
    found: Loaded,
    made: SettingsEffect,
    takes: str,
    *,
    undoes: str = "",
    rests_on: str = "",
) -> str:
    """First the trail, then the file: no change without its line, and a line that failed is said to have."""
    if not made.edits:
        return ""
    change_id, by = uuid.uuid4().hex[:12], who.role.value
    facts = history.facts(
        change_id, made.edits, config_hash(found.settings), config_hash(made.after.settings), takes, undoes, rests_on
    )
    _note(hub, who, address, history.CHANGED, facts)
    try:
        setting_change.write(found, made)
    except (EnvFileRefused, OSError) as error:
        text = str(error) if isinstance(error, EnvFileRefused) else f".env cannot be written: {error.strerror or error}"
        hub.audit.note(
            history.NOT_WRITTEN, by=by, role=who.role, address=address, facts={"change": change_id, "why": text}
        )
        raise SettingsNotWritten(f"{text}.") from error
    take_up(hub, FORM_SETTINGS)
    return takes


def _note(hub: Hub, who: Principal, address: str, what: str, facts: dict[str, Any]) -> None:
    try:
        hub.audit.write(what, by=who.role.value, role=who.role, address=address, facts=facts)
    except OSError as error:
        raise SettingsNotWritten(f"The audit trail cannot be written: {error.strerror or error}.") from error
