"""Settings changed in the browser: which may be, what a change would do, and whether the next start would take it.

A line of the table that says nothing (`Rule.form`) is changed by hand: no mode, key, folder, address, strategy's name
or secret is among those that say something, and a test holds them to it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared import env_file
from shared.setting_table import PROFILES, RULES, FormChange
from shared.setting_values import spelled
from shared.settings import Loaded, SettingsError, as_text, keys, load, public_values

FORM_SETTINGS = frozenset(key for key, rule in RULES.items() if rule.form is not FormChange.NEVER)
LONGEST = 400
DEFAULTS: Mapping[str, str] = {key: spelled(as_text(default)) for key, _, default in keys()}
_KEY = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")


class SettingRefused(Exception):
    """Nothing was changed. `problems`: key to what is wrong with it; "" = with no single one."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingEdit:
    """One line of `.env`. `now`, `new`: the effective value; `before`, `written`: as the file has it, "" = no line."""

    key: str
    now: str
    new: str
    before: str
    written: str


@dataclass(frozen=True, slots=True)
class SettingsEffect:
    """What edits would do. `follows`: (key, now, new) of settings that change with them; `after`: what loads then."""

    edits: tuple[SettingEdit, ...]
    follows: tuple[tuple[str, str, str], ...]
    after: Loaded

    @property
    def restarts(self) -> tuple[str, ...]:
        """The changed settings that only a restart takes up."""
        changed = [edit.key for edit in self.edits] + [key for key, _, _ in self.follows]
        return tuple(key for key in changed if key not in RULES or RULES[key].form is not FormChange.RELOAD)


def default_of(found: Loaded, key: str) -> str:
    """What holds where `.env` does not name it: the profile's value, else the table's."""
    return PROFILES[found.settings.profile].get(key, DEFAULTS[key])


def values_in_force(found: Loaded) -> dict[str, str]:
    """Every setting as one types it; a secret is "set" or empty."""
    return {key: spelled(text) for key, text in public_values(found.settings).items()}


def held_elsewhere(found: Loaded, key: str) -> bool:
    """Whether the environment of the processes sets it, so that `.env` would change nothing."""
    return found.sources.get(key) == "environment"


def effect(found: Loaded, given: Mapping[str, str], environ: Mapping[str, str] | None = None) -> SettingsEffect:
    """What `given` would change; what is as it is already is no edit. An empty text takes the line out.

    Blocks. Raises SettingRefused (not changed here, or nothing would start with it), OSError.
    """
    environ = os.environ if environ is None else environ
    now, lines = values_in_force(found), env_file.values_of(found.env_file)
    wanted = {key: text.strip() for key, text in given.items()}
    strange = sorted(wanted.keys() - FORM_SETTINGS)
    if strange:
        raise SettingRefused({"": f"{strange[0][:60] or 'A setting without a name'} is not changed in a browser."})
    wanted = {key: text for key, text in wanted.items() if text != now[key] and (text or lines.get(key))}
    problems = {key: text for key in sorted(wanted) if (text := _why_not(found, key, wanted[key]))}
    if problems:
        raise SettingRefused(problems)
    if not wanted:
        return SettingsEffect((), (), found)
    try:
        after = env_file.preview(found.env_file, wanted, environ)
    except env_file.EnvFileRefused as refused:
        raise SettingRefused({"": f"{refused}."}) from refused
    except SettingsError as error:
        raise SettingRefused(_by_field(error.problems, wanted)) from error
    new = values_in_force(after)
    same = [key for key, text in wanted.items() if text and new[key] == now[key]]
    if same:  # written in another way: 1.90 for 1.9
        return effect(found, {key: text for key, text in wanted.items() if key not in same}, environ)
    edits = [
        SettingEdit(key, now[key], new[key], lines.get(key, ""), text)
        for key, text in sorted(wanted.items(), key=lambda one: list(RULES).index(one[0]))
    ]
    follows = [(key, now.get(key, ""), text) for key, text in new.items() if text != now.get(key, "")]
    return SettingsEffect(tuple(edits), tuple(one for one in follows if one[0] not in wanted), after)


def write(found: Loaded, made: SettingsEffect, environ: Mapping[str, str] | None = None) -> None:
    """Put the edits into `.env`. Blocks. Raises EnvFileRefused, OSError."""
    values = {edit.key: edit.written for edit in made.edits}
    env_file.change(found.env_file, values, FORM_SETTINGS, os.environ if environ is None else environ)


def reread(found: Loaded) -> Loaded:
    """The settings as they lie on the disk now. Blocks. Raises SettingsError."""
    return load(found.env_file)


def _why_not(found: Loaded, key: str, text: str) -> str:
    """Why this text is not taken for it, whatever else is typed; "" = it may be."""
    if held_elsewhere(found, key):
        return "It is set in the environment of the processes, which wins over .env."
    if len(text) > LONGEST:
        return f"More than {LONGEST} characters."
    return ""


def _by_field(problems: list[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Each problem at the changed setting that it names first, else at the first one that the form has."""
    found: dict[str, str] = {}
    for problem in problems:
        named = _KEY.findall(problem)
        key = next((one for one in named if one in wanted), next((one for one in named if one in FORM_SETTINGS), ""))
        found[key] = f"{found[key]} {problem}." if key in found else f"{problem}."
    return found
