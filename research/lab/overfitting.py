"""How often the best of many trials in one half of the days is below the middle in the other half: PBO by CSCV."""

import functools
import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from research.metrics.returns import Floats

BLOCKS = 16
_AT_ONCE = 20_000_000  # ratios in memory


class Overfitting(NamedTuple):
    """Of every way to split the blocks of days into two halves, in training and out of it.

    `probability` (PBO): share of the splits in which the trial that was best in training is not above the middle
    out of it. `logits`: ln(w / (1 - w)), w the relative rank out of training of each split's best. `best_in`,
    `best_out`: its Sharpe ratio per day in training and out of it. `loss`: share of splits with `best_out` below zero.
    """

    probability: float
    logits: Floats
    best_in: Floats
    best_out: Floats
    loss: float


def cscv(matrix: Floats, blocks: int = BLOCKS) -> Overfitting | None:
    """Combinatorially symmetric cross-validation of trials (columns) over days (rows), judged by the Sharpe ratio.

    Bailey, Borwein, Lopez de Prado and Zhu (2017), The Probability of Backtest Overfitting, section 3. `blocks` is
    even; blocks differ by at most a day. A trial that does not vary in a half has a ratio of 0 there; equal ratios
    share the mean of their ranks. None of fewer than two trials, or of fewer than two days in a block.
    """
    days, trials = matrix.shape if matrix.ndim == 2 else (0, 0)
    if trials < 2 or days < 2 * blocks:
        return None
    parts = np.array_split(np.arange(days), blocks)
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.array([matrix[part].sum(axis=0) for part in parts])
    squares = np.array([(matrix[part] ** 2).sum(axis=0) for part in parts])
    chosen = _halves(blocks)
    splits = len(chosen)
    best_in, best_out, ranks = np.empty(splits), np.empty(splits), np.empty(splits)
    step = splits if splits * trials <= _AT_ONCE else max(_AT_ONCE // trials, 1)
    for at in range(0, splits, step):
        cut = slice(at, min(at + step, splits))
        within = _ratios(chosen[cut], sizes, sums, squares)
        # Halves are in the order in which the last one is the first one's other half, and so on towards the middle.
        without = within[::-1] if step == splits else _ratios(1.0 - chosen[cut], sizes, sums, squares)
        row, best = np.arange(len(within)), within.argmax(axis=1)
        reached = without[row, best]
        best_in[cut], best_out[cut] = within[row, best], reached
        below = (without < reached[:, None]).sum(axis=1)
        equal = (without == reached[:, None]).sum(axis=1)
        ranks[cut] = below + (equal + 1) / 2
    relative = ranks / (trials + 1)
    logits = np.log(relative / (1.0 - relative))
    return Overfitting(float((logits <= 0).mean()), logits, best_in, best_out, float((best_out < 0).mean()))


@functools.cache
def _halves(blocks: int) -> Floats:
    """Every half of the blocks as a row of ones and zeros."""
    combinations = list(itertools.combinations(range(blocks), blocks // 2))
    found = np.zeros((len(combinations), blocks))
    found[np.repeat(np.arange(len(combinations)), blocks // 2), np.array(combinations).ravel()] = 1.0
    return found


def _ratios(inside: Floats, sizes: Floats, sums: Floats, squares: Floats) -> Floats:
    """Sharpe ratio per day of each trial in each half."""
    count = (inside @ sizes)[:, None]
    mean = inside @ sums / count
    variance = (inside @ squares - count * mean**2) / (count - 1)
    known: NDArray[np.bool_] = variance > 1e-18
    return np.where(known, mean / np.sqrt(np.where(known, variance, 1.0)), 0.0)
