"""The logistic fit over windows that move forward, each solved from the one before (`logistic_fit` solves one alone).

Two windows that follow each other share nearly all rows. The step between their solutions is first predicted from the
rows that came and went, without touching the others, and then corrected over the whole window until the next
correction would be below `ACCURACY`. The curvature (Hessian) is made anew every `REFRESH` windows, or sooner where
corrections do not shrink as they should. Every window's weights equal `logistic_fit.fit`'s to 1e-6 and better.

Rows are kept in the scale of the last refresh. In that scale the penalty of a weight is its square times (std of the
window / std of the refresh)^2, which is the same objective as with each window's own scale; the mean moves nothing but
the intercept, which has no penalty.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.strategies.logistic_fit import C, Fit, Floats, fit, hessian_of

REFRESH = 32
ACCURACY = 1e-8
# Fewer rows, or a larger share of them exchanged, and a fit of its own is as fast and needs no care.
LEAST_ROWS = 400
MOST_NEW = 0.1
_MOST_CORRECTIONS = 8
_SHRINK = 0.2  # a correction is to be this much smaller than the one before, or the curvature is too old


def fits(rows: Floats, up: NDArray[np.bool_], windows: Sequence[tuple[int, int]]) -> Iterator[Fit]:
    """One fit for each window (first row, row after the last) in turn; both ends only move forward.

    `rows` (bars, features) and `up` as in `logistic_fit.fit`; rows inside the windows are finite.
    """
    solver: _Solver | None = None
    for number, (first, end) in enumerate(windows):
        if solver is not None and solver.can_move(first, end):
            found = solver.move(first, end)
            if found is not None:
                yield found
                continue
        alone = fit(rows[first:end], up[first:end])
        ahead = windows[min(number + REFRESH, len(windows) - 1)][1]
        solver = _Solver.start(rows, up, (first, end), ahead, alone)
        yield alone


class _Solver:
    """The solution of one window and what it takes to move on to the next."""

    def __init__(self, rows: Floats, up: NDArray[np.bool_], window: tuple[int, int], ahead: int, alone: Fit) -> None:
        first, end = window
        width = rows.shape[1]
        self._base, self._ahead = first, ahead
        self._mean, self._scale = alone.mean, alone.std
        x = np.empty((width + 1, ahead - first))
        np.divide((rows[first:ahead] - alone.mean).T, alone.std[:, None], out=x[:width])
        x[width] = 1.0
        self._x = x
        self._y = up[first:ahead].astype(np.float64)
        self._window = window
        inside = x[:width, : end - first]
        self._sum, self._squares = inside.sum(axis=1), np.einsum("ij,ij->i", inside, inside)
        self._ups = int(np.count_nonzero(up[first:end]))
        self._w = np.append(alone.weights, alone.intercept)
        self._penalty = np.append(np.ones(width), 0.0)
        self._invert()

    @classmethod
    def start(
        cls, rows: Floats, up: NDArray[np.bool_], window: tuple[int, int], ahead: int, alone: Fit
    ) -> "_Solver | None":
        """From a window that was solved alone; None where the next ones are better solved alone, too."""
        if window[1] - window[0] < LEAST_ROWS or ahead <= window[1] or not alone.weights.any():
            return None
        return cls(rows, up, window, ahead, alone)

    def can_move(self, first: int, end: int) -> bool:
        """Whether the window from `first` to `end` is near enough, and lies in what was scaled."""
        was_first, was_end = self._window
        changed = (first - was_first) + (end - was_end)
        return was_first <= first < was_end <= end <= self._ahead and changed <= MOST_NEW * (end - first)

    def move(self, first: int, end: int) -> Fit | None:
        """The fit of the next window; None where corrections do not shrink, or one outcome fills the window."""
        was_first, was_end = self._window
        gone = slice(was_first - self._base, first - self._base)
        come = slice(was_end - self._base, end - self._base)
        whole = slice(first - self._base, end - self._base)
        x, y, width = self._x, self._y, len(self._x) - 1
        for part, sign in ((come, 1.0), (gone, -1.0)):
            if part.start < part.stop:
                found = x[:width, part]
                self._sum += sign * found.sum(axis=1)
                self._squares += sign * np.einsum("ij,ij->i", found, found)
                self._ups += int(sign) * int(y[part].sum())
        count = end - first
        if self._ups in (0, count):
            return None
        mean = self._sum / count
        variance = self._squares / count - mean * mean
        std = np.sqrt(np.maximum(variance, 0.0))
        if (std * self._scale <= 1e-12 * np.maximum(np.abs(self._mean + mean * self._scale), 1e-12)).any():
            return None  # a column that stands still is `fit`'s own case
        old_penalty, self._penalty[:width] = self._penalty.copy(), std * std
        # What the solution's gradient, zero until now, becomes by the rows exchanged and the scale's move.
        gradient = (self._penalty - old_penalty) * self._w
        gradient += C * (self._pull(come) - self._pull(gone))
        w = self._w - self._inverse @ gradient
        last = np.inf
        for _ in range(_MOST_CORRECTIONS):
            gradient = self._penalty * w + C * _pull(x[:, whole], y[whole], w)
            step = self._inverse @ gradient
            w = w - step
            size = float(np.abs(step).max())
            # Corrections shrink at least by `_SHRINK`, so what is left is smaller than what was just done.
            ratio = size / last if last < np.inf else _SHRINK
            if size * min(ratio, _SHRINK) <= ACCURACY * max(1.0, float(np.abs(w).max())):
                break
            if ratio > _SHRINK:
                return None
            last = size
        else:
            return None
        self._window, self._w = (first, end), w
        weights = w[:width] * std
        intercept = float(w[width] + w[:width] @ mean)
        return Fit(weights, intercept, self._mean + mean * self._scale, std * self._scale, count)

    def _pull(self, part: slice) -> Floats:
        return _pull(self._x[:, part], self._y[part], self._w)

    def _invert(self) -> None:
        first, end = self._window
        self._inverse = np.linalg.inv(hessian_of(self._x[:, : end - first], self._w, self._penalty))


def _pull(x: Floats, y: Floats, w: Floats) -> Floats:
    """Gradient of the sum of log losses. Without BLAS, whose sums depend on its number of threads."""
    z = np.einsum("i,ij->j", w, x)
    small = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1.0, small) / (1.0 + small)
    return np.asarray(np.einsum("ij,j->i", x, p - y))
