"""The report in a real browser: a year of minutes in one file of at most 5 MB, usable at two sizes, nothing fetched."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bench.research.market import minutes
from bench.research.workloads import B_SETTINGS, MODEL
from research import backtest, runs
from research.data import store
from research.engine import FillTiming
from research.loops import types as t
from research.metrics.summary import Metric
from research.report import words
from tests.conftest import chromium


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, backtest.Backtest, runs.StoredRun]:
    folder = tmp_path_factory.mktemp("research")
    store.save(folder, "year", minutes())
    settings = {**B_SETTINGS, "TAKE_PROFIT_PCT": "0.9", "SCALP_TP_MIN_PCT": "0.5", "STOP_LOSS_PCT": "3"}
    done = backtest.run(folder, backtest.BacktestRequest(("year",), settings, MODEL))
    return folder, done, runs.keep(folder, done)


def test_small_and_whole(kept: tuple[Path, backtest.Backtest, runs.StoredRun]) -> None:
    _, done, run = kept
    page = (run.folder / "report.html").read_text()
    assert len(page.encode()) <= 5_000_000
    assert "http://" not in page and "https://" not in page and "default-src 'none'" in page
    rows = (run.folder / "trades.csv").read_text().splitlines()
    assert len(rows) == len(done.result.ints) + 1 > 200


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield made
        made.close()


@pytest.mark.browser
@pytest.mark.needs("chromium")
@pytest.mark.parametrize(("wide", "tall", "scheme"), [(1440, 900, "light"), (390, 844, "dark")])
def test_in_a_browser(
    kept: tuple[Path, backtest.Backtest, runs.StoredRun], browser: Any, wide: int, tall: int, scheme: str
) -> None:
    _, done, run = kept
    page = browser.new_page(viewport={"width": wide, "height": tall}, color_scheme=scheme)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    began = time.perf_counter()
    page.goto(run.folder.joinpath("report.html").as_uri())
    page.wait_for_selector("body[data-state=ready]")
    # Two seconds on an idle machine; tests share theirs.
    assert time.perf_counter() - began < 8
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # What was unpacked in the page is what was packed.
    last = page.evaluate(
        "(() => { const p = charts[0].data; return [p.n, p.t[p.n - 1], p.c[p.n - 1], p.h[7], p.l[7]]; })()"
    )
    prepared = done.result.prepared
    assert last[0] * page.evaluate("charts[0].data.bars") >= len(prepared.start_s)
    if page.evaluate("charts[0].data.bars") == 1:
        o, h, low, c = (column.tolist() for column in prepared.ticks)
        assert last == [len(c), int(prepared.start_s[-1]), c[-1], h[7], low[7]] and o
    lots = len(done.result.ints)
    assert f"{lots:,} lots" in page.inner_text("#page")
    page.select_option("#only", "stop")
    stops = int((done.result.ints[:, t.T_REASON] == 1).sum())
    assert f"{stops:,} lots" in page.inner_text("#page")
    page.focus("#price")
    before = page.evaluate("view.to - view.from")
    for _ in range(12):
        page.keyboard.press("ArrowUp")
    assert page.evaluate("view.to - view.from") < before / 100
    page.keyboard.press("0")
    assert page.evaluate("view.to - view.from") == before
    painted = page.evaluate(
        "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length)"
        "(document.getElementById('price'))"
    )
    assert painted > 2000
    assert problems == []
    page.close()


def test_kept_runs_are_asked_again(kept: tuple[Path, backtest.Backtest, runs.StoredRun]) -> None:
    folder, done, run = kept
    found = runs.find(folder, "last")
    assert found.run_id == run.run_id
    again = runs.request_of(found.about["request"])
    assert again == done.request and isinstance(again.model.fill, FillTiming)
    repeated = backtest.run(folder, again)
    assert {f.key: f.value for f in repeated.figures} == found.about["figures"]


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Metric("total_return", "", -0.1234, "percent"), "\u221212.34\u00a0%"),
        (Metric("total_return", "", 0.00001, "percent"), "0.00\u00a0%"),
        (Metric("fees", "", 1234.5, "money"), "1,234.50\u00a0USD"),
        (Metric("expectancy", "", 3.0, "money"), "+3.00\u00a0USD"),
        (Metric("drawdown_s", "", 273_900, "span"), "3\u00a0d\u00a04\u00a0h"),
        (Metric("sharpe", "", None, "ratio"), "—"),
        (Metric("lots", "", 1672, "count"), "1,672"),
    ],
)
def test_words(figure: Metric, text: str) -> None:
    assert words.figure_text(figure) == text
