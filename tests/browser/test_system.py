"""The whole system in a real browser: dashboard, bot and simulator under a real PM2."""

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from cli.rig import Rig, rig
from dashboard.links import create_login_link
from shared.documents.status import Status
from shared.settings import load
from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.pm2, pytest.mark.needs("chromium", "pm2"), pytest.mark.slow]


class Whole:
    """What a Visitor needs of the running system."""

    def __init__(self, made: Rig) -> None:
        self.rig = made
        self.base = f"http://127.0.0.1:{made.dashboard_port}"
        self.loaded = load(made.home / "no.env", {"DASHBOARD_PORT": str(made.dashboard_port)})

    def login_link(self, role: str = "operator") -> str:
        return create_login_link(self.rig.paths, self.loaded.settings, role)


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    with rig() as made:
        made.start()
        made.wait_trading()
        yield Whole(made)


@pytest.fixture
def visitor(whole: Whole, browser: Browser) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield Visitor(context, whole)  # type: ignore[arg-type]
    context.close()


def test_the_bot_obeys_each_button_and_says_so(whole: Whole, visitor: Visitor) -> None:
    visitor.word("RUNNING")
    for cmd, word in (("pause", "PAUSED"), ("start", "RUNNING"), ("stop", "STOPPED"), ("start", "RUNNING")):
        visitor.page.click(f"#cmd button[value={cmd}]")
        visitor.receipt(cmd.capitalize())
        visitor.word(word)
    visitor.go("/risk").click("#ri-drill button")
    visitor.receipt("Drill")
    visitor.page.keyboard.down("k")
    visitor.word("KILLED")
    visitor.page.keyboard.up("k")
    visitor.receipt("Kill")
    state = whole.rig.wait(lambda s: s.status is Status.KILLED, 5)
    assert state.kill is not None
    visitor.page.click("#cmd button[value=reset_kill]")
    visitor.page.fill("#ask-w", visitor.page.get_attribute("#ask-w", "data-word") or "")
    visitor.page.click("#dlg [data-go]")
    visitor.word("STOPPED")
    visitor.page.click("#cmd button[value=start]")
    visitor.word("RUNNING")
    assert "online" in visitor.page.inner_text("#f-lights")
    assert visitor.trouble == []


def test_kill_nine_is_seen_and_pm2_brings_it_back(whole: Whole, visitor: Visitor) -> None:
    visitor.word("RUNNING")
    before = whole.rig.pid("COIN-BOT")
    boot = whole.rig.wait_trading().boot_id
    os.kill(before, signal.SIGKILL)
    state = whole.rig.wait(lambda s: s.boot_id != boot and s.status is Status.RUNNING, 40)
    visitor.word("RUNNING", 10)
    assert state.pid != before
    visitor.go("/health")
    visitor.page.wait_for_selector('#he-pm2 :text("online")')


def test_a_bot_that_pm2_stopped_is_offline_and_start_brings_it_back(whole: Whole, visitor: Visitor) -> None:
    visitor.word("RUNNING")
    whole.rig.client.stop("COIN-BOT")
    visitor.page.wait_for_selector("#f-pres:not([data-s=ok])", timeout=10_000)
    visitor.word("OFFLINE", 10)
    visitor.page.wait_for_selector('#f-lights :text("stopped")')
    visitor.page.click("#f-note button[value=start_process]")
    visitor.word("RUNNING", 40)


def test_every_page_is_drawn_from_the_real_bot(whole: Whole, visitor: Visitor) -> None:
    visitor.word("RUNNING")
    for path in ("/positions", "/orders", "/chart", "/why", "/risk", "/performance", "/strategy", "/log", "/events",
                 "/health", "/settings"):  # fmt: skip
        visitor.go(path)
        visitor.page.wait_for_selector("#f-pres[data-s=ok]")
        assert "Not known yet" not in visitor.page.inner_text("main"), path
    visitor.go("/chart")
    visitor.page.wait_for_selector("#ch-box canvas")
    assert visitor.trouble == []
