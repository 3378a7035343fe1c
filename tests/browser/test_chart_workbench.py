"""The chart workbench in a real browser: keys, older bars, what is drawn by choice."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from shared.market_data import CandleRow, open_market_writer, put_candles
from tests.browser.conftest import Running, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
BARS = 6_000


def long_past(path: Path, bars: int = BARS) -> None:
    """Minutes of BTC-USD back from the newest one, none missing."""
    now_s = int(time.time()) // 60 * 60
    db = open_market_writer(path)
    rows = [
        CandleRow(now_s - 60 * i, 113_000 + i % 97, 113_100 + i % 97, 112_900, 113_000 + i % 89, 1.0 + i % 7)
        for i in range(1, bars + 1)
    ]
    put_candles(db, "BTC-USD", "ONE_MINUTE", rows)
    db.close()


def drawn(v: Visitor, path: str = "/chart?product=BTC-USD") -> Page:
    page = v.go(path)
    page.wait_for_selector("#ch-box [tabindex]")
    return page


def test_the_keys_read_the_bars_and_go_back_as_far_as_there_are_any(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running("moving")
    long_past(here.paths.market_db)
    v = visit(here)
    page = drawn(v)
    page.focus("#ch-box [tabindex]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#ch-hover:not([hidden])")
    first = page.inner_text("#ch-hover")
    assert all(f"{word} " in first for word in "OHLC") and "%" in first
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#ch-hover") != first
    page.keyboard.press("Escape")
    page.wait_for_selector("#ch-hover", state="hidden")
    oldest = "document.querySelector('#ch-box').coin.store.bars[0][0]"
    with sqlite3.connect(here.paths.market_db) as db:
        (wanted,) = db.execute(
            "SELECT min(start_s) FROM candles WHERE product_id='BTC-USD' AND granularity='ONE_MINUTE'"
        ).fetchone()
    for _ in range(200):
        page.keyboard.press("PageUp")
        page.wait_for_timeout(30)
        if page.evaluate(oldest) == wanted:
            break
    assert page.evaluate(oldest) == wanted
    for _ in range(40):
        page.keyboard.press("PageUp")
        page.wait_for_timeout(30)
    held = page.evaluate(
        "(() => { const c = document.querySelector('#ch-box').coin, from = c.chart.timeScale()"
        ".getVisibleLogicalRange().from;"
        " return [c.store.bars.length, c.rows.length, from, c.times[0], c.lines[0].series.data()[0].time]; })()"
    )
    assert held[0] >= BARS and held[1] < 4_000, "the library holds what is near the view"
    assert held[2] > -60 * 2 and held[3] == wanted, "the view ends where the bars do"
    assert held[4] == wanted + 9 * 60, "the average of 10 begins with the tenth bar of all"
    page.keyboard.press("End")
    page.wait_for_timeout(400)
    box = page.evaluate(
        "(() => { const c = document.querySelector('#ch-box').coin; return [c.toEnd, c.times.at(-1)]; })()"
    )
    assert box[0] and box[1] > time.time() - 180, "and back to the newest one"
    assert v.trouble == []


def test_what_is_drawn_is_chosen_and_remembered(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    v = visit(running("moving"))
    page = drawn(v)
    assert "SMA 30" in page.inner_text("#ch-key")
    before = page.evaluate("document.querySelector('#ch-box').coin.chart.panes().length")
    page.click("#ch-tools summary:has-text('Indicators')")
    page.click("#ch-ind label:has-text('SMA 30')")
    page.click("#ch-ind label:has-text('Shut gates')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#ch-ind", state="hidden")
    assert "SMA 30" not in page.inner_text("#ch-key") and "SMA 10" in page.inner_text("#ch-key")
    page = drawn(v)
    page.wait_for_timeout(500)
    assert "SMA 30" not in page.inner_text("#ch-key")
    assert page.evaluate("document.querySelector('#ch-box').coin.chart.panes().length") == before - 1
    assert v.trouble == []
