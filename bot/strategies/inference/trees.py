"""Gradient-boosted trees: the sum of one leaf of each tree, as a log odds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.strategies.logistic_fit import sigmoid

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreeEnsemble:
    """Nodes of all trees one after the other. `column` -1 marks a leaf, whose `value` counts; at other nodes a row goes
    `left` where its feature is <= `threshold`. `roots`: the first node of each tree; `depth`: the longest way down."""

    column: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Floats
    roots: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.column)
        if not count or any(len(one) != count for one in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("trees with arrays of different lengths")
        inner = self.column >= 0
        at = np.arange(count)
        # Children lie behind their parent: a walk ends, whatever the file holds.
        for child in (self.left, self.right):
            if (child[inner] <= at[inner]).any() or (child[inner] >= count).any():
                raise ValueError("trees that do not go downwards")
        if not len(self.roots) or (self.roots < 0).any() or (self.roots >= count).any():
            raise ValueError("trees without roots")

    def probability(self, rows: Floats) -> Floats:
        """P of each row. Trees are added in their order, so that one row gives the bits that it gives among others."""
        if len(rows) == 1:
            return sigmoid(np.cumsum(self.value[self._leaves(rows[0])])[-1:])
        total = np.zeros(len(rows))
        every = np.arange(len(rows))
        for root in self.roots.tolist():
            node = np.full(len(rows), root)
            going = every
            while len(going):
                here = node[going]
                inner = self.column[here] >= 0
                going, here = going[inner], here[inner]
                goes_left = rows[going, self.column[here]] <= self.threshold[here]
                node[going] = np.where(goes_left, self.left[here], self.right[here])
            total += self.value[node]
        return sigmoid(total)

    def _leaves(self, row: Floats) -> Any:
        """The leaf of each tree, all trees at once."""
        node = self.roots.copy()
        while True:
            column = self.column[node]
            inner = column >= 0
            if not inner.any():
                return node
            goes_left = row[column] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
