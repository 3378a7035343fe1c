"""Times: aware UTC inside, RFC 3339 with Z outside."""

import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_seconds(at: datetime) -> str:
    """Whole seconds with Z, the form that jq's `fromdate` takes."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def iso_ms(at: datetime) -> str:
    """Milliseconds with Z."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def epoch_ms(at: datetime) -> int:
    """Whole milliseconds since 1970 (floored)."""
    since = at - EPOCH  # its parts are whole and none but the days is below zero: the same as a floored division
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def from_epoch_ms(ms: int) -> datetime:
    """The aware UTC time `ms` milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=ms)


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with 0 to 9 fraction digits, cut to microseconds, as aware UTC.

    Raises ValueError for anything else.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    day, clock, fraction, zone = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    zone = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"not a valid date: {text!r}") from error
