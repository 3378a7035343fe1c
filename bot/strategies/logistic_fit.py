"""Logistic regression with L2, by Newton's method: small, exact, the same weights for the same input every time.

Minimises C x sum of log losses + 1/2 |w|^2 over standardised features, the intercept unpenalised: the objective of
scikit-learn's LogisticRegression(C=1.0) behind a StandardScaler, whose solution it equals.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
C = 1.0
TOLERANCE = 1e-11
MAX_STEPS = 60
# BLAS splits large products over threads, and then sums in another order; blocks this small it does not split.
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model. `weights` belong to standardised features: (x - mean) / std."""

    weights: Floats
    intercept: float
    mean: Floats
    std: Floats
    rows: int

    def probability(self, features: Floats) -> Floats:
        """P(up) of each row; NaN where a feature is not known. Column by column: the bits of a row do not depend on
        its neighbours."""
        if len(features) == 1:  # the same sums without the cost of an array for each
            one = self.intercept
            terms = zip(features[0].tolist(), self.mean.tolist(), self.std.tolist(), self.weights.tolist(), strict=True)
            for value, mean, std, weight in terms:
                one += (value - mean) / std * weight
            return sigmoid(np.array([one]))
        z = np.full(len(features), self.intercept)
        for column in range(features.shape[1]):
            z += (features[:, column] - self.mean[column]) / self.std[column] * self.weights[column]
        return sigmoid(z)


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + e^-z) without overflow."""
    small = np.exp(-np.abs(z))
    return np.asarray(np.where(z < 0, small, 1.0) / (1.0 + small))


def fit(features: Floats, up: NDArray[np.bool_]) -> Fit:
    """Fit to `features` (rows, columns), all finite, and what followed each row.

    A column that never moves gets no weight. If every row was followed by the same, no slope is defined: the
    weights are zero and the intercept is the log odds with half a count added to each side.
    """
    count, width = features.shape
    mean = features.mean(axis=0)
    std = features.std(axis=0)
    std[std <= 1e-12 * np.maximum(np.abs(mean), 1e-12)] = 1.0
    ups = int(np.count_nonzero(up))
    if ups in (0, count):
        intercept = float(np.log((ups + 0.5) / (count - ups + 0.5)))
        return Fit(np.zeros(width), intercept, mean, std, count)
    # Features as rows, the constant last: products then run along contiguous memory.
    x = np.empty((width + 1, count))
    np.divide((features - mean).T, std[:, None], out=x[:width])
    x[width] = 1.0
    solution = _newton(x, up.astype(np.float64), width)
    return Fit(solution[:width], float(solution[width]), mean, std, count)


def _newton(x: Floats, y: Floats, width: int) -> Floats:
    penalty = np.ones(width + 1)
    penalty[width] = 0.0
    w = np.zeros(width + 1)
    gradient, hessian, loss = _derivatives(x, y, w, penalty)
    for _ in range(MAX_STEPS):
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while True:  # a full step may overshoot far from the solution; half of one that is small enough never does
            trial = w - scale * step
            found = _derivatives(x, y, trial, penalty)
            if found[2] <= loss + 1e-12 * abs(loss) or scale < 1e-6:
                break
            scale /= 2
        w, (gradient, hessian, loss) = trial, found
        if np.abs(scale * step).max() <= TOLERANCE * max(1.0, float(np.abs(w).max())):
            break
    return w


def _derivatives(x: Floats, y: Floats, w: Floats, penalty: Floats) -> tuple[Floats, Floats, float]:
    """Gradient, Hessian and value of the objective at `w`."""
    z = np.einsum("i,ij->j", w, x)
    small = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1.0, small) / (1.0 + small)
    loss = 0.5 * float(np.sum(penalty * w * w)) + C * float(np.sum(np.log1p(small) + np.maximum(z, 0.0) - y * z))
    gradient: Any = penalty * w + C * np.einsum("ij,j->i", x, p - y)
    return gradient, _curvature(x, p, penalty), loss


def hessian_of(x: Floats, w: Floats, penalty: Floats) -> Floats:
    """Second derivatives of the objective at `w`; `x` holds features as rows, the constant last."""
    return _curvature(x, sigmoid(np.einsum("i,ij->j", w, x)), penalty)


def _curvature(x: Floats, p: Floats, penalty: Floats) -> Floats:
    weighted = x * (p * (1.0 - p))
    hessian: Any = np.diag(penalty)
    for first in range(0, x.shape[1], _BLOCK):
        part = slice(first, first + _BLOCK)
        hessian = hessian + C * (weighted[:, part] @ x[:, part].T)
    return np.asarray(hessian)
