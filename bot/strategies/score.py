"""How good a model's probabilities were: judged on bars that it had not seen when it spoke, the newest 1,000.

Brier score: mean of (p - outcome)^2; lower is better, and `base_brier` is what saying the base rate each time gives.
Calibration: of the bars for which it said about p, which share rose? A model that can be believed lies on the diagonal.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

KEPT = 1000
BINS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """Of `count` predictions. `bins`: (mean probability, share that rose, how many), lowest probability first; equal
    counts in each, since a model near 0.5 would put all of them into two bins of equal width."""

    count: int
    hit_rate: float  # share of bars whose direction was on the side of one half that it said
    base_rate: float  # share of bars that rose
    brier: float
    base_brier: float
    log_loss: float
    bins: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    """A fitted model, for people. `weights` belong to standardised features, so their sizes compare."""

    features: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float
    rows: int  # that it was fitted on
    fitted_s: int | None  # close of the bar it was fitted at, whole seconds since 1970
    fits: int
    score: Score | None  # None = nothing was predicted yet


class Scores:
    """The newest predictions with what became of them."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self._made: Score | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, said: Iterable[tuple[float, bool]]) -> None:
        """Predictions with their outcome (True = rose), oldest first. One that is no probability is left out."""
        self._kept.extend((p, up) for p, up in said if 0.0 <= p <= 1.0)
        self._made = None

    def score(self) -> Score | None:
        """None = no prediction has come true or false yet."""
        if self._made is None and self._kept:
            self._made = score(list(self._kept))
        return self._made


def score(said: Sequence[tuple[float, bool]]) -> Score:
    """The score of predictions; there must be one at least."""
    count = len(said)
    base = sum(up for _, up in said) / count
    tiny = 1e-12
    return Score(
        count=count,
        hit_rate=sum((p > 0.5) == up for p, up in said) / count,
        base_rate=base,
        brier=math.fsum((p - up) ** 2 for p, up in said) / count,
        base_brier=base * (1 - base),
        log_loss=-math.fsum(math.log(max(p if up else 1 - p, tiny)) for p, up in said) / count,
        bins=tuple(_bins(sorted(said))),
    )


def _bins(ordered: Sequence[tuple[float, bool]]) -> Iterable[tuple[float, float, int]]:
    count = len(ordered)
    parts = min(BINS, count)
    for i in range(parts):
        part = ordered[i * count // parts : (i + 1) * count // parts]
        yield (math.fsum(p for p, _ in part) / len(part), sum(up for _, up in part) / len(part), len(part))
