"""The page of one alert and the strip of days: what was kept, in order, and nothing that nobody watched is quiet."""

import asyncio
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from dashboard import alert_history
from dashboard.alert_history import AlertEpisode, AlertMonth
from dashboard.pages.alerts import days_view
from incident.bundle import file_name
from shared.documents.alert_life import DAY_MS, WATCHED_FACT, AlertChange, AlertStep
from shared.documents.alerts import AlertKind, AlertPhase, AlertSeverity, SentState, encode_alerts
from shared.ledger.open import open_writer
from shared.ledger.schema import activity_log
from tests.dashboard.alert_documents import document
from tests.dashboard.conftest import Dash
from tests.dashboard.test_alerts import text_of
from tests.ledger_rows import put
from watch.alert_book import Alert
from watch.alert_store import AlertStore
from watch.messages import AlertMessage
from watch.outbox import QueuedMessage

NOW_MS = int(datetime(2026, 11, 29, 15, 20, tzinfo=UTC).timestamp() * 1000)
W, C = AlertSeverity.WARNING, AlertSeverity.CRITICAL


def month(*episodes: AlertEpisode, **watched: float) -> AlertMonth:
    return AlertMonth(
        list(episodes),
        {name.strip("d").replace("_", "-"): round(share * DAY_MS) for name, share in watched.items()},
        [],
    )


def episode(begin_ms: int, end_ms: int | None, severity: AlertSeverity = W, cause: str = "disk") -> AlertEpisode:
    return AlertEpisode(cause, "The disk is full", severity, begin_ms, end_ms)


def test_a_day_that_nobody_watched_is_not_known_and_one_watched_in_part_says_so() -> None:
    found = days_view.days(month(d2026_11_28=1.0, d2026_11_27=0.5), NOW_MS)
    assert len(found.cells) == 30
    *_, half, whole, today = found.cells
    assert (half.css, whole.css, today.css) == ("day-part", "day-quiet", "day-unk")
    assert "watched for 50% of it" in half.say and found.cells[0].css == "day-unk"
    assert "0 with alerts, 28 that nobody watched" in found.head


def test_today_is_quiet_where_it_was_watched_until_now() -> None:
    passed = (NOW_MS % DAY_MS) / DAY_MS
    assert days_view.days(month(d2026_11_29=passed), NOW_MS).cells[-1].css == "day-quiet"
    assert days_view.days(month(d2026_11_29=passed / 2), NOW_MS).cells[-1].css == "day-part"


def test_an_alert_colours_each_day_on_which_it_fired_by_the_worst_severity() -> None:
    day = NOW_MS // DAY_MS * DAY_MS
    long = episode(day - 3 * DAY_MS + 1000, day - DAY_MS + 1000)
    worse = episode(day - 2 * DAY_MS + 5000, day - 2 * DAY_MS + 9000, C, "dead.main")
    open_one = episode(day + 1000, None)
    cells = days_view.days(month(long, worse, open_one), NOW_MS).cells
    assert [cell.css for cell in cells[-5:]] == ["day-unk", "day-warn", "day-bad", "day-warn", "day-warn"]
    assert cells[-3].height > cells[-2].height, "two on that day"
    rows = days_view.days(month(long, worse, open_one), NOW_MS).causes
    assert [(row.cause, row.times) for row in rows] == [("disk", "2 times"), ("dead.main", "1 time")]
    assert days_view.of_cause(month(long), "other", NOW_MS) is None


def kept(path: Path, now_ms: int) -> None:
    """A store as the watcher writes it: one alert that came back, was acknowledged and waits at one sink."""
    began = now_ms - 400_000
    alert = Alert(
        number=7, cause="exchange.sim", severity=C, phase=AlertPhase.ACKNOWLEDGED, title="main is blind <b>",
        text="8 lots are unwatched.", todo="look whether COIN-SIM runs", sources=(("feed_stale", "main"),),
        since_ms=began, seen_ms=now_ms, acknowledged_by="jana", acknowledged_ms=began + 60_000, note="I look",
    )  # fmt: skip
    old = Alert(
        number=4, cause="exchange.sim", severity=W, phase=AlertPhase.RESOLVED, title="main is blind", text="", todo="",
        sources=(), since_ms=now_ms - 3 * DAY_MS, seen_ms=0, resolved_ms=now_ms - 3 * DAY_MS + 128_000,
    )  # fmt: skip
    message = AlertMessage(
        number=1, alert=7, name="exchange.sim", kind=AlertKind.FIRED, severity=C, title="", text="", todo="",
        subjects=(), rules=(), at_ms=began, since_ms=began,
    )  # fmt: skip

    def change(step: AlertStep, at_ms: int, **more: str) -> AlertChange:
        return AlertChange(alert=7, at_ms=at_ms, step=step, severity=C, title="main is blind <b>", text="for 51 s",
                           subjects=("main",), rules=("feed_stale",), **more)  # fmt: skip

    store = AlertStore(path)
    store.save(
        [alert, old], [message],
        [
            QueuedMessage(message=message, sink="telegram", state=SentState.SENT, due_ms=began, tries=1,
                          sent_ms=began + 5_800, answer="200, message 4417"),
            QueuedMessage(message=message, sink="mail", state=SentState.WAITING, due_ms=began, tries=2,
                          answer="421 try later"),
        ],
        {WATCHED_FACT: b'{"2026-11-28": 86400000}'},
        [change(AlertStep.BEGAN, began), change(AlertStep.ACKNOWLEDGED, began + 60_000, by="jana", note="I look")],
    )  # fmt: skip
    store.close()


@pytest.fixture
async def shown(dash: Dash) -> str:
    dash.paths.watch.mkdir()
    now_ms = round(dash.hub.reader.snapshot().now.timestamp() * 1000)
    kept(dash.paths.watch / "alerts.db", now_ms)
    dash.paths.alerts.write_bytes(encode_alerts(document()))
    dash.paths.alerts.chmod(0o600)
    dash.beat()
    async with await dash.browser() as client:
        answer = await client.get("/alert?number=7")
        assert answer.status_code == 200
        return answer.text


async def test_the_page_tells_the_whole_life(shown: str) -> None:
    text = text_of(shown)
    assert "<b></h1>" not in shown and "main is blind &lt;b&gt;" in shown
    assert "Told after 5.8 s until the first sink took it" in text
    assert text.index("It began") < text.index("Told that it fires telegram 5.8 s; waits at mail")
    assert text.index("waits at mail") < text.index("Acknowledged by jana: “I look”") < text.index("It still fires")
    assert "2 times" in text and "longest" in text
    assert "421 try later, 2 tries" in text and "200, message 4417" in text
    assert "look whether COIN-SIM runs" in text and "Acknowledge" in text


async def test_what_the_bot_did_meanwhile_is_shown_and_nothing_of_before_or_after(dash: Dash) -> None:
    dash.paths.watch.mkdir()
    now_ms = round(dash.hub.reader.snapshot().now.timestamp() * 1000)
    kept(dash.paths.watch / "alerts.db", now_ms)
    dash.beat()
    async with await dash.browser() as client:
        assert "The ledger cannot be read." in text_of((await client.get("/alert?number=7")).text)
        engine = open_writer(dash.paths.ledger)
        with engine.begin() as db:
            for before_s, text in ((500, "long before"), (410, "shut entries <i>"), (60, "reconnected, try 8")):
                put(db, activity_log, at_ms=now_ms - before_s * 1000, kind="feed", level="warn", product_id=None,
                    ref=None, text=text, data=None)  # fmt: skip
        engine.dispose()
        await asyncio.sleep(1.1)  # what was not there is kept for a second
        answer = (await client.get("/alert?number=7")).text
        text = text_of(answer)
        assert "shut entries &lt;i&gt;" in answer and "reconnected, try 8" in text and "long before" not in text
        assert "from 15 s before it began until now" in text
        assert "What the bot did" in text
        assert 'id="ad-did" aria-labelledby="ad-did-h" hidden' in (await client.get("/alert?number=4")).text


def bundle(folder: Path, made_ms: int, reason: str | None) -> str:
    folder.mkdir(exist_ok=True)
    name = file_name(datetime.fromtimestamp(made_ms // 1000, UTC))
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("contents.json" if reason is not None else "other", orjson.dumps({"reason": reason}))
    return name


async def test_the_bundles_made_while_it_fired_are_there_for_an_operator_and_no_others(dash: Dash) -> None:
    dash.paths.watch.mkdir()
    now_ms = round(dash.hub.reader.snapshot().now.timestamp() * 1000)
    kept(dash.paths.watch / "alerts.db", now_ms)
    dash.beat()
    folder = dash.paths.root / "incidents"
    before = bundle(folder, now_ms - 500_000, "of before")
    async with await dash.browser() as client, await dash.browser("viewer") as viewer:
        text = text_of((await client.get("/alert?number=7")).text)
        assert "None was made while it fired; another is kept." in text and "./coin incident --since 2h" in text
        own = bundle(folder, now_ms - 390_000, "main is blind <b>")
        asked = bundle(folder, now_ms - 100_000, "asked for by a person")
        broken = bundle(folder, now_ms - 50_000, None)
        await asyncio.sleep(1.1)  # what lies there is looked at once a second
        answer = (await client.get("/alert?number=7")).text
        text = text_of(answer)
        assert f"Made by itself for this alert {own}" in text and f"Asked for by a person {asked}" in text
        assert f"Not readable {broken}" in text and before not in text
        assert f'href="/incidents/{own}"' in answer
        theirs = (await viewer.get("/alert?number=7")).text
        assert own in theirs and f'href="/incidents/{own}"' not in theirs
        got = await client.get(f"/incidents/{own}")
        assert got.content == (folder / own).read_bytes() and own in got.headers["content-disposition"]
        assert (await viewer.get(f"/incidents/{own}")).status_code == 403
        (folder / "secret.zip").write_bytes(b"x")
        (folder / "incident-20260101T000000Z.zip").symlink_to(folder / "secret.zip")
        for other in ("secret.zip", "incident-20260101T000000Z.zip", "..%2Fledger.db", "incident-20200101T000000Z.zip"):
            assert (await client.get(f"/incidents/{other}")).status_code == 404, other


async def test_an_alert_that_could_not_be_kept_is_shown_as_published(dash: Dash) -> None:
    dash.paths.alerts.write_bytes(encode_alerts(document()))
    dash.paths.alerts.chmod(0o600)
    dash.beat()
    async with await dash.browser("viewer") as client:
        text = text_of((await client.get("/alert?number=8")).text)
        assert "The disk is 86 % full" in text and "Acknowledged by operator" in text
        assert "This cause, 30 days" in text and "Not known." in text
        assert (await client.get("/alert?number=99")).status_code == 404
        for bad in ("", "x", "-1", "٣", "9" * 16):
            assert (await client.get("/alert", params={"number": bad})).status_code == 404, bad


async def test_a_damaged_file_is_said_and_hides_nothing_else(dash: Dash) -> None:
    dash.paths.watch.mkdir()
    (dash.paths.watch / "alerts.db").write_bytes(b"x" * 5000)
    dash.paths.alerts.write_bytes(encode_alerts(document()))
    dash.paths.alerts.chmod(0o600)
    dash.beat()
    async with await dash.browser() as client:
        one, everything = await client.get("/alert?number=7"), await client.get("/alerts")
    assert one.status_code == everything.status_code == 200
    assert "alerts.db cannot be read" in one.text and "alerts.db cannot be read" in everything.text
    assert "421 try later" in one.text


async def test_acknowledging_from_the_page_leads_back_to_it(dash: Dash) -> None:
    async with await dash.browser() as client:
        back = await client.post("/alerts/ask", data={"ack": "kill.main", "back": "/alert?number=7"})
        away = await client.post("/alerts/ask", data={"ack": "kill.main", "back": "//elsewhere.example"})
    assert back.headers["location"] == "/alert?number=7" and away.headers["location"] == "/"


def test_an_alert_from_before_steps_were_kept_has_its_own_times(tmp_path: Path) -> None:
    kept(tmp_path / "alerts.db", NOW_MS)
    found = alert_history.month(tmp_path / "alerts.db", NOW_MS)
    assert found is not None and found.told_s == [5.8]
    older = next(one for one in found.episodes if one.end_ms is not None)
    assert older.end_ms is not None and older.end_ms - older.begin_ms == 128_000
    assert alert_history.month(tmp_path / "none.db", NOW_MS) is None
