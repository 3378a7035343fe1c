"""Times written as text: ISO and its kin, and dates with the day or the month in front."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from research.data.choices import DateOrder
from research.errors import ResearchError

_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d| UTC)$")
_SHORT = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)? ?([AaPp][Mm])?)?"
)


def zone_of(name: str) -> ZoneInfo:
    """Raises ResearchError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ResearchError(f"{name} is not a time zone; examples are UTC and America/New_York") from error


def seconds(texts: Sequence[str], zone: str | None, order: DateOrder | None = None) -> tuple[NDArray[np.int64], str]:
    """Whole seconds since 1970. Texts without an offset are in `zone` (None: UTC, and said). Raises ResearchError."""
    has_offset = bool(_OFFSET.search(texts[0].strip())) if texts else False
    tz = zone_of(zone) if zone else ZoneInfo("UTC")
    clean = [text.strip().removesuffix(" UTC") for text in texts]
    short = [_SHORT.fullmatch(text) for text in clean]
    told = ""
    if texts and short[0] is not None:
        found = [match for match in short if match is not None]
        if len(found) < len(short):
            row = short.index(None)
            raise ResearchError(f"row {row + 1}: {texts[row]!r} is not a time that can be read")
        chosen = order or _order_of(found)
        told = f", {'day' if chosen is DateOrder.DAY else 'month'} first"
        times = [_of_short(match, chosen, row) for row, match in enumerate(found)]
    else:
        times = [_of_iso(text, row) for row, text in enumerate(clean)]
    out = np.array(
        [
            int((at if at.tzinfo is not None else at.replace(tzinfo=UTC if has_offset else tz)).timestamp())
            for at in times
        ],
        dtype=np.int64,
    )
    if has_offset:
        return out, f"time as text with its offset{told}"
    word = f"in {zone}, as specified" if zone else "taken as UTC, since it names no zone (--timezone changes that)"
    return out, f"time as text{told}, {word}" if told else f"time as text {word}"


def _of_iso(text: str, row: int) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError as error:
        raise ResearchError(f"row {row + 1}: {text!r} is not a time that can be read") from error


def _of_short(match: re.Match[str], order: DateOrder, row: int) -> datetime:
    first, second, year = int(match[1]), int(match[2]), int(match[3])
    day, month = (first, second) if order is DateOrder.DAY else (second, first)
    hour = int(match[4] or 0)
    if match[7]:
        hour = hour % 12 + (12 if match[7].lower() == "pm" else 0)
    try:
        return datetime(year, month, day, hour, int(match[5] or 0), int(match[6] or 0))  # noqa: DTZ001 - a zone follows
    except ValueError as error:
        raise ResearchError(f"row {row + 1}: {match[0]!r} is not a date with {order.name.lower()} first") from error


def _order_of(found: Sequence[re.Match[str]]) -> DateOrder:
    """By a number above twelve, else by which reading runs evenly. Raises ResearchError where neither settles it."""
    if any(int(match[1]) > 12 for match in found):
        return DateOrder.DAY
    if any(int(match[2]) > 12 for match in found):
        return DateOrder.MONTH
    jumps = {order: _jumps([_of_short(match, order, row) for row, match in enumerate(found)]) for order in DateOrder}
    if jumps[DateOrder.DAY] != jumps[DateOrder.MONTH]:
        return min(jumps, key=lambda order: jumps[order])
    raise ResearchError(
        f"dates such as {found[0][0]!r} may have the day or the month first, and the file does not show which one: "
        "--date-order dmy or mdy"
    )


def _jumps(times: Sequence[datetime]) -> int:
    """Steps that are not the usual one."""
    steps = [int((after - before).total_seconds()) for before, after in pairwise(times)]
    return len(steps) - max((steps.count(step) for step in set(steps[:50])), default=0)
