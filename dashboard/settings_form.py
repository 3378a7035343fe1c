"""The Settings page's form: every setting in its group, typed from the table, with what depends on it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from dashboard.views import format as f
from shared import settings
from shared.alert_settings import BROWSER_SETTINGS
from shared.lab_settings import SLIDERS
from shared.setting_change import DEFAULTS, FORM_SETTINGS, default_of, held_elsewhere, values_in_force
from shared.setting_groups import GROUPS
from shared.setting_table import RULES, FormChange, Settings
from shared.setting_values import spelled, wanted
from shared.settings import Loaded
from shared.strategy_choice import CHOICE_SETTINGS

DRAFT = "s."  # what a field's name begins with
_TYPES: Mapping[str, Any] = get_type_hints(Settings)
_UNITS = (
    ("_PCT", "%"), ("_USD", "USD"), ("_SEC", "s"), ("_AFTER_S", "s"), ("_SECONDS_BETWEEN", "s"), ("_BARS", "bars"),
    ("_BP", "basis points"), ("_MS", "ms"), ("_MB", "MB"), ("_EVERY_H", "h"), ("_DAYS", "d"), ("_MULT", "×"),
)  # fmt: skip
_CONDITION = re.compile(r"([A-Z][A-Z0-9_]+)=([a-z]+): ")
_NAMED = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_PAGES = {
    **dict.fromkeys(CHOICE_SETTINGS - FORM_SETTINGS, ("/strategy", "on the page Strategy")),
    **dict.fromkeys(BROWSER_SETTINGS, ("/alerts/sinks", "on the page Sinks")),
}


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting. `value`: effective by `.env`; `given`: what stands in the field; `may`: it can be changed here."""

    key: str
    label: str
    help: str
    kind: str  # number, choice, text; shown only: fixed
    unit: str
    value: str
    given: str
    default: str
    source: str
    notes: tuple[str, ...]  # what it depends on, and what depends on it
    takes: str  # what may stand there, in words
    may: bool
    why: str = ""  # why it is not changed here
    page: tuple[str, str] | None = None  # (path, words) of the page that changes it
    how: str = ""  # restart or reload
    problem: str = ""
    choices: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    step: str = "any"
    adjusted: str = ""  # what the bot uses instead of the default, and why

    @property
    def changed(self) -> bool:
        """Somebody set it."""
        return self.source in (".env", "environment")

    @property
    def dirty(self) -> bool:
        return self.may and self.given != self.value

    @property
    def words(self) -> str:
        """All that a search looks through."""
        return f"{self.key} {self.label} {self.help}".casefold()


@dataclass(frozen=True, slots=True)
class FormGroup:
    id: str
    title: str
    fields: Sequence[FormField]

    @property
    def open(self) -> list[FormField]:
        """Those that have a field."""
        return [field for field in self.fields if field.kind != "fixed"]

    @property
    def by_hand(self) -> list[FormField]:
        return [field for field in self.fields if field.kind == "fixed"]

    @property
    def changed(self) -> int:
        return sum(field.changed for field in self.fields)

    def fits(self, words: str) -> bool:
        """Whether a search for these words shows anything of it."""
        return any(words in field.words for field in self.fields)

    @property
    def dirty(self) -> int:
        return sum(field.dirty for field in self.fields)


def label_of(key: str) -> str:
    """`TRAIL_DISTANCE_PCT` as `Trail distance`; what the Lab calls by words of its own is called so here."""
    if key in SLIDERS:
        return SLIDERS[key][0].partition(",")[0]
    for end, _ in _UNITS[:4]:
        key = key.removesuffix(end)
    text = key.replace("_", " ").capitalize()
    return re.sub(
        r"\b(usd|utc|tls|ma|tp|sim|url|id|pnl|smtp|s3|sftp|api|bp)\b", lambda m: m[0].upper(), text, flags=re.I
    )


def unit_of(key: str) -> str:
    return next((unit for end, unit in _UNITS if key.endswith(end)), "")


def with_unit(key: str, value: str) -> str:
    """`2.8 %`, safe to show; a value that is empty is said to be."""
    text, unit = f.clean(value) or "empty", unit_of(key)
    return f"{text}{f.NBSP}{unit}" if unit and value else text


def groups(
    found: Loaded,
    draft: Mapping[str, str],
    problems: Mapping[str, str],
    adjusted: Mapping[str, tuple[str, str]],
    *,
    writes: bool,
) -> list[FormGroup]:
    """Every setting, those groups first in which something can be changed here. `writes`: this sign-in may."""
    now = values_in_force(found)
    made: list[tuple[str, list[FormField]]] = []
    for key in RULES:
        if key in GROUPS:
            made.append((GROUPS[key], []))
        made[-1][1].append(_field(found, key, now, draft, problems, adjusted, writes))
    own = [
        FormField(
            key, key, "A strategy's own setting.", "fixed", "", f.clean(text), f.clean(text), "",
            found.sources[key], (), "", False, "by hand in .env",
        )
        for key, text in sorted(found.settings.strategy_options.items())
    ]  # fmt: skip
    older = [
        FormField(
            key, key, f"From an older setup: {text}.", "fixed", "",
            "set, hidden" if settings.is_secret(key) else "accepted", "", "", ".env", (), "", False, "by hand in .env",
        )
        for key, text in found.kept.items()
    ]  # fmt: skip
    made += [(title, fields) for title, fields in (("Strategies' own", own), ("From older setups", older)) if fields]
    return sorted(
        (FormGroup(f"g-{i}", title, fields) for i, (title, fields) in enumerate(made)), key=lambda g: not g.open
    )


def _field(
    found: Loaded,
    key: str,
    now: Mapping[str, str],
    draft: Mapping[str, str],
    problems: Mapping[str, str],
    adjusted: Mapping[str, tuple[str, str]],
    writes: bool,
) -> FormField:
    rule, hint, secret = RULES[key], _TYPES[key.lower()], settings.is_secret(key)
    value = ("set, hidden" if now[key] else "") if secret else f.clean(now[key])
    why = _why_not(found, key)
    boolean, numeric = hint is bool, hint in (int, float) and key != "MAX_PRODUCT_USD"  # that one may name coins
    kind = "choice" if rule.choices or boolean else "number" if numeric else "text"
    default = "" if secret else spelled(default_of(found, key))
    other = adjusted.get(key, ("", ""))
    return FormField(
        key, label_of(key), rule.help, "fixed" if why else kind, unit_of(key), value, draft.get(key, value), default,
        _source(found, key), _notes(key, now) if not why else (), "" if kind == "text" else wanted(hint, rule),
        writes and not why, why, _PAGES.get(key) if why else None, rule.form.value if not why else "",
        problems.get(key, ""), rule.choices or (("true", "false") if boolean else ()),
        f"{rule.low:g}" if numeric and rule.low is not None else "",
        f"{rule.high:g}" if numeric and rule.high is not None else "", "1" if hint is int else "any",
        f"{other[0]}, adjusted: {other[1]}" if other[0] else "",
    )  # fmt: skip


def _source(found: Loaded, key: str) -> str:
    """Where the value is from; the table's default beside a profile's."""
    source = found.sources[key]
    return f"profile, table {DEFAULTS[key] or 'empty'}" if source == "profile" else source


def _why_not(found: Loaded, key: str) -> str:
    if RULES[key].form is FormChange.NEVER:
        return "by hand in .env"
    return "set in the environment of the processes, which wins over .env" if held_elsewhere(found, key) else ""


@cache
def _followers() -> dict[str, list[str]]:
    """Setting → those whose sentence names it, in the table's order."""
    found: dict[str, list[str]] = {}
    for other, rule in RULES.items():
        for name in set(_NAMED.findall(rule.help)) - {other}:
            found.setdefault(name, []).append(other)
    return found


def _notes(key: str, now: Mapping[str, str]) -> tuple[str, ...]:
    """By what the sentences of the table say of each other."""
    notes = []
    condition = _CONDITION.match(RULES[key].help)
    if condition is not None and now.get(condition[1]) != condition[2]:
        notes.append(f"No effect now: {condition[1]} is {now.get(condition[1]) or 'empty'}.")
    follow = _followers().get(key, [])
    if follow:
        notes.append(f"{f.listed(follow)} depend{'s' if len(follow) == 1 else ''} on it.")
    return tuple(notes)
