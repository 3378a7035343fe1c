"""Every kind finds a market that goes on as it went, through the costs; what it keeps is what the bot evaluates."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.strategies.feature_hash import feature_set
from bot.strategies.inference.evaluators import read_arrays, write_array
from research.backtest import settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel, RawResult
from research.errors import Misused, ResearchError
from research.lab.nulls import market
from research.learning import qlearning, supervised
from research.learning.environment import Transitions
from research.learning.kinds import KINDS, kind_of, parameters_of
from research.learning.learner import FittedModel, LearningTask, evaluator
from research.learning.samples import samples_of
from research.learning.training import LIMITS_OFF
from shared.models.manifest import ModelLabel
from tests.strategies.models import manifest_of

NUMPY = ("logistic", "qlearning", "linear_dqn")
FRAMEWORK = [
    pytest.param("lightgbm", marks=[pytest.mark.services, pytest.mark.needs("lightgbm")]),
    pytest.param("dqn", marks=[pytest.mark.services, pytest.mark.needs("jax")]),
    pytest.param("lstm", marks=[pytest.mark.services, pytest.mark.needs("jax")]),
]
FEW: dict[str, dict[str, float]] = {
    "qlearning": {"passes": 3}, "linear_dqn": {"passes": 2}, "dqn": {"passes": 3}, "lightgbm": {"trees": 20},
    "lstm": {"passes": 4, "sequence": 8, "hidden": 6, "batch": 64},
}  # fmt: skip


def trending(seed: int, bars: int, strength: float = 0.003) -> CandleSet:
    """Hours whose drift keeps its sign for four days on average."""
    g = np.random.default_rng(seed)
    sign = np.where(np.cumsum(g.random(bars) > 0.99) % 2 == 0, 1.0, -1.0)
    return market(g, bars, strength * sign)


def task_of(kind: str, candles: CandleSet, **more: Any) -> LearningTask:
    label = ModelLabel(KINDS[kind].label, 12, 0.0)
    parameters = {**KINDS[kind].parameters, **FEW.get(kind, {})}
    draft = replace(
        manifest_of(kind), features=feature_set("extended"), label=label, sequence=1, enter=None, leave=None, seed=3
    )
    settings = settings_for(LIMITS_OFF, [candles])
    market_model = MarketModel(maker_pct=0.05, taker_pct=0.05)
    parts = (samples_of(candles, "extended", label),)
    return LearningTask(parts, draft, settings, market_model, parameters, **more)


def grown(kind: str, task: LearningTask, fitted: FittedModel, candles: CandleSet) -> tuple[float, float]:
    """(final equity / cash of what the model holds, time in the market) on candles that it has not seen."""
    later = replace(task, parts=(samples_of(candles, "extended", task.parts[0].label),))
    rows = later.parts[0].rows
    known = np.flatnonzero(np.isfinite(rows).all(axis=1))
    weight = np.full(len(candles), np.nan)
    said = evaluator(task, fitted).wants(np.nan_to_num(rows[known[0] :]))[0]
    weight[known[0] + fitted.sequence - 1 :] = said
    result = supervised.exposure.run_exposure(
        supervised.engine.prepare([candles]), [weight], later.settings, later.market
    )
    return float(result.equity[-1] / later.market.cash), float((result.held > 0).mean())


@pytest.mark.parametrize("kind", [*NUMPY, *FRAMEWORK])
def test_a_market_that_goes_on_is_found(kind: str) -> None:
    task = task_of(kind, trending(1, 4_000))
    fitted = kind_of(kind).learner()(task)
    final, time_in = grown(kind, task, fitted, trending(2, 3_000))
    assert final > 3.0 and 0.15 < time_in < 0.85, (final, time_in)


@pytest.mark.parametrize("kind", ["linear_dqn", "qlearning"])
def test_where_fees_eat_everything_nothing_is_held(kind: str) -> None:
    """A falling random walk at 3 % a trade: whoever learned of costs stays out of it nearly always."""
    candles = market(np.random.default_rng(4), 4_000, -0.001)
    task = replace(task_of(kind, candles), market=MarketModel(maker_pct=3.0, taker_pct=3.0))
    fitted = kind_of(kind).learner()(task)
    final, time_in = grown(kind, task, fitted, market(np.random.default_rng(5), 3_000, -0.001))
    assert final > 0.8 and time_in < 0.1


def test_bounds_are_never_where_nothing_earns() -> None:
    candles = market(np.random.default_rng(6), 3_000, -0.001)
    told: list[dict[str, str]] = []

    def tried(result: RawResult, point: Any) -> None:
        told.append(dict(point))
        assert result.equity[-1] >= 10_000.0

    task = replace(task_of("logistic", candles, tried=tried), market=MarketModel(taker_pct=3.0))
    fitted = kind_of("logistic").learner()(task)
    assert (fitted.enter, fitted.leave, fitted.fits) == (2.0, 1.0, 2)
    assert told == [{"ENTER": "2", "LEAVE": "1", "PART": "inner"}]
    assert grown("logistic", task, fitted, candles) == (1.0, 0.0)


@pytest.mark.parametrize("kind", [*NUMPY, *FRAMEWORK])
def test_equal_seeds_give_equal_models_and_files_hold_them(kind: str) -> None:
    candles = trending(7, 1_500)
    first, second = (kind_of(kind).learner()(task_of(kind, candles)) for _ in range(2))
    assert (first.enter, first.leave) == (second.enter, second.leave)
    back = read_arrays({name: write_array(array) for name, array in first.arrays.items()})
    for name, array in first.arrays.items():
        assert np.array_equal(array, second.arrays[name]) and np.array_equal(back[name], array)


def test_a_step_of_q_learning_is_the_textbooks() -> None:
    table, visits = np.array([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]), np.zeros((2, 4), dtype=np.int64)
    visits[0, 1] = 3
    seen = Transitions(np.array([0]), np.array([0], np.int8), np.array([1], np.int8), np.array([0.5]))
    qlearning.update(table, visits, np.array([0, 1]), seen, 0.9, 0.1)
    # In cell 0, held nothing, buys: 1/4 of the way to 0.5 + 0.9 * max(6, 7), the values of cell 1 for one who holds.
    assert table[0].tolist() == [0.0, pytest.approx(1.0 + 0.25 * (0.5 + 0.9 * 7.0 - 1.0)), 2.0, 3.0]
    assert visits[0, 1] == 4 and table[1].tolist() == [4.0, 5.0, 6.0, 7.0]


def test_too_little_to_learn_from_is_an_error() -> None:
    for kind in NUMPY:
        with pytest.raises(ResearchError, match="too few"):
            kind_of(kind).learner()(task_of(kind, trending(1, 150)))


def test_kinds_and_parameters_by_name() -> None:
    with pytest.raises(Misused, match="--kind oracle: one of logistic, lightgbm, qlearning, linear_dqn, dqn, lstm"):
        kind_of("oracle")
    assert parameters_of(KINDS["lightgbm"], {"trees": "7"})["trees"] == 7.0
    for given, said in (({"trees": "x"}, "is no number"), ({"leaves": "3"}, "lightgbm has trees, depth"),
                        ({"rate": "nan"}, "out of range")):  # fmt: skip
        with pytest.raises(Misused, match=said):
            parameters_of(KINDS["lightgbm"], given)
