"""A dashboard with a folder of its own, driven in process: no port, no browser."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from dashboard.app import create_app
from dashboard.auth.peer import RemotePeer
from dashboard.auth.roles import Role
from dashboard.hub import Hub
from dashboard.links import create_login_link, create_token
from shared.paths import DataPaths
from shared.pm2 import Pm2Client
from shared.settings import Loaded, load
from tests.dashboard.writer import Writer

BASE = "http://127.0.0.1:8080"


OWNER = RemotePeer("127.0.0.1", uid=1000, here=True)


class As:
    """The application as asked by `peer`: what the server finds out about a connection, without one."""

    def __init__(self, peer: RemotePeer, app: Any) -> None:
        self.peer, self.app = peer, app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "state": {"peer": self.peer}}, receive, send)


class Dash:
    """The application with a folder, a writer of its files, and clients of every kind."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None, scenario: str = "six") -> None:
        env_file = folder / "env"
        env_file.write_text("".join(f"{k}={v}\n" for k, v in (env or {}).items()))
        env_file.chmod(0o600)
        self.loaded: Loaded = load(env_file, {})
        self.paths = DataPaths(folder / "data")
        self.paths.prepare()
        self.writer = Writer(folder / "data", scenario)
        self.app: FastAPI = create_app(self.loaded, self.paths, Pm2Client(folder / "nopm2"))
        self.hub: Hub = self.app.state.hub

    def beat(self, writes: int = 2) -> None:
        """The bot writes, the dashboard looks."""
        for _ in range(writes):
            self.writer.write()
            self.hub.reader.look()

    def pass_time(self, seconds: float) -> None:
        """So much later by the clock that ages are told by."""
        before = self.hub.reader.clock
        self.hub.reader.clock = lambda: before() + seconds

    def anonymous(self, peer: RemotePeer = OWNER, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=As(peer, self.app), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    def machine(self, role: str = "operator") -> httpx.AsyncClient:
        """A client with a bearer token."""
        return self.anonymous(authorization=f"Bearer {create_token(self.paths, role)}")

    async def browser(self, role: str = "operator") -> httpx.AsyncClient:
        """A client that signed in by a link, with Origin and CSRF header as our own page sends them."""
        link = create_login_link(self.paths, self.loaded.settings, role)
        async with self.anonymous() as door:
            answer = await door.get(link.removeprefix(BASE))
            assert answer.status_code == 200
            cookie = door.cookies[self.hub.site.cookie]
        found = self.hub.sessions.find(cookie, OWNER.user)
        assert found is not None
        assert found.role is Role(role)
        client = self.anonymous(origin=BASE, **{"x-csrf-token": found.csrf})
        client.cookies.set(self.hub.site.cookie, cookie, domain="127.0.0.1", path="/")
        return client


@pytest.fixture
def dash(tmp_path: Path) -> Dash:
    made = Dash(tmp_path)
    made.beat()
    return made


@pytest.fixture
def make_dash(tmp_path: Path) -> Callable[..., Dash]:
    def make(**kwargs: object) -> Dash:
        return Dash(tmp_path, **kwargs)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def live(dash: Dash) -> AsyncIterator[Dash]:
    """The same with its watchers running."""
    async with dash.app.router.lifespan_context(dash.app):
        await asyncio.sleep(0)
        yield dash
