"""Null tests on the tester, 20 seeds of 20,000 bars each: no GO where there is no edge, and one where it is planted.

In full, 100 seeds and a sweep of 1,000 points: `./coin bench lab`.
"""

import numpy as np
import pytest

from research.lab import nulls
from research.lab.judgement import LabAnswer
from research.lab.nulls import NullWorld

SEEDS = 20
POINTS = 8
EDGE = 5.0  # Sharpe ratio a year beyond holding, before fees


@pytest.mark.parametrize("world", [world for world in NullWorld if world is not NullWorld.PLANTED])
def test_nothing_is_found_where_nothing_is(world: NullWorld) -> None:
    answers = [nulls.examine(nulls.trials(world, seed, nulls.BARS, POINTS)) for seed in range(SEEDS)]
    assert [seed for seed, answer in enumerate(answers) if answer.answer is LabAnswer.GO] == []
    assert all(any(not gate.passed for gate in answer.gates[:3]) for answer in answers)


def test_a_planted_edge_is_found() -> None:
    found = [nulls.examine(nulls.trials(NullWorld.PLANTED, seed, nulls.BARS, POINTS, EDGE)) for seed in range(SEEDS)]
    assert sum(one.answer is LabAnswer.GO for one in found) >= 19
    none = [nulls.examine(nulls.trials(NullWorld.PLANTED, seed, nulls.BARS, POINTS, 0.0)) for seed in range(5)]
    assert not any(one.answer is LabAnswer.GO for one in none)


def test_the_planted_edge_has_the_size_that_is_said() -> None:
    """The true signal at once and without fees: its ratio beyond holding is what was asked for."""
    ratios = []
    for seed in range(8):
        made = nulls.trials(NullWorld.PLANTED, seed, nulls.BARS, 1, EDGE)
        moves = np.diff(np.log(made.candles.close))
        g = np.random.default_rng([seed, list(NullWorld).index(NullWorld.PLANTED)])
        sign = np.where(np.cumsum(g.random(nulls.BARS) > nulls.STAY) % 2 == 0, 1, -1)[:-1]
        edge = (sign == 1) * moves - 0.5 * moves
        ratios.append(edge.mean() / edge.std() * np.sqrt(365 * 24))
    assert np.mean(ratios) == pytest.approx(EDGE, abs=0.6)
