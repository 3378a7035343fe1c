"""`python -m bench.dashboard.panning`: script of the chart in a frame while 100,000 bars go by under a hand.

A dashboard of its own with a past of 100,000 minutes, in the system's Chromium. The view is dragged from the newest bar
to the oldest, at the narrowest bars (about 1,300 on the screen) and first at the usual ones.
Script is what the browser's own trace says that the page's main thread ran of it between two frames, in processor time
of that thread, so that neighbours on the machine do not count: events, timers, answers, and all drawing on the canvas.
Only frames in which script ran are counted. Bounded: about three minutes, loopback only.
"""

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.dashboard.rig import WRITE_S, MeasuredDashboard, sample
from bench.measurement import Measurement, measured
from dashboard.links import create_login_link
from shared.market_data import CandleRow, open_market_writer, put_candles
from shared.paths import DataPaths
from shared.settings import load

BARS = 100_000
GOAL_MS = 8.0
PRODUCT = "BTC-USD"
GATES = ("signal", "spread", "adverse", "feed", "entered")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SCRIPT = frozenset({"FunctionCall", "EvaluateScript", "RunMicrotasks", "FireAnimationFrame", "EventDispatch",
                    "TimerFire", "XHRReadyStateChange", "v8.callFunction", "MajorGC", "MinorGC"})  # fmt: skip
FRAME = "ProxyMain::BeginMainFrame"
OLDEST = "document.querySelector('#ch-box').coin.store.bars[0][0]"
VIEW = """(() => {
  const c = document.querySelector("#ch-box").coin;
  return c.times[Math.max(0, Math.round(c.view.from))];
})()"""
TRACE = ["devtools.timeline", "v8", "blink", "cc"]


@dataclass(frozen=True, slots=True)
class PannedFrames:
    """Milliseconds of script in each frame, and how many bars went by."""

    script_ms: list[float]
    bars: int


def fill(path: Path) -> int:
    """100,000 minutes with a line of averages beside them; returns the start of the oldest."""
    now_s, rng, price, rows = int(time.time()) // 60 * 60, random.Random(1), 113_000.0, []  # noqa: S311
    for i in range(1, BARS + 1):
        close, price = price, price * (1 + rng.gauss(0, 0.0006))
        rows.append(
            CandleRow(now_s - 60 * i, price, max(price, close) * 1.0004, min(price, close) * 0.9996, close, 3.0)
        )
    db = open_market_writer(path)
    put_candles(db, PRODUCT, "ONE_MINUTE", rows)
    gates = [
        (PRODUCT, now_s - 60 * i, "flat", gate, gate.capitalize(), int(gate == "feed"))
        for i, gate in enumerate(
            rng.choices(("signal", "spread", "adverse", "feed", "entered"), (70, 12, 12, 2, 4), k=20_000)
        )
    ]
    with db:
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO stops (product_id, start_s, signal, gate, title, fault) VALUES (?,?,?,?,?,?)", gates
        )
    db.close()
    return rows[-1].start_s


def script_of(trace: dict[str, Any]) -> list[float]:
    """Milliseconds of script in each frame of the page's main thread."""
    events = trace["traceEvents"]
    counts: dict[tuple[int, int], int] = {}
    for e in events:
        if e.get("name") == FRAME:
            counts[e["pid"], e["tid"]] = counts.get((e["pid"], e["tid"]), 0) + 1
    pid, tid = max(counts, key=lambda key: counts[key])
    frames = sorted(e["ts"] for e in events if e.get("name") == FRAME and (e["pid"], e["tid"]) == (pid, tid))
    spans = sorted(
        (e["ts"], e["ts"] + e.get("dur", 0), e.get("tdur", e.get("dur", 0))) for e in events
        if e.get("ph") == "X" and e.get("name") in SCRIPT and (e["pid"], e["tid"]) == (pid, tid)
    )  # fmt: skip
    outer: list[tuple[float, float]] = []  # (start, processor time): what stands within another counts with it
    until = 0.0
    for start, end, took in spans:
        if start >= until:
            outer.append((start, took))
            until = end
    out, i = [], 0
    for begin, after in pairwise(frames):
        total = 0.0
        while i < len(outer) and outer[i][0] < after:
            total += outer[i][1] if outer[i][0] >= begin else 0.0
            i += 1
        if total:
            out.append(total / 1000)
    return out


def drag(browser: Browser, page: Page, folder: Path, spacing: float, until_s: int, most_s: float) -> PannedFrames:
    """The view dragged back until `until_s`, or for so long."""
    page.evaluate(f"document.querySelector('#ch-box').coin.chart.timeScale().applyOptions({{barSpacing: {spacing}}})")
    page.wait_for_timeout(500)
    box = page.locator("#ch-box canvas").first.bounding_box()
    assert box is not None
    left, right, y = box["x"] + 20, box["x"] + box["width"] - 120, box["y"] + box["height"] / 2
    first_s, began = page.evaluate(VIEW), time.monotonic()
    trace_path = folder / "trace.json"
    browser.start_tracing(
        page=page,
        path=str(trace_path),
        categories=TRACE,
    )
    while page.evaluate(VIEW) > until_s and time.monotonic() - began < most_s:
        page.mouse.move(left, y)
        page.mouse.down()
        page.mouse.move(right, y, steps=90)  # about 10 px a frame: a quick hand
        page.mouse.up()
    browser.stop_tracing()
    return PannedFrames(script_of(json.loads(trace_path.read_bytes())), (first_s - page.evaluate(VIEW)) // 60)


@contextmanager
def written(bench: MeasuredDashboard) -> Iterator[None]:
    """A bot writes meanwhile."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(WRITE_S):
            bench.write()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measure() -> list[Measurement]:
    """Script a frame at two widths of a bar."""
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on this machine")
    out: list[Measurement] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        paths = DataPaths(folder / "measured")
        paths.prepare()
        oldest_s = fill(paths.market_db)
        bench = MeasuredDashboard(folder / "measured", sample())
        try:
            asyncio.run(bench.ready())
            bench.write()
            settings = load(folder / "no.env", {"DASHBOARD_PORT": str(bench.port)}).settings
            with written(bench), sync_playwright() as started:
                browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.goto(create_login_link(bench.paths, settings, "operator"))
                page.wait_for_url(f"http://127.0.0.1:{bench.port}/")
                page.goto(f"http://127.0.0.1:{bench.port}/chart?product={PRODUCT}&g=ONE_MINUTE")
                page.wait_for_selector("#ch-box [tabindex]")
                page.wait_for_timeout(1500)
                load1 = os.getloadavg()[0]
                usual = drag(browser, page, folder, 6, oldest_s, 15)
                narrow = drag(browser, page, folder, 0.5, oldest_s, 180)
                held = page.evaluate("document.querySelector('#ch-box').coin.store.bars.length")
                browser.close()
        finally:
            bench.process.terminate()
            bench.process.wait(10)
    note = f"load {load1:.1f} before, {os.getloadavg()[0]:.1f} after"
    for name, found in (("usual bars", usual), ("narrowest bars", narrow)):
        out += [
            Measurement(f"{name}: script a frame, p95", measured(found.script_ms, 95), "ms", GOAL_MS, note),
            Measurement(f"{name}: script a frame, p50", measured(found.script_ms, 50), "ms"),
            Measurement(f"{name}: script a frame, longest", max(found.script_ms), "ms"),
            Measurement(f"{name}: bars that went by", found.bars, "", note=f"{len(found.script_ms)} frames"),
        ]
    out.append(Measurement("bars loaded", held, "", BARS, at_least=True))
    return out


def main() -> int:
    found = measure()
    for one in found:
        print(one.line)
    return int(any(one.met is False for one in found))


if __name__ == "__main__":
    sys.exit(main())
