"""Microseconds since 1970 as the venue writes times."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"


def rfc3339(us: int) -> str:
    """Up to six fraction digits, trailing zeros dropped, Z."""
    second, fraction = divmod(us, 1_000_000)
    whole = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
    if not fraction:
        return f"{whole}Z"
    return f"{whole}.{fraction:06d}".rstrip("0") + "Z"


class Stamps:
    """RFC 3339 with the second's text kept: frames ask for thousands of times in a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def of(self, us: int) -> str:
        second, fraction = divmod(us, 1_000_000)
        if second != self._second:
            self._second = second
            self._text = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
        if not fraction:
            return f"{self._text}Z"
        return f"{self._text}.{fraction:06d}".rstrip("0") + "Z"
