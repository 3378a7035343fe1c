"""Signing in and out, and what of it stands on the disk."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import argon2
import pytest

from dashboard.__main__ import check
from dashboard.auth import secrets_store
from dashboard.auth.audit import MOST, AuditLog, Failures
from dashboard.auth.peer import RemotePeer
from dashboard.auth.roles import Role
from dashboard.auth.sessions import IDLE_S, Sessions
from dashboard.auth.throttle import Throttle
from dashboard.links import LINKS, base_url, create_login_link, create_token
from shared.settings import load
from tests.dashboard.conftest import BASE, OWNER, Dash

PASSWORD = "correct horse battery"
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


async def test_a_link_signs_in_once_without_a_redirect(dash: Dash) -> None:
    link = create_login_link(dash.paths, dash.loaded.settings).removeprefix(BASE)
    async with dash.anonymous() as first, dash.anonymous() as second:
        answer = await first.get(link)
        assert answer.status_code == 200
        assert "location" not in answer.headers
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert (await first.get("/api/state")).status_code == 200
        again = await second.get(link)
        assert again.status_code == 403
        assert "set-cookie" not in again.headers
        assert (await second.get("/api/state")).status_code == 401


async def test_a_link_dies_after_five_minutes_and_is_not_used_up_by_a_browser_that_guesses_ahead(
    dash: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = create_login_link(dash.paths, dash.loaded.settings).removeprefix(BASE)
    now = time.time
    async with dash.anonymous() as client:
        assert (await client.get(link, headers={"sec-purpose": "prefetch;prerender"})).status_code == 503
        with monkeypatch.context() as later:
            later.setattr(secrets_store.time, "time", lambda: now() + 301)
            assert (await client.get(link)).status_code == 403


async def test_signing_in_again_ends_the_session_before_and_signing_out_ends_it_for_good(dash: Dash) -> None:
    async with await dash.browser() as client:
        before = client.cookies[dash.hub.site.cookie]
        link = create_login_link(dash.paths, dash.loaded.settings).removeprefix(BASE)
        await client.get(link)
        after = client.cookies[dash.hub.site.cookie]
        assert before != after
        assert dash.hub.sessions.find(before, OWNER.user) is None
        found = dash.hub.sessions.find(after, OWNER.user)
        assert found is not None
        answer = await client.post("/logout", headers={"x-csrf-token": found.csrf})
        assert answer.status_code == 303
        async with dash.anonymous() as thief:
            thief.cookies.set(dash.hub.site.cookie, after)
            assert (await thief.get("/api/state")).status_code == 401


async def test_only_hashes_are_kept_and_nobody_else_may_read_them(dash: Dash) -> None:
    link = create_login_link(dash.paths, dash.loaded.settings)
    token = create_token(dash.paths, "viewer")
    async with await dash.browser() as client:
        secrets = [link.partition("t=")[2], token, client.cookies[dash.hub.site.cookie]]
    found = files(dash.paths.root)
    assert len(found) >= 4
    for path in found:
        data = path.read_bytes()
        assert not any(s.encode() in data for s in secrets), path
    for path in [*files(dash.paths.dashboard), dash.paths.audit]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in [dash.paths.dashboard, *(p for p in dash.paths.dashboard.iterdir() if p.is_dir())]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_session_outlives_a_restart_but_not_twelve_idle_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = Sessions(tmp_path).begin(Role.VIEWER, "uid 7")
    again = Sessions(tmp_path)
    found = again.find(cookie, "uid 7")
    assert found is not None
    assert found.role is Role.VIEWER
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + IDLE_S + 1)
    assert again.find(cookie, "uid 7") is None
    assert Sessions(tmp_path).find(cookie, "uid 7") is None


def test_damaged_sessions_sign_out_and_nothing_worse(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"a":{"role":"king"}}', '{"a":1}'):
        (tmp_path / "sessions.json").write_text(text)
        assert Sessions(tmp_path).find("x", "uid 7") is None


async def test_a_password_signs_in_as_operator(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": HASH})
    async with dash.anonymous(origin=BASE) as client:
        assert "Password" in (await client.get("/login")).text
        wrong = await client.post("/login/password", data={"password": "wrong"})
        assert wrong.status_code == 403
        assert "Wrong password." in wrong.text
        right = await client.post("/login/password", data={"password": PASSWORD})
        assert right.status_code == 303
        assert (await client.get("/api/state")).status_code == 200


async def test_a_foreign_page_cannot_sign_anybody_in(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": HASH})
    async with dash.anonymous(origin="http://evil.example") as client:
        assert (await client.post("/login/password", data={"password": PASSWORD})).status_code == 403


@pytest.mark.parametrize("password", ["", "short", "elevenchars"])
async def test_no_short_password_whatever_the_hash_says(make_dash: Callable[..., Dash], password: str) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": weak})
    async with dash.anonymous(origin=BASE) as client:
        assert (await client.post("/login/password", data={"password": password})).status_code == 403


async def test_without_a_hash_no_password_signs_in(dash: Dash) -> None:
    async with dash.anonymous(origin=BASE) as client:
        assert (await client.post("/login/password", data={"password": ""})).status_code == 403
        assert "Password" not in (await client.get("/login")).text


def test_ten_thousand_guesses_of_many_addresses_are_slowed_and_nobody_known_waits_for_them() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    owner, home = RemotePeer("127.0.0.1", uid=1000, here=True), RemotePeer("198.51.100.9")
    throttle.succeeded(home)  # signed in once
    evaluated = 0
    for i in range(10_000):
        now = i * 0.06
        guesser = RemotePeer(f"10.0.{i % 50}.{i % 7}")
        if throttle.wait_s(guesser) == 0:
            throttle.tried(guesser)
            evaluated += 1
        assert throttle.wait_s(owner) == throttle.wait_s(home) == 0
    assert 0 < evaluated <= 660, "60 a minute, all strangers together"


def test_one_peer_has_five_tries_a_minute_and_a_whole_ipv6_network_is_one_peer() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    evaluated = 0
    for i in range(1000):
        now = i * 0.6
        guesser = RemotePeer(f"2001:db8:1:2::{i:x}")
        if throttle.wait_s(guesser) == 0:
            throttle.tried(guesser)
            evaluated += 1
    assert evaluated <= 55
    assert throttle.wait_s(RemotePeer("2001:db8:1:3::1")) == 0


def test_what_is_remembered_of_guessers_is_bounded() -> None:
    tries = Throttle(lambda: 0.0, per_minute=1, strangers=10**6, most=100)
    peers = [RemotePeer(f"10.0.{i // 250}.{i % 250}") for i in range(5000)]
    for peer in peers:
        tries.tried(peer)
    assert sum(tries.wait_s(peer) > 0 for peer in peers) == 100, "whose tries are counted"
    known = Throttle(lambda: 0.0, strangers=1, most=100)
    for peer in peers:
        known.succeeded(peer)
    known.tried(RemotePeer("10.1.0.1"))
    assert sum(known.wait_s(peer) == 0 for peer in peers) == 100, "who is no stranger"


async def test_failed_tries_are_slowed_and_counted_and_are_nobody_elses(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": HASH})
    stranger = RemotePeer("127.0.0.1", uid=1001, here=True)
    async with dash.anonymous(stranger, origin=BASE) as client:
        got = [(await client.post("/login/password", data={"password": "x"})).status_code for _ in range(8)]
        assert got == [403] * 5 + [429] * 3
        late = await client.post("/login/password", data={"password": PASSWORD})
        assert late.status_code == 429
    assert dash.hub.counters.logins_failed == 5
    assert sum(row["what"] == "login_failed" for row in dash.hub.audit.tail()) == 1
    async with dash.anonymous(origin=BASE) as owner:
        assert (await owner.post("/login/password", data={"password": PASSWORD})).status_code == 303


@pytest.mark.parametrize("peer", [OWNER, RemotePeer("127.0.0.1", uid=1001, here=True), RemotePeer("192.0.2.7")])
async def test_a_good_link_works_after_any_number_of_bad_ones(dash: Dash, peer: RemotePeer) -> None:
    async with dash.anonymous(peer) as client:
        got = [(await client.get(f"/login/link?t={'x' * 42}{i % 10}")).status_code for i in range(200)]
        assert got == [403] * 30 + [429] * 170
    assert sum(row["what"] == "login_failed" for row in dash.hub.audit.tail(400)) == 1, "nobody fills the trail"
    for one in (peer, OWNER):
        async with dash.anonymous(one) as client:
            link = create_login_link(dash.paths, dash.loaded.settings).removeprefix(BASE)
            assert (await client.get(link)).status_code == 200


async def test_behind_a_proxy_the_address_that_it_adds_is_slowed(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": HASH, "DASHBOARD_BEHIND_PROXY": "true",
                          "DASHBOARD_HOSTS": "coin.example"})  # fmt: skip
    async with dash.anonymous(host="coin.example", origin="https://coin.example") as client:

        async def attempt(password: str, forwarded: str) -> int:
            given = {"x-forwarded-for": forwarded}
            return (await client.post("/login/password", data={"password": password}, headers=given)).status_code

        bad = [await attempt("x", f"{i}.2.3.4, 203.0.113.5") for i in range(8)]  # the first is what a client says
        assert bad == [403] * 5 + [429] * 3
        assert await attempt(PASSWORD, "203.0.113.6") == 303


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"DASHBOARD_PORT": "9000", "DASHBOARD_HOST": "::1"}, "http://[::1]:9000"),
        ({"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "coin.example"}, "https://coin.example"),
    ],
)
def test_the_link_leads_where_the_dashboard_is(tmp_path: Path, env: dict[str, str], url: str) -> None:
    assert base_url(load(tmp_path / "none", env).settings) == url


async def test_behind_a_proxy_cookies_are_secure_and_only_the_named_host_is_served(
    make_dash: Callable[..., Dash],
) -> None:
    dash = make_dash(env={"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "coin.example"})
    link = create_login_link(dash.paths, dash.loaded.settings).removeprefix("https://coin.example")
    async with dash.anonymous(host="coin.example") as client:
        answer = await client.get(link)
        assert "__Host-coin-8080=" in answer.headers["set-cookie"]
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]
    async with dash.anonymous(host="evil.example") as client:
        assert (await client.get("/login")).status_code == 403


def test_bad_settings_of_the_dashboard_are_named(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("DASHBOARD_PASSWORD_HASH=plain\nDASHBOARD_TLS_CERT=x\n")
    env.chmod(0o600)
    problems = check(load(env, {}).settings)
    assert any("DASHBOARD_PASSWORD_HASH" in p for p in problems)
    assert any("DASHBOARD_TLS_KEY" in p for p in problems)


def test_expired_links_are_swept(tmp_path: Path) -> None:
    secrets_store.put(tmp_path / LINKS, "old", {"role": "viewer", "expires_s": time.time() - 1})
    secrets_store.put(tmp_path / LINKS, "new", {"role": "viewer", "expires_s": time.time() + 60})
    secrets_store.sweep(tmp_path / LINKS)
    assert len(os.listdir(tmp_path / LINKS)) == 1


def test_failures_push_nothing_out_of_the_trail_and_none_is_lost(tmp_path: Path) -> None:
    """A day of 30 a minute by another user, and as many from 5,000 addresses: each failure counted, once a minute."""
    now = 0.0
    trail = AuditLog(tmp_path / "audit.jsonl")
    failures = Failures(trail, lambda: now)
    guesser = RemotePeer("127.0.0.1", uid=1001, here=True)
    minutes = 20
    for i in range(minutes * 30):
        failures.note("login_failed", guesser, {"how": "link"})
        failures.note("login_failed", RemotePeer(f"10.0.{i // 250}.{i % 250}"), {"how": "password"})
        failures.flush()
        now += 2.0
    failures.flush(at_once=True)
    rows = trail.tail(2000)
    assert len(rows) <= 2 * (minutes + 2)
    for how in ("link", "password"):
        assert sum(row.get("times", 1) for row in rows if row["how"] == how) == minutes * 30
    written = len(trail.tail(4000))
    for uid in range(1000):
        failures.note("login_failed", RemotePeer("127.0.0.1", uid=uid, here=True), {"how": "link"})
    assert 0 < len(trail.tail(4000)) - written <= MOST + 1, "a line for each that is kept, one for all others"
    failures.flush(at_once=True)
    assert sum(row.get("times", 1) for row in trail.tail(4000)) == 2 * minutes * 30 + 1000
