"""Train and test without a leak: purging, embargo, and every combination of test groups.

A sample is known at `known_at` and its outcome at `resolves_at` (whole seconds, or any rising clock). A training sample
whose outcome is still open when a test sample begins, or the other way round, knows what it is tested on.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from research.errors import Misused
from research.metrics.returns import Ints

Mask = NDArray[np.bool_]


class CrossSplit(NamedTuple):
    """Places of the samples; `groups`: the numbers of the test groups."""

    train: Ints
    test: Ints
    groups: tuple[int, ...]


def overlapping(known_at: Ints, resolves_at: Ints, train: Ints, test: Ints) -> Ints:
    """Places of `train` whose span [known, resolves] touches that of any sample of `test`: the label overlap.

    Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.1. Empty = nothing leaks this way.
    """
    if not len(train) or not len(test):
        return train[:0]
    order = np.argsort(known_at[test], kind="stable")
    begins = known_at[test][order]
    ends = np.maximum.accumulate(resolves_at[test][order])
    # Of the test samples that begin no later than the training sample ends, does the longest reach its begin?
    last = np.searchsorted(begins, resolves_at[train], side="right") - 1
    touched: Mask = (last >= 0) & (ends[np.maximum(last, 0)] >= known_at[train])
    return train[touched]


def purged(known_at: Ints, resolves_at: Ints, train: Ints, test: Ints, embargo: int = 0) -> Ints:
    """`train` without the samples that overlap with `test`, or begin within `embargo` after one of its outcomes.

    An embargo lengthens the outcome of each test sample. Lopez de Prado (2018), sections 7.4.1 and 7.4.2.
    """
    longer = resolves_at.copy()
    longer[test] += embargo
    return np.setdiff1d(train, overlapping(known_at, longer, train, test), assume_unique=True)


def combinatorial(
    known_at: Ints, resolves_at: Ints, groups: int = 6, tests: int = 2, embargo: int = 0
) -> Iterator[CrossSplit]:
    """Combinatorial purged cross-validation: each choice of `tests` out of `groups` stretches is a test once.

    Samples are in the order of time; groups differ by at most one sample. The splits make `paths(groups, tests)` whole
    histories of tests. Lopez de Prado (2018), chapter 12. Raises Misused where there is nothing to split.
    """
    if not 1 <= tests < groups or len(known_at) < groups:
        raise Misused(f"{tests} of {groups} groups of {len(known_at)} samples can't be a test")
    every = np.arange(len(known_at))
    parts = np.array_split(every, groups)
    for chosen in itertools.combinations(range(groups), tests):
        test = np.concatenate([parts[group] for group in chosen])
        train = np.setdiff1d(every, test, assume_unique=True)
        yield CrossSplit(purged(known_at, resolves_at, train, test, embargo), test, chosen)


def paths(groups: int, tests: int) -> int:
    """How many whole histories the splits make: C(groups, tests) tests / groups. Lopez de Prado (2018), 12.3."""
    return math.comb(groups, tests) * tests // groups


def path_places(groups: int, tests: int) -> list[list[int]]:
    """For each whole history: which split gives each group's test. Group g of history p: split `[p][g]`."""
    seen: list[list[int]] = [[] for _ in range(groups)]
    for number, chosen in enumerate(itertools.combinations(range(groups), tests)):
        for group in chosen:
            seen[group].append(number)
    return [[splits[path] for splits in seen] for path in range(paths(groups, tests))]


def stretches(places: Sequence[int] | Ints) -> list[tuple[int, int]]:
    """Consecutive places as (first, end) stretches, in order: 0 1 2 7 8 -> (0, 3) (7, 9)."""
    found = np.asarray(places, dtype=np.int64)
    if not len(found):
        return []
    breaks = np.flatnonzero(np.diff(found) > 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(found, breaks)]
