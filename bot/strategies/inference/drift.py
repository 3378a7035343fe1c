"""Do the features still look as they did in training? The population stability index of each one.

PSI = sum over bins of (a - e) ln(a / e), e the share of a bin in training, a the share among the newest rows; above
0.25 a shift is commonly called major (Siddiqi, Credit Risk Scorecards, 2006). Neighbouring bars are alike, so a short
stretch of training itself may lie above: a feature has drifted where it lies above 0.25 and clearly above those.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10
MAJOR = 0.25
MARGIN = 1.5  # of what the stretches of training reach: a history is one draw, and the next one reaches further


@dataclass(frozen=True, slots=True)
class DriftBins:
    """`edges` (features, bins - 1), rising; `shares` (features, bins): of the training rows; `limits`: of each
    feature's PSI; `bars`: rows that it is judged on."""

    edges: Floats
    shares: Floats
    limits: Floats
    bars: int

    def __post_init__(self) -> None:
        count, inner = self.edges.shape
        if self.shares.shape != (count, inner + 1) or self.limits.shape != (count,) or not (self.shares > 0.0).all():
            raise ValueError("drift bins that do not fit together")

    def places(self, row: Floats) -> Any:
        """The bin of each feature of one row; -1 where it is not known."""
        found = (self.edges <= row[:, None]).sum(axis=1)
        return np.where(np.isfinite(row), found, -1)

    def rolling(self, rows: Floats) -> Floats:
        """PSI over the newest `bars` rows at every row, shape (rows, features); NaN before the first."""
        found = np.full((len(rows), len(self.limits)), np.nan)
        if len(rows) < self.bars:
            return found
        for feature, edges in enumerate(self.edges):
            column = rows[:, feature]
            place = np.where(np.isfinite(column), np.searchsorted(edges, column, side="right"), -1)
            counts = np.empty((len(rows) - self.bars + 1, len(edges) + 1), dtype=np.int64)
            for bin_ in range(len(edges) + 1):
                total = np.concatenate([[0], np.cumsum(place == bin_)])
                counts[:, bin_] = total[self.bars :] - total[: -self.bars]
            found[self.bars - 1 :, feature] = psi(counts, self.shares[feature])
        return found


def psi(counts: Any, shares: Floats) -> Floats:
    """Of counts (…, bins) against shares of the same bins; half a row in each bin more, so that none is empty."""
    total = counts.sum(axis=-1, keepdims=True)
    actual = (counts + 0.5) / (total + 0.5 * counts.shape[-1])
    terms = (actual - shares) * np.log(actual / shares)
    found = np.zeros(terms.shape[:-1])
    for bin_ in range(terms.shape[-1]):  # in their order: the same bits for one row as for many
        found = found + terms[..., bin_]
    return found


def fit_bins(rows: Floats, bars: int) -> DriftBins:
    """Deciles of the training rows (finite ones), and what stretches of training reach themselves."""
    width = rows.shape[1]
    edges, shares = np.full((width, BINS - 1), np.inf), np.empty((width, BINS))
    for feature in range(width):
        column = rows[:, feature][np.isfinite(rows[:, feature])]
        cuts = np.unique(np.quantile(column, np.arange(1, BINS) / BINS))
        edges[feature, : len(cuts)] = cuts
        counts = np.bincount(np.searchsorted(edges[feature], column, side="right"), minlength=BINS)
        shares[feature] = (counts + 0.5) / (len(column) + 0.5 * BINS)
    raw = DriftBins(edges, shares, np.full(width, MAJOR), bars)
    if len(rows) < bars:
        return raw
    own = raw.rolling(rows)[bars - 1 :]
    return DriftBins(edges, shares, np.maximum(own.max(axis=0) * MARGIN, MAJOR), bars)
