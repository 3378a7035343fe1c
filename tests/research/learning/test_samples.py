"""One clock for features and labels: what is known when, what a training may hold, and nothing of what comes later."""

from dataclasses import replace

import numpy as np
import pytest

from bot.strategies import features
from research.data.candles import CandleSet
from research.lab import splits
from research.lab.nulls import market
from research.learning.samples import NEVER, REWARD, RISE, LearningSamples, samples_of
from shared.models.manifest import ModelLabel

AHEAD = 5


def made(seed: int = 1, count: int = 600) -> CandleSet:
    """Hours with some missing."""
    whole = market(np.random.default_rng(seed), count)
    keep = np.random.default_rng(seed + 1).random(count) > 0.03
    names = ("start_s", "open", "high", "low", "close", "volume")
    return replace(whole, **{name: getattr(whole, name)[keep] for name in names}, digest="")


def samples(candles: CandleSet, threshold: float = 0.3) -> LearningSamples:
    return samples_of(candles, "extended", ModelLabel(RISE, AHEAD, threshold))


def test_a_label_says_what_came_and_when_it_was_known() -> None:
    candles = made()
    found = samples(candles)
    for i in range(len(candles)):
        assert found.known_at[i] == candles.start_s[i] + 3600
        if i + AHEAD < len(candles):
            assert found.resolves_at[i] == candles.start_s[i + AHEAD] + 3600
            assert found.rises[i] == (candles.close[i + AHEAD] > candles.close[i] * 1.003)
        else:
            assert found.resolves_at[i] == NEVER and not found.rises[i]
    assert not found.labelled[: features.EXTENDED_BARS - 1].any() and not found.labelled[-AHEAD:].any()
    assert (samples_of(candles, "baseline", ModelLabel(REWARD, 1, 0.0)).resolves_at == NEVER).all()


@pytest.mark.parametrize("feature_set", ["baseline", "extended"])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_after_a_bar_changes_no_feature_of_it(feature_set: str, seed: int) -> None:
    candles, g = made(seed), np.random.default_rng(seed + 50)
    label = ModelLabel(RISE, AHEAD, 0.3)
    whole = samples_of(candles, feature_set, label)
    for t in g.integers(70, len(candles) - 10, 6).tolist():
        bent = {}
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(candles, name).copy()
            column[t + 1 :] *= np.exp(g.normal(0, 0.3, len(candles) - t - 1))
            bent[name] = column
        other = samples_of(replace(candles, **bent, digest=""), feature_set, label)
        assert np.array_equal(whole.rows[: t + 1], other.rows[: t + 1], equal_nan=True)
        resolved = whole.resolves_at <= whole.known_at[t]
        assert np.array_equal(whole.rises[resolved], other.rises[resolved])
        assert not np.array_equal(whole.rows[t + 1 :], other.rows[t + 1 :], equal_nan=True)


def test_training_holds_nothing_that_a_test_looks_at() -> None:
    """By the lab's own measure of label overlap; without the cut it finds some."""
    found = samples(made())
    begin = int(found.known_at[400])
    before = found.until(begin)
    assert len(before) == 401 and (before.known_at <= begin).all()
    labelled = np.flatnonzero(before.labelled)
    resolves = np.where(found.resolves_at == NEVER, found.known_at, found.resolves_at)
    test = np.arange(401, len(found))
    assert len(splits.overlapping(found.known_at, resolves, labelled, test)) == 0
    uncut = np.flatnonzero(found.labelled[:401])
    assert len(splits.overlapping(found.known_at, resolves, uncut, test)) == AHEAD
    assert len(uncut) - len(labelled) == AHEAD
