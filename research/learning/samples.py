"""What a model learns from: a row of features for each bar, with the times at which it and its outcome are known.

Features and labels have one clock. A row is known when its bar closes (`known_at`); its label when the bar closes that
it looks to (`resolves_at`), which is that much later whatever bars are missing between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategies import features
from research.data.candles import CandleSet, Floats, Ints
from shared.models.manifest import ModelLabel

NEVER = np.iinfo(np.int64).max
RISE, REWARD = "rise", "reward"


@dataclass(frozen=True, slots=True)
class LearningSamples:
    """One product, an entry per bar. `rows`: features, NaN until known. `rises`: the label, False while not resolved.
    `known_at`, `resolves_at`: seconds since 1970; NEVER = the data ends before."""

    candles: CandleSet
    feature_set: str
    label: ModelLabel
    rows: Floats
    known_at: Ints
    resolves_at: Ints
    rises: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.known_at)

    def until(self, end_s: int) -> "LearningSamples":
        """What was known at `end_s`: bars that had closed, and of their labels those that had resolved."""
        count = int(np.searchsorted(self.known_at, end_s, side="right"))
        cut = slice(0, count)
        resolves = self.resolves_at[cut]
        open_ = resolves > end_s
        return LearningSamples(
            self.candles.rows(0, count), self.feature_set, self.label, self.rows[cut], self.known_at[cut],
            np.where(open_, NEVER, resolves), self.rises[cut] & ~open_,
        )  # fmt: skip

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Rows whose features are all known, and whose label has resolved."""
        return np.asarray(np.isfinite(self.rows).all(axis=1) & (self.resolves_at != NEVER))


def samples_of(candles: CandleSet, feature_set: str, label: ModelLabel) -> LearningSamples:
    """Rows and labels of all bars. A label of kind RISE: does the close `horizon_bars` bars later lie more than
    `threshold_pct` percent above this one?"""
    count, ahead = len(candles), label.horizon_bars
    known_at = candles.start_s + candles.granularity_s
    resolves, rises = np.full(count, NEVER), np.zeros(count, dtype=np.bool_)
    if label.kind == RISE and count > ahead:
        resolves[:-ahead] = known_at[ahead:]
        rises[:-ahead] = candles.close[ahead:] > candles.close[:-ahead] * (1.0 + label.threshold_pct / 100.0)
    rows = features.rows(candles.bars(), feature_set)
    return LearningSamples(candles, feature_set, label, rows, known_at, resolves, rises)


def all_rows(parts: Sequence[LearningSamples]) -> Floats:
    """The known rows of all products, one after the other."""
    return np.concatenate([one.rows[np.isfinite(one.rows).all(axis=1)] for one in parts])
