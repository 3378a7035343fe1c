"""The Lab's form: what it offers, typed from the table of settings, and what comes back of it as a question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, get_type_hints

from shared.documents.kept_run import KeptRunDoc
from shared.documents.lab import LabQuestion
from shared.lab_settings import GROUPS, OFFERED, SLIDERS
from shared.paths import ROOT
from shared.setting_table import RULES, STRATEGY_PREFIX, Settings
from shared.setting_values import read_value
from shared.settings import as_text
from shared.strategy_cards import CARDS
from shared.times import from_epoch_ms

FILLS = {"next_open": "at the next bar's open", "close": "at the bar's close", "ohlc": "along open, low, high, close"}
KINDS = {"": "As the strategy says", "lots": "Lots", "exposure": "Target weights"}
METRICS = {"total_return": "return", "sharpe": "Sharpe ratio", "sortino": "Sortino ratio", "calmar": "Calmar ratio",
           "max_drawdown": "smallest drawdown"}  # fmt: skip
_TYPES: Mapping[str, Any] = get_type_hints(Settings)
_UNITS = (("_PCT", "%"), ("_USD", "USD"), ("_SEC", "s"), ("_BARS", "bars"), ("_SECONDS_BETWEEN", "s"))
_SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
_STRATEGY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_AXIS = re.compile(r"[0-9.,:\-]{1,200}")
LONGEST = 400


class LabFormRefused(Exception):
    """What was typed cannot be asked; the text says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting in the form. `given`: what stands in it; "" = the value in force, which is `default`."""

    key: str
    label: str
    help: str
    kind: str  # number, choice or text
    unit: str
    default: str
    given: str
    choices: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    step: str = "any"


@dataclass(frozen=True, slots=True)
class SettingSlider:
    """A setting that is moved by hand. `at`: where it stands; `mark`: where the default lies, percent of the way."""

    field: SettingField
    low: float
    high: float
    step: float
    at: str
    mark: float


def words_of(key: str) -> str:
    """`TRAIL_DISTANCE_PCT` as `Trail distance`."""
    for end, _ in _UNITS:
        key = key.removesuffix(end) if end in ("_PCT", "_USD", "_SEC", "_BARS") else key
    return key.replace("_", " ").capitalize()


def field_of(key: str, settings: Settings, given: Mapping[str, str]) -> SettingField:
    """The field of a setting: its type, range and sentence are the table's, its default what is in force here."""
    rule, hint = RULES[key], _TYPES[key.lower()]
    default = as_text(getattr(settings, key.lower()))
    unit = next((unit for end, unit in _UNITS if key.endswith(end)), "")
    label = SLIDERS[key][0] if key in SLIDERS else words_of(key)
    kind = "choice" if rule.choices or hint is bool else "number" if hint in (int, float) else "text"
    numeric = kind == "number"
    return SettingField(
        key, label, rule.help, kind, unit, default, given.get(key, ""),
        rule.choices or (("true", "false") if hint is bool else ()),
        f"{rule.low:g}" if numeric and rule.low is not None else "",
        f"{rule.high:g}" if numeric and rule.high is not None else "",
        "1" if hint is int else "any",
    )  # fmt: skip


def groups(settings: Settings, given: Mapping[str, str]) -> dict[str, list[SettingField]]:
    return {title: [field_of(key, settings, given) for key in keys] for title, keys in GROUPS.items()}


def sliders(settings: Settings, given: Mapping[str, str]) -> list[SettingSlider]:
    out = []
    for key, (_, low, high, step) in SLIDERS.items():
        field = field_of(key, settings, given)
        default = float(field.default)
        at = field.given or field.default
        mark = min(max((default - low) / (high - low), 0.0), 1.0) * 100
        out.append(SettingSlider(field, low, high, step, at, round(mark, 2)))
    return out


def strategies() -> list[str]:
    """Those built in, then a person's own."""
    own = sorted(path.stem for path in (ROOT / "strategies").glob("*.py") if _STRATEGY.fullmatch(path.stem))
    return [*CARDS, *(name for name in own if name not in CARDS)]


def question(given: Mapping[str, str], settings: Settings) -> LabQuestion:
    """What was asked. Raises LabFormRefused with the first thing that does not hold."""
    name = given.get("data", "")
    if not _SET_NAME.fullmatch(name):
        raise LabFormRefused("Choose the data first.")
    return LabQuestion(
        data=[name], settings=_settings(given, settings), fill=_one_of(given, "fill", FILLS, "next_open"),
        maker_pct=_figure(given, "maker_pct", "Maker fee", 0.5, 10), taker_pct=_figure(
            given, "taker_pct", "Taker fee", 0.9, 10),
        spread_bps=_figure(given, "spread_bps", "Spread", 0, 1000), cash=_figure(given, "cash", "Cash", 10_000, 1e9, 1),
        since=_day(given, "since", "From"), until=_day(given, "until", "To"),
    )  # fmt: skip


def axis(given: Mapping[str, str], number: int) -> str:
    """An axis of a sweep: KEY=first:last:step or KEY=a,b; "" = none. Raises LabFormRefused."""
    key, spec = given.get(f"axis{number}", ""), given.get(f"values{number}", "").replace(" ", "")
    if not key or not spec:
        return ""
    if key not in OFFERED or key in ("PRODUCTS", "GRANULARITY"):
        raise LabFormRefused(f"{key[:40]} is no setting of a backtest.")
    if not _AXIS.fullmatch(spec):
        raise LabFormRefused(f"{words_of(key)}: write 1.0:3.0:0.5, or single values with commas.")
    return f"{key}={spec}"


def length(given: Mapping[str, str], name: str, default: str) -> str:
    text = given.get(name, "") or default
    if not re.fullmatch(r"[1-9][0-9]{0,3}[mhd]", text):
        raise LabFormRefused(f"{name.capitalize()}: write a length such as 60d.")
    return text


def metric(given: Mapping[str, str]) -> str:
    return _one_of(given, "metric", METRICS, "total_return")


def of_kept(run: KeptRunDoc) -> LabQuestion:
    """The question of a kept run, as the form asks it again."""
    asked, model = run.request, run.request.model
    return LabQuestion(
        data=list(asked.data), settings=dict(asked.overrides), fill=model.fill, maker_pct=model.maker_pct,
        taker_pct=model.taker_pct, spread_bps=model.spread_bps, slippage_bps=model.slippage_bps, cash=model.cash,
        since=_as_day(asked.since_s), until=_as_day(asked.until_s),
    )  # fmt: skip


def _as_day(at_s: int | None) -> str | None:
    """A day where the moment is one's beginning; else it is a holdout's, which the next run finds by itself."""
    return None if at_s is None or at_s % 86_400 else f"{from_epoch_ms(at_s * 1000):%Y-%m-%d}"


def _settings(given: Mapping[str, str], settings: Settings) -> dict[str, str]:
    strategy = given.get("strategy", "") or settings.strategy
    if not _STRATEGY.fullmatch(strategy):
        raise LabFormRefused("A strategy has a name of lower-case letters, digits and underscores.")
    found, problems = {"STRATEGY": strategy}, list[str]()
    kind = _one_of(given, "kind", KINDS, "")
    if kind:
        found["KIND"] = kind
    for name, value in given.items():
        key, text = name.removeprefix("s."), value.strip()
        if not name.startswith("s.") or not text:
            continue
        if key.startswith(STRATEGY_PREFIX) and re.fullmatch(r"[A-Z0-9_]{1,60}", key):
            found[key] = text[:LONGEST]
            continue
        if key not in OFFERED:
            raise LabFormRefused(f"{key[:40]} is no setting of a backtest.")
        rule, hint = RULES[key], _TYPES[key.lower()]
        if hint in (int, float, bool, str) and read_value(key, text, hint, rule, problems) is None:
            continue
        if text != as_text(getattr(settings, key.lower())):
            found[key] = text[:LONGEST]
    if problems:
        raise LabFormRefused(problems[0])
    return found


def _one_of(given: Mapping[str, str], name: str, known: Mapping[str, str], default: str) -> str:
    text = given.get(name, "") or default
    if text not in known:
        raise LabFormRefused(f"{name.capitalize()}: one of {', '.join(filter(None, known))}.")
    return text


def _figure(given: Mapping[str, str], name: str, label: str, default: float, most: float, least: float = 0) -> float:
    text = given.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not least <= value <= most:
        raise LabFormRefused(f"{label}: a number from {least:g} to {most:g}.")
    return value


def _day(given: Mapping[str, str], name: str, label: str) -> str | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise LabFormRefused(f"{label}: a day, such as 2025-01-31.") from None


def differs(question: LabQuestion, most: int = 3) -> str:
    """What a question changes, for a row: `take profit 2.5 %, order size 4 %`."""
    changed: Sequence[tuple[str, str]] = [
        (key, value) for key, value in question.settings.items() if key not in ("STRATEGY", "KIND")
    ]
    parts = [said(key, value) for key, value in changed[:most]]
    if len(changed) > most:
        parts.append(f"{len(changed) - most} more")
    return ", ".join(parts) or "settings as they are in force"


def _label(key: str) -> str:
    label = SLIDERS[key][0].partition(",")[0] if key in SLIDERS else words_of(key)
    return label[:1].lower() + label[1:]


def _unit(key: str) -> str:
    unit = next((unit for end, unit in _UNITS if key.endswith(end)), "")
    return f"\u00a0{unit}" if unit else ""


def said(key: str, value: str) -> str:
    """A setting with its value: `take profit 2.5 %`."""
    return f"{_label(key)} {value}{_unit(key)}"


def label_of(key: str) -> str:
    """A setting as an axis says it: `Take profit, %`."""
    label = SLIDERS[key][0].partition(",")[0] if key in SLIDERS else words_of(key)
    unit = next((unit for end, unit in _UNITS if key.endswith(end)), "")
    return f"{label}, {unit}" if unit else label


def axis_values(text: str) -> list[str]:
    """The values of an axis as it was asked for, as research counts them: KEY=first:last:step, or KEY=a,b."""
    _, _, spec = text.partition("=")
    if ":" not in spec:
        return [one.strip() for one in spec.split(",") if one.strip()]
    try:
        first, last, step = (Decimal(part) for part in spec.split(":"))
        count = int((last - first) / step) + 1
    except (ArithmeticError, ValueError):
        return []
    return [f"{first + i * step:f}" for i in range(min(count, 2_000))]
