"""Documents inside COIN, the list that Ctrl-K opens, and the words that the pages explain."""

import re
from pathlib import Path

import pytest

from dashboard import handbook
from dashboard.views import palette
from tests.dashboard.conftest import Dash


def hrefs(name: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', handbook.rendered(name) or "")


def test_every_document_is_there_and_its_links_lead_somewhere() -> None:
    assert [one.name for one in handbook.chapters()] == list(handbook.NAMES), "a name without its file"
    anchors = {one.name: {part.anchor for part in one.sections} for one in handbook.chapters()}
    for name in handbook.NAMES:
        for href in hrefs(name):
            if href.startswith("/help?of="):
                of, _, mark = href.removeprefix("/help?of=").partition("#")
                assert of in anchors and (not mark or mark in anchors[of]), f"{name}: {href}"
            else:
                assert href.startswith(("https://", "http://127.0.0.1")), f"{name}: {href}"
    assert any(href == "/help?of=strategies" for href in hrefs("dashboard"))


def test_every_document_that_people_read_is_named() -> None:
    """One that is written later is either in the list or says why not, here."""
    found = {str(path.relative_to(handbook.DOCS).with_suffix("")) for path in handbook.DOCS.rglob("*.md")}
    assert found == set(handbook.NAMES)


def test_markup_in_a_document_is_text_and_two_headings_have_two_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# One\n\n<script>x</script> [a](javascript:alert(1)) ![p](x.png) [b](nowhere.md)\n\n## Same\n\n## Same\n"
    monkeypatch.setattr(handbook, "source", lambda _name: text)
    made = handbook.chapter_of("lab", text)
    assert [part.anchor for part in made.sections] == ["", "same", "same-2"]
    monkeypatch.setattr(handbook, "chapters", lambda: (made,))
    html = handbook.rendered.__wrapped__("lab")
    assert html is not None
    assert "<script" not in html and "javascript:" not in re.sub(r">[^<]*<", "><", html) and "<img" not in html
    assert 'id="same-2"' in html and "<a>b</a>" in html, "a link to what COIN does not serve is words"


def test_a_comment_in_a_shell_example_is_no_heading() -> None:
    text = "# T\n\n```sh\n# not one\n```\n\n## one\n\nbody\n"
    assert [part.heading for part in handbook.chapter_of("lab", text).sections] == ["T", "one"]
    assert handbook.section(text, "one") == "## one\n\nbody" and handbook.section(text, "not-one") is None


def test_a_search_wants_every_word_and_puts_headings_first() -> None:
    hits = handbook.search("fees")
    assert hits and hits[0].section.heading.lower().find("fees") >= 0
    assert all("fee" in f"{h.section.heading} {h.section.text}".lower() for h in hits)
    assert handbook.search("fees nosuchword") == [] and handbook.search("  ") == []
    assert len(handbook.search("the")) == handbook.HITS


def test_the_glossary_keeps_names_of_settings_whole() -> None:
    assert "EXPOSURE_MAX_PCT" in handbook.terms()["share"]
    assert handbook.terms()["break-even"].startswith("the price from which a lot earns")


async def test_the_pages_of_help(dash: Dash) -> None:
    dash.beat()
    async with await dash.browser("viewer") as client:
        whole = (await client.get("/help")).text
        assert "break-even" in whole and "/help?of=trading-rules" in whole
        assert "steps=1" not in whole, "first steps are commands: a viewer has none"
        shown = (await client.get("/help?of=trading-rules")).text
        assert 'id="5a-fees"' in shown and 'aria-current="page"' in shown
        assert (await client.get("/help?of=../README")).status_code == 404
        assert "No section holds" in (await client.get("/help", params={"q": "nosuchword"})).text
        assert "&lt;b&gt;" in (await client.get("/help", params={"q": "<b>"})).text
    async with dash.anonymous() as nobody:
        assert (await nobody.get("/palette")).status_code in (303, 401)


async def test_the_palette_lists_what_is_there_now(dash: Dash) -> None:
    dash.beat()
    async with await dash.browser() as client:
        groups = {one["title"]: one for one in (await client.get("/palette")).json()["groups"]}
        lots = groups["Lots, nearest take profit first"]["items"]
        state = dash.hub.reader.snapshot().state
        assert state is not None and state.positions is not None
        assert len(lots) == sum(len(p.lots) for p in state.positions)
        near = [float(re.sub(r"[^\d.+-]", "", lot["hint"].replace("\u2212", "-"))) for lot in lots if lot["hint"]]
        assert near and near == sorted(near)
        assert {one["press"] for one in groups["Commands"]["items"]} == {"start", "pause", "stop", "flatten", "kill"}
        assert {"Overview", "Help"} <= {one["text"] for one in groups["Pages"]["items"]}
        names = {one["text"]: one for one in groups["Settings"]["items"]}
        assert names["TAKE_PROFIT_PCT"]["href"] == "/settings?q=TAKE_PROFIT_PCT"
        assert any(
            one["href"].startswith("/help?of=trading-rules#") for one in groups["Help, in here and offline"]["items"]
        )


async def test_no_secret_is_in_the_palette(tmp_path: Path) -> None:
    secret = "https://hooks.slack.com/services/T0/B0/verysecret"
    dash = Dash(tmp_path, {"SLACK_WEBHOOK": secret})
    dash.beat()
    async with await dash.browser() as client:
        text = (await client.get("/palette")).text
    assert "verysecret" not in text and "set, hidden" in text


async def test_a_viewer_is_told_why_no_command_is_theirs(dash: Dash) -> None:
    dash.beat()
    async with await dash.browser("viewer") as client:
        groups = {one["title"]: one for one in (await client.get("/palette")).json()["groups"]}
    assert {one["more"] for one in groups["Commands"]["items"]} == {"Signed in as viewer: read-only."}


def test_a_killed_bot_has_no_take_profit_in_the_palette(tmp_path: Path) -> None:
    for scenario, rests in (("six", True), ("killed", False)):
        folder = tmp_path / scenario
        folder.mkdir()
        dash = Dash(folder, scenario=scenario)
        dash.beat()
        s = dash.hub.reader.snapshot()
        groups = {one.title: one for one in palette.groups(s, "operator", (), (), ())}
        assert any(lot.more or lot.hint for lot in groups["Lots, nearest take profit first"].items) is rests
        assert {one.press for one in groups["Commands"].items} >= {"kill" if rests else "reset_kill"}
