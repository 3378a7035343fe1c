"""A span of time as people write it."""

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def read_span(text: str) -> timedelta:
    """`90m`, `2h`, `3d`. Raises ValueError for anything else, and for nothing or more than a year."""
    match = re.fullmatch(r"(\d{1,5})\s*([mhd])", text.strip().lower())
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < span <= timedelta(days=366):
        raise ValueError(f"{text!r} is no span of time: write 90m, 2h or 3d")
    return span
