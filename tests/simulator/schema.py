"""A small notation for what answers hold, and a check of answers against it.

A shape is one of the words below, a dict of fields (`Opt` may be absent, all else must be there, nothing else may
be), `Many` of a shape, `Null` or a shape, one of several words, or a mapping whose keys are not known before.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Mismatch(AssertionError):
    """An answer is not of its shape; the text names the place."""


@dataclass(frozen=True)
class Word:
    """A value by itself."""

    name: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Opt:
    """A field that may be absent."""

    shape: Any


@dataclass(frozen=True)
class Null:
    """null, or the shape."""

    shape: Any


@dataclass(frozen=True)
class Many:
    """A list of the shape; `least` of them at least."""

    shape: Any
    least: int = 0


@dataclass(frozen=True)
class AnyKey:
    """An object with keys of which the shape knows nothing."""

    shape: Any


class OneOf:
    """One of these words."""

    def __init__(self, *words: str) -> None:
        self.words = words


class Either:
    """One of these shapes."""

    def __init__(self, *shapes: Any) -> None:
        self.shapes = shapes


def matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


_NUMBER = r"-?(0|[1-9]\d*)(\.\d*[1-9])?"  # no exponent, no trailing zeros
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"
TEXT = Word("text", lambda value: isinstance(value, str))
EMPTY = Word("the empty text", lambda value: value == "")
BOOL = Word("true or false", lambda value: isinstance(value, bool))
INT = Word("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
NUMBER = Word("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
DEC = Word("a decimal as text", matches(_NUMBER))
DEC_OR_EMPTY = Word("a decimal as text, or the empty text", matches(f"({_NUMBER})?"))
STEP = Word("an increment as text", matches(r"\d+(\.\d+)?"))
PERCENT = Word("a percentage as text", matches(r"\d+(\.\d\d)?"))
WHOLE = Word("a whole number as text", matches(r"\d+"))
TIME = Word("a time", matches(_TIME))
UUID = Word("a uuid", matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"))
UUID_OR_EMPTY = Word("a uuid, or the empty text", matches(r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?"))
HEX64 = Word("64 hexadecimal digits", matches(r"[0-9a-f]{64}"))
PRODUCT_ID = Word("a product's id", matches(r"[A-Z0-9]+-[A-Z0-9]+"))
OBJECT = Word("an object", lambda value: isinstance(value, dict))


def check(found: Any, shape: Any, where: str) -> None:
    """Raises Mismatch where `found` is not of the shape."""
    if isinstance(shape, Word):
        if not shape.holds(found):
            raise Mismatch(f"{where}: {found!r} is not {shape.name}")
    elif isinstance(shape, OneOf):
        if found not in shape.words:
            raise Mismatch(f"{where}: {found!r} is none of {shape.words}")
    elif isinstance(shape, Null):
        if found is not None:
            check(found, shape.shape, where)
    elif isinstance(shape, Either):
        _check_either(found, shape, where)
    elif isinstance(shape, Many):
        if not isinstance(found, list) or len(found) < shape.least:
            raise Mismatch(f"{where}: {found!r} is no list of {shape.least} or more")
        for i, item in enumerate(found):
            check(item, shape.shape, f"{where}[{i}]")
    elif isinstance(shape, AnyKey):
        check(found, OBJECT, where)
        for name, value in found.items():
            check(value, shape.shape, f"{where}.{name}")
    else:
        _check_fields(found, shape, where)


def _check_either(found: Any, shape: Either, where: str) -> None:
    problems = []
    for one in shape.shapes:
        try:
            return check(found, one, where)
        except Mismatch as mismatch:
            problems.append(str(mismatch))
    raise Mismatch("; nor ".join(problems))


def _check_fields(found: Any, shape: dict[str, Any], where: str) -> None:
    check(found, OBJECT, where)
    needed = {name for name, inner in shape.items() if not isinstance(inner, Opt)}
    if missing := needed - set(found):
        raise Mismatch(f"{where}: {sorted(missing)} missing")
    if unknown := set(found) - set(shape):
        raise Mismatch(f"{where}: {sorted(unknown)} unknown")
    for name, value in found.items():
        inner = shape[name]
        check(value, inner.shape if isinstance(inner, Opt) else inner, f"{where}.{name}")
