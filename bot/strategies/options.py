"""A strategy's own settings: a frozen dataclass whose fields have a default, a sentence and a range.

A field `period` of the strategy `dip` is the key `STRATEGY_DIP_PERIOD`, in `.env` or the environment like any other
setting:

    @dataclass(frozen=True, slots=True)
    class Options:
        period: int = option(14, "Bars that are looked back on.", 2, 500)
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

import msgspec

from shared.figures import exactly
from shared.settings import STRATEGY_PREFIX, SettingsError


@dataclass(frozen=True, slots=True)
class Range:
    """What a value must be, beside its type; `help` is one sentence for people."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def option(
    default: Any, help: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A field with its default, one sentence of help and what is allowed."""
    return field(default=default, metadata={"range": Range(help, low, high, choices)})


def prefix(strategy: str) -> str:
    """What the keys of a strategy begin with: dip -> STRATEGY_DIP_."""
    return f"{STRATEGY_PREFIX}{strategy.upper()}_"


def read(strategy: str, options_type: type[Any], raw: Mapping[str, str], others: Iterable[str] = ()) -> Any:
    """The options of `strategy` from `raw` (keys as in .env). Raises SettingsError with every problem found.

    Keys of other strategies (`others`: their names) are left alone: choosing another one must not need an edit.
    """
    foreign = tuple(prefix(other) for other in others if len(other) > len(strategy))
    known = {prefix(strategy) + f.name.upper(): f for f in fields(options_type)}
    types = get_type_hints(options_type)
    problems: list[str] = []
    values: dict[str, object] = {}
    for key, text in raw.items():
        if key in known:
            wanted = known[key]
            values[wanted.name] = _convert(
                key, text, types[wanted.name], wanted.metadata.get("range", Range("")), problems
            )
        elif key.startswith(prefix(strategy)) and not key.startswith(foreign):
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "it has " + (", ".join(known) or "no settings of its own")
            problems.append(f"{key} is no setting of the strategy {strategy}; {hint}")
    if problems:
        raise SettingsError(problems)
    return options_type(**values)


def _convert(key: str, text: str, kind: Any, allowed: Range, problems: list[str]) -> object:
    try:
        value: object = msgspec.convert(text.strip(), kind, strict=False)
    except msgspec.ValidationError:
        problems.append(f"{key}={text}: {_wanted(kind, allowed)}")
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        low = -math.inf if allowed.low is None else allowed.low
        high = math.inf if allowed.high is None else allowed.high
        if not (math.isfinite(value) and low <= value <= high):
            problems.append(f"{key}={text}: {_wanted(kind, allowed)}")
    if allowed.choices and value not in allowed.choices:
        problems.append(f"{key}={text}: {_wanted(kind, allowed)}")
    return value


def _wanted(kind: Any, allowed: Range) -> str:
    if allowed.choices:
        return "one of " + ", ".join(allowed.choices)
    noun = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a text")
    if allowed.low is None or allowed.high is None:
        return noun
    return f"{noun} from {exactly(allowed.low)} to {exactly(allowed.high)}"
