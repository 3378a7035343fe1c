"""The text of `control.json`, read so that garbage never means run and a kill in whatever form means kill.

JSON parsers agree on little where a document is not quite right: of two equal keys most take the last in silence. Here
a document is refused whole where it has a key twice at any depth, a key that is a known one but for its case, blanks or
hyphens, a number that no writer of ours writes (NaN, 1e999, 2**60), a text that no ledger can keep (half of a
character, NUL), or anything after its end. A refused document changes no level. Where it mentions kill, it kills all
the same: a kill is never lost to a comma.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from shared.files import Unreadable

FIELDS = frozenset({"command", "kill_switch", "updated_at", "version", "epoch", "seq", "commands"})
INT_MAX = 2**53
SIZE_MAX = 1024 * 1024  # of what is parsed; a full ring of the longest arguments is a third of it
_OFF = frozenset({"", "0", "false", "no", "none", "null", "off"})
_SWITCHED_OFF = re.compile(r"kill[_ -]?switch[\"'\s]*[:=][\"'\s]*(?:false|null|none|no|off|0)\b")
_QUOTED = re.compile(r'"([^"\\]{1,80})"')
_ENTRY = re.compile(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


class BadControl(Unreadable):
    """A document that does not hold. `kill`: how it mentions kill, None = it does not. `torn`: it is not even JSON,
    so it may be one that is being written."""

    def __init__(self, text: str, *, kill: str | None = None, torn: bool = False) -> None:
        super().__init__(f"{text}; it mentions kill ({kill}), so it kills" if kill else text)
        self.kill, self.torn = kill, torn


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: each key as often as it stands there."""


def parse(data: bytes, seen_ids: Collection[str] = ()) -> tuple[dict[str, Any], str | None]:
    """The object in `data`, and how it mentions kill: a switch, a word, an entry of the ring that is not in `seen_ids`.

    Raises BadControl.
    """
    if not data.strip():
        raise BadControl("the file is empty", torn=True)
    if len(data) > SIZE_MAX:
        raise BadControl(
            f"{len(data)} bytes is too large", kill=_in_text(data[:SIZE_MAX].decode("utf-8", "replace"), ())
        )
    try:
        tree = _decoder().decode(data.decode())
    except (ValueError, RecursionError) as error:
        why = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise _not_json(data, why, seen_ids) from error
    kill = mentions_kill(tree, seen_ids)
    if not isinstance(tree, _Pairs):
        raise BadControl(f"a JSON {type(tree).__name__} instead of an object", kill=kill)
    for key, _ in tree:
        if key not in FIELDS and _plain(key) in FIELDS:
            raise BadControl(f"the key {key!r} is not {_plain(key)!r}", kill=kill)
    if any(_unwritable(word) for word in _words(tree)):
        raise BadControl("a text in it holds a half of a character, or NUL, which no ledger can keep", kill=kill)
    twice = next(_twice(tree), None)
    if twice is not None:
        raise BadControl(f"the key {twice!r} occurs twice", kill=kill)
    return _value(tree), kill


def mentions_kill(tree: Any, seen_ids: Collection[str] = ()) -> str | None:
    """How a parsed document asks for kill; None = it does not."""
    if not isinstance(tree, _Pairs):
        return "a word" if _says_kill(tree) else None
    ids = {value for key, value in tree if key == "id" and isinstance(value, str)}
    for key, value in tree:
        name = _plain(key)
        if "kill" in name and not _is_off(value):
            return f"{json.dumps(key.strip())[1:-1][:40]}={json.dumps(_value(value))[:40]}"
        if name == "command" and _says_kill(value):
            return "command kill"
        if name == "cmd" and _says_kill(value) and not any(known in seen_ids for known in ids):
            return "a kill in the ring"
        if (found := _nested(value, seen_ids)) is not None:
            return found
    return None


def _nested(value: Any, seen_ids: Collection[str]) -> str | None:
    """In objects and lists below a key; a list's bare word counts, as in `"commands": ["kill"]`."""
    if isinstance(value, _Pairs):
        return mentions_kill(value, seen_ids)
    if isinstance(value, list):
        return next((found for part in value if (found := mentions_kill(part, seen_ids)) is not None), None)
    return None


def _says_kill(value: Any) -> bool:
    if isinstance(value, str):
        return "kill" in re.split(r"[^a-z_]+", value.lower())
    if isinstance(value, _Pairs):
        return any(_says_kill(key) or _says_kill(part) for key, part in value)
    return isinstance(value, list) and any(_says_kill(part) for part in value)


def _is_off(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and str(value).strip().lower() in _OFF)


def _not_json(data: bytes, why: str, seen_ids: Collection[str]) -> BadControl:
    """Whole documents at its beginning are judged as such (one written behind another), the rest by its text."""
    text = data.decode("utf-8", "replace").replace("\x00", "").lstrip("\ufeff\ufffd \t\r\n")
    decoder, kill, read = _decoder(), None, 0
    while kill is None and text:
        try:
            tree, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            break
        kill, text, read = mentions_kill(tree, seen_ids), text[end:].lstrip(), read + 1
    torn = bool(text) or not read
    return BadControl(f"not JSON: {why}"[:200], kill=kill or _in_text(text, seen_ids), torn=kill is None and torn)


def _in_text(text: str, seen_ids: Collection[str]) -> str | None:
    """Whether a text without a structure mentions a kill that was not seen."""

    def entry(found: re.Match[str]) -> str:
        return "" if any(quoted in seen_ids for quoted in _QUOTED.findall(found[0])) else found[0]

    left = _ENTRY.sub(entry, text) if seen_ids else text
    left = _SWITCHED_OFF.sub("", left.lower()).replace("reset_kill", "")
    return "somewhere in its text" if "kill" in left else None


def _plain(key: str) -> str:
    return key.strip().lower().replace("-", "_").replace(" ", "_")


def _words(tree: Any) -> Iterator[str]:
    """Every key and every text, at any depth."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, _Pairs):
        for key, value in tree:
            yield key
            yield from _words(value)
    elif isinstance(tree, list):
        for part in tree:
            yield from _words(part)


def _unwritable(word: str) -> bool:
    r"""Whether a ledger refuses it: JSON writes them as \ud800 or \u0000."""
    return any(char == "\0" or "\ud800" <= char <= "\udfff" for char in word)


def _twice(tree: Any) -> Iterator[str]:
    """Keys that stand in one object twice, at any depth."""
    if isinstance(tree, _Pairs):
        yield from (key for key, count in Counter(key for key, _ in tree).items() if count > 1)
        for _, value in tree:
            yield from _twice(value)
    elif isinstance(tree, list):
        for part in tree:
            yield from _twice(part)


def _value(tree: Any) -> Any:
    """As every parser gives it."""
    if isinstance(tree, _Pairs):
        return {key: _value(value) for key, value in tree}
    return [_value(part) for part in tree] if isinstance(tree, list) else tree


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_Pairs, parse_int=_whole_number, parse_float=_finite_number, parse_constant=_no_number
    )


def _whole_number(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > INT_MAX:
        raise ValueError(f"the number {text[:20]} is too large")
    return int(text)


def _finite_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")
