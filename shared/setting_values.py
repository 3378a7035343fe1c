"""A setting's text as its value: one reading for the bot's own settings and for those that a strategy declares."""

import math
from enum import StrEnum
from typing import Any

import msgspec

from shared.figures import exactly
from shared.setting_table import Rule


def read_value(key: str, text: str, kind: Any, rule: Rule, problems: list[str]) -> Any:
    """`text` as `kind` (int, float, bool, str or a StrEnum) within `rule`; else a problem is added.

    None for what is not of the kind. A secret's text is not repeated in the problem.
    """
    problem = f"{key}={'…' if rule.secret else text}: {wanted(kind, rule)}"
    try:
        value: Any = msgspec.convert(text.strip(), kind, strict=False)
    except msgspec.ValidationError:
        problems.append(problem)
        return None
    if not _within(value, rule) or (rule.choices and value not in rule.choices):
        problems.append(problem)
    return value


def _within(value: Any, rule: Rule) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    low = -math.inf if rule.low is None else rule.low
    high = math.inf if rule.high is None else rule.high
    return math.isfinite(value) and low <= value <= high


def wanted(kind: Any, rule: Rule) -> str:
    """What may stand there, in words."""
    if rule.choices:
        return "one of " + ", ".join(rule.choices)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    if kind is bool:
        return "true or false"
    noun = {int: "a whole number", float: "a number"}.get(kind, "text")
    if rule.low is None or rule.high is None:
        return noun
    return f"{noun} from {exactly(rule.low)} to {exactly(rule.high)}"


def spelled(text: str) -> str:
    """A value as one types it into .env: true, 1000000000, never True or 1e9."""
    if text in ("True", "False"):
        return text.lower()
    try:
        return exactly(float(text)) if "e" in text.lower() or text.endswith(".0") else text
    except ValueError:
        return text
