"""Every page in every state: drawn, free of inline code, and deaf to what strings from outside try."""

import dataclasses
import itertools
from collections.abc import Iterator
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest

from dashboard.views.snapshot import Snapshot
from shared.documents.state import BotState
from shared.presence import Presence
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_ledger, fill_market

PAGES = ["/", "/positions", "/orders", "/chart", "/why", "/risk", "/performance", "/strategy", "/log", "/events",
         "/health", "/settings", "/sessions", "/moment", "/login", "/docs", "/ask?ask=kill", "/ask?ask=flatten",
         "/ask?ask=close_product:BTC-USD", "/ask?ask=adopt"]  # fmt: skip
# The dashboard itself by the name under which passkeys work.
HERE = ("http://localhost:8080/sessions", "http://localhost:8080/login")
TAGS = ("script", "img", "svg", "iframe", "body", "details", "a", "form", "style", "link", "base", "meta", "object")
EVENTS = ("onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onanimationstart")
PAYLOADS = (
    [f"<{tag} {event}=alert(1)>" for tag in TAGS[:6] for event in EVENTS[:5]]
    + [f"</{tag}><script>alert(1)</script>" for tag in TAGS]
    + [
        "\"'><script>alert(1)</script>", "'\" onmouseover=alert(1) x='", "javascript:alert(1)",
        "{{ 7*7 }}", "{% raw %}",
        "${7*7}", "<!--", "-->", "]]>", "</template><img src=x onerror=alert(1)>", "<hx-partial hx-target=\"#main\">x",
        "<template hx type=\"partial\">", "\x01age\x01", "\x01sec\x01", "&lt;script&gt;", "&#60;script&#62;",
        "\u202e<b>",
        "<svg><use href=\"data:image/svg+xml,x\"/></svg>", "\x00<b>", "\r\nSet-Cookie: a=b", "\n\ndata: evil\n\n",
        "event: evil", "<base href=//evil>", "<meta http-equiv=refresh content=0>", "%3Cscript%3E", "<\x00script>",
    ]
)  # fmt: skip
KEEP = {"boot_id", "mode", "ts", "started_at", "at", "created_at", "updated_at", "opened_at", "day", "state", "kind",
        "phase", "purpose", "quote_currency"}  # fmt: skip


class Reader(HTMLParser):
    """What a browser would make of a page, as far as code is concerned."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            text = (value or "").strip().lower()
            if tag == "a" and text in HERE:
                continue
            if name.startswith("on") or name == "style":
                self.bad.append(f"{tag} {name}={value}")
            if name in ("src", "href", "action", "formaction") and text.startswith(
                ("http:", "//", "javascript:", "data:")
            ):
                self.bad.append(f"{tag} {name}={value}")
        if tag == "script" and not dict(attrs).get("src", "").startswith("/assets/"):  # type: ignore[union-attr]
            self.bad.append("inline script")
        if tag == "style":
            self.bad.append("inline style")


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def poisoned(value: Any, texts: Iterator[str], name: str = "") -> Any:
    """`value` with every free text in it replaced by the next of `texts`."""
    if isinstance(value, Enum) or name in KEEP:
        return value
    if isinstance(value, str):
        return value if _is_amount(value) else next(texts)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: poisoned(getattr(value, f.name), texts, f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    if isinstance(value, list):
        return [poisoned(x, texts) for x in value]
    if isinstance(value, dict):
        return {k if k in ("buy", "sell", "flat") else f"{next(texts)}{i}": poisoned(v, texts)
                for i, (k, v) in enumerate(value.items())}  # fmt: skip
    return value


def _is_amount(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdecimal()


def show(dash: Dash, **changes: object) -> Snapshot:
    """Let the pages be made of a snapshot of our own."""
    s = dataclasses.replace(dash.hub.reader.snapshot(), **changes)  # type: ignore[arg-type]
    dash.hub.reader.snapshot = lambda: s  # type: ignore[method-assign]
    return s


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("presence", list(Presence))
async def test_every_page_is_drawn_in_every_presence(dash: Dash, path: str, presence: Presence) -> None:
    show(dash, presence=presence, age_s=14.2, error="torn" if presence is Presence.UNREADABLE else None)
    async with await dash.browser() as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.bad == []
    assert "\x01" not in answer.text
    assert (">RUNNING<" in answer.text) == (presence is Presence.FRESH and "f-pres" in answer.text) or path == "/"


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_drawn_where_nothing_is_known(dash: Dash, path: str) -> None:
    show(dash, presence=Presence.LOADING, state=None, age_s=None)
    async with await dash.browser() as client:
        answer = await client.get(path)
    assert answer.status_code == (404 if "close_product" in path else 200)
    assert read(answer.text).bad == []
    assert "None" not in answer.text.replace("None:", "")


@pytest.mark.parametrize(
    "scenario", ["empty", "one", "many", "boot", "error", "killed", "safe", "stopped", "paused", "bare", "differs"]
)
async def test_every_page_is_drawn_in_every_state_of_the_bot(make_dash: Any, scenario: str) -> None:
    dash = make_dash(scenario=scenario)
    dash.beat()
    async with await dash.browser() as client:
        for path in PAGES:
            answer = await client.get(path)
            assert answer.status_code in (200, 404), (path, answer.text[-300:])
            assert read(answer.text).bad == [], path


@pytest.mark.parametrize("turn", range(8))
async def test_no_string_from_outside_becomes_code(dash: Dash, turn: int) -> None:
    """Every text of the state is another payload, and in each turn each text gets other ones."""
    fill_market(dash.paths, days_back=1)
    fill_ledger(dash.paths, round_trips=4)
    clean: BotState | None = dash.hub.reader.snapshot().state
    assert clean is not None
    clean = dataclasses.replace(clean, differences="BTC -0.01, USD +250.5", differences_since=clean.ts)
    killed = make_killed(clean, dash)
    shift = turn * len(PAYLOADS) // 8
    payloads = PAYLOADS[shift:] + PAYLOADS[:shift]
    lines = "".join(f"2026-11-20T05:21:12.283Z INFO bot {p}\n" for p in PAYLOADS)
    (dash.paths.logs / "COIN-BOT.log").write_text(lines)
    paths = [p for p in PAGES if not p.startswith(("/login", "/docs", "/settings"))]
    async with await dash.browser() as client:
        for state in (clean, killed):
            show(dash, state=poisoned(state, itertools.repeat("x")), control_error=None)
            before = {path: read((await client.get(path)).text).tags for path in paths}
            show(dash, state=poisoned(state, itertools.cycle(payloads)), control_error=payloads[0])
            for path in paths:
                page = read((await client.get(path)).text)
                assert page.bad == [], path
                if path not in (
                    "/chart",
                    "/health",
                    "/performance",
                    "/ask?ask=close_product:BTC-USD",
                ):  # they list what they are given
                    assert page.tags == before[path], path


def make_killed(state: BotState, dash: Dash) -> BotState:
    dash.writer.latch(dash.hub.reader.snapshot().now, "operator")
    return dataclasses.replace(state, kill=dash.writer.kill, status=dash.writer.status()[0], error="trouble")


async def test_the_command_for_a_bad_day_names_the_real_folder(dash: Dash) -> None:
    async with await dash.browser() as client:
        assert f"<code>touch {dash.paths.kill}</code>" in (await client.get("/risk")).text


async def test_a_default_that_was_adjusted_is_told_on_the_risk_page_and_is_the_value_on_settings(dash: Dash) -> None:
    async with await dash.browser() as client:
        risk = (await client.get("/risk")).text
        settings = (await client.get("/settings")).text
    assert "TRAIL_ACTIVATE_PCT is 2.28: it pays" in risk
    row = settings[settings.index("<code>TRAIL_ACTIVATE_PCT</code>") :].partition("</li>")[0]
    assert "<b>2.28, adjusted: fees</b>" in row and "profile, table 1.9" in row


async def test_reflected_input_is_escaped(dash: Dash) -> None:
    async with await dash.browser() as client:
        for path in ("/log?q=", "/settings?q=", "/events?kind=", "/chart?product=", "/?range=", "/ask?ask=",
                     "/ask?ask=kill&back=",
                     "/performance?range=", "/log?source=", "/log?level="):  # fmt: skip
            for payload in PAYLOADS[:12]:
                answer = await client.get(path + payload.replace("#", "%23").replace("&", "%26"))
                assert answer.status_code in (200, 404)
                page = read(answer.text)
                assert page.bad == [], (path, payload)
                assert "alert(1)>" not in answer.text


async def test_pages_read_without_javascript(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    async with await dash.browser() as client:
        text = (await client.get("/")).text
    for words in ("RUNNING", "12,4", "BTC-USD", "Equity from", "no script", "<noscript>", 'action="/commands"'):
        assert words in text or words == "no script", words
    assert 'class="c-line"' in text  # the server's own drawing of the curve


async def test_the_exit_reasons_are_in_words_for_people(dash: Dash) -> None:
    fill_ledger(dash.paths, round_trips=30)
    async with await dash.browser() as client:
        page = (await client.get("/performance?range=all")).text
    splits = page[page.index('id="pe-splits"') :]
    assert ">manual close</th>" in splits and ">command</th>" not in splits
