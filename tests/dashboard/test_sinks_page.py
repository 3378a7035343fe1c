"""Sinks set up in the browser: who may, what may stand there, what reaches `.env`; no secret is shown again."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values

from dashboard import sink_forms
from dashboard.auth.roles import FRESH_S
from dashboard.pages.sinks import view
from dashboard.sink_forms import BY_NAME, KINDS, SinkRefused, to_remove, to_set
from dashboard.views.snapshot import WatcherLook
from shared.alert_settings import BROWSER_SETTINGS, SET_IN_BROWSER, SINK_NAMES, alert_problems
from shared.setting_table import Secret
from shared.settings import Settings
from tests.dashboard.alert_documents import document
from tests.dashboard.conftest import Dash
from tests.dashboard.test_access import age
from tests.dashboard.test_alerts import text_of
from watch.sinks.registry import sinks_of

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
CANARY = "canary5d1c9eCANARY"
SLACK = f"https://hooks.slack.com/services/T/B/{CANARY}"
GOOD: dict[str, dict[str, str]] = {
    "slack": {"SLACK_WEBHOOK": SLACK},
    "slack-app": {"SLACK_BOT_TOKEN": f"xoxb-1-{CANARY}", "SLACK_ALERT_CHANNEL": "#alerts"},
    "teams": {"TEAMS_WEBHOOK_URL": f"https://prod-1.westeurope.logic.azure.com:443/workflows/x?sig={CANARY}"},
    "telegram": {"TELEGRAM_BOT_TOKEN": f"123456:{CANARY}{CANARY}", "TELEGRAM_CHAT_ID": "-100123"},
    "mail": {"ALERT_SMTP_URL": f"smtps://u:{CANARY}@mail.example.org:465", "ALERT_MAIL_FROM": "a@example.org",
             "ALERT_MAIL_TO": "b@example.org, c@example.org"},
    "webhook": {"ALERT_WEBHOOK_URL": f"https://hook.example.org/{CANARY}"},
    "apprise": {"ALERT_URLS": f"discord://123/{CANARY}"},
    "heartbeat": {"HEARTBEAT_URL": f"https://hc-ping.com/{CANARY}"},
}  # fmt: skip
BAD = [
    ("slack", "SLACK_WEBHOOK", "https://hooks.slack.com.evil.example/services/x"),
    ("slack", "SLACK_WEBHOOK", "http://hooks.slack.com/services/x"),
    ("slack", "SLACK_WEBHOOK", "https://hooks.slack.com:8443/services/x"),
    ("slack", "SLACK_WEBHOOK", "https://hooks.slack.com@evil.example/x"),
    ("slack", "SLACK_WEBHOOK", "https://evil.example/x"),
    ("slack", "SLACK_WEBHOOK", "https://hooks.slack.com/x\nDRY_RUN=false"),
    ("slack", "SLACK_WEBHOOK", "https://hooks.slack.com/x DRY_RUN=false'"),
    ("slack", "SLACK_WEBHOOK", ""),
    ("slack-app", "SLACK_BOT_TOKEN", "not-a-token"),
    ("slack-app", "SLACK_ALERT_CHANNEL", "a b"),
    ("teams", "TEAMS_WEBHOOK_URL", "https://logic.azure.com.evil.example/x"),
    ("teams", "TEAMS_WEBHOOK_URL", "https://evillogic.azure.com.example/x"),
    ("telegram", "TELEGRAM_CHAT_ID", "12; DRY_RUN=false"),
    ("telegram", "TELEGRAM_BOT_TOKEN", "123456:short"),
    ("mail", "ALERT_SMTP_URL", "smtps://mail.example.org:22"),
    ("mail", "ALERT_SMTP_URL", "https://mail.example.org"),
    ("mail", "ALERT_MAIL_TO", "nobody"),
    ("webhook", "ALERT_WEBHOOK_URL", "http://hook.example.org/x"),
    ("webhook", "ALERT_WEBHOOK_URL", "https://user:pw@hook.example.org/x"),
    ("webhook", "ALERT_WEBHOOK_URL", "https://hook.example.org:99999/x"),
    ("webhook", "ALERT_WEBHOOK_URL", "file:///etc/passwd"),
    ("apprise", "ALERT_URLS", "json://127.0.0.1/x"),
    ("apprise", "ALERT_URLS", "jsons://example.org/x"),
    ("apprise", "ALERT_URLS", "syslog://localhost"),
    ("apprise", "ALERT_URLS", "ntfys://10.0.0.1/x"),
    ("apprise", "ALERT_URLS", "discord://1/2 json://127.0.0.1"),
    ("apprise", "ALERT_URLS", "discord://1/2?host=127.0.0.1"),
    ("heartbeat", "HEARTBEAT_URL", "https://hc.example.org/#x y"),
]


def public(_host: str, _port: int) -> list[str]:
    return ["93.184.216.34"]


def inside(_host: str, _port: int) -> list[str]:
    return ["93.184.216.34", "10.0.0.7"]


def test_every_sink_of_the_watcher_has_a_form_and_no_form_writes_anything_else() -> None:
    assert {kind.name for kind in KINDS} == {*SINK_NAMES, "heartbeat"} - {"push"}
    keys = [key for kind in KINDS for key in kind.keys]
    assert len(keys) == len(set(keys)) and {*keys, SET_IN_BROWSER} <= BROWSER_SETTINGS
    assert GOOD.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_well_typed_becomes_a_sink_that_knows_where_it_came_from(name: str) -> None:
    kind = BY_NAME[name]
    made = to_set(kind, GOOD[name], Settings(), NOW, public)
    assert made.pop(SET_IN_BROWSER) == ",".join(f"{key}@2026-11-30T10:00:00Z" for key in sorted(kind.keys))
    assert made.keys() == set(kind.keys)
    values: dict[str, Any] = {
        key.lower(): Secret(text) if field.secret else text
        for field in kind.fields for key, text in made.items() if key == field.key
    }  # fmt: skip
    if "alert_mail_to" in values:
        values["alert_mail_to"] = tuple(values["alert_mail_to"].split(","))
    settings = Settings(**values)
    assert alert_problems(settings) == []
    if name != "heartbeat":
        assert [sink.name for sink, _ in sinks_of(settings).sinks] == [{"apprise": "apprise-1"}.get(name, name)]


@pytest.mark.parametrize(("name", "key", "text"), BAD)
def test_what_must_not_stand_there_is_refused_without_being_repeated(name: str, key: str, text: str) -> None:
    with pytest.raises(SinkRefused) as refused:
        to_set(BY_NAME[name], GOOD[name] | {key: text}, Settings(), NOW, public)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("name", ["webhook", "mail", "heartbeat"])
def test_a_name_that_leads_into_this_network_is_refused(name: str) -> None:
    with pytest.raises(SinkRefused, match=r"private network.*by hand"):
        to_set(BY_NAME[name], GOOD[name], Settings(), NOW, inside)
    with pytest.raises(SinkRefused, match="cannot be resolved"):
        to_set(BY_NAME[name], GOOD[name], Settings(), NOW, lambda *_: [])


def test_one_more_url_is_added_and_one_of_several_is_removed() -> None:
    kind = BY_NAME["apprise"]
    two = Settings(alert_urls=Secret("json://127.0.0.1/by-hand discord://1/2"))
    with pytest.raises(SinkRefused, match="already"):
        to_set(kind, {"ALERT_URLS": "discord://1/2"}, two, NOW, public)
    assert to_set(kind, {"ALERT_URLS": "discord://3/4"}, two, NOW, public)["ALERT_URLS"].split()[2] == "discord://3/4"
    assert to_remove(kind, two, 1) == {"ALERT_URLS": "discord://1/2"}
    assert to_remove(kind, Settings(alert_urls=Secret("discord://1/2")), 1)["ALERT_URLS"] == ""
    for place in (0, 3):
        with pytest.raises(SinkRefused, match="none of this number"):
            to_remove(kind, two, place)
    with pytest.raises(SinkRefused, match="not set"):
        to_remove(BY_NAME["slack"], Settings())


def test_severities_and_quiet_hours_as_the_settings_write_them() -> None:
    given = {"least-": "warning", "least-mail": "critical", "from": "22:00", "until": "07:00", "zone": "Europe/Berlin"}
    assert sink_forms.rules(given) == {
        "ALERT_MIN_SEVERITY": "warning,mail:critical", "ALERT_QUIET_HOURS": "22:00-07:00 Europe/Berlin",
    }  # fmt: skip
    assert sink_forms.rules({}) == {"ALERT_MIN_SEVERITY": "warning", "ALERT_QUIET_HOURS": ""}
    wrong = [{"from": "22:00"}, {"from": "22:00", "until": "22:00"}, {"from": "25:00", "until": "07:00"},
             {"from": "22:00", "until": "07:00", "zone": "Mars/Base"}, {"least-": "loud"},
             {"from": "22:00", "until": "07:00", "zone": "x\nDRY_RUN=false"}]  # fmt: skip
    for one in wrong:
        with pytest.raises(SinkRefused):
            sink_forms.rules(one)


def env(dash: Dash) -> dict[str, str | None]:
    return dotenv_values(dash.loaded.env_file, interpolate=False)


async def posted(client: httpx.AsyncClient, what: str, **fields: str) -> httpx.Response:
    return await client.post(f"/alerts/sinks/{what}", data=fields)


async def test_a_sink_is_set_shown_as_set_and_removed_and_its_secret_is_nowhere(dash: Dash) -> None:
    before = dash.loaded.env_file.read_text()
    async with await dash.browser() as client:
        done = await posted(client, "set", sink="slack", **GOOD["slack"])
        assert (done.status_code, done.headers["location"]) == (303, "/alerts/sinks")
        assert env(dash)["SLACK_WEBHOOK"] == SLACK
        page = (await client.get("/alerts/sinks")).text
        settings = (await client.get("/settings")).text
        assert "set in the browser" in text_of(page) and CANARY not in page + settings
        assert CANARY not in (await client.get("/alerts")).text + (await client.get("/events")).text
        assert CANARY not in repr(dash.hub.loaded) and bool(dash.hub.loaded.settings.slack_webhook)
        audit = dash.paths.audit.read_text()
        assert '"sink_set"' in audit and '"SLACK_WEBHOOK"' in audit and CANARY not in audit
        assert (await posted(client, "remove", sink="slack")).status_code == 303
    found = env(dash)
    assert "SLACK_WEBHOOK" not in found and SET_IN_BROWSER not in found
    assert dash.loaded.env_file.read_text() == before and '"sink_removed"' in dash.paths.audit.read_text()


async def test_what_is_refused_changes_nothing_and_is_not_repeated(dash: Dash) -> None:
    before = dash.loaded.env_file.read_text()
    async with await dash.browser() as client:
        for name, key, text in BAD:
            answer = await posted(client, "set", sink=name, **(GOOD[name] | {key: text}))
            assert answer.status_code == 422 and CANARY not in answer.text, (name, text)
        local = await posted(client, "set", sink="webhook", ALERT_WEBHOOK_URL=f"https://localhost/{CANARY}")
        assert local.status_code == 422 and "private network" in local.text and CANARY not in local.text
        for unknown in ("", "push", "DRY_RUN", "heartbeat2"):
            assert (await posted(client, "set", sink=unknown, DRY_RUN="false")).status_code == 422
        assert (await posted(client, "remove", sink="apprise")).status_code == 422
    assert dash.loaded.env_file.read_text() == before
    assert not dash.paths.audit.exists() or "sink_" not in dash.paths.audit.read_text()


async def test_a_form_cannot_bring_other_settings_along(dash: Dash) -> None:
    async with await dash.browser() as client:
        extra = {"DRY_RUN": "false", "MAX_DAILY_LOSS_PCT": "90", "TELEGRAM_CHAT_ID": "1"}
        assert (await posted(client, "set", sink="slack", **GOOD["slack"], **extra)).status_code == 303
    assert env(dash).keys() == {"SLACK_WEBHOOK", SET_IN_BROWSER}


async def test_an_old_sign_in_a_viewer_and_a_token_change_nothing(dash: Dash) -> None:
    before = dash.loaded.env_file.read_text()
    async with await dash.browser() as client:
        age(dash, client)
        for what in ("set", "remove", "rules"):
            answer = await posted(client, what, sink="slack", **GOOD["slack"])
            assert answer.headers["location"] == "/confirm?back=%2Falerts%2Fsinks", what
        page = (await client.get("/alerts/sinks")).text
        assert "Confirm your sign-in" in page and '<form method="post" action="/alerts/sinks' not in page
    async with await dash.browser("viewer") as client:
        assert (await posted(client, "set", sink="slack", **GOOD["slack"])).status_code == 403
        page = (await client.get("/alerts/sinks")).text
        assert "not set" in page and '<form method="post" action="/alerts/sinks' not in page
    async with dash.machine() as client:
        assert (await posted(client, "set", sink="slack", **GOOD["slack"])).status_code == 403
    assert dash.loaded.env_file.read_text() == before and FRESH_S == 15 * 60


async def test_rules_are_saved_and_shown(dash: Dash) -> None:
    async with await dash.browser() as client:
        await posted(client, "set", sink="slack", **GOOD["slack"])
        given = {"least-": "warning", "least-slack": "critical", "from": "22:00", "until": "07:00", "zone": ""}
        assert (await posted(client, "rules", **given)).status_code == 303
        page = (await client.get("/alerts/sinks")).text
    assert env(dash)["ALERT_MIN_SEVERITY"] == "warning,slack:critical" and 'value="22:00"' in page
    assert re.search(r'name="least-slack">.*?<option value="critical" selected', page)


async def test_what_the_environment_holds_is_not_written(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_QUIET_HOURS", "22:00-07:00")
    async with await dash.browser() as client:
        answer = await posted(client, "rules", **{"from": "21:00", "until": "07:00"})
    assert answer.status_code == 422 and "environment" in answer.text and "ALERT_QUIET_HOURS" not in env(dash)


async def test_a_file_that_does_not_hold_is_said_and_left(dash: Dash) -> None:
    dash.loaded.env_file.write_text("PROFILE=nonsense\n")
    async with await dash.browser() as client:
        page = await client.get("/alerts/sinks")
        assert page.status_code == 200 and "PROFILE=nonsense" in page.text
        assert (await posted(client, "set", sink="slack", **GOOD["slack"])).status_code == 422
    assert dash.loaded.env_file.read_text() == "PROFILE=nonsense\n"


def test_the_page_says_whether_the_watcher_uses_what_is_saved() -> None:
    doc = replace(document(), settings_ms=1_000, settings_taken_ms=5_000)
    assert view.taken(WatcherLook(doc, 0.5), 1_000).state == "ok"
    assert view.taken(WatcherLook(doc, 0.5), 2_000).state == "wait"
    assert view.taken(WatcherLook(doc, 60.0), 1_000).state == "warn"
    assert view.taken(WatcherLook(None, None), 1_000).state == "warn"
    assert view.taken(WatcherLook(replace(doc, settings_problem="PROFILE=x"), 0.5), 1_000).text == "PROFILE=x"
    assert view.taken(WatcherLook(document(), 0.5), 1_000).state == "unk"
