"""Text that is no text and times at the edge, in every place of every route that takes any: an answer in words, never
an error of ours."""

import inspect
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from dashboard.pages.moment.page import LAST_MS, asked
from dashboard.pages.registry import PAGES
from shared.command_table import COMMANDS
from tests.dashboard.conftest import Dash
from tests.dashboard.test_guard import _flat, routes

SURROGATES = ["%ED%A0%80", "%ED%BF%BF", "%ED%A0%80%ED%B0%80", "%FF", "%C0%80", "a%ED%A0%80b"]
JSON_SURROGATES = [r'"\ud800"', r'"\udfff"', r'"a\udc00b"', r'"\ud800\ud800"']
EDGES = [
    "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31", "9999-12-31T23:59:59",
    "9999-12-31T23:59:59.999999-23:59", "1969-12-31T23:59:59", "10000-01-01", "0000-00-00", "-0001-01-01", "inf",
    "nan", "1e400", str(2**63), str(-(2**63) - 1), str(2**53 + 1), "9" * 400, "-1", "\u0661", "",
]  # fmt: skip
BODY_FIELDS = [
    "cmd",
    "confirm",
    "back",
    "how",
    "csrf",
    "password",
    *sorted({a for c in COMMANDS.values() for a in c.args}),
]


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [r for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info] == []


def queries(dash: Dash) -> Iterator[tuple[str, str]]:
    """(path, name) of every parameter that a route or a page reads."""
    every, of_page = {name for page in PAGES for name in page.params}, {page.path: page.params for page in PAGES}
    for route in _flat(dash.app.routes):
        named = {p.alias for p in route.dependant.query_params}
        source = inspect.getsource(route.endpoint)
        read = set(re.findall(r'query_params(?:\.get\(|\[)"(\w+)"', source))
        if "GET" in route.methods and route.path != "/api/stream":
            path = re.sub(r"\{[^}]+\}", "x", route.path)
            of_pages = every if path == "/live" else set(of_page.get(path, ()))  # /live draws any page
            for name in sorted(named | read | of_pages):
                yield path, name


def test_the_sweep_finds_what_routes_read(dash: Dash) -> None:
    found = set(queries(dash))
    assert {("/api/fills", "since_ms"), ("/api/candles", "product_id"), ("/login/link", "t"), ("/moment", "at"),
            ("/trades.csv", "range"), ("/api/logs", "q")} <= found  # fmt: skip
    assert all(isinstance(route, APIRoute) for route in _flat(dash.app.routes))


@pytest.mark.parametrize("bad", SURROGATES)
async def test_what_is_no_utf8_is_400_in_every_path_and_query(dash: Dash, bad: str) -> None:
    async with dash.machine() as client:
        for method, path in routes(dash):
            for url in (f"{path}?{bad}=1", f"{path}?x={bad}", f"{path.rstrip('/')}/{bad}"):
                answer = await client.request(method, url)
                assert answer.status_code == 400, (method, url)
        for path, name in queries(dash):
            assert (await client.get(f"{path}?{name}={bad}")).status_code == 400, (path, name)


@pytest.mark.parametrize("bad", JSON_SURROGATES)
async def test_lone_surrogates_are_400_in_every_field_of_a_json_body(dash: Dash, bad: str) -> None:
    fields = [f'"{name}":{bad}' for name in (*BODY_FIELDS, "args", "held")]
    bodies = [bad, f"[{bad}]", f"{{{bad}:1}}", *(f"{{{one}}}" for one in fields),
              *(f'{{"cmd":"pause","args":{{"{name}":{bad}}}}}' for name in BODY_FIELDS),
              f'{{"cmd":"pause","args":{{{bad}:"x"}}}}']  # fmt: skip
    async with dash.machine() as client:
        for _, path in [one for one in routes(dash) if one[0] == "POST"]:
            for body in bodies:
                for kind in ("application/json", "application/problem+json", ""):
                    given = {"content-type": kind} if kind else {}
                    answer = await client.post(path, content=body.encode(), headers=given)
                    assert answer.status_code == 400, (path, body, kind, answer.status_code)
    assert not dash.paths.control.exists()


@pytest.mark.parametrize("bad", SURROGATES)
async def test_and_in_every_field_of_a_form(dash: Dash, bad: str) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    async with dash.machine() as client:
        for _, path in [one for one in routes(dash) if one[0] == "POST"]:
            for name in BODY_FIELDS:
                answer = await client.post(path, content=f"cmd=pause&{name}={bad}".encode(), headers=kind)
                assert answer.status_code == 400, (path, name)
            assert (await client.post(path, content=b"cmd=\xed\xa0\x80", headers=kind)).status_code == 400
    assert not dash.paths.control.exists()


async def test_values_at_the_edge_are_answered_in_words_everywhere(dash: Dash) -> None:
    async with dash.machine("viewer") as client:
        for path, name in queries(dash):
            for value in EDGES:
                answer = await client.get(path, params={name: value})
                assert answer.status_code < 500 or (path, answer.status_code) == ("/api/bot/health", 503), (path, name)
                assert "Traceback" not in answer.text


@pytest.mark.parametrize("value", [one for one in EDGES if one])
async def test_no_time_is_400_on_the_page_of_a_moment(dash: Dash, value: str) -> None:
    async with dash.machine("viewer") as client:
        answer = await client.get("/moment", params={"at": value})
        assert answer.status_code == 400
        assert "between 1970 and 9998" in answer.text
        stream = await client.get("/api/stream", params={"page": "moment", "at": value})
        assert stream.status_code == 400


async def test_the_last_moment_that_can_be_asked_for_is_shown_with_its_links(dash: Dash) -> None:
    assert asked("9998-12-31T00:00:00") == LAST_MS
    async with dash.machine("viewer") as client:
        for at in ("9998-12-31T00:00:00", "1970-01-01T00:00:00", "2026-11-20T05:23"):
            assert (await client.get("/moment", params={"at": at})).status_code == 200, at


async def test_odd_cookies_and_headers_are_passed_over(dash: Dash) -> None:
    name = dash.hub.site.cookie
    async with dash.anonymous() as client:
        for value in (b"\xff\xfe", b"%ED%A0%80", b"=", b";;;", b'"', b"a" * 8000, b"\xed\xa0\x80"):
            given: Any = [(b"cookie", name.encode() + b"=" + value), (b"accept", b"\xff")]
            assert (await client.get("/api/state", headers=given)).status_code == 401
