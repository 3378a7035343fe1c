"""The door: every route that the application has, against every way of coming in that is not the right one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi.routing import APIRoute

from dashboard.assets import Assets
from dashboard.links import create_token
from tests.dashboard.conftest import BASE, Dash

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/sw.js"),
    ("GET", "/icons/192.png"),
    ("GET", "/login"),
    ("GET", "/login/link"),
    ("POST", "/login/password"),
    ("POST", "/login/passkey"),
    ("POST", "/login/passkey/begin"),
}
# Answers of the open routes to somebody who is not signed in.
OPEN_STATUS = {200, 403, 409, 422, 429}
VALUES = {"upload_id": "0" * 16, "name": "192", "name:path": "nothing.js", "command_id": "none", "lot_id": "none"}
BAD_HOSTS = [
    "", "evil.example", "evil.example:8080", "127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.1:8081", "0.0.0.0:8080",
    "127.1:8080", "2130706433:8080", "0x7f000001:8080", "[::]:8080", "localhost.:8080", "localhost:8080.",
    "localhost:8080@evil.example", "evil.example/127.0.0.1:8080", "127.0.0.1:8080,evil.example", "127.0.0.1:08080",
    " 127.0.0.1:8080x", "127.0.0.1.nip.io:8080", "user@127.0.0.1:8080", "127.0.0.1:8080#", "127.0.0.1:8080?",
    "::1:8080",
    "[::ffff:127.0.0.1]:8080", "LOCALHOST.EVIL:8080", "xn--lcalhost-n7a:8080", "127.0.0.1:8080\tx", "localhost:8080:80",
    "coin.local:8080",
]  # fmt: skip


def routes(dash: Dash) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that the application answers, asked of itself."""
    for route in _flat(dash.app.routes):
        path = re.sub(r"\{([^}]+)\}", lambda m: VALUES[m[1]], route.path)
        for method in sorted(route.methods):
            yield method, path


def _flat(found: Any) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from _flat(
                getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", [])
            )


def test_the_sweep_knows_every_route(dash: Dash) -> None:
    found = set(routes(dash))
    assert len(found) > 38
    assert {("GET", "/"), ("POST", "/api/commands"), ("GET", "/api/stream"), ("GET", "/metrics"), ("GET", "/docs"),
            ("POST", "/commands"), ("GET", "/live"), ("GET", "/ask"), ("GET", "/trades.csv")} <= found  # fmt: skip


async def test_nobody_gets_in_without_a_login(dash: Dash) -> None:
    async with dash.anonymous(origin=BASE) as client:
        for method, path in routes(dash):
            answer = await client.request(method, path)
            if (method, path) in OPEN:
                assert answer.status_code in OPEN_STATUS, path
            else:
                assert answer.status_code == 401, (method, path, answer.status_code)
            assert "BTC-USD" not in answer.text


@pytest.mark.parametrize("host", BAD_HOSTS)
async def test_no_foreign_host_on_any_route(dash: Dash, host: str) -> None:
    async with await dash.browser() as client:
        for method, path in routes(dash):
            answer = await client.request(method, path, headers={"host": host})
            assert answer.status_code == 403, (method, path)


async def test_two_host_headers_are_one_too_many(dash: Dash) -> None:
    async with dash.machine() as client:
        answer = await client.get("/api/state", headers=[("host", "127.0.0.1:8080"), ("host", "evil.example")])
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "https://127.0.0.1:8080"},
        {"origin": "http://127.0.0.1:8081"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
        {"origin": "http://localhost:8080/"},
        {"x-csrf-token": ""},
        {"x-csrf-token": "0" * 64},
        {"sec-fetch-site": "cross-site", "origin": ""},
    ],
)
async def test_no_post_of_a_browser_without_its_own_origin_and_token(dash: Dash, headers: dict[str, str]) -> None:
    async with await dash.browser() as client:
        for name, value in headers.items():
            client.headers[name] = value
            if value == "":
                del client.headers[name]
        for method, path in routes(dash):
            if method != "POST" or (path == "/login/password" and "origin" not in headers):
                continue
            for kind, body in (
                ("application/json", b'{"cmd":"start"}'),
                ("application/x-www-form-urlencoded", b"cmd=start"),
                ("text/plain", b'{"cmd":"start"}'),
            ):
                answer = await client.post(path, content=body, headers={"content-type": kind})
                assert answer.status_code == 403, (path, kind, answer.text)
        assert not dash.paths.control.exists()


async def test_nothing_is_changed_by_a_get(dash: Dash) -> None:
    async with await dash.browser() as client:
        for path in ("/commands", "/api/commands", "/logout", "/login/password"):
            answer = await client.get(path, params={"cmd": "kill"})
            assert answer.status_code in (200, 405)
        assert (await client.get("/api/state")).status_code == 200  # still signed in
    assert not dash.paths.control.exists()
    assert not dash.paths.kill.exists()


@pytest.mark.parametrize("origins", [("http://evil.example", BASE), (BASE, "http://evil.example"), (BASE, BASE)])
async def test_two_origins_are_one_too_many(dash: Dash, origins: tuple[str, ...]) -> None:
    async with await dash.browser() as client:
        del client.headers["origin"]
        more = [("origin", one) for one in origins]
        headers = [*client.headers.multi_items(), *more]
        sent = await client.post("/api/commands", json={"cmd": "pause"}, headers=headers)
        assert sent.status_code == 403
    assert not dash.paths.control.exists()


async def test_the_browsers_own_word_stands_in_for_a_missing_origin(dash: Dash) -> None:
    async with await dash.browser() as client:
        del client.headers["origin"]
        refused = await client.post("/api/commands", json={"cmd": "pause"})
        assert refused.status_code == 403
        sent = await client.post("/api/commands", json={"cmd": "pause"}, headers={"sec-fetch-site": "same-origin"})
        assert sent.status_code == 202


@pytest.mark.parametrize("kind", ["token", "session"])
async def test_a_viewer_reads_and_commands_nothing(dash: Dash, kind: str) -> None:
    client = dash.machine("viewer") if kind == "token" else await dash.browser("viewer")
    async with client:
        for method, path in routes(dash):
            if path in ("/api/stream", "/logout", "/login/password") or path.startswith("/login"):
                continue
            answer = await client.request(method, path, json={"cmd": "kill"} if method == "POST" else None)
            if method == "POST":
                assert answer.status_code == 403, path
            else:
                wanted = (307,) if path == "/api/streams/sse" else (200, 404, 422, 503)
                wanted = (403,) if path.startswith("/incidents/") else wanted  # bundles hold logs: operators only
                assert answer.status_code in wanted, (path, answer.status_code)
    assert not dash.paths.kill.exists()


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic b3BlcmF0b3I6eA==", "bearer", "Bearer ../../sessions", "Token x"]
)
async def test_a_token_that_is_not_known_is_refused_everywhere(dash: Dash, header: str) -> None:
    async with dash.anonymous(authorization=header) as client:
        answers = [(await client.request(method, path)).status_code for method, path in routes(dash)]
    assert answers[:30] == [401] * 30
    assert set(answers[30:]) == {429}, "what fills the log is slowed down"
    async with dash.machine() as known:
        assert (await known.get("/api/state")).status_code == 200, "a known one never is"


async def test_a_body_that_is_too_large_is_refused_unread(dash: Dash) -> None:
    async with dash.machine() as client:
        answer = await client.post("/api/commands", content=b"x" * 70_000)
        assert answer.status_code == 413

        async def drip() -> Any:
            for _ in range(100):
                yield b"x" * 1024

        answer = await client.post("/api/commands", content=drip())
        assert answer.status_code == 413


async def test_every_answer_carries_the_policy(dash: Dash) -> None:
    clients: list[httpx.AsyncClient] = [await dash.browser(), dash.anonymous(), dash.anonymous(host="evil.example")]
    for client in clients:
        async with client:
            for method, path in routes(dash):
                if path == "/api/stream" and client is clients[0]:
                    continue
                answer = await client.request(method, path)
                policy = answer.headers["content-security-policy"]
                assert "script-src 'self';" in policy
                assert "unsafe-eval" not in policy
                assert "frame-ancestors 'none'" in policy
                assert ("unsafe-inline" in policy) == (path == "/docs")
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == ("no-referrer" if path == "/login/link" else "same-origin")
                assert answer.headers["cache-control"]


async def test_errors_say_no_path_version_or_traceback(dash: Dash) -> None:
    def broken() -> None:
        raise RuntimeError("secret /srv/place")

    dash.hub.reader.snapshot = broken  # type: ignore[assignment,method-assign]
    async with dash.machine() as client:
        for method, path in routes(dash):
            if method == "POST":
                continue
            answer = await client.request(method, path)
            for leak in ("Traceback", "/srv/", "secret", ".py", "fastapi", "uvicorn", "starlette"):
                assert leak not in answer.text.lower().replace("/coin.", "") or path in ("/docs",), (path, leak)
            assert "server" not in answer.headers


TRAVERSALS = [
    "/assets/../../../etc/passwd", "/assets/..%2f..%2f..%2fetc/passwd", "/assets/%2e%2e/%2e%2e/app.py",
    "/assets/....//....//app.py", "/assets/..\\..\\app.py", "/assets/%5c..%5capp.py", "/assets//etc/passwd",
    "/assets/./coin.css", "/assets/coin.css", "/assets/coin.js%00.css", "/assets/%00", "/assets/", "/assets",
    "/assets/node_modules/htmx.org/package.json", "/assets/../__main__.py", "/assets/coin.0000000000.css",
    "/assets/%252e%252e%252fapp.py", "/assets/static/coin.css", "/static/coin.css", "/templates/layout.html",
    "/dashboard/sessions.json", "/data/control.json", "/.env", "/../.env", "/%2e%2e/.env", "/assets/..;/app.py",
    "/assets/coin.css/../../app.py", "/assets/coin.css%2f..%2f..%2fapp.py", "/assets/file:///etc/passwd",
    "/assets/%c0%ae%c0%ae/app.py", "/assets/%uff0e%uff0e/app.py", "/assets/~root/.env", "/assets/C:/windows/win.ini",
    "/assets/\u2024\u2024/app.py", "/assets/..%c0%af..%c0%afapp.py", "/assets/coin.css?../../app.py",
    "/assets/icon-ok.svg/..", "/assets/.", "/assets/..", "/assets/.git/config", "/.git/config", "/ledger.db",
    "/bot_state.json", "/logs/COIN.log",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_file_outside_the_list_is_served(dash: Dash, path: str) -> None:
    """The path goes in as a raw client would send it: nothing tidies it up before."""
    token = create_token(dash.paths, "operator")
    raw = path.partition("?")[0]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": unquote(raw), "raw_path": raw.encode(), "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
        "headers": [(b"host", b"127.0.0.1:8080"), (b"authorization", f"Bearer {token}".encode())],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await dash.app(scope, receive, send)
    assert sent[0]["status"] == (400 if "%c0" in path else 404)  # no UTF-8
    assert b"root:" not in sent[1]["body"]


def test_a_link_in_a_module_folder_leads_nowhere(tmp_path: Path) -> None:
    """A package whose file is a symbolic link out of its folder is not served."""
    secret = tmp_path / "secret.js"
    secret.write_text("secret")
    target = tmp_path / "node_modules" / "htmx.org" / "dist"
    target.mkdir(parents=True)
    (target / "ext").mkdir()
    (target / "ext" / "hx-sse.min.js").write_text("whole")
    (target / "htmx.min.js").write_text("whole")
    assert Assets(tmp_path / "node_modules").url("htmx.js")
    (target / "htmx.min.js").unlink()
    (target / "htmx.min.js").symlink_to(secret)
    assets = Assets(tmp_path / "node_modules")
    assert "htmx.js" in assets.missing
    assert not assets.url("htmx.js")


ELSEWHERE = [
    # mode, destination: what a page on another port of this name, or of another site, may have a browser do
    ("navigate", "iframe"), ("navigate", "embed"), ("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"),
    ("no-cors", "empty"), ("websocket", "websocket"), ("navigate", ""), ("", "document"),
]  # fmt: skip


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_page_may_lead_here_by_a_link_and_nothing_else(dash: Dash, site: str) -> None:
    """127.0.0.1:18999 is the same site as 127.0.0.1:8080, for cookies as well."""
    async with await dash.browser() as client:
        for mode, dest in ELSEWHERE:
            given = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
            for method, path in routes(dash):
                answer = await client.request(method, path, headers=given)
                assert answer.status_code == 403, (method, path, mode, dest)
        led = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        for method, path in routes(dash):
            if path == "/api/stream":
                continue
            refused = method == "POST" or path.startswith("/api/")
            answer = await client.request(method, path, headers=led, content=b"")
            assert (answer.status_code == 403) == refused, (method, path, answer.status_code)
    assert not dash.paths.control.exists()


async def test_the_pages_own_requests_and_typed_addresses_pass(dash: Dash) -> None:
    async with await dash.browser() as client:
        for site, mode, dest in (("same-origin", "cors", "empty"), ("none", "navigate", "document")):
            given = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
            assert (await client.get("/api/state", headers=given)).status_code == 200
