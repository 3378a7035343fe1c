"""The reports of a sweep and of a walk forward in a real browser, at two sizes; what they say of training and test."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.research.market import minutes
from bench.research.workloads import B_SETTINGS, MODEL
from research import walkforward as wf
from research.backtest import BacktestRequest
from research.data import store
from research.data.candles import CandleSet
from research.engine import Style
from research.metrics.summary import by_key, figures
from research.report import split as sp
from research.report import sweep as sweep_report
from research.report import walkforward as walk_report
from research.sweep import points as pt
from research.sweep import run
from tests.conftest import chromium
from tests.research.paths import path

SIZES = [(1440, 900, "light"), (390, 844, "dark")]
GRID = ("TAKE_PROFIT_PCT=0.6,1.2,1.8", "STOP_LOSS_PCT=2,4,1000", "PYRAMID_MIN_ADVERSE_PCT=0.5,1.5")


@pytest.fixture(scope="module")
def candles() -> CandleSet:
    return minutes().rows(0, 60_000)


@pytest.fixture(scope="module")
def swept(candles: CandleSet, tmp_path_factory: pytest.TempPathFactory) -> run.Swept:
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "candles").mkdir()
    store.save(folder, "bench", candles)
    axes = pt.parse(GRID)
    request = BacktestRequest(("bench",), B_SETTINGS, MODEL)
    return run.run(folder, run.SweepPlan(request, axes, tuple(pt.all_points(axes)), jobs=2))


@pytest.fixture(scope="module")
def walked(candles: CandleSet) -> tuple[wf.WalkForwardPlan, wf.Walked]:
    points = tuple(pt.all_points(pt.parse(GRID[:2])))
    plan = wf.WalkForwardPlan(
        BacktestRequest(("bench",), B_SETTINGS, MODEL), points, 8 * 86_400, 4 * 86_400, purge_s=3600, jobs=2
    )
    first, end = int(candles.start_s[0]), int(candles.start_s[-1]) + 60
    return plan, wf.walk_on([candles], plan, wf.windows(first, end, plan))


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield made
        made.close()


def opened(browser: Any, file: Path, size: tuple[int, int, str]) -> tuple[Any, list[str]]:
    wide, tall, scheme = size
    page = browser.new_page(viewport={"width": wide, "height": tall}, color_scheme=scheme)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    began = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-state=ready]")
    assert time.perf_counter() - began < 8  # two seconds on an idle machine; tests share theirs
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
    return page, problems


def painted(page: Any, name: str) -> int:
    return int(page.evaluate(
        "(n) => { const c = document.getElementById(n); return c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data.filter((v, i) => i % 4 === 3 && v).length; }", name
    ))  # fmt: skip


@pytest.mark.browser
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("size", SIZES)
def test_a_sweep(size: tuple[int, int, str], swept: run.Swept, candles: CandleSet, browser: Any) -> None:
    file = sweep_report.write_report(swept, [candles])
    assert file.stat().st_size < 5_000_000
    page, problems = opened(browser, file, size)
    for name in ("heat", "around", "split", "lines"):
        page.locator(f"#{name}").scroll_into_view_if_needed()
        assert painted(page, name) > 800, name
    assert "18 points on the data before" in page.inner_text("#split-card")
    assert page.locator("#best tbody tr").count() == min(25, len(swept.ranked()))
    page.select_option("#x", "STOP_LOSS_PCT")
    page.hover("#heat", position={"x": 120, "y": 60})
    assert "STOP_LOSS_PCT" in page.inner_text("#heat-tip")
    assert problems == []
    page.close()


@pytest.mark.browser
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("size", SIZES)
def test_a_walk_forward(
    size: tuple[int, int, str], walked: tuple[wf.WalkForwardPlan, wf.Walked], tmp_path: Path, browser: Any
) -> None:
    plan, found = walked
    file = walk_report.write_report(tmp_path, plan, found)
    assert file.stat().st_size < 5_000_000 and file.with_name("windows.json").exists()
    page, problems = opened(browser, file, size)
    for name in ("growth", "against", "chosen"):
        page.locator(f"#{name}").scroll_into_view_if_needed()
        assert painted(page, name) > 800, name
    assert page.locator("#windows tbody tr").count() == len(found.windows) >= 5
    said = page.inner_text("main").replace("\u2212", "-")
    assert f"{(found.growth[-1] - 1) * 100:+,.2f}" in said
    assert problems == []
    page.close()


def test_a_window_without_a_choice_is_said(walked: tuple[wf.WalkForwardPlan, wf.Walked]) -> None:
    plan, found = walked
    empty = wf.WalkForwardWindow(
        *(getattr(found.windows[0], name) for name in ("train_from", "train_to", "test_from", "test_to"))
    )
    page = walk_report.page(plan, wf.Walked((empty,), np.array([1.0]), None))
    assert '"chosen":null' in page and "All tests" not in page.split("<script")[0].split("—")[0]


def test_the_split_runs_each_half_as_if_it_stood_alone(candles: CandleSet, swept: run.Swept) -> None:
    found = sp.split(swept, [candles])
    assert found is not None and len(found.rows) == len(swept.ranked())
    first, end = int(candles.start_s[0]), int(candles.start_s[-1]) + 1
    assert found.at_s == first + round((end - first) * 2 / 3)
    point, _, test = found.rows[0]
    step = wf.WalkForwardWindow(first, found.at_s, found.at_s, end)
    alone = wf.test([candles], swept.plan.request, point, step)
    assert alone is not None
    assert test == by_key(figures(alone, chances=False))["sharpe"]


def test_rank_correlation() -> None:
    rows = lambda pairs: tuple(({}, a, b) for a, b in pairs)  # noqa: E731
    assert sp.Split(0, rows([(1, 5), (2, 6), (3, 9)])).rank_correlation() == pytest.approx(1.0)
    assert sp.Split(0, rows([(1, 9), (2, 6), (3, 5)])).rank_correlation() == pytest.approx(-1.0)
    assert sp.Split(0, rows([(1, 1), (1, 2), (2, 3), (3, 1)])).rank_correlation() == pytest.approx(0.0, abs=0.2)
    assert sp.Split(0, rows([(1, 2), (2, 3)])).rank_correlation() is None
    assert sp.Split(0, rows([(1, 2), (1, 3), (1, 4)])).rank_correlation() is None


def test_too_short_for_two_parts() -> None:
    few = path(np.random.default_rng(3), 120)
    axes = pt.parse(("MA_FAST=2,3",))
    request = BacktestRequest(("few",), {"STRATEGY": "sma_cross", "MA_SLOW": "5"}, MODEL, Style.LOTS)
    short = run.Swept(run.SweepPlan(request, axes, tuple(pt.all_points(axes))), Path("."), (), 0)
    assert sp.split(short, [few]) is None
    page = sweep_report.page(short, None)
    assert '"split":null' in page


def test_many_points_are_thinned_to_the_best_and_some_of_every_rank() -> None:
    ranked = [{"point": {"A": str(i)}, "figures": {"sharpe": -i}} for i in range(1000)]
    kept = sp.chosen(ranked)
    assert len(kept) == sp.MOST and kept[: sp.MOST // 2] == ranked[: sp.MOST // 2] and kept[-1] == ranked[-1]
    assert sp.chosen(ranked[:50]) == ranked[:50]
