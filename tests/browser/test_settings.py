"""Settings in a real browser with a real bot: typed, previewed, reloaded, restarted, undone; and how it looks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from dashboard.links import create_login_link
from shared.documents.status import Phase
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.settings import load
from tests.browser.conftest import Running, Visitor
from tests.browser.test_access import AXE, findings
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
OWN = "# mine\nMAX_ORDER_USD=250  # not more\n"
WAIT_S = 90.0  # everything else on the machine may be ahead


class OwnCheckout:
    """A checkout with a `.env` of its own: the rooms are this one's, but for `shared`, which says where it lies."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.folder = folder
        folder.mkdir()
        for path in ROOT.iterdir():
            if path.name not in ("shared", ".env", "data", ".git"):
                (folder / path.name).symlink_to(path)
        shutil.copytree(ROOT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
        text = f"DASHBOARD_PORT={ports[0]}\nSIM_PORT={ports[1]}\nSIM_ADMIN_PORT={ports[2]}\n"
        self.env_file = folder / ".env"
        self.env_file.write_text(OWN + text)
        self.env_file.chmod(0o600)
        self.loaded = load(self.env_file, {})
        self.paths = DataPaths(folder / "data")
        self.base = f"http://127.0.0.1:{ports[0]}"
        self.processes = [self._start(room) for room in ("simulator", "bot", "dashboard")]

    def _start(self, room: str) -> "subprocess.Popen[bytes]":
        bare = {key: value for key, value in os.environ.items() if key not in ("DATA_DIR", "PYTHONPATH")}
        env = bare | {"PM2_HOME": str(self.folder / "pm2"), "PYTHONDONTWRITEBYTECODE": "1"}
        quiet = subprocess.DEVNULL
        return subprocess.Popen([sys.executable, "-m", room], cwd=self.folder, env=env, stdout=quiet, stderr=quiet)

    def wait(self, right: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_S
        while not right():
            assert time.monotonic() < until, [one.poll() for one in self.processes]
            time.sleep(0.1)

    def trades(self) -> bool:
        state = read_state(self.paths)[0]
        return state is not None and state.phase is Phase.TRADING

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.base}/healthz").status_code < 500
        except httpx.TransportError:
            return False

    def again(self) -> None:
        """The bot is restarted, as PM2 would."""
        self.processes[1].send_signal(signal.SIGTERM)
        self.processes[1].wait(30)
        self.processes[1] = self._start("bot")

    def login_link(self, role: str = "operator") -> str:
        return create_login_link(self.paths, self.loaded.settings, role)

    def end(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(30)


@pytest.fixture
def own(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[OwnCheckout]:
    made = OwnCheckout(tmp_path / "coin", [free_port() for _ in range(3)])
    try:
        made.wait(lambda: made.trades() and made.answers())
        yield made
    finally:
        made.end()


def says(page: Page, place: str, text: str) -> None:
    page.wait_for_selector(f"{place}:has-text('{text}')", timeout=WAIT_S * 1000)


def test_a_limit_is_reloaded_by_a_real_bot_and_a_take_waits_for_its_restart(
    own: OwnCheckout, visit: Callable[..., Visitor]
) -> None:
    v = visit(own)
    page = v.go("/settings")
    page.fill("#se-q", "largest single entry")
    assert page.locator(".stg:visible").count() == 1
    page.fill("#f-MAX_ORDER_USD", "2")
    says(page, "#set-MAX_ORDER_USD .err", "ORDER_MIN_USD=5 is above MAX_ORDER_USD=2")
    page.fill("#f-MAX_ORDER_USD", "300")
    says(page, "#se-prv", "Reload, no restart.")
    assert page.evaluate("document.activeElement.id") == "f-MAX_ORDER_USD", "the preview takes no focus"
    page.click("#se-prv button:text-is('Apply')")
    says(page, "#se-receipt", "The bot runs with it.")
    assert own.env_file.read_text().startswith("# mine\nMAX_ORDER_USD=300  # not more\n")
    state = read_state(own.paths)[0]
    assert state is not None and any("MAX_ORDER_USD 250 → 300" in event.text for event in state.events)
    page.fill("#se-q", "take profit of a scalp")
    page.fill("#f-TAKE_PROFIT_PCT", "2.8")
    says(page, "#se-prv", "A restart takes it up.")
    page.click("#se-prv button:text-is('Apply')")
    says(page, "#se-receipt", "until a restart")
    own.again()
    says(page, "#se-receipt", "The bot runs with it.")
    page.click("#se-receipt button:text-is('Undo')")
    says(page, "#se-receipt", "until a restart")
    assert "TAKE_PROFIT_PCT" not in own.env_file.read_text()
    assert page.locator("#se-hist tbody tr").count() == 3 and v.trouble == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390), ("dark", 768)])
def test_the_form_has_no_serious_finding_and_fits(
    running: Callable[..., Running], visit: Callable[..., Visitor], theme: str, width: int
) -> None:
    v = visit(running(), color_scheme=theme, viewport={"width": width, "height": 900})
    assert findings(v, "/settings?s.TAKE_PROFIT_PCT=2.8&s.MAX_ORDER_USD=2") == []
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width
