"""YAML for people, of plain data. Strings are quoted as JSON does it, which YAML takes as it is."""

import json
import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def yaml_text(data: object) -> str:
    """`data` of mappings, lists, printable strings, whole numbers and booleans, as a block document."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: object) -> list[str]:
    if isinstance(data, Mapping) and data:
        return [line for key, value in data.items() for line in _entry(f"{_scalar(key)}:", value)]
    if isinstance(data, Sequence) and not isinstance(data, str) and data:
        found = list[str]()
        for item in data:
            first, *rest = _lines(item)
            found += [f"- {first}", *(f"  {line}" for line in rest)]
        return found
    return [_scalar(data)]


def _entry(head: str, value: object) -> list[str]:
    lines = _lines(value)
    if isinstance(value, Mapping | list | tuple) and value:
        return [head, *(f"  {line}" for line in lines)]
    return [f"{head} {lines[0]}"]


def _scalar(value: object) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
