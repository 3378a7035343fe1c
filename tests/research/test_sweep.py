"""Sweeps: the points asked for, the same table on one core, two, processes and Ray, and after a kill half-way."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from research import walkforward as wf
from research.backtest import BacktestRequest
from research.data import store
from research.engine import MarketModel
from research.errors import ResearchError
from research.sweep import points, run
from shared.paths import ROOT
from tests.research.paths import path

MODEL = MarketModel(maker_pct=0.05, taker_pct=0.1)
REQUEST = BacktestRequest(("mine",), {"EDGE_GATE": "false", "STRATEGY": "sma_cross", "MAX_DRAWDOWN_PCT": "0"}, MODEL)
GRID = points.parse(["TAKE_PROFIT_PCT=0.8:2:0.4", "MA_FAST=5,9", "MA_SLOW=9,20"])
ENGINES = [("threads", 1), ("threads", 2), ("processes", 2)]
if importlib.util.find_spec("ray"):
    ENGINES.append(("ray", 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(tmp_path, "mine", path(np.random.default_rng(1), 3000, sigma=0.002))
    return tmp_path


def plan(engine: str = "threads", jobs: int = 1) -> run.SweepPlan:
    return run.SweepPlan(REQUEST, GRID, tuple(points.all_points(GRID)), "sharpe", engine, jobs)


def test_grids() -> None:
    grid = points.parse(["a=1.0:3.0:0.1", "B=x, y"])
    assert len(grid["A"]) == 21 and grid["A"][-1] == "3.0" and grid["B"] == ("x", "y")
    every = points.all_points(grid)
    assert len(every) == 42 and every[1] == {"A": "1.0", "B": "y"}
    assert [points.at(grid, i) for i in range(42)] == every
    some = points.random_points(grid, 10, seed=3)
    assert some == points.random_points(grid, 10, seed=3) != points.random_points(grid, 10, seed=4)
    assert len({points.key_of(point) for point in some}) == 10
    for wrong in (["A"], ["A="], ["A=1:0:1"], ["A=0:1:0"], ["A=1,2", "A=3"], ["A=0:1:1e-9"]):
        with pytest.raises(ResearchError):
            points.parse(wrong)


@pytest.mark.parametrize(("engine", "jobs"), ENGINES)
def test_the_same_table_everywhere(folder: Path, engine: str, jobs: int) -> None:
    alone = run.run(folder, plan())
    wanted = (alone.folder / "table.csv").read_bytes()
    shutil.rmtree(alone.folder)
    other = run.run(folder, plan(engine, jobs))
    assert other.resumed == 0 and other.folder == alone.folder
    assert (other.folder / "table.csv").read_bytes() == wanted
    contradictory = [row for row in other.rows if "error" in row]
    assert len(contradictory) == 4 and all("MA_FAST" in row["error"] for row in contradictory)
    assert len({row["figures"]["final_equity"] for row in other.rows if "figures" in row}) > 6


def stop_at(count: int) -> Callable[[int, int], None]:
    """Ctrl-C once so many are done."""

    def step(done: int, _total: int) -> None:
        if done == count:
            raise KeyboardInterrupt

    return step


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_what_is_finished(folder: Path, jobs: int) -> None:
    asked = plan(jobs=jobs)
    swept = run.run(folder, asked, stop_at(3))
    assert len(swept.rows) == 3 and len((swept.folder / "table.csv").read_text().splitlines()) == 4
    again = run.run(folder, asked)
    assert again.resumed == 3 and len(again.rows) == len(asked.points)


def test_a_killed_sweep_goes_on(folder: Path) -> None:
    axes = ["TAKE_PROFIT_PCT=0.5:3:0.05", "MA_FAST=5:20:1", "MA_SLOW=25,30"]
    sets = [f"{key}={value}" for key, value in REQUEST.overrides.items()]
    command = [sys.executable, "-m", "cli", "sweep", "--data", "mine", "--engine", "threads", "--jobs", "1",
               "--maker-pct", "0.05", "--taker-pct", "0.1"]  # fmt: skip
    for text in axes:
        command += ["--grid", text]
    for text in sets:
        command += ["--set", text]
    env = {**os.environ, "DATA_DIR": str(folder)}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    journal: list[Path] = []
    while time.monotonic() < deadline and not (journal and journal[0].read_bytes().count(b"\n") > 20):
        journal = list(folder.glob("research/sweeps/*/points.jsonl"))
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with journal[0].open("ab") as file:
        file.write(b'{"point":{"TAKE_PROF')  # what a kill in the middle of a write leaves
    done = journal[0].read_bytes().count(b"\n")
    grid = points.parse(axes)
    every = tuple(points.all_points(grid))
    assert 20 < done < len(every)
    whole = run.SweepPlan(REQUEST, grid, every, "sharpe", "threads", 2)
    resumed = run.run(folder, whole)
    assert resumed.resumed == done and resumed.folder == journal[0].parent
    table = (resumed.folder / "table.csv").read_bytes()
    shutil.rmtree(resumed.folder)
    fresh = run.run(folder, whole)
    assert fresh.resumed == 0 and (fresh.folder / "table.csv").read_bytes() == table


def test_other_data_or_settings_are_another_sweep(folder: Path) -> None:
    first = run.run(folder, plan())
    store.save(folder, "mine", path(np.random.default_rng(2), 3000, sigma=0.002))
    assert run.run(folder, plan()).folder != first.folder


def test_wrong_questions_are_refused(folder: Path) -> None:
    with pytest.raises(ResearchError, match="did you mean TAKE_PROFIT_PCT"):
        grid = points.parse(["TAKE_PROFIT=1,2"])
        run.run(folder, run.SweepPlan(REQUEST, grid, tuple(points.all_points(grid))))
    with pytest.raises(ResearchError, match="metric"):
        run.run(folder, run.SweepPlan(REQUEST, GRID, plan().points, "luck"))


DAY = 86_400


def test_windows_keep_apart_what_must_not_touch() -> None:
    plan = wf.WalkForwardPlan(REQUEST, (), 10 * DAY, 3 * DAY, DAY, 3600)
    steps = wf.windows(0, 20 * DAY, plan)
    assert [(s.train_from // DAY, s.train_to // DAY, s.test_to // DAY) for s in steps] == [
        (0, 9, 13), (3, 12, 16), (6, 15, 19),
    ]  # fmt: skip
    assert all(s.test_from - s.train_to == DAY + 3600 for s in steps)
    assert wf.windows(0, 20 * DAY, wf.WalkForwardPlan(REQUEST, (), 10 * DAY, 3 * DAY, anchored=True))[2].train_from == 0
    with pytest.raises(ResearchError, match="too short"):
        wf.windows(0, 5 * DAY, plan)
    with pytest.raises(ResearchError, match="purge"):
        wf.windows(0, 30 * DAY, wf.WalkForwardPlan(REQUEST, (), 10 * DAY, 3 * DAY, 11 * DAY))


def test_what_comes_later_changes_no_window() -> None:
    """The choice and the result of a window stay as they are when everything after it is another market."""
    g = np.random.default_rng(5)
    candles = path(g, 6000, sigma=0.002)
    first, gran = int(candles.start_s[0]), 60
    plan = wf.WalkForwardPlan(REQUEST, tuple(points.all_points(GRID)), 2000 * gran, 1000 * gran, 60 * gran)
    steps = wf.windows(first, int(candles.start_s[-1]) + gran, plan)
    assert len(steps) >= 3
    walked = wf.walk_on([candles], plan, steps)
    assert all(window.chosen is not None for window in walked.windows)
    cut = int(np.searchsorted(candles.start_s, steps[1].test_to))
    other = path(g, 6000, sigma=0.004)
    columns = [np.concatenate([getattr(candles, c)[:cut], getattr(other, c)[: len(candles) - cut]])
               for c in ("open", "high", "low", "close", "volume")]  # fmt: skip
    changed = type(candles)("BTC-USD", 60, candles.start_s, *columns)
    again = wf.walk_on([changed], plan, steps)
    assert again.windows[:2] == walked.windows[:2] and again.windows[2] != walked.windows[2]
    assert walked.growth[-1] == pytest.approx(np.prod([1 + w.tested["total_return"] for w in walked.windows]))  # type: ignore[operator]


def test_ctrl_c_keeps_the_windows_that_are_done() -> None:
    candles = path(np.random.default_rng(5), 6000, sigma=0.002)
    plan = wf.WalkForwardPlan(REQUEST, tuple(points.all_points(GRID))[:2], 2000 * 60, 1000 * 60)
    steps = wf.windows(int(candles.start_s[0]), int(candles.start_s[-1]) + 60, plan)
    walked = wf.walk_on([candles], plan, steps, stop_at(2))
    assert len(walked.windows) == 2 < len(steps) and len(walked.growth) == 3
