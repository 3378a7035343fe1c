"""Purged splits against a check of every pair of samples."""

import numpy as np
import pytest

from research.errors import Misused
from research.lab import splits


def samples(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    known = np.sort(g.integers(0, 300, count))
    return known, known + g.integers(0, 25, count)


def leaks(known: np.ndarray, resolves: np.ndarray, train: np.ndarray, test: np.ndarray, embargo: int = 0) -> set[int]:
    """Training samples that share a moment with a test sample, or begin too soon after it: each pair looked at."""
    return {
        int(i) for i in train for j in test
        if (known[i] <= resolves[j] + embargo and known[j] <= resolves[i])
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("embargo", [0, 7])
def test_every_combination_is_purged_as_pairs_say(seed: int, embargo: int) -> None:
    known, resolves = samples(seed)
    every = np.arange(len(known))
    found = list(splits.combinatorial(known, resolves, 6, 2, embargo))
    assert len(found) == 15 and len({one.groups for one in found}) == 15
    dropped = 0
    for one in found:
        rest = np.setdiff1d(every, one.test)
        wrong = leaks(known, resolves, rest, one.test, embargo)
        assert set(one.train.tolist()) == set(rest.tolist()) - wrong
        assert not len(splits.overlapping(known, resolves, one.train, one.test))
        dropped += len(wrong)
    assert dropped > 0, "nothing was there to purge"


def test_the_paths_are_whole_histories() -> None:
    """Six groups, two of them tests: five histories, each with every group once, no split twice for a group."""
    assert splits.paths(6, 2) == 5 and splits.paths(10, 8) == 36
    found = splits.path_places(6, 2)
    chosen = [one.groups for one in splits.combinatorial(np.arange(60), np.arange(60), 6, 2)]
    assert len(found) == 5 and all(len(path) == 6 for path in found)
    for path in found:
        assert all(group in chosen[number] for group, number in enumerate(path))
    for group in range(6):
        assert len({path[group] for path in found}) == 5


def test_a_planted_label_overlap_is_found() -> None:
    """Labels that look ten ahead, split without a purge: the last ten of training know the test."""
    known = np.arange(100)
    train, test = np.arange(60), np.arange(60, 100)
    assert splits.overlapping(known, known + 10, train, test).tolist() == list(range(50, 60))
    assert splits.purged(known, known + 10, train, test).tolist() == list(range(50))
    assert not len(splits.overlapping(known, known, train, test))
    assert not len(splits.overlapping(known, known + 10, train[:0], test))


def test_stretches_and_refusals() -> None:
    assert splits.stretches([0, 1, 2, 7, 8]) == [(0, 3), (7, 9)] and splits.stretches([]) == []
    for groups, tests in ((6, 0), (6, 6), (70, 2)):
        with pytest.raises(Misused):
            next(splits.combinatorial(np.arange(60), np.arange(60), groups, tests))
