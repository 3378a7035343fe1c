"""The chart as it is drawn: the line of the last price is the figure Last, the running bar moves, a gap stays empty."""

import sqlite3
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.conftest import Running, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
# After each message of the stream: the figure, the tag of the line as the chart holds it, and the bar it drew last.
LISTEN = """() => {
  window.seen = [];
  addEventListener("coin:tick", () => {
    const box = document.querySelector("#ch-box"), bar = box.coin.bars.data().at(-1);
    window.seen.push([document.querySelector("#ch-last").textContent, box.dataset.last, box.coin.price.options().price,
      bar.close, bar.borderColor ?? null, performance.now()]);
  });
}"""
# How many pixels of the chart's canvases have a colour, within a box of its own coordinates.
COUNT = """([name, from, to, top, bottom]) => {
  const probe = document.createElement("i");
  probe.className = `probe probe-${name}`;
  document.body.append(probe);
  const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number);
  probe.remove();
  const pane = document.querySelector("#ch-box canvas"), dpr = pane.width / pane.clientWidth;
  let found = 0;
  for (const one of document.querySelectorAll("#ch-box tr:first-child td:nth-child(2) canvas")) {
    const size = [to - from, bottom - top].map((n) => Math.max(1, n * dpr));
    const part = one.getContext("2d").getImageData(from * dpr, top * dpr, ...size).data;
    for (let i = 0; i < part.length; i += 4)
      if ([r, g, b].every((c, k) => Math.abs(part[i + k] - c) < 12) && part[i + 3] > 200) found++;
  }
  return found;
}"""


def drawn(v: Visitor, path: str) -> Any:
    page = v.go(path)
    page.wait_for_selector("#ch-box canvas")
    page.wait_for_function("() => document.querySelector('#ch-box').dataset.last")
    return page


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_line_of_the_last_price_is_the_figure_last(
    running: Callable[..., Running], visit: Callable[..., Visitor], width: int, height: int
) -> None:
    v = visit(running("moving"), viewport={"width": width, "height": height})
    page = drawn(v, "/chart?product=BTC-USD")
    page.evaluate(LISTEN)
    page.wait_for_function("() => window.seen.length >= 8", timeout=20_000)
    seen = page.evaluate("window.seen")
    assert len({row[0] for row in seen}) >= 4, "the price moves"
    for figure, tag, line, close, _, _ in seen:
        assert figure == tag, seen
        assert f"{line:,.2f}" == figure and close == line, "the running bar ends at the last price"
    late = [b[5] - a[5] for a, b in pairwise(seen)]
    assert sorted(late)[len(late) // 2] <= 1000, "it comes with the page's own stream"
    assert v.trouble == []


def test_the_running_bar_is_blue_and_grey_once_the_bot_is_silent(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running("moving")
    v = visit(here, color_scheme="dark")
    page = drawn(v, "/chart?product=BTC-USD&g=ONE_HOUR")
    page.wait_for_selector('#ch-form .st[data-s=now]:has-text("FORMING")')
    where = """() => {
      const c = document.querySelector("#ch-box").coin, bar = c.bars.data().at(-1);
      const x = c.chart.timeScale().timeToCoordinate(bar.time);
      return ["now", x - 3, x + 3, c.bars.priceToCoordinate(bar.high) - 1, c.bars.priceToCoordinate(bar.low) + 1];
    }"""
    page.wait_for_timeout(500)
    assert page.evaluate(COUNT, page.evaluate(where)) > 10
    before = page.evaluate(where)
    assert page.evaluate(COUNT, ["now", 0, before[1] - 8, 0, 300]) == 0, "no closed bar has that edge"
    here.signal("writer", 19)
    page.wait_for_selector('#ch-form .st:has-text("LAST KNOWN")', timeout=20_000)
    page.wait_for_timeout(500)
    assert page.evaluate(COUNT, page.evaluate(where)) == 0
    here.signal("writer", 18)


def test_nothing_is_drawn_where_minutes_are_missing(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running("moving")
    now_s = int(time.time()) // 60 * 60
    first, last = now_s - 60 * 40, now_s - 60 * 21  # twenty minutes without a trade
    db = sqlite3.connect(here.paths.market_db, timeout=10)
    with db:
        for table in ("candles", "indicators"):
            db.execute(f"DELETE FROM {table} WHERE granularity='ONE_MINUTE' AND start_s BETWEEN ? AND ?", (first, last))
    db.close()
    v = visit(here, color_scheme="dark")
    page = drawn(v, "/chart?product=BTC-USD")
    page.wait_for_timeout(500)
    place = """([a, b]) => {
      const c = document.querySelector("#ch-box").coin, x = (t) => c.chart.timeScale().timeToCoordinate(t);
      const line = c.lines[0].series, value = (t) => line.data().find((p) => p.time === t).value;
      const edges = [a - 60, b + 60].map((t) => line.priceToCoordinate(value(t)));
      return { step: x(b) - x(b - 60), from: x(a), to: x(b), top: Math.min(...edges), bottom: Math.max(...edges) };
    }"""
    at = page.evaluate(place, [first, last])
    assert at["to"] - at["from"] > 15 * at["step"], "time is as long where nothing was traded"
    band = [at["top"] - 4, at["bottom"] + 4]
    assert page.evaluate(COUNT, ["ink2", at["from"], at["to"], *band]) == 0, "no line across the gap"
    before = [at["from"] - 15 * at["step"], at["from"] - at["step"], 0, 300]  # wherever the price was then
    assert page.evaluate(COUNT, ["ink2", *before]) > 8, "and one beside it"
    for colour in ("ok", "bad"):
        assert page.evaluate(COUNT, [colour, at["from"], at["to"], 0, 300]) == 0, "no bar in it"


def test_no_line_of_equity_is_drawn_across_a_time_in_which_the_bot_saw_nothing(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running()
    first, last = (int(time.time()) - hours * 3600 for hours in (36, 24))
    db = sqlite3.connect(here.paths.market_db, timeout=10)
    with db:
        db.execute("DELETE FROM equity WHERE at_s BETWEEN ? AND ?", (first, last))
    db.close()
    v = visit(here, color_scheme="dark")
    page = v.go("/?range=1w")
    page.wait_for_selector("#eq-chart canvas")
    page.wait_for_timeout(500)
    place = """([a, b]) => {
      const c = document.querySelector("#eq-chart").coin, x = (p) => c.chart.timeScale().timeToCoordinate(p.time);
      const known = c.line.data().filter((p) => p.value !== undefined);
      return { from: x(known.filter((p) => p.time < a).at(-1)), to: x(known.find((p) => p.time > b)) };
    }"""
    at, count = page.evaluate(place, [first, last]), COUNT.replace("#ch-box", "#eq-chart")
    assert v.trouble == []
    high = page.evaluate("document.querySelector('#eq-chart tr:first-child td:nth-child(2) canvas').clientHeight")
    assert at["to"] - at["from"] > 20, "time is as long where nothing was seen"
    assert page.evaluate(count, ["ink", at["from"] + 3, at["to"] - 3, 0, high]) == 0, "no line across it"
    assert page.evaluate(count, ["ink", at["from"] - 30, at["from"] - 3, 0, high]) > 8, "and one beside it"


def test_the_read_out_says_what_the_pointer_is_on(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    v = visit(running("moving"))
    page = drawn(v, "/chart?product=BTC-USD")
    box = page.locator("#ch-box canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#ch-hover:not([hidden]) b:nth-child(2)")
    text = page.inner_text("#ch-hover")
    assert all(f"{word} " in text for word in "OHLC"), text
    assert "SMA 10" in page.inner_text("#ch-key") and "SMA 30" in page.inner_text("#ch-key")
    page.mouse.move(5, 5)
    page.wait_for_selector("#ch-hover", state="hidden")
    assert "FORMING" in page.inner_text("#ch-form")


def test_an_unknown_product_has_no_chart_and_names_those_there_are(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    v = visit(running(), viewport={"width": 390, "height": 844})
    page = v.go("/chart?product=DOGE-USD")
    assert "does not trade DOGE-USD" in page.inner_text("#ch-main")
    page.click('#ch-main a:has-text("ETH-USD")')
    page.wait_for_selector("#ch-box canvas")
    assert page.get_attribute("#ch-box", "data-product") == "ETH-USD"
    assert v.go("/chart").get_attribute("#ch-box", "data-product") == "ETH-USD", "it is remembered"


def test_a_product_that_joins_gets_its_chart_without_a_reload(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    here = running()
    v = visit(here)
    page = v.go("/chart?product=XRP-USD")
    assert "does not trade XRP-USD" in page.inner_text("#ch-main")
    db = sqlite3.connect(here.paths.market_db, timeout=10)
    with db:
        db.execute(
            "INSERT INTO candles SELECT 'XRP-USD', granularity, start_s, open, high, low, close, volume FROM candles "
            "WHERE product_id = 'SOL-USD'"
        )
    db.close()
    here.signal("writer", 9)
    here.scenario = "many"
    here.write()
    page.wait_for_selector("#ch-box canvas", timeout=20_000)
    assert page.get_attribute("#ch-box", "data-product") == "XRP-USD"
