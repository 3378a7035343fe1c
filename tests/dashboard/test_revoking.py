"""What ends a sign-in at once, with its open pages: a revocation, a changed password, a removed file."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import argon2
import httpx
import orjson
import pytest

from dashboard.auth import sessions as sessions_module
from dashboard.auth import tokens
from dashboard.auth.agents import shortened
from dashboard.auth.roles import Role
from dashboard.auth.sessions import FILE, Sessions, stored
from dashboard.auth.tokens import Tokens
from dashboard.links import create_login_link, create_token
from dashboard.routes.stream import _still_in
from dashboard.stream import StreamResponse
from shared.paths import DataPaths
from shared.settings import load
from tests.conftest import ROOT
from tests.dashboard.conftest import BASE, OWNER, Dash
from tests.dashboard.test_process import served  # noqa: F401 (a fixture)

PASSWORD, OTHER = "correct horse battery", "quite another staple"
Served = tuple[DataPaths, int, "subprocess.Popen[str]"]


def hashed(password: str) -> str:
    return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


class Open:
    """An event stream on a real socket, signed in by a header."""

    def __init__(self, port: int, header: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(5)
        head = f"GET /api/stream?page=overview HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{header}\r\n\r\n"
        self.socket.sendall(head.encode())
        assert b"text/event-stream" in self.socket.recv(4096)

    def ends_within_s(self) -> float:
        """Seconds until the server ends it; a timeout fails the test."""
        began = time.monotonic()
        text = b"\r\n"
        while text and not text.endswith(b"\r\n0\r\n\r\n"):  # the last chunk of the answer
            new = self.socket.recv(65536)
            text = text[-16:] + new if new else b""
        return time.monotonic() - began


@contextmanager
def signed_in(paths: DataPaths, port: int, role: str = "operator") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        link = create_login_link(paths, load(paths.root / "none", {"DASHBOARD_PORT": str(port)}).settings, role)
        assert client.get(link).status_code == 200
        yield client


def shell(paths: DataPaths, *words: str) -> str:
    env = {**os.environ, "DATA_DIR": str(paths.root)}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_a_removed_file_ends_every_session_and_its_open_pages_within_a_second(served: Served) -> None:  # noqa: F811
    paths, port, _ = served
    with signed_in(paths, port) as client:
        assert client.get("/api/state").status_code == 200
        page = Open(port, f"Cookie: coin-{port}={client.cookies[f'coin-{port}']}")
        (paths.dashboard / FILE).unlink()
        assert page.ends_within_s() < 1.0
        assert client.get("/api/state").status_code == 401
    with signed_in(paths, port) as again:  # and signing in works as before
        assert again.get("/api/state").status_code == 200
        assert len(stored(paths.dashboard)) == 1


def test_a_session_revoked_by_the_shell_is_over_within_a_second_and_others_stay(served: Served) -> None:  # noqa: F811
    paths, port, _ = served
    with signed_in(paths, port) as one, signed_in(paths, port, "viewer") as other:
        rows = orjson.loads(shell(paths, "sessions", "--json"))
        assert {(row["role"], row["how"], row["address"]) for row in rows} == {
            (role, "link", f"127.0.0.1 (uid {os.geteuid()})") for role in ("operator", "viewer")
        }  # fmt: skip
        wanted = next(row["id"] for row in rows if row["role"] == "operator")
        page = Open(port, f"Cookie: coin-{port}={one.cookies[f'coin-{port}']}")
        shell(paths, "sessions", "--revoke", wanted)
        assert page.ends_within_s() < 1.0
        assert one.get("/api/state").status_code == 401
        assert other.get("/api/state").status_code == 200
        shell(paths, "sessions", "--revoke", "--all")
        assert other.get("/api/state").status_code == 401
    told = [row["what"] for row in map(orjson.loads, paths.audit.read_bytes().splitlines())]
    assert told.count("session_ended") == 2


def test_a_token_revoked_by_the_shell_is_over_within_a_second(served: Served) -> None:  # noqa: F811
    paths, port, _ = served
    secret = shell(paths, "token", "viewer", "--name", "grafana", "--expires", "90d").strip()
    kept = create_token(paths, "viewer")
    page = Open(port, f"Authorization: Bearer {secret}")
    shell(paths, "token", "--revoke", "grafana")
    assert page.ends_within_s() < 1.0
    for token, status in ((secret, 401), (kept, 200)):
        answer = httpx.get(f"http://127.0.0.1:{port}/api/state", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_a_revocation_while_the_dashboard_stands_still_is_not_undone_by_it(served: Served) -> None:  # noqa: F811
    paths, port, process = served
    with signed_in(paths, port) as client:
        process.send_signal(signal.SIGSTOP)
        shell(paths, "sessions", "--revoke", "--all")
        process.send_signal(signal.SIGCONT)
        with signed_in(paths, port) as other:  # writes the file
            assert other.get("/api/state").status_code == 200
        assert client.get("/api/state").status_code == 401
        assert len(stored(paths.dashboard)) == 1


@asynccontextmanager
async def pump(dash: Dash, cookie: str) -> Any:
    """An open page of this session; gives the task that ends with it."""
    principal = dash.hub.sessions.find(cookie, OWNER.user)
    assert principal is not None
    b = dash.app.state.broadcaster
    channel, client = await b.join(dash.app.state.pages.by_key["overview"], principal.role, {}, principal.key)

    async def send(_message: Any) -> None:
        pass

    gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    made = StreamResponse(b, channel, client, _still_in(dash.hub, principal))
    task = asyncio.create_task(made({"type": "http", "client": None}, lambda: gone, send))
    yield task
    task.cancel()


async def test_a_changed_password_ends_every_session_and_the_new_one_signs_in(
    make_dash: Callable[..., Dash], tmp_path: Path
) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": f"'{hashed(PASSWORD)}'"})
    dash.beat()
    async with dash.app.router.lifespan_context(dash.app), await dash.browser() as client:
        assert (await client.get("/api/state")).status_code == 200
        async with pump(dash, client.cookies[dash.hub.site.cookie]) as page:
            (tmp_path / "env").write_text(f"DASHBOARD_PASSWORD_HASH='{hashed(OTHER)}'\n")
            async with asyncio.timeout(1.0):
                await page
        assert (await client.get("/api/state")).status_code == 401
        async with dash.anonymous(origin=BASE) as person:
            assert (await person.post("/login/password", data={"password": PASSWORD})).status_code == 403
            assert (await person.post("/login/password", data={"password": OTHER})).status_code == 303
    row = next(row for row in dash.hub.audit.tail() if row["what"] == "password_changed")
    assert row["ended"] == 1


async def test_another_line_of_the_settings_file_ends_nothing(make_dash: Callable[..., Dash], tmp_path: Path) -> None:
    line = f"DASHBOARD_PASSWORD_HASH='{hashed(PASSWORD)}'\n"
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": line.partition("=")[2].strip()})
    async with dash.app.router.lifespan_context(dash.app), await dash.browser() as client:
        for text in ("", line + "LOG_LEVEL=debug\n"):  # an editor truncates first, then writes
            (tmp_path / "env").write_text(text)
        dash.app.state.watch.look()
        await asyncio.sleep(0.6)
        assert (await client.get("/api/state")).status_code == 200


def test_a_password_changed_while_the_dashboard_was_down_ends_sessions_at_its_start(tmp_path: Path) -> None:
    cookie = Sessions(tmp_path, "one").begin(Role.OPERATOR, "uid 7")
    assert Sessions(tmp_path, "one").find(cookie, "uid 7") is not None
    changed = Sessions(tmp_path, "two")
    assert changed.outdated == 1
    assert changed.find(cookie, "uid 7") is None
    changed.flush()
    assert Sessions(tmp_path, "one").find(cookie, "uid 7") is None, "going back to the old password brings nothing back"


def test_sessions_that_are_bound_to_nobody_are_over(tmp_path: Path) -> None:
    """An older version kept no user with them: whoever has the cookie could be anybody."""
    now = time.time()
    key = sessions_module.digest("cookie")
    (tmp_path / FILE).write_bytes(orjson.dumps({key: {"role": "viewer", "began_s": now - 60, "used_s": now}}))
    assert Sessions(tmp_path, "any").find("cookie", "uid 7") is None
    assert stored(tmp_path) == {}


def test_a_session_that_could_not_be_saved_ends_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Sessions(tmp_path)
    saved = made.begin(Role.OPERATOR, "uid 7")
    with monkeypatch.context() as full:
        full.setattr(sessions_module, "write_whole", _no_room)
        unsaved = made.begin(Role.OPERATOR, "uid 7")
    assert made.find(unsaved, "uid 7") and made.find(saved, "uid 7")
    (tmp_path / FILE).unlink()
    assert made.find(unsaved, "uid 7") is None and made.find(saved, "uid 7") is None


def _no_room(*_a: object, **_k: object) -> None:
    raise OSError(28, "No space left on device")


def test_last_uses_are_written_once_a_minute_not_at_every_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    real = sessions_module.write_whole

    def count(path: Path, data: bytes, *, durable: bool) -> None:
        written.append(path)
        real(path, data, durable=durable)

    for module in (sessions_module, tokens):
        monkeypatch.setattr(module, "write_whole", count)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    sessions, machines = Sessions(tmp_path), Tokens(tmp_path)
    cookie, secret = (
        sessions.begin(Role.VIEWER, "uid 7", address="10.0.0.7", agent="Firefox 145, Linux"),
        tokens.make(tmp_path, "viewer"),
    )
    del written[:]
    for _ in range(300):  # five minutes
        now += 1
        assert sessions.find(cookie, "uid 7") and machines.find(secret, "10.0.0.8")
        sessions.flush()
        machines.flush()
    assert len([p for p in written if p.name == FILE]) <= 5
    assert 3 <= len([p for p in written if p.name == tokens.USES]) <= 5
    (one,) = stored(tmp_path).values()
    assert now - one.used_s <= 60
    assert (one.address, one.agent) == ("10.0.0.7", "Firefox 145, Linux")
    (machine,) = tokens.listing(tmp_path)
    assert machine.address == "10.0.0.8" and machine.used_s is not None and now - machine.used_s <= 60


def test_a_late_last_use_brings_no_revoked_token_back(tmp_path: Path) -> None:
    machines = Tokens(tmp_path)
    secret = tokens.make(tmp_path, "operator", "ci")
    assert machines.find(secret, "127.0.0.1")
    assert [one.name for one in tokens.revoke(tmp_path, "ci")] == ["ci"]
    machines.flush(at_once=True)
    assert machines.find(secret) is None
    assert tokens.listing(tmp_path) == []
    assert secret.encode() not in (tmp_path / tokens.USES).read_bytes()


def test_a_token_expires_by_the_clock_and_its_name_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = Tokens(tmp_path)
    secret = tokens.make(tmp_path, "viewer", "grafana", tokens.span_s("90d"))
    with pytest.raises(ValueError, match="already"):
        tokens.make(tmp_path, "viewer", "grafana")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90 * 86400 - 1)
    found = machines.find(secret)
    assert found is not None and found.name == "grafana"
    monkeypatch.setattr(time, "time", lambda: now + 90 * 86400 + 1)
    assert machines.find(secret) is None
    assert not machines.alive(found.key)
    tokens.make(tmp_path, "viewer", "grafana")


def test_a_token_of_an_older_version_holds(tmp_path: Path) -> None:
    folder = tmp_path / tokens.FOLDER
    folder.mkdir()
    key = sessions_module.digest("coin_old")
    (folder / f"{key}.json").write_text('{"role":"operator","made_s":1764000000.0}')
    (folder / "damaged.json").write_text("[")
    found = Tokens(tmp_path).find("coin_old")
    assert found is not None and found.role is Role.OPERATOR
    assert [one.id for one in tokens.listing(tmp_path)] == [key[:8]]


@pytest.mark.parametrize("text", ["", "0d", "90", "d", "-1d", "1.5d", "1y", "999999d", "9 0d"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="90d"):
        tokens.span_s(text)


@pytest.mark.parametrize(
    ("agent", "short"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 "
         "Safari/537.36", "Chrome 143, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36 Edg/143.0",
         "Edge 143, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Mobile "
         "Safari/537.36", "Chrome 143, Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("python-httpx/0.28", "python-httpx/0.28"),
        ("<script>alert(1)</script>\u202e\x1b[31m", "scriptalert1/script31m"),
        ("x" * 5000, "x" * 40),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_a_few_harmless_words(agent: str, short: str) -> None:
    assert shortened(agent) == short
