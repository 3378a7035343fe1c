"""How far and how long equity was below its peak."""

from typing import NamedTuple

import numpy as np

from research.metrics.returns import Floats, Ints


class Drawdown(NamedTuple):
    """`worst`: fraction of the peak, <= 0. Times in seconds since 1970. `longest_s`: from a peak to the last mark below
    it."""

    worst: float
    peak_s: int
    trough_s: int
    longest_s: int


def drawdowns(equity: Floats, start: float) -> Floats:
    """equity / highest equity so far - 1, at each point; the start counts as a peak."""
    peak = np.maximum(np.maximum.accumulate(equity), start)
    return equity / peak - 1.0


def drawdown(times_s: Ints, equity: Floats, start: float) -> Drawdown:
    """The worst drawdown and the longest time below a peak."""
    if not len(equity):
        return Drawdown(0.0, 0, 0, 0)
    down = drawdowns(equity, start)
    at = int(np.argmin(down))
    before = np.concatenate([[start], equity[: at + 1]])
    peak = int(np.argmax(before)) - 1
    under = down < 0
    edges = np.diff(np.concatenate([[0], under.astype(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    ends = times_s[last - 1]
    begins = times_s[np.maximum(first - 1, 0)]
    longest = int((ends - begins).max()) if len(first) else 0
    return Drawdown(float(down[at]), int(times_s[max(peak, 0)]), int(times_s[at]), longest)
