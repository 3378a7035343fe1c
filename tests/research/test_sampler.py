"""Optuna's samplers: equal seeds give equal points, also after a stop half-way; several objectives give a front."""

from pathlib import Path

import numpy as np
import pytest

from research.data import store
from research.errors import Misused, ResearchError
from research.lab.trials import TrialRegistry
from research.sweep import points, sampler
from research.sweep.run import SweepPlan, Swept
from research.sweep.sampler import SweepSampler
from tests.research.paths import path
from tests.research.test_sweep import REQUEST, stop_at

AXES = ["TAKE_PROFIT_PCT=0.5:4:0.1", "MA_FAST=3:12:1", "MA_SLOW=13:40:1", "TAKE_PROFIT_ORDER=limit,market"]
GRID = points.parse(AXES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(tmp_path, "mine", path(np.random.default_rng(1), 3000, sigma=0.002))
    return tmp_path


def silent(_done: int, _of: int) -> None:
    """Nobody watches."""


def asked(metric: str = "sharpe", *others: str) -> SweepPlan:
    return SweepPlan(REQUEST, GRID, (), metric, others=others)


def chosen(swept: Swept) -> list[str]:
    return [points.key_of(row["point"]) for row in swept.rows]


@pytest.mark.parametrize(("how", "others"), [(SweepSampler.TPE, ()), (SweepSampler.NSGA, ("max_drawdown",))])
def test_a_stopped_one_goes_on_as_if_it_never_was(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, how: SweepSampler, others: tuple[str, ...]
) -> None:
    first = sampler.run_sampled(folder, asked("sharpe", *others), how, 60, stop_at(25))
    assert 15 < len(first.rows) <= 25
    again = sampler.run_sampled(folder, asked("sharpe", *others), how, 60, silent)
    assert again.resumed == len(first.rows) and again.folder == first.folder
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    store.save(elsewhere, "mine", path(np.random.default_rng(1), 3000, sigma=0.002))
    whole = sampler.run_sampled(elsewhere, asked("sharpe", *others), how, 60, silent)
    assert whole.resumed == 0 and chosen(again) == chosen(whole)
    assert (again.folder / "table.csv").read_bytes() == (whole.folder / "table.csv").read_bytes()
    ran = sum("figures" in row for row in whole.rows)
    assert len(TrialRegistry(folder).read().trials) == len(TrialRegistry(elsewhere).read().trials) == ran


def test_it_learns_where_the_good_points_are(folder: Path) -> None:
    swept = sampler.run_sampled(folder, asked("total_return"), SweepSampler.TPE, 120, silent)
    values = [row["figures"]["total_return"] for row in swept.rows]
    assert np.mean(values[-40:]) > np.mean(values[:40]) and len(values) > 60


def test_the_front_is_what_no_other_point_beats(folder: Path) -> None:
    swept = sampler.run_sampled(folder, asked("total_return", "max_drawdown"), SweepSampler.NSGA, 60, silent)
    figures = {points.key_of(row["point"]): row["figures"] for row in swept.rows}
    pairs = {key: (found["total_return"], found["max_drawdown"]) for key, found in figures.items()}
    front = {points.key_of(row["point"]) for row in swept.front()}
    beaten = {
        key for key, own in pairs.items()
        if any(a >= own[0] and b >= own[1] and (a, b) != own for a, b in pairs.values())
    }  # fmt: skip
    assert front == pairs.keys() - beaten and front


def test_what_is_refused(folder: Path) -> None:
    with pytest.raises(Misused, match="grid, random, tpe, nsga"):
        sampler.checked("best")
    with pytest.raises(ResearchError, match="--metric luck"):
        sampler.run_sampled(folder, asked("sharpe", "luck"), SweepSampler.TPE, 5, silent)
