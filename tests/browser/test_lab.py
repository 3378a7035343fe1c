"""The Lab in a real browser with a real COIN-LAB: a slider moves the curve, a run is kept, a file asks first."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from research.data import store
from shared.lab_files import LabFolder
from tests.browser.conftest import Running, Visitor
from tests.browser.test_access import AXE, findings
from tests.browser.test_steady import SHIFTS
from tests.conftest import ROOT
from tests.lab_worker.conftest import NAME, candles
from tests.lab_worker.test_jobs import table

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
SLOW_MS = 180_000  # the first process of a version compiles, behind everything else on the machine


@pytest.fixture
def lab_site(running: Callable[..., Running]) -> Iterator[Running]:
    """A dashboard with candles, and COIN-LAB beside it: PM2, which starts it elsewhere, is not there."""
    here = running()
    (here.folder / "candles").mkdir()
    store.save(here.folder, NAME, candles())
    LabFolder(here.paths).show_up()  # somebody is about to try something: else it would end at once
    env = {key: value for key, value in os.environ.items() if not key.startswith("STRATEGY")}
    process = subprocess.Popen(
        [sys.executable, "-m", "lab_worker"], cwd=ROOT, env=env | {"DATA_DIR": str(here.folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield here
    process.send_signal(signal.SIGINT)
    process.wait(30)


def until(page: Page, expression: str) -> None:
    """Wait for it from here: the page's own policy lets nothing be evaluated in a loop of its own."""
    for _ in range(SLOW_MS // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def test_a_slider_a_kept_run_a_sweep_and_two_runs_over_each_other(
    lab_site: Running, visit: Callable[..., Visitor]
) -> None:
    v = visit(lab_site)
    page = v.go("/lab")
    page.wait_for_selector(f"#lab-sets b:text-is('{NAME}')", timeout=SLOW_MS)
    page = v.go("/lab")  # the form was drawn before the set was listed
    page.select_option("[name=strategy]", "sma_cross")
    until(page, "performance.getEntriesByName('lab-curve').length > 0")
    before = page.get_attribute("#pl-new", "d")
    page.focus("#r-TAKE_PROFIT_PCT")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('#pl-new').getAttribute('d') !== {json.dumps(before)}")
    assert page.input_value("[name='s.TAKE_PROFIT_PCT']") == "2.3"
    assert "NOT KEPT" in page.inner_text("#lab-verdict") and "while holding" in page.inner_text("#lab-verdict")
    assert not (lab_site.folder / "research").exists(), "a moved slider keeps nothing"

    page.click("button[value=run]")
    page.wait_for_selector("#lab-verdict a:text('Report of this run')", timeout=SLOW_MS)
    page.click("#lab-verdict a")
    assert "while holding" in page.inner_text("#run-all h2")
    with v.context.expect_page() as opened:
        page.click("a:text('Whole report')")
    opened.value.wait_for_load_state()
    assert opened.value.locator("svg, canvas").count() > 0, "the report draws itself inside its sandbox"

    page = v.go("/lab")
    page.click("summary:text('Sweep and walk-forward')")
    page.fill("[name=values1]", "1.5,2.5")
    page.fill("[name=values2]", "0.2,0.4")
    page.click("button[value=sweep]")
    page.wait_for_selector("#lab-runs a:text('Open what it found')", timeout=SLOW_MS)
    page.wait_for_selector("#lab-runs .tagv:has-text('DONE')", timeout=SLOW_MS)
    page.click("#lab-runs a:text('Open what it found')")
    assert page.locator("#job-found .hm2 td a").count() == 4
    page.click("#job-found .hm2 td >> nth=1")
    until(page, "performance.getEntriesByName('lab-curve').length > 0")
    assert page.input_value("[name='s.TAKE_PROFIT_PCT']") == "2.5" and "point" in page.inner_text(".formc header")
    page.click("button[value=run]")
    page.wait_for_selector("#lab-verdict a:text('Report of this run')", timeout=SLOW_MS)
    for box in page.locator("#lab-runs input.ch").all():
        box.check()
    page.click("button:text('Compare the two ticked')")
    assert "TRAIL_DISTANCE_PCT" in page.inner_text("#cmp-all") or "TAKE_PROFIT_PCT" in page.inner_text("#cmp-all")
    assert v.trouble == [] and v.asked == {f"127.0.0.1:{lab_site.port}"}


def test_a_dropped_file_is_shown_before_it_is_imported(
    lab_site: Running, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    v = visit(lab_site)
    page = v.go("/lab")
    dropped = tmp_path / "ETH-USD_1m.csv"
    dropped.write_text(table(frozenset({300, 301})))
    page.set_input_files("#drop-file", dropped)
    page.wait_for_selector("#lab-sets button:text('Import without them')", timeout=SLOW_MS)
    said = page.inner_text("#lab-sets")
    assert "ETH-USD_1m.csv" in said and "578 bars" in said and "asks first" in said
    assert not (lab_site.folder / "candles" / "ETH-USD_1m.parquet").exists()
    page.click("#lab-sets button:text('Import without them')")
    page.wait_for_selector("#lab-sets b:text-is('ETH-USD_1m')", timeout=SLOW_MS)
    assert (lab_site.folder / "candles" / "ETH-USD_1m.parquet").exists() and v.trouble == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_the_lab_has_no_serious_finding_and_nothing_moves(
    lab_site: Running, visit: Callable[..., Visitor], theme: str, width: int
) -> None:
    v = visit(lab_site, color_scheme=theme, viewport={"width": width, "height": 900})
    v.go("/lab").wait_for_selector(f"#lab-sets b:text-is('{NAME}')", timeout=SLOW_MS)
    assert findings(v, "/lab") == []
    v.context.add_init_script(SHIFTS)
    page = v.go("/lab")
    page.wait_for_timeout(1800)
    found = page.evaluate("window.shifts")
    assert sum(s["value"] for s in found) < 0.005, found
    assert page.evaluate("document.documentElement.scrollWidth") <= width
