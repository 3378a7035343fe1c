"""What is read out of Lighthouse's report; Lighthouse itself is run by ./coin bench lighthouse."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.lighthouse import __main__ as lighthouse


def report(performance: float | None, blocking: float = 1.0) -> dict[str, Any]:
    refs = [{"id": "total-blocking-time", "weight": 30}, {"id": "first-contentful-paint", "weight": 0}]
    audits = {name: {"title": name, "score": 1.0, "displayValue": "1\u00a0s"} for name in lighthouse.METRICS}
    audits["total-blocking-time"]["score"] = blocking
    audits["first-contentful-paint"]["score"] = 0.1  # weighs nothing
    return {"categories": {"performance": {"score": performance, "auditRefs": refs}}, "audits": audits}


def test_a_page_is_ok_from_the_goal_on() -> None:
    assert lighthouse.lines("/", report(0.95))[0].startswith("ok   /")
    low = lighthouse.lines("/", report(0.94, blocking=0.5))
    assert low[0].startswith("LOW  /") and "performance 94" in low[0] and "TBT 1 s" in low[0]
    assert low[1:] == ["       costs points: total-blocking-time"]
    assert lighthouse.scores(report(None)) == {"performance": 0}


def test_its_packages_are_pinned_and_name_no_host() -> None:
    lock = json.loads((Path(lighthouse.HERE) / "package-lock.json").read_text())
    packages = {name: found for name, found in lock["packages"].items() if name}
    assert len(packages) > 100 and all("integrity" in found for found in packages.values())
    assert not any("resolved" in found for found in packages.values())
    assert packages["node_modules/lighthouse"]["license"] == "Apache-2.0"


@pytest.mark.services
@pytest.mark.needs("chromium", "lighthouse")
@pytest.mark.timeout(600)
def test_the_pages_are_accessible_and_stand_still_by_lighthouse_itself() -> None:
    """Performance is a figure of the machine and of what else it does: it is printed, not asserted."""
    root = Path(lighthouse.HERE).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "bench.lighthouse"], cwd=root, capture_output=True, text=True, check=False
    )
    print(done.stdout)
    for page in lighthouse.PAGES:
        line = next(line for line in done.stdout.splitlines() if line.split()[1:2] == [page])
        assert "accessibility 100" in line and "best practices 100" in line, line
        assert re.search(r"CLS 0(?![.\d])|CLS 0\.0+(?!\d)", line), line
