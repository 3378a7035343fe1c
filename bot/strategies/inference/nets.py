"""Small nets, column by column: no BLAS, whose sums depend on how many rows there are, so a row keeps its bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategies.logistic_fit import sigmoid

Floats = NDArray[np.float64]
CLIP = 5.0  # standard deviations: a feature beyond what training saw must not carry a net away with it
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Standardised:
    """Features as a net takes them: (x - mean) / std, clipped."""

    mean: Floats
    std: Floats

    def __post_init__(self) -> None:
        if self.mean.shape != self.std.shape or not np.isfinite(self.mean).all() or not (self.std > 0.0).all():
            raise ValueError("a scale that is none")

    def of(self, rows: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            found: Floats = np.clip((rows - self.mean) / self.std, -CLIP, CLIP)
        return found


def dense(rows: Floats, weights: Floats, bias: Floats) -> Floats:
    """rows @ weights + bias, the columns added in their order."""
    total = np.empty((len(rows), weights.shape[1]))
    total[:] = bias
    for column in range(weights.shape[0]):
        total += rows[:, column : column + 1] * weights[column]
    return total


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Dense layers with max(x, 0) between them."""

    layers: tuple[tuple[Floats, Floats], ...]

    def __post_init__(self) -> None:
        for (_, before), (weights, bias) in zip(self.layers[:-1], self.layers[1:], strict=True):
            if weights.ndim != 2 or weights.shape != (len(before), len(bias)):
                raise ValueError("layers that do not fit together")

    def of(self, rows: Floats) -> Floats:
        """The last layer's outputs, shape (rows, outputs)."""
        parts = [self._part(rows[first : first + CHUNK]) for first in range(0, len(rows), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.layers[-1][1])))

    def _part(self, rows: Floats) -> Floats:
        for number, (weights, bias) in enumerate(self.layers):
            rows = dense(rows if number == 0 else np.maximum(rows, 0.0), weights, bias)
        return rows


@dataclass(frozen=True, slots=True)
class Lstm:
    """One layer of long short-term memory over the newest rows, and one probability.

    Hochreiter and Schmidhuber (1997), with a forget gate. `inputs` (features, 4 x hidden), `states` (hidden,
    4 x hidden): gates in the order input, forget, cell, output. `out`, `out_bias`: the log odds.
    """

    inputs: Floats
    states: Floats
    bias: Floats
    out: Floats
    out_bias: float
    sequence: int

    def __post_init__(self) -> None:
        hidden = len(self.out)
        if self.states.shape != (hidden, 4 * hidden) or self.inputs.shape[1:] != (4 * hidden,):
            raise ValueError("a memory whose parts do not fit together")
        if self.bias.shape != (4 * hidden,):
            raise ValueError("a memory whose parts do not fit together")

    def probability(self, rows: Floats) -> Floats:
        """P at each row that has `sequence` rows up to and with it: len(rows) - sequence + 1 of them."""
        count = len(rows) - self.sequence + 1
        if count < 1:
            return np.zeros(0)
        parts = [self._part(rows[at : at + CHUNK // 4 + self.sequence - 1]) for at in range(0, count, CHUNK // 4)]
        return np.concatenate(parts)

    def _part(self, rows: Floats) -> Floats:
        count, hidden = len(rows) - self.sequence + 1, len(self.out)
        seen = dense(rows, self.inputs, self.bias)
        if count == 1:
            return self._log_odds(self._newest(seen)[None])
        h, cell = np.zeros((count, hidden)), np.zeros((count, hidden))
        for step in range(self.sequence):
            gates = seen[step : step + count].copy()
            for unit in range(hidden):
                gates += h[:, unit : unit + 1] * self.states[unit]
            opened = sigmoid(gates)
            proposed = np.tanh(gates[:, 2 * hidden : 3 * hidden])
            cell = opened[:, hidden : 2 * hidden] * cell + opened[:, :hidden] * proposed
            h = opened[:, 3 * hidden :] * np.tanh(cell)
        return self._log_odds(h)

    def _log_odds(self, h: Floats) -> Floats:
        return sigmoid(dense(h, self.out[:, None], np.array([self.out_bias]))[:, 0])

    def _newest(self, seen: Floats) -> Floats:
        """The memory after one sequence: the same sums in the same order, in arrays that are made once."""
        hidden = len(self.out)
        sums, gates, powers = np.empty((hidden + 1, 4 * hidden)), np.empty(4 * hidden), np.empty((2, 4 * hidden))
        h, cell, proposed = np.zeros(hidden), np.zeros(hidden), np.empty(hidden)
        row, products, column, opened, below = sums[0], sums[1:], h[:, None], powers[0], powers[1]
        take, keep, say = opened[:hidden], opened[hidden : 2 * hidden], opened[3 * hidden :]
        of_cell = gates[2 * hidden : 3 * hidden]
        for inputs in seen:
            row[:] = inputs
            np.multiply(column, self.states, out=products)
            np.add.reduce(sums, axis=0, out=gates)
            np.minimum(gates, 0.0, out=opened)  # as `sigmoid`: e^min(z, 0) / (1 + e^-|z|)
            np.copysign(gates, -1.0, out=below)
            np.exp(powers, out=powers)
            np.add(below, 1.0, out=below)
            np.divide(opened, below, out=opened)
            np.tanh(of_cell, out=proposed)
            np.multiply(proposed, take, out=proposed)
            np.multiply(cell, keep, out=cell)
            np.add(cell, proposed, out=cell)
            np.tanh(cell, out=h)
            np.multiply(h, say, out=h)
        return h
