"""`python -m bench.lighthouse`: performance, accessibility and best practices of COIN's pages, by Lighthouse.

Starts a dashboard in a folder of its own with a writer of the bot's state file, and has Lighthouse load pages in the
system's Chromium: loopback only, about half a minute for each page. Goal: 95 of 100 in each category.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.dashboard.rig import WRITE_S, MeasuredDashboard, sample

HERE = Path(__file__).parent
PROGRAM = HERE / "node_modules" / ".bin" / "lighthouse"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGES = ("/", "/positions", "/risk")
GOAL = 95
LIMIT_S = 180
METRICS = {
    "first-contentful-paint": "FCP",
    "largest-contentful-paint": "LCP",
    "total-blocking-time": "TBT",
    "cumulative-layout-shift": "CLS",
}


class NotMeasured(Exception):
    """Lighthouse did not come to an end; the text says why."""


def browser() -> str | None:
    """The system's Chromium; None = there is none."""
    named = os.environ.get("CHROME_PATH")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


def look(url: str, token: str, chrome: str, folder: Path) -> dict[str, Any]:
    """Lighthouse's report of one page. Raises NotMeasured."""
    report = folder / "report.json"
    command = [
        str(PROGRAM), url, "--quiet", "--output=json", f"--output-path={report}", "--preset=desktop",
        "--only-categories=performance,accessibility,best-practices",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        f"--extra-headers={json.dumps({'Authorization': f'Bearer {token}'})}",
    ]  # fmt: skip
    env = {**os.environ, "CHROME_PATH": chrome}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotMeasured(f"no end after {LIMIT_S} s") from error
    if done.returncode or not report.exists():
        raise NotMeasured((done.stderr.strip().splitlines() or ["no report"])[-1][:200])
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found


def _twice(url: str, token: str, chrome: str, folder: Path) -> dict[str, Any]:
    """As `look`; a trace that Lighthouse could not record, as often a new browser's first, is recorded once more."""
    try:
        return look(url, token, chrome, folder)
    except NotMeasured:
        return look(url, token, chrome, folder)


def scores(report: Mapping[str, Any]) -> dict[str, int]:
    """0 to 100 by category; 0 where Lighthouse could not tell."""
    return {name: round(100 * (found["score"] or 0)) for name, found in report["categories"].items()}


def weak(report: Mapping[str, Any]) -> list[str]:
    """What costs points, in Lighthouse's words."""
    names = [ref["id"] for found in report["categories"].values() for ref in found["auditRefs"] if ref["weight"] > 0]
    audits = [report["audits"][name] for name in names]
    return [audit["title"] for audit in audits if audit["score"] is not None and audit["score"] < 0.9]


def lines(path: str, report: Mapping[str, Any]) -> list[str]:
    """The report of one page in words."""
    found = scores(report)
    word = "ok  " if min(found.values()) >= GOAL else "LOW "
    values = ", ".join(f"{name.replace('-', ' ')} {value}" for name, value in found.items())
    shown = {short: report["audits"][name].get("displayValue", "?") for name, short in METRICS.items()}
    timings = ", ".join(f"{short} {value}" for short, value in shown.items()).replace("\xa0", " ")
    return [f"{word} {path:<12} {values} ({timings})", *(f"       costs points: {title}" for title in weak(report))]


def _wait_fresh(base: str, token: str) -> None:
    """Until the dashboard has seen the bot's file move: a page drawn before shows LOADING and changes once, rightly."""
    request = urllib.request.Request(f"{base}/api/bot/health", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    for _ in range(100):
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5):  # noqa: S310 - loopback
            return
        time.sleep(0.1)


def measure(chrome: str) -> int:
    """Every page; 1 where one is below the goal or was not measured."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = MeasuredDashboard(Path(folder), sample())
        ended = threading.Event()

        def write() -> None:
            while not ended.wait(WRITE_S):
                bench.write()

        writer = threading.Thread(target=write)
        try:
            asyncio.run(bench.ready())
            writer.start()
            _wait_fresh(f"http://127.0.0.1:{bench.port}", bench.tokens[0])
            for path in PAGES:
                try:
                    report = _twice(f"http://127.0.0.1:{bench.port}{path}", bench.tokens[0], chrome, Path(folder))
                except NotMeasured as error:
                    failed += 1
                    sys.stdout.write(f"LOW  {path:<12} not measured: {error}\n")
                    continue
                failed += min(scores(report).values()) < GOAL
                sys.stdout.write("\n".join(lines(path, report)) + "\n")
        finally:
            ended.set()
            if writer.is_alive():
                writer.join()
            bench.process.terminate()
            bench.process.wait(10)
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    return 1 if failed else 0


def main() -> int:
    chrome = browser()
    if not PROGRAM.exists():
        sys.stderr.write("Lighthouse is not installed: npm ci --prefix bench/lighthouse\n")
        return 2
    if chrome is None:
        sys.stderr.write("There is no Chromium: install it, or name it with CHROME_PATH.\n")
        return 2
    return measure(chrome)


if __name__ == "__main__":
    sys.exit(main())
