"""`./coin lab --cpcv`: a choice is judged on days that it was not made on, in every combination."""

import numpy as np
import pytest

from research.errors import Misused
from research.lab.cross_validation import asked_for, cross_validate


def noise(seed: int, days: int = 400, trials: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (days, trials))


def test_an_edge_is_there_in_every_history_and_luck_is_not() -> None:
    found = [cross_validate(noise(seed), 10, 2) for seed in range(20)]
    middle = [float(np.median(one.ratios)) for one in found if one is not None]
    assert len(middle) == 20 and abs(float(np.mean(middle))) < 0.5, "out of sample the best of noise is nothing"
    best_inside = [float((one.mean(axis=0) / one.std(axis=0)).max()) * 365**0.5 for one in map(noise, range(20))]
    assert float(np.mean(best_inside)) > 1.5, "and looks like something where it was chosen"
    planted = noise(1)
    planted[:, 7] += 0.003
    edge = cross_validate(planted, 10, 2)
    assert edge is not None and (edge.splits, len(edge.ratios), edge.chosen) == (45, 9, 1)
    assert edge.losing == 0.0 and edge.ratios.min() > 3.0


def test_a_trial_that_was_best_in_one_stretch_alone_is_found_out() -> None:
    days = np.zeros((200, 2))
    days[:, 1] = np.where(np.arange(200) % 2 == 0, 0.001, -0.0009)  # a little, everywhere
    days[:20, 0], days[20:, 0] = 0.01 + 0.001 * (np.arange(20) % 2), -0.0005 * (1 + np.arange(180) % 2)
    assert days[:, 0].mean() > days[:, 1].mean(), "the best of the whole"
    found = cross_validate(days, 10, 1)
    assert found is not None and len(found.ratios) == 1 and found.losing == 1.0


def test_the_days_beside_a_test_decide_nothing() -> None:
    """One trial earns on the days next to a test alone, and loses in it: unpurged it would be chosen for it."""
    days = np.zeros((60, 2))
    days[:, 1] = np.where(np.arange(60) % 2 == 0, 0.01, -0.009)
    days[[19, 30, 31], 0], days[20:30, 0] = 1.0, -1.0
    found, unguarded = cross_validate(days, 6, 1), cross_validate(days, 6, 1, embargo_days=0)
    assert found is not None and (found.chosen, found.losing) == (1, 0.0)
    assert unguarded is not None and (unguarded.chosen, unguarded.losing) == (2, 1.0), "day 31 is left to choose by"


def test_what_cannot_be_asked() -> None:
    assert asked_for("10,2") == (10, 2)
    for text in ("10", "2,2", "0,1", "a,b", "40,12"):
        with pytest.raises(Misused, match="--cpcv"):
            asked_for(text)
    assert cross_validate(noise(1, trials=1), 10, 2) is None
    with pytest.raises(Misused, match="40 days are too few for 10 groups"):
        cross_validate(noise(1, days=40), 10, 2)
