"""Small honest measurements: the newest samples, their percentiles, and all samples in buckets."""

import resource
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from shared.latency import Latencies
from shared.percentile import percentile
from shared.ports import Clock

T = TypeVar("T")


class Samples:
    """The newest `size` samples of one figure, and how many fell into each bucket since the start: milliseconds."""

    def __init__(self, size: int = 600) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self.all = Latencies()

    def add(self, value: float) -> None:
        self._values.append(value)
        self.all.add(value)

    def percentile(self, percent: float) -> float | None:
        """To three decimals; None = no sample yet."""
        return percentile(self._values, percent, 3)


class CommitTimer:
    """Times what commits to the ledger: every transaction, since each holds up the loop while it waits."""

    def __init__(self, clock: Clock, samples: Samples) -> None:
        self._clock, self._samples = clock, samples

    @contextmanager
    def around(self, transaction: AbstractContextManager[T]) -> Iterator[T]:
        """`transaction`, and a sample of how long it took where it was committed."""
        began_s = self._clock.monotonic_s()
        with transaction as unit:
            yield unit
        self._samples.add((self._clock.monotonic_s() - began_s) * 1000)


def rss_mb() -> float:
    """Resident memory of this process in MiB."""
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return round(pages * resource.getpagesize() / 2**20, 1)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def cpu_s() -> float:
    """CPU seconds that this process used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return round(used.ru_utime + used.ru_stime, 2)
