"""A document that names the version of its fields: read alike, whoever wrote it."""

from typing import TypeVar

import msgspec

from shared.files import Unreadable, parse_object

T = TypeVar("T")


def decode_versioned(data: bytes, kind: type[T], version: int, name: str) -> T:
    """The `kind` in `data`; fields that it does not know are ignored. `name`: what it should be, for a person.

    Raises Unreadable with a sentence for a person.
    """
    raw = parse_object(data)
    if raw.get("version") != version:
        raise Unreadable(f"its version is {raw.get('version')!r}, this program knows {version}")
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not {name}: {error}") from error
