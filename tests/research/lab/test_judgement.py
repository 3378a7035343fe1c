"""Each gate by itself: what opens it, what shuts it, and that nothing unknown is open."""

import numpy as np
import pytest

from research.lab import judgement
from research.lab.judgement import HoldoutOutcome, HoldoutState, LabAnswer, evidence, holdout_gate, training_gates


def days(mean: float, count: int = 400, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng(seed).normal(0, 0.01, count)
    return r - r.mean() + mean


def looked(mean: float, count: int = 100) -> HoldoutOutcome:
    return HoldoutOutcome(days(mean, count), days(mean, count), np.zeros(count), 0)


def test_a_clear_edge_opens_every_gate() -> None:
    edge = days(0.003)
    found = evidence(edge, np.column_stack([edge, *(days(0.0, seed=seed) for seed in range(1, 9))]))
    gates = [*training_gates(found), holdout_gate(HoldoutState(True, (), 100, looked(0.001)), waits=False)]
    assert [gate.key for gate in gates if not gate.passed] == []
    assert judgement.judge(gates).answer is LabAnswer.GO and judgement.judge([]).answer is LabAnswer.NO_GO


def test_a_loss_is_not_long_enough_whatever_its_length() -> None:
    edge = days(-0.001)
    gates = {gate.key: gate for gate in training_gates(evidence(edge, edge[:, None]))}
    assert not gates["track_record"].passed and gates["track_record"].limit == "no length is enough"
    assert not gates["deflated"].passed
    # One trial alone can't be split against others: not known, so not open.
    assert not gates["overfitting"].passed and gates["overfitting"].value is None


def test_few_days_are_too_few_however_good() -> None:
    edge = days(0.01, 59)
    gate = training_gates(evidence(edge, edge[:, None]))[2]
    assert not gate.passed and "59 days are too few" in gate.reason and gate.limit == "at least 60 days"


def test_more_trials_raise_what_luck_reaches() -> None:
    edge = days(0.0012)
    own = np.column_stack([edge, *(days(0.0, seed=seed) for seed in range(1, 12))])
    few, many = evidence(edge, own), evidence(edge, own, others=5_000.0)
    assert many.deflation.by_chance > 1.5 * few.deflation.by_chance
    assert (many.deflation.probability or 0) < (few.deflation.probability or 0)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (HoldoutState(False, (), 0), "no part of the data is locked"),
        (HoldoutState(True, ("sweep a", "look of b"), 100, looked(0.01)), "seen before (sweep a, look of b)"),
        (HoldoutState(True, (), 19), "its 19 days are too few"),
        (HoldoutState(True, (), 100), "not looked at"),
        (HoldoutState(True, (), 100, looked(-0.001)), "it lost"),
    ],
)
def test_a_holdout_that_does_not_count(state: HoldoutState, words: str) -> None:
    gate = holdout_gate(state, waits=False)
    assert not gate.passed and words in gate.reason
