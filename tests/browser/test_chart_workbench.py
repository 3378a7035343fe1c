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


def test_a_drawing_is_kept_for_its_product_and_can_be_deleted(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    v = visit(running("moving"))
    page = drawn(v)
    page.click("#ch-tools summary:has-text('Draw')")
    page.click("#ch-draw [data-tool=level]")
    box = page.locator("#ch-box canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 200, box["y"] + 60)
    page.wait_for_selector("#ch-say:has-text('Level drawn')")
    # And by the keys alone: two points of a line, with a note's text typed before it is placed.
    page.click("#ch-tools summary:has-text('Draw')")
    page.focus("#ch-draw [data-tool=trend]")
    page.keyboard.press("Enter")
    for key in ("ArrowLeft", "ArrowUp", "Enter", *["ArrowLeft"] * 4, "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("#ch-say:has-text('Trend line drawn')")
    page.click("#ch-tools summary:has-text('Draw')")
    page.fill("#ch-note", "<b>Look</b> here")
    page.click("#ch-draw [data-tool=note]")
    page.mouse.click(box["x"] + 250, box["y"] + 90)
    page.wait_for_selector("#ch-say:has-text('Note drawn')")
    page = drawn(v)
    page.click("#ch-tools summary:has-text('Draw')")
    rows = page.locator("#ch-drawn li")
    assert [text.split(",")[0] for text in rows.locator("span").all_inner_texts()] == [
        "Level", "Trend line", "Note “<b>Look</b> here”",
    ]  # fmt: skip
    page.click("#ch-drawn li:has-text('Trend line') button")
    assert rows.count() == 2
    page = drawn(v, "/chart?product=ETH-USD")
    assert page.locator("#ch-drawn li").count() == 0, "those of another product are its own"
    assert drawn(v).locator("#ch-drawn li").count() == 2
    assert v.trouble == []


GRIP = "#ch-box .grip[aria-label^='Scalp 2 take profit']"


def test_a_take_is_dragged_and_sent_by_its_button_only(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running("moving")
    v = visit(here)
    page = drawn(v)
    grip = page.locator(GRIP)
    grip.wait_for(state="visible")
    was = float(grip.get_attribute("aria-valuenow") or 0)
    posted: list[str] = []
    page.on("request", lambda r: posted.append(r.post_data or "") if r.method == "POST" else None)
    page.wait_for_timeout(800)  # the price scale stands once its bars are painted
    at = grip.bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + 8, at["y"] + 8)
    page.mouse.down()
    page.mouse.move(at["x"] + 8, at["y"] + 48, steps=4)
    page.mouse.up()
    page.wait_for_selector("#ch-move:not([hidden]) [data-d=res]:not(:text-is('—'))")
    dragged = float(grip.get_attribute("aria-valuenow") or 0)
    assert dragged > 0 and dragged != was
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowUp")
    wanted = round(dragged - 0.9, 2)
    assert float(grip.get_attribute("aria-valuenow") or 0) == wanted, "100 ticks down, 10 up"
    page.wait_for_selector("#mv-go[aria-disabled=false]")
    assert f"{wanted:,.2f}" in page.inner_text("#ch-move") and posted == [], "nothing is sent before its button"
    page.click("#mv-go")
    page.wait_for_selector("#receipts .rc")
    assert len(posted) == 1 and '"move_take"' in posted[0] and f'"{wanted}' in posted[0].replace('00"', '"')
    page.click("#mv-back")
    page.wait_for_selector("#ch-move", state="hidden")
    assert v.trouble == []


def test_a_take_below_break_even_cannot_be_sent_and_the_button_says_why(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running("moving")
    v = visit(here)
    page = drawn(v)
    page.locator(GRIP).wait_for(state="visible")
    page.click("#ch-lots [data-move][aria-label^='Move the Scalp 1 take profit']")
    page.wait_for_selector("#mv-why:has-text('rests there already')")
    page.evaluate(
        """() => {
          const grip = [...document.querySelectorAll(".grip")].find((x) => x.one.name === "Scalp 1 take profit");
          const key = { key: "PageDown", bubbles: true };
          for (let i = 0; i < 700; i++) grip.dispatchEvent(new KeyboardEvent("keydown", key));
        }"""
    )
    page.wait_for_selector("#mv-go[aria-disabled=true][data-why*='break-even']")
    # Silent: no handle stands, and what was being dragged cannot be sent.
    here.signal("writer", 19)
    page.wait_for_selector("#ch-box .grip", state="detached", timeout=20_000)
    page.wait_for_selector("#mv-why:has-text('figures are old')")
    here.signal("writer", 18)
    viewer = visit(here, role="viewer")
    watched = drawn(viewer)
    watched.wait_for_timeout(1500)
    assert watched.locator("#ch-box .grip").count() == 0 and watched.locator("[data-move]").count() == 0
    assert v.trouble == viewer.trouble == []
