"""Train against test for the report of a sweep: the metric of its points on the first part of the data and on the rest.

What was best on the first two thirds and is average on the last was luck. Signals of the second part know all bars
before it, as the bot's would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from research import decisions, engine
from research.backtest import settings_for
from research.data.candles import CandleSet, Floats
from research.metrics.summary import by_key, figures
from research.sweep.evaluate import Row, SweepContext
from research.sweep.points import Point
from research.sweep.run import Swept
from research.walkforward import cut

TRAIN = 2 / 3
MOST = 120  # points: half of them the best, half spread over the ranks
BUDGET_S = 20.0  # slow strategies show fewer points
MIN_BARS = 100


@dataclass(frozen=True, slots=True)
class Split:
    """`rows`: (point, metric in training, in test) of the points that have both. `at_s`: where the test begins."""

    at_s: int
    rows: tuple[tuple[Point, float, float], ...]

    def rank_correlation(self) -> float | None:
        """Spearman's rho of training and test: 1 = what was best stays best, 0 = it tells nothing. None: < 3 points."""
        if len(self.rows) < 3:
            return None
        train, test = (_ranks(np.array([row[i] for row in self.rows])) for i in (1, 2))
        if not train.std() or not test.std():
            return None
        return float(np.corrcoef(train, test)[0, 1])


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: Floats = ((ends - counts + ends - 1) / 2)[places]
    return found


def chosen(ranked: Sequence[Row]) -> list[Row]:
    """All points, or where there are many the best ones and some of every rank."""
    if len(ranked) <= MOST:
        return list(ranked)
    best, rest = list(ranked[: MOST // 2]), ranked[MOST // 2 :]
    places = np.linspace(0, len(rest) - 1, MOST - len(best)).round().astype(int)
    return best + [rest[i] for i in sorted(set(places.tolist()))]


def split(swept: Swept, candles: Sequence[CandleSet]) -> Split | None:
    """Run the points on both parts. None where the data is too short for two."""
    request, metric = swept.plan.request, swept.plan.metric
    first, end = min(int(c.start_s[0]) for c in candles), max(int(c.start_s[-1]) for c in candles) + 1
    at_s = first + round((end - first) * TRAIN)
    bench, until = SweepContext.of(candles, request), monotonic() + BUDGET_S
    blank = [np.zeros(len(one), dtype=np.int8) for one in candles]
    parts = [cut(candles, blank, a, b)[0] for a, b in ((first, at_s), (at_s, end))]
    if any(len(one) < MIN_BARS for part in parts for one in part):
        return None
    prepared = [engine.prepare(part) for part in parts]
    sums = [engine.return_sums(part) for part in prepared]
    rows = []
    for row in chosen(swept.ranked()):
        if monotonic() > until:
            break
        settings = settings_for({**request.overrides, **row["point"]}, candles)
        said, found = bench.signals(settings), []
        for k, (a, b) in enumerate(((first, at_s), (at_s, end))):
            calls = cut(candles, said, a, b)[1]
            result = decisions.carry_out(prepared[k], calls, settings, request.model, request.style, sums=sums[k])
            found.append(by_key(figures(result, chances=False)).get(metric))
        if found[0] is not None and found[1] is not None:
            rows.append((row["point"], found[0], found[1]))
    return Split(at_s, tuple(rows))
