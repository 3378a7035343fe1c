"""The attack itself, in a real browser: a page of another user on another port of 127.0.0.1 is given the cookie."""

import http.client
import multiprocessing
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS
from tests.conftest import chromium
from tests.dashboard.other_user import OTHER, STRANGER, become
from tests.two_users.conftest import Served

pytestmark = [pytest.mark.services, pytest.mark.needs("root", "chromium")]


def trap(port: int, target: int, name: str, told: Any) -> None:
    """Another user's web server: keeps each cookie that it is given, replays it, and sets one of the same name. Its
    page has the browser itself do what the cookie allows."""
    become(STRANGER)

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookie = self.headers.get("Cookie", "")
            replayed = []
            if name in cookie and self.path == "/":
                given = {"Host": f"127.0.0.1:{target}", "Cookie": cookie, "Origin": f"http://127.0.0.1:{target}",
                         "Content-Type": "application/json"}  # fmt: skip
                for method, path, body in (("GET", "/api/state", None), ("POST", "/api/commands", '{"cmd":"kill"}')):
                    one = http.client.HTTPConnection("127.0.0.1", target, timeout=10)
                    one.request(method, path, body, given)
                    replayed.append(one.getresponse().status)
                    one.close()
            told.send((self.path, cookie, replayed))
            page = f"""<!doctype html><title>trap</title><iframe name=f></iframe>
              <img src="http://127.0.0.1:{target}/api/state">
              <form method=post target=f action="http://127.0.0.1:{target}/commands"><input name=cmd value=kill></form>
              <script>document.forms[0].submit();
              fetch("http://127.0.0.1:{target}/api/commands", {{method: "POST", mode: "no-cors",
              credentials: "include", body: '{{"cmd":"kill"}}'}}).finally(() => fetch("/done"))</script>"""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Set-Cookie", f"{name}=planted; Path=/api")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_args: Any) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Trap).serve_forever()


@pytest.fixture
def trapped(served: Served, free_port: Callable[[], int]) -> Iterator[tuple[int, Any]]:
    """(port, pipe on which the trap tells what it was given)."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    port = free_port()
    process = fork.Process(target=trap, args=(port, served.port, served.cookie, theirs), daemon=True)
    process.start()
    yield port, ours
    process.kill()
    process.join()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A browser that runs as a third user, who is the one in front of the screen."""
    home = Path("/tmp") / f"coin-two-users-{os.getpid()}"
    for folder in (home, home / "profile"):
        folder.mkdir(mode=0o700)
        os.chown(folder, OTHER, OTHER)
    runner = tmp_path / "chromium"
    runner.write_text(f"#!/bin/sh\nexport HOME={home}\ncd {home}\nexec setpriv --reuid={OTHER} --regid={OTHER} "
                      f'--clear-groups {chromium()} "$@"\n')  # fmt: skip
    runner.chmod(0o755)
    try:
        with sync_playwright() as started:
            context = started.chromium.launch_persistent_context(
                str(home / "profile"), executable_path=str(runner), args=FLAGS, timeout=60_000
            )
            made = context.pages[0] if context.pages else context.new_page()
            made.set_default_timeout(30_000)
            yield made
            context.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def hears(pipe: Any, path: str, timeout_s: float = 30.0) -> tuple[str, list[int]]:
    """(cookie, statuses of the replay) when the trap was asked for `path`."""
    ends = time.monotonic() + timeout_s
    while pipe.poll(max(0.0, ends - time.monotonic())):
        asked, cookie, replayed = pipe.recv()
        if asked == path:
            return cookie, replayed
    raise AssertionError(f"nobody asked the trap for {path}")


def test_another_users_page_gets_the_cookie_and_can_do_nothing_with_it(
    served: Served, trapped: tuple[int, Any], page: Page
) -> None:
    port, pipe = trapped
    page.goto(served.link())
    page.wait_for_url(f"{served.base}/")
    owners = subprocess.run(["ps", "-o", "comm=", "-u", str(OTHER)], capture_output=True, text=True, check=True).stdout
    assert "chrom" in owners, "the browser runs as another user than the dashboard"

    page.goto(f"http://127.0.0.1:{port}/")
    cookie, replayed = hears(pipe, "/")
    assert f"{served.cookie}=" in cookie, "browsers give a cookie to every port: that is the attack"
    assert replayed == [401, 401]
    hears(pipe, "/done")
    page.wait_for_timeout(500)
    assert not served.paths.kill.exists()
    assert '"commands":[]' in served.paths.control.read_text()
    assert f"session.foreign_user owner=uid {OTHER} sent_by=uid {STRANGER}" in served.log()

    page.goto(f"{served.base}/health")  # still signed in, in spite of the cookie planted beside
    assert f"uid {STRANGER} sent the cookie of uid {OTHER}" in page.inner_text("#he-checks")
    assert page.evaluate("fetch('/api/state').then(r => r.status)") == 200


def test_the_page_lives_on_both_loopback_addresses(served: Served, page: Page) -> None:
    for name in ("[::1]", "localhost"):
        base = f"http://{name}:{served.port}"
        page.goto(served.link().replace(served.base, base))
        page.wait_for_url(f"{base}/")
        assert page.evaluate("fetch('/api/state').then(r => r.status)") == 200
