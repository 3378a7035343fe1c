"""A real dashboard process with a writer process beside it, and the system's browser."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from dashboard.links import create_login_link, create_token
from shared.paths import DataPaths
from shared.settings import load
from tests.conftest import ROOT, chromium

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


class Running:
    """The processes of one scenario."""

    def __init__(self, folder: Path, port: int, scenario: str, mode: str = "sim") -> None:
        self.folder = folder
        self.paths = DataPaths(folder)
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.loaded = load(folder.parent / "no.env", {"DASHBOARD_PORT": str(port)})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.scenario, self.mode = scenario, mode

    def write(self) -> None:
        self._start("writer", "-m", "tests.dashboard.writer", str(self.folder), self.scenario, self.mode)

    def serve(self) -> None:
        self._start("dashboard", "-m", "dashboard")
        for _ in range(600):  # 30 s: on a fresh checkout its modules are compiled first
            try:
                httpx.get(f"{self.base}/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the dashboard did not start")

    def _start(self, name: str, *args: str) -> None:
        env = {**os.environ, "DATA_DIR": str(self.folder), "DASHBOARD_PORT": str(self.port),
               "PM2_HOME": str(self.folder / "pm2")}  # fmt: skip
        quiet = subprocess.DEVNULL
        self.processes[name] = subprocess.Popen([sys.executable, *args], cwd=ROOT, env=env, stdout=quiet, stderr=quiet)

    def signal(self, name: str, number: int) -> None:
        self.processes[name].send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.processes[name].wait(10)

    def login_link(self, role: str = "operator") -> str:
        return create_login_link(self.paths, self.loaded.settings, role)

    def token(self) -> str:
        return create_token(self.paths, "operator")

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                process.wait(10)


@pytest.fixture
def running(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Running]]:
    """Starts a writer and a dashboard for a scenario."""
    started: list[Running] = []

    def start(scenario: str = "six", mode: str = "sim") -> Running:
        made = Running(tmp_path / f"data{len(started)}", free_port(), scenario, mode)
        made.paths.prepare()
        started.append(made)
        made.write()
        made.serve()
        for _ in range(200):
            if made.paths.state.exists():
                break
            time.sleep(0.05)
        return made

    yield start
    for one in started:
        one.end()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """While it runs, its event loop counts as running in this thread: it must end before other files are tested."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    made = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield made
    made.close()


class Visitor:
    """A page that is signed in, and everything that went wrong on it."""

    def __init__(self, context: BrowserContext, running: Running, role: str = "operator") -> None:
        self.context = context
        self.running = running
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20000)
        self.trouble: list[str] = []
        self.asked: set[str] = set()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda e: self.trouble.append(f"error {e}"))
        self.page.on("request", lambda r: self.asked.add(r.url.split("/")[2]))
        self.page.goto(running.login_link(role))
        self.page.wait_for_url(f"{running.base}/")

    def _console(self, message: object) -> None:
        kind, text = message.type, message.text  # type: ignore[attr-defined]
        if kind in ("error", "warning") and "ERR_" not in text and "Failed to load resource" not in text:
            self.trouble.append(f"{kind} {text}")

    def go(self, path: str) -> Page:
        self.page.goto(self.running.base + path)
        return self.page

    def word(self, word: str, timeout_s: float = 20) -> None:
        """Wait until the status block says it."""
        self.page.wait_for_selector(f'#f-pres b:text-is("{word}")', timeout=1000 * timeout_s)

    def receipt(self, heading: str, state: str = "done") -> str:
        """Wait for a receipt; returns its text."""
        strip = self.page.wait_for_selector(f'#receipts .rc[data-s={state}]:has(b:text-is("{heading}"))')
        assert strip is not None
        return strip.inner_text()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens a page, signed in."""
    contexts: list[BrowserContext] = []

    def open_page(running: Running, role: str = "operator", **options: object) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        return Visitor(context, running, role)

    yield open_page
    for context in contexts:
        context.close()
