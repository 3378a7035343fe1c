"""Nothing on a page moves at a refresh, and what the chart page and the filters promise holds in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Running, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts.push({
    value: e.value, at: e.startTime,
    who: e.sources.map(({ node }) => `${node?.nodeName}.${node?.className?.baseVal ?? node?.className ?? ""}`),
  });
}).observe({ type: "layout-shift", buffered: true });
"""
PAGES = ("/", "/positions", "/orders", "/chart", "/why", "/risk", "/strategy", "/health")


@pytest.mark.parametrize("width", [1440, 390])
def test_no_layout_moves_at_a_refresh(
    running: Callable[..., Running], visit: Callable[..., Visitor], width: int
) -> None:
    here = running()
    v = visit(here, viewport={"width": width, "height": 900})
    v.context.add_init_script(SHIFTS)
    moved: dict[str, Any] = {}
    for path in PAGES:
        page = v.go(path)
        page.wait_for_timeout(1800)  # three writes of the state, and the first drawing of the charts
        found = page.evaluate("window.shifts")
        if sum(s["value"] for s in found) > 0.005:
            moved[path] = [(round(s["value"], 4), round(s["at"]), s["who"][:3]) for s in found]
    assert not moved, moved


@pytest.mark.parametrize("width", [1440, 390])
def test_no_receipt_moves_the_page(running: Callable[..., Running], visit: Callable[..., Visitor], width: int) -> None:
    here = running()
    v = visit(here, viewport={"width": width, "height": 900})
    page = v.go("/")
    v.word("RUNNING")
    page.wait_for_timeout(1500)
    parts = "['#f-note', '#ov-boot', '#ov-equity', '#ov-positions']"
    tops = f"{parts}.map((q) => document.querySelector(q).getBoundingClientRect().top)"
    before = page.evaluate(tops)
    for word in ("pause", "start"):
        page.evaluate(f"document.querySelector('#cmd button[value={word}]').click()")
        v.receipt(word.capitalize())
        assert page.evaluate(tops)[1:] == before[1:], f"the receipt of {word} pushed the page"
    place = "document.querySelector('#receipts .rc').getBoundingClientRect()"
    top, bottom = page.evaluate(f"(({{ top, bottom }}) => [top, bottom])({place})")
    assert 0 < top < bottom <= 900, "it stands on the screen"


def test_the_stream_opens_however_late_each_script_comes(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running()
    v = visit(here)
    v.page.route("**/assets/*.js", lambda route: (v.page.wait_for_timeout(150), route.continue_()))
    with v.page.expect_request("**/api/stream?*", timeout=5000):
        v.go("/")


def test_the_book_is_drawn_moves_and_ages(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    here = running()
    v = visit(here)
    page = v.go("/chart?product=ETH-USD")
    page.wait_for_selector("#ch-book .bk.bi tbody tr:nth-child(20)")
    first = page.inner_text("#ch-book .bk.of")
    page.wait_for_function("(before) => document.querySelector('#ch-book .bk.of').innerText !== before", arg=first)
    best = page.locator("#ch-book .bk.of tbody tr").first.bounding_box()
    worst = page.locator("#ch-book .bk.of tbody tr").last.bounding_box()
    assert best is not None and worst is not None and worst["y"] < best["y"], "the best offer stands next to the spread"
    here.signal("writer", 19)
    page.wait_for_selector("#ch-book .age[data-s=late]")
    page.wait_for_selector("#ch-book .age[data-s=stale]")
    here.signal("writer", 18)
    page.wait_for_selector("#ch-book .age[data-s=fresh]")
    assert v.trouble == []


def test_a_filter_holds_over_refreshes_and_finds_a_whole_group(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running()
    v = visit(here)
    page = v.go("/positions")
    page.fill("#po-lots [data-filter]", "eth-usd scalp")
    seen = """() => [...document.querySelectorAll("#po-lots tbody")].filter((b) => b.offsetHeight)
      .map((b) => [...b.rows].filter((r) => r.offsetHeight).length)"""
    assert page.evaluate(seen) == [2], "the product's head and its scalp"
    for _ in range(3):
        before = page.inner_text("#f-pres")
        page.wait_for_function("(b) => document.querySelector('#f-pres').innerText !== b", arg=before)
        assert page.evaluate(seen) == [2]
        assert page.input_value("#po-lots [data-filter]") == "eth-usd scalp"
    page.fill("#po-lots [data-filter]", "")
    assert page.evaluate(seen) == [4, 3, 2]
    page = v.go("/orders")
    page.fill("#or-open [data-filter]", "not this bot's")
    assert page.locator("#or-open tbody tr:visible").count() == 1


def test_a_filter_that_nothing_fits_says_so_and_can_be_cleared(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running()
    v = visit(here)
    for path, card in (("/orders", "#or-open"), ("/orders", "#or-done"), ("/positions", "#po-lots")):
        page = v.go(path)
        page.fill(f"{card} [data-filter]", "zebra")
        for _ in range(2):  # and it holds over a refresh
            assert page.locator(f"{card} thead:visible").count() == 0, "no bare head"
            assert "zebra" in page.inner_text(f"{card} [data-nofit]")
            before = page.inner_text("#f-pres")
            page.wait_for_function("(b) => document.querySelector('#f-pres').innerText !== b", arg=before)
        page.click(f"{card} [data-clear]")
        assert page.locator(f"{card} thead:visible").count() == 1 and page.locator(f"{card} tbody tr:visible").count()
        assert page.input_value(f"{card} [data-filter]") == ""
        assert not page.locator(f"{card} [data-nofit]").is_visible()
    for path, words in (("/log?q=zebra", "No line matches"), ("/settings?q=zebra", "No setting matches"),
                        ("/events?kind=feed", "No feed entry matches")):  # fmt: skip
        page = v.go(path)
        assert words in page.inner_text("main")
        page.click('a:text-is("Clear filter")')
        page.wait_for_url(here.base + path.split("?")[0])
    assert v.trouble == []
