"""How long things took, counted into fixed buckets for as long as a process runs.

A percentile of the newest samples forgets; these counts only grow, so that a reader can form any percentile of any span
from two readings.
"""

from bisect import bisect_left

from shared.documents.feeds import LatencyDoc

# Upper bounds in milliseconds. 2000 is one, since slower answers of an exchange are an alert (monitoring/rules.py).
BOUNDS_MS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0)


class Latencies:
    """Counts of one figure; a sample on a bound belongs to that bound's bucket."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self._sum_ms = 0.0

    def add(self, took_ms: float) -> None:
        """Count one sample."""
        self._counts[bisect_left(BOUNDS_MS, took_ms)] += 1
        self._sum_ms += took_ms

    def document(self) -> LatencyDoc:
        """The counts now."""
        return LatencyDoc(le_ms=list(BOUNDS_MS), counts=list(self._counts), sum_ms=round(self._sum_ms, 3))
