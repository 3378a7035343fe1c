"""What is read out of Lighthouse's report; Lighthouse itself is run by ./coin bench lighthouse."""

import json
from pathlib import Path
from typing import Any

from dashboard.lighthouse import __main__ as lighthouse


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
