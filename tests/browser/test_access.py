"""Access for everybody: an accessibility engine over every page and state, contrast included."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Running, Visitor
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ["/", "/positions", "/orders", "/chart", "/why", "/risk", "/performance", "/strategy", "/log", "/events",
         "/health", "/settings", "/sessions", "/moment", "/ask?ask=kill", "/alerts",
         "/help", "/help?of=trading-rules", "/help?q=fees"]  # fmt: skip
SERIOUS = ("serious", "critical")


def findings(visitor: Visitor, path: str) -> list[str]:
    """Serious findings of a page. The engine is handed in by the browser's own debugger, past our own policy."""
    page = visitor.go(path)
    page.wait_for_selector("h1, h2")
    page.wait_for_timeout(100)
    return findings_now(visitor, path)


def findings_now(visitor: Visitor, what: str) -> list[str]:
    """Serious findings of what stands on the screen."""
    page = visitor.page
    session = visitor.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    run = """axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.map(v =>
        [v.impact, v.id, v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary.slice(0, 160))])))"""
    answer: Any = session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
    session.detach()
    found = json.loads(answer["result"]["value"])
    return [f"{what}: {impact} {name} {nodes}" for impact, name, nodes in found if impact in SERIOUS]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_no_page_has_a_serious_finding(
    running: Callable[..., Running], visit: Callable[..., Visitor], theme: str, width: int
) -> None:
    v = visit(running(), color_scheme=theme, viewport={"width": width, "height": 900})
    v.word("RUNNING")
    found = [x for path in PAGES for x in findings(v, path)]
    assert found == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("scenario", "mode"), [("killed", "live"), ("boot", "sim"), ("empty", "sim")])
def test_no_state_has_a_serious_finding(
    running: Callable[..., Running], visit: Callable[..., Visitor], scenario: str, mode: str
) -> None:
    v = visit(running(scenario, mode))
    v.page.wait_for_selector("#f-pres[data-s]:not([data-s=unk])")
    assert findings(v, "/") == []
    v.page.goto(v.running.base + "/login")
    assert findings(v, "/login") == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
def test_the_engine_finds_what_is_wrong(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    v = visit(running("empty"))
    v.page.add_init_script("addEventListener('DOMContentLoaded', () => document.body.append("
                           "document.createElement('button')))")  # fmt: skip
    assert any("button-name" in x for x in findings(v, "/"))


def test_a_refresh_moves_nothing(running: Callable[..., Running], visit: Callable[..., Visitor]) -> None:
    """Layout shift over some seconds of live updates, as the browser itself counts it."""
    v = visit(running())
    v.word("RUNNING")
    v.page.wait_for_timeout(1500)
    v.page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver((l) => {
        for (const e of l.getEntries()) window.shift += e.value; }).observe({ type: "layout-shift" }); }"""
    )
    v.page.wait_for_timeout(3000)
    assert v.page.evaluate("window.shift") < 0.001
