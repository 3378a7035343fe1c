"""Sets of time, as intervals in microseconds of a run."""

from bisect import bisect_right
from collections.abc import Iterable


class TimeSpans:
    """Closed intervals; those that touch are one."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self.spans: list[tuple[int, int]] = []
        for first, last in sorted(spans):
            if self.spans and first <= self.spans[-1][1]:
                self.spans[-1] = (self.spans[-1][0], max(self.spans[-1][1], last))
            elif last >= first:
                self.spans.append((first, last))
        self._firsts = [first for first, _ in self.spans]

    def __or__(self, other: "TimeSpans") -> "TimeSpans":
        return TimeSpans([*self.spans, *other.spans])

    def touch(self, from_us: int, to_us: int) -> bool:
        """True when any part of the interval is in the set."""
        at = bisect_right(self._firsts, to_us)
        return at > 0 and self.spans[at - 1][1] >= from_us

    def gaps(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """What of the interval is not in the set, oldest first."""
        found, begin = [], from_us
        for first, last in self.spans:
            if last < begin:
                continue
            if first > to_us:
                break
            if first > begin:
                found.append((begin, first))
            begin = max(begin, last)
        if begin < to_us:
            found.append((begin, to_us))
        return found
