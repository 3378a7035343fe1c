"""The Alerts page: what the watcher wrote, how old it is, and nothing that nobody vouches for."""

import re
from dataclasses import replace

import pytest

from dashboard.handbook import anchor, section
from dashboard.pages.alerts import rules_view, view
from dashboard.views.snapshot import Snapshot, WatcherLook
from shared import alert_requests
from shared.alert_requests import AlertAsk
from shared.documents.alerts import AlertsDoc, encode_alerts
from shared.times import from_epoch_ms
from tests.dashboard.alert_documents import document
from tests.dashboard.conftest import Dash

NOW_MS = 1_796_000_000_000
NOW = from_epoch_ms(NOW_MS)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u202f", " ").replace("\xa0", " ")


def test_a_firing_alert_says_since_when_who_knows_and_what_came_back() -> None:
    blind, disk = view.firing(document(NOW_MS), NOW)
    assert (blind.state, blind.acknowledged, blind.rules) == ("bad", False, "2 rules, one message")
    assert blind.lasts.startswith("51") and "Nobody has acknowledged" in blind.told
    assert [(one.sink, one.state) for one in blind.sent] == [("telegram", "ok"), ("mail", "warn"), ("slack", "wait")]
    assert "421 try later, 2 tries" in blind.sent[1].said
    assert (disk.state, disk.acknowledged) == ("warn", True)
    assert "Acknowledged by operator" in disk.told and "“after the sweep”" in disk.told and "Came back" in disk.told


def test_only_the_newest_message_of_each_sink_is_shown() -> None:
    doc = document(NOW_MS)
    twice = [replace(one, at_ms=one.at_ms - 60_000, answer="older") for one in doc.firing[0].sent]
    first = replace(doc.firing[0], sent=[*twice, *doc.firing[0].sent])
    (row, *_) = view.firing(replace(doc, firing=[first]), NOW)
    assert len(row.sent) == 3 and all("older" not in one.said for one in row.sent)


def test_calm_counts_from_the_last_all_clear_and_says_what_is_not_known() -> None:
    assert view.calm(document(NOW_MS), NOW) is None
    found = view.calm(document(NOW_MS, trouble=False), NOW)
    assert found is not None and found.rules == 4 and found.unknown == 1
    later = replace(document(NOW_MS, trouble=False), resolved=[])
    longer = view.calm(later, NOW)
    assert (longer is not None and longer.lasts != found.lasts) or longer == found


def seen(dash: Dash, doc: AlertsDoc | None, age_s: float = 0.5) -> Snapshot:
    dash.beat()
    return replace(dash.hub.reader.snapshot(), now=NOW, watcher=WatcherLook(doc, None if doc is None else age_s))


def test_a_watcher_that_is_gone_vouches_for_nothing(dash: Dash) -> None:
    good = {row.who: row.state for row in view.watchers(seen(dash, document(NOW_MS)))}
    assert good["Dashboard"] == "ok"
    old = seen(dash, document(NOW_MS - 30_000), 30.0)
    assert view.silence(old.watcher) == pytest.approx(30)
    rows = view.watchers(old)
    assert rows[0].state == "warn"
    assert {row.who: (row.state, row.by) for row in rows if row.who in ("Dashboard", "Bots")} == {
        "Dashboard": ("warn", "watched by nobody"),
        "Bots": ("warn", "watched by nobody"),
    }
    nobody = view.boxes(seen(dash, None))
    assert all(nobody[name] for name in ("watcher", "outside", "dashboard", "bots"))


def test_a_bot_that_says_nothing_is_counted_and_one_that_is_blind_is_heard(dash: Dash) -> None:
    doc = document(NOW_MS)
    assert view.watchers(seen(dash, doc))[4].state == "ok", "a bot that sees no price still says so"
    dead = replace(doc, firing=[replace(doc.firing[0], rules=["bot_dead"])])
    row = view.watchers(seen(dash, dead))[4]
    assert row.state == "warn" and "0 of 1 heard" in row.by


def test_without_a_service_outside_that_is_said_and_is_no_green_sign(dash: Dash) -> None:
    row = view.watchers(seen(dash, replace(document(NOW_MS), heartbeat=None)))[1]
    assert row.state == "unk" and "HEARTBEAT_URL" in row.by


def test_a_sink_that_answered_badly_or_never_is_no_green_sign() -> None:
    telegram, mail, slack = view.sinks(document(NOW_MS), NOW)
    assert (telegram.state, telegram.answer) == ("ok", "200, message 4417")
    assert mail.state == "warn" and "2 tries failed" in mail.then and "48" in mail.then
    assert (slack.state, slack.answer, slack.last) == ("unk", "nothing sent yet", None)


def test_a_test_that_failed_is_shown_though_messages_went_well() -> None:
    doc = document(NOW_MS)
    one = replace(doc.sinks[0], test_ms=NOW_MS, test_ok=False, test_answer="401 Unauthorized")
    (row,) = view.sinks(replace(doc, sinks=[one]), NOW)
    assert (row.state, row.answer, row.then) == ("warn", "401 Unauthorized", "the answer to a test")


def test_rules_stand_in_their_groups_and_unknown_has_no_bar() -> None:
    groups = dict(rules_view.groups(document(NOW_MS)))
    assert list(groups) == ["Process", "Exchange", "Machine", "Money and orders"]
    (flat,) = groups["Money and orders"]
    assert (flat.share, flat.now, flat.word) == (None, "—", "Not known")
    assert groups["Exchange"][0].hot and groups["Process"][0].share == 8


def test_the_nearest_to_firing_come_first_and_what_has_no_figure_never() -> None:
    rows = rules_view.nearest(document(NOW_MS, trouble=False))
    assert [(row.title, row.share) for row in rows] == [("Disk", 98), ("Bot dead", 8), ("Blind: no price", 6)]


@pytest.mark.parametrize("written", [None, b"{", b'{"version": 99}'])
async def test_the_page_without_a_watcher(dash: Dash, written: bytes | None) -> None:
    if written is not None:
        dash.paths.alerts.write_bytes(written)
        dash.paths.alerts.chmod(0o600)
    dash.beat()
    async with await dash.browser() as client:
        shown = await client.get("/alerts")
    assert shown.status_code == 200
    text = text_of(shown.text)
    assert "Nobody watches." in text and "Nothing fires" not in text
    assert ("has not written yet" in text) == (written is None)


async def test_a_person_acknowledges_and_asks_for_a_test(dash: Dash) -> None:
    publish(dash, document())
    async with await dash.browser() as client:
        whole = (await client.get("/alerts")).text
        page = text_of(whole)
        assert '<span>Alerts</span><i class="badge">2</i>' in whole
        assert "main is blind" in page and "421 try later" in page
        assert (await client.post("/alerts/ask", data={"ack": "exchange.sim", "note": "I look"})).status_code == 303
        assert (await client.post("/alerts/ask", data={"test": "all"})).status_code == 303
        assert (await client.post("/alerts/ask", data={})).status_code == 400
    first, second = alert_requests.take_all(dash.paths, document().ts_ms)
    assert (first.ask, first.name, first.note, first.by) == (AlertAsk.ACKNOWLEDGE, "exchange.sim", "I look", "operator")
    assert second.ask is AlertAsk.TEST


async def test_a_viewer_sees_and_asks_nothing(dash: Dash) -> None:
    publish(dash, document())
    async with await dash.browser("viewer") as client:
        page = (await client.get("/alerts")).text
        assert "main is blind" in page and "Acknowledge:" not in page and "Send a test" not in page
        assert (await client.post("/alerts/ask", data={"ack": "exchange.sim"})).status_code == 403
    assert alert_requests.take_all(dash.paths, document().ts_ms) == []


async def test_text_of_the_watcher_is_text(dash: Dash) -> None:
    doc = document()
    evil = replace(doc.firing[0], title="<img src=x onerror=alert(1)>", text="<b>x</b>\u202e", note="<script>")
    publish(dash, replace(doc, firing=[evil]))
    async with await dash.browser() as client:
        page = (await client.get("/alerts")).text
    assert "<img src=x" not in page and "<script>x" not in page and "\u202e" not in page
    assert "&lt;img src=x" in page


def publish(dash: Dash, doc: AlertsDoc) -> None:
    dash.paths.alerts.write_bytes(encode_alerts(doc))
    dash.paths.alerts.chmod(0o600)
    dash.beat()


OPERATIONS = """# Operations

## Rules

### Bot dead

It is gone. Run `./coin status`, see <b>logs</b>.

1. one
2. two

### Bot silent

Other.

## Other
"""


def test_a_runbook_is_its_section_alone() -> None:
    found = section(OPERATIONS, "bot-dead")
    assert found is not None and found.startswith("### Bot dead") and "two" in found and "Other" not in found
    assert (
        section(OPERATIONS, "rules") == OPERATIONS[OPERATIONS.index("## Rules") : OPERATIONS.index("## Other")].rstrip()
    )
    assert section(OPERATIONS, "nothing") is None
    assert [anchor(text) for text in ("Bot dead", " `bot_dead` ", "429 storm, main")] == [
        "bot-dead", "bot-dead", "429-storm-main",
    ]  # fmt: skip


async def test_the_runbook_page_shows_text_and_no_markup_of_others(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.runbook.page.source", lambda _name: OPERATIONS)
    dash.beat()
    async with await dash.browser() as client:
        shown = await client.get("/runbook?of=bot-dead")
        assert shown.status_code == 200 and "<ol>" in shown.text and "&lt;b&gt;logs" in shown.text
        assert (await client.get("/runbook?of=nothing")).status_code == 404
        assert (await client.get("/runbook")).status_code == 404
