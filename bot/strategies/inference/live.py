"""A model asked bar after bar: the features of the newest bar and what drift counts are carried on, not made anew.

A bar that follows the last question costs a row of features; any other question is computed whole. Both give the bits
that history gives, since every feature reads a fixed number of bars.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.strategies import features
from bot.strategies.base import Bars
from bot.strategies.inference import drift
from bot.strategies.inference.trained import ModelArrays, TrainedModel

Floats = NDArray[np.float64]
Row = Sequence[float]  # start_s, open, high, low, close, volume


class LiveModel:
    """One model for one product."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self._asked: list[Row] = []  # the bars of the last question
        self._rows: Floats = np.zeros((0, 0))  # of its newest bars, as many as drift or the sequence needs
        self._places: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)  # drift's bins of the rows; -1 = not known
        self._counts: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)

    def newest(self, bars: Sequence[Row], price_increment: float, granularity_s: int) -> ModelArrays:
        """What it wants after the newest of at least `memory_bars` bars, oldest first: arrays of one entry."""
        manifest = self.model.manifest
        newest = list(bars[-manifest.memory_bars :])
        if len(self._asked) == len(newest) and self._asked[1:] == newest[:-1]:
            self._carry_on(features.newest_row(newest, price_increment, manifest.features.name))
        else:
            self._begin(Bars.from_rows(newest, price_increment, granularity_s))
        self._asked = newest
        psi = drift.psi(self._counts, self.model.drift.shares)
        return self.model.newest(self._rows, psi, int(newest[-1][0]) + granularity_s)

    def _begin(self, bars: Bars) -> None:
        manifest, bins = self.model.manifest, self.model.drift
        self._rows = features.rows(bars, manifest.features.name)[manifest.features.bars - 1 :]
        self._places = np.stack([bins.places(row) for row in self._rows[-bins.bars :]])
        self._counts = np.zeros(bins.shares.shape, dtype=np.int64)
        for places in self._places:
            self._count(places, 1)

    def _carry_on(self, row: Floats) -> None:
        places = self.model.drift.places(row)
        self._count(self._places[0], -1)
        self._count(places, 1)
        self._places = np.concatenate([self._places[1:], places[None]])
        self._rows = np.concatenate([self._rows[1:], row[None]])

    def _count(self, places: NDArray[np.int64], by: int) -> None:
        known = np.flatnonzero(places >= 0)
        self._counts[known, places[known]] += by
