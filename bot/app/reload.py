"""Settings read anew while the bot runs: what differs, what of it may change now, and the settings that then hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.app.ports import CommandPorts
from shared import live_permission
from shared.documents.control import ReceiptState
from shared.setting_table import RULES, FormChange
from shared.setting_values import spelled
from shared.settings import Loaded, Settings, SettingsError, public_values


@dataclass(frozen=True, slots=True)
class SettingsDifference:
    """`changes`: key to "old → new"; `late`: those of them that only a restart takes up."""

    changes: Mapping[str, str]
    late: tuple[str, ...]


def answer(
    bot: CommandPorts, load: Callable[[], Loaded], by: str
) -> tuple[ReceiptState, str, Mapping[str, str] | None]:
    """Take up what `load` says now, all of it or nothing; what the receipt says of it."""
    try:
        fresh = load()
    except SettingsError as error:
        return ReceiptState.FAILED, str(error), None
    found = difference(bot.read_settings, fresh.settings)
    voided = bot.live_lock.voided_by(fresh.settings)
    ends = f"; it ends the live permission: {live_permission.named(voided)}" if voided else ""
    if not found.changes:
        return ReceiptState.DONE, "nothing would change" + ends, None
    if found.late:
        need = f"a restart is needed for {', '.join(found.late)}: nothing was changed"
        return ReceiptState.REJECTED, need + ends, found.changes
    if bot.engine is None or not bot.engine.view.control.ready:
        return ReceiptState.REJECTED, "not while the bot starts: nothing was changed", found.changes
    bot.take_up(fresh, found.changes, by)
    return ReceiptState.DONE, "in force" + ends, found.changes


def difference(now: Settings, fresh: Settings) -> SettingsDifference:
    """By what both show. A secret that was replaced by another one is not seen; a restart takes it up."""
    old, new = public_values(now), public_values(fresh)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    changes = {key: f"{_told(old.get(key))} → {_told(new.get(key))}" for key in keys}
    return SettingsDifference(changes, tuple(key for key in keys if not _may_change(key)))


def taken_up(runs: Settings, fresh: Settings, keys: Mapping[str, str]) -> Settings:
    """`runs` with what `fresh` says of these settings, each of which may change while running."""
    assert all(map(_may_change, keys)), f"not while running: {sorted(keys)}"
    values: dict[str, Any] = {key.lower(): getattr(fresh, key.lower()) for key in keys}
    if "MAX_PRODUCT_USD" in keys:
        values["product_caps"] = fresh.product_caps
    return replace(runs, **values, by_hand=(runs.by_hand - keys.keys()) | (fresh.by_hand & keys.keys()))


def _may_change(key: str) -> bool:
    return key in RULES and RULES[key].form is FormChange.RELOAD


def _told(text: str | None) -> str:
    return spelled(text) if text else "empty"
