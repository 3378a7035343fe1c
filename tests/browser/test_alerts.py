"""The pages of alerts in a real browser: accessible at both widths, without a line that runs out of the page."""

import time
from collections.abc import Callable

import pytest

from shared.documents.alerts import encode_alerts
from tests.browser.conftest import Running, Visitor
from tests.browser.test_access import AXE, findings
from tests.dashboard.alert_documents import document
from tests.dashboard.test_alert_page import kept

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


def told(running: Running) -> Running:
    """With the watcher's files, as of now."""
    running.paths.watch.mkdir(exist_ok=True)
    kept(running.paths.watch / "alerts.db", round(time.time() * 1000))
    running.paths.alerts.write_bytes(encode_alerts(document()))
    running.paths.alerts.chmod(0o600)
    return running


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_the_pages_of_alerts_are_accessible_and_fit(
    running: Callable[..., Running], visit: Callable[..., Visitor], theme: str, width: int
) -> None:
    v = visit(told(running()), color_scheme=theme, viewport={"width": width, "height": 900})
    v.word("RUNNING")
    for path, text in (("/alerts", "Last 30 days"), ("/alert?number=7", "It began"),
                       ("/alerts/sinks", "Ways to a person"), ("/alerts/checklists", "This week")):  # fmt: skip
        assert findings(v, path) == []
        assert text in v.page.inner_text("main")
        for details in v.page.locator("main details").all():
            details.evaluate("one => one.open = true")
        assert v.page.evaluate("document.documentElement.scrollWidth") == width, path
