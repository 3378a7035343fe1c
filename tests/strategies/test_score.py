"""How good the model was: against scikit-learn's figures, and only on bars that it had not seen."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from bot.strategies import features
from bot.strategies.logistic import Logistic
from bot.strategies.score import BINS, KEPT, Scores, score
from shared.settings import Settings

SETTINGS = Settings(model_mode="baseline", max_history_candles=300, walk_forward_min=15)
SAID = st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=200)


@given(SAID)
def test_the_figures_are_the_reference_ones(said: list[tuple[float, bool]]) -> None:
    said = [*said, (0.3, True), (0.6, False)]  # the reference wants both outcomes
    p, up = np.array([x for x, _ in said]), np.array([y for _, y in said])
    found = score(said)
    assert found.count == len(said)
    assert found.brier == pytest.approx(brier_score_loss(up, p, pos_label=True), abs=1e-12)
    assert found.log_loss == pytest.approx(log_loss(up, p, labels=[False, True]), abs=1e-9)
    assert found.hit_rate == pytest.approx(float(np.mean((p > 0.5) == up)))
    assert found.base_brier == pytest.approx(brier_score_loss(up, np.full(len(up), up.mean()), pos_label=True))


@given(SAID)
def test_every_prediction_is_in_one_bin_and_bins_rise(said: list[tuple[float, bool]]) -> None:
    bins = score(said).bins
    assert sum(n for _, _, n in bins) == len(said) and len(bins) == min(BINS, len(said))
    assert max(n for *_, n in bins) - min(n for *_, n in bins) <= 1
    assert all(a[0] <= b[0] + 1e-12 for a, b in pairwise(bins))
    assert sum(share * n for _, share, n in bins) == pytest.approx(sum(up for _, up in said))


def test_only_the_newest_are_kept_and_nonsense_is_not() -> None:
    scores = Scores()
    assert scores.score() is None
    scores.add([(float("nan"), True), (1.5, True), (-0.1, False)])
    assert scores.score() is None
    scores.add([(0.9, False)] * 10 + [(0.9, True)] * KEPT)
    found = scores.score()
    assert found is not None and found.count == KEPT and found.base_rate == 1.0
    scores.add([(0.1, True)])
    later = scores.score()
    assert later is not None and later.hit_rate < found.hit_rate, "made anew once something came"


class HeardScores(Scores):
    """Keeps what it was told, too."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[float, bool]] = []

    def add(self, said: Iterable[tuple[float, bool]]) -> None:
        found = list(said)
        self.said += found
        super().add(found)


def test_a_live_model_is_judged_by_what_came_next_and_never_by_what_it_was_fitted_on(make_bars: Any) -> None:
    bars = make_bars(600)
    live, said = Logistic(SETTINGS), {}
    live.scores = scores = HeardScores()
    live.latest(bars.between(0, 300))
    past = len(live.scores)
    assert past == 300 - 1 - (live.warmup_bars - 1), "the window's own past, walked forward"
    for end in range(301, 601):
        said[int(bars.start_s[end - 1])] = live.latest(bars.between(max(end - 300, 0), end)).strength
    assert len(live.scores) == past + 300
    up = features.next_is_up(bars)
    newest = scores.said[-299:]
    wanted = [(said[int(s)], bool(up[i])) for i, s in enumerate(bars.start_s[:-1]) if int(s) in said]
    assert newest == wanted


def test_a_rewritten_future_changes_no_earlier_prediction(make_bars: Any) -> None:
    """Outcomes differ where the future does; what the model said of the bars before must not."""
    bars = make_bars(300)
    live = Logistic(SETTINGS)
    live.scores = scores = HeardScores()
    live.latest(bars)
    other = make_bars(300, seed=2)
    names = ("open", "high", "low", "close", "volume")
    arrays = [np.concatenate((getattr(bars, n)[:250], getattr(other, n)[250:])) for n in names]
    merged = type(bars)(bars.start_s, *arrays, 0.01, 60)
    twin = Logistic(SETTINGS)
    twin.scores = others = HeardScores()
    twin.latest(merged)
    known = 249 - (live.warmup_bars - 1)  # predictions whose outcome lies before the change, too
    assert scores.said[:known] == others.said[:known]
    assert scores.said[known + 1 :] != others.said[known + 1 :]


def test_a_model_is_shown_once_there_is_one(make_bars: Any) -> None:
    live = Logistic(SETTINGS)
    assert live.model_view() is None
    bars = make_bars(200)
    live.latest(bars)
    view = live.model_view()
    assert view is not None and view.features == features.names("baseline") and len(view.weights) == len(view.features)
    assert view.score is not None and view.score.count > 100
    assert view.fitted_s is not None and 0 <= int(bars.start_s[-1]) + 60 - view.fitted_s < 900
