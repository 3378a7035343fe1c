"""A strategy's own settings: a frozen dataclass whose fields have a default, a sentence and a range.

A field `period` of the strategy `dip` is the key `STRATEGY_DIP_PERIOD`, in `.env` or the environment like any other
setting:

    @dataclass(frozen=True, slots=True)
    class Options:
        period: int = option(14, "Bars that are looked back on.", 2, 500)
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import field, fields
from typing import Any, get_type_hints

from shared.setting_table import Rule
from shared.setting_values import read_value
from shared.settings import STRATEGY_PREFIX, SettingsError


def option(
    default: Any, help: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A field with its default, one sentence of help and what is allowed."""
    return field(default=default, metadata={"rule": Rule(help, low, high, choices)})


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
            rule = wanted.metadata.get("rule", Rule(""))
            values[wanted.name] = read_value(key, text, types[wanted.name], rule, problems)
        elif key.startswith(prefix(strategy)) and not key.startswith(foreign):
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "it has " + (", ".join(known) or "no settings of its own")
            problems.append(f"{key} is no setting of the strategy {strategy}; {hint}")
    if problems:
        raise SettingsError(problems)
    return options_type(**values)
