"""Choosing a strategy in the browser: what would change, writing it, and whether the bot has taken it up yet."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.env_choices import is_live, take_up
from dashboard.hub import Hub
from dashboard.views.snapshot import Snapshot
from shared import env_file, settings, strategy_choice
from shared.settings import Loaded, SettingsError
from shared.strategy_choice import CHOICE_SETTINGS, ChoiceRefused, SettingChange


@dataclass(frozen=True, slots=True)
class Choice:
    """One strategy as it could be chosen now. `refused`: why not from here; then `changes` says what it would be."""

    name: str
    changes: list[SettingChange]
    refused: str


def read_env(hub: Hub) -> Loaded:
    """The settings as they lie on the disk. Blocks. Raises SettingsError."""
    return settings.load(hub.loaded.env_file)


def choice(found: Loaded, s: Snapshot, name: str) -> Choice:
    """What choosing it would do."""
    try:
        made = strategy_choice.changes(found, name, datetime.now(UTC).date())
    except ChoiceRefused as refused:
        return Choice(name, [], str(refused))
    return Choice(name, made, strategy_choice.refused_live(name, made) if is_live(found, s) else "")


def choose(hub: Hub, s: Snapshot, name: str) -> list[str]:
    """Write it into `.env`; the settings that changed. Blocks. Raises ChoiceRefused, EnvFileRefused, OSError."""
    try:
        found = read_env(hub)
    except SettingsError as error:
        raise ChoiceRefused(f".env cannot be used: {error.problems[0]}") from error
    made = choice(found, s, name)
    if made.refused:
        raise ChoiceRefused(made.refused)
    values: Mapping[str, str] = {one.key: one.written for one in made.changes}
    if values:
        env_file.change(hub.loaded.env_file, values, CHOICE_SETTINGS, os.environ)
        take_up(hub, CHOICE_SETTINGS)
    return sorted(values)


def waits(found: Loaded, s: Snapshot) -> bool:
    """Whether a strategy was chosen that the bot does not say it runs, or with other bars. False where nothing is known
    of the bot, and with real money, where no restart is offered here."""
    doc = s.state.strategy if s.state is not None else None
    if doc is None or not strategy_choice.was_chosen(found) or is_live(found, s):
        return False
    return (found.settings.strategy, found.settings.granularity) != (doc.name, doc.granularity)


def may_restart(hub: Hub, s: Snapshot) -> bool:
    """Whether a restart would make the bot take up a chosen strategy. Blocks."""
    try:
        return waits(read_env(hub), s)
    except SettingsError:
        return False
