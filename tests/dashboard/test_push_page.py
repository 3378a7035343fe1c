"""The app's manifest, its script for push, and the list of devices: who may add one, and what is kept."""

import re
import struct

import pytest

from dashboard.assets import STATIC
from dashboard.routes.push import ICONS
from shared import push_devices
from shared.alert_requests import AlertAsk, take_all
from shared.push_devices import PushDevice
from tests.dashboard.conftest import BASE, Dash
from tests.dashboard.test_access import age
from tests.dashboard.test_alerts import text_of

GIVEN = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/secret-of-the-device", "p256dh": "B" * 87, "auth": "A" * 22,
    "name": "Phone <b>",
}  # fmt: skip


def devices(dash: Dash) -> list[PushDevice]:
    return push_devices.read(dash.paths)


async def test_what_a_browser_asks_for_on_its_own_needs_no_sign_in_and_tells_nothing(dash: Dash) -> None:
    async with dash.anonymous() as client:
        manifest = await client.get("/manifest.webmanifest")
        worker = await client.get("/sw.js")
        icons = {name: await client.get(f"/icons/{name}.png") for name in ICONS}
        assert (await client.get("/icons/..%2f..%2fassets.png")).status_code in (401, 404)
        assert (await client.post("/alerts/push/key", headers={"origin": BASE})).status_code == 401
        assert (await client.post("/sw.js")).status_code in (401, 403, 405)
    assert manifest.headers["content-type"] == "application/manifest+json"
    body = manifest.json()
    assert body["display"] == "standalone" and body["start_url"] == body["scope"] == "/"
    assert {icon["purpose"] for icon in body["icons"]} == {"any", "maskable"}
    for icon in body["icons"]:
        png = icons[re.sub(r".*/|\.png", "", icon["src"])].content
        width, height = struct.unpack(">II", png[16:24])
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and f"{width}x{height}" == icon["sizes"]
    for answer in (worker, manifest, *icons.values()):
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"
    assert worker.headers["content-type"].startswith("text/javascript")


def test_the_worker_answers_no_request_and_keeps_nothing() -> None:
    text = (STATIC / "sw.js").read_text()
    assert "'push'" in text and "'notificationclick'" in text
    assert not re.search(r"\bfetch\b|\bcaches\b|indexedDB|importScripts", text), "a stale figure must never be shown"


async def test_a_device_is_added_tested_listed_without_its_address_and_removed(dash: Dash) -> None:
    async with await dash.browser() as client:
        key = (await client.post("/alerts/push/key")).json()["key"]
        assert len(key) == 87 and (await client.post("/alerts/push/key")).json()["key"] == key
        assert push_devices.vapid_file(dash.paths).stat().st_mode & 0o777 == 0o600
        added = await client.post("/alerts/push", json=GIVEN)
        assert added.status_code == 200, added.text
        (one,) = devices(dash)
        assert (one.endpoint, one.by, one.origin) == (GIVEN["endpoint"], "operator", "http://127.0.0.1:8080")
        (asked,) = take_all(dash.paths, one.added_ms)
        assert (asked.ask, asked.name) == (AlertAsk.TEST, f"push-{one.id}")
        page = (await client.get("/alerts/sinks")).text
        assert "Phone &lt;b&gt;" in page and "secret-of" not in page and one.auth not in page
        audit = dash.paths.audit.read_text()
        assert '"push_added"' in audit and "secret-of" not in audit
        again = await client.post("/alerts/push", json=GIVEN | {"name": ""})
        assert again.status_code == 200 and len(devices(dash)) == 1
        assert (await client.post("/alerts/push/off", json={"endpoint": "https://x"})).json() == {"removed": False}
        assert (await client.post("/alerts/push/off", json={"endpoint": GIVEN["endpoint"]})).json() == {"removed": True}
        await client.post("/alerts/push", json=GIVEN)
        (one,) = devices(dash)
        assert (await client.post("/alerts/push/remove", data={"id": one.id})).headers["location"] == "/alerts/sinks"
    assert devices(dash) == [] and '"push_removed"' in dash.paths.audit.read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "https://evil.example/x"},
        {"endpoint": "https://localhost/x"},
        {"auth": "x"},
        {"p256dh": 5},
        {"endpoint": None},
    ],
)
async def test_what_is_no_subscription_is_refused_and_not_repeated(dash: Dash, wrong: dict[str, object]) -> None:
    async with await dash.browser() as client:
        answer = await client.post("/alerts/push", json=GIVEN | wrong)
        assert answer.status_code == 422 and "evil" not in answer.text
        for body in ("", "[]", "{", "\x00"):
            assert (await client.post("/alerts/push", content=body)).status_code in (400, 422)
    assert devices(dash) == []


async def test_only_an_operator_who_signed_in_lately_adds_one(dash: Dash) -> None:
    async with await dash.browser() as client:
        age(dash, client)
        answer = await client.post("/alerts/push", json=GIVEN)
        assert answer.status_code == 409 and answer.json()["confirm"] == "/confirm?back=%2Falerts%2Fsinks"
    async with await dash.browser("viewer") as client:
        assert (await client.post("/alerts/push", json=GIVEN)).status_code == 403
        assert (await client.post("/alerts/push/key")).status_code == 403
        assert "data-push-add" not in (await client.get("/alerts/sinks")).text
    async with dash.machine() as client:
        assert (await client.post("/alerts/push", json=GIVEN)).status_code == 403
    async with await dash.browser() as client:
        client.headers.pop("x-csrf-token")
        assert (await client.post("/alerts/push", json=GIVEN)).status_code == 403
    assert devices(dash) == []


async def test_a_list_that_is_damaged_is_said(dash: Dash) -> None:
    dash.paths.watch.mkdir()
    push_devices.push_file(dash.paths).write_text("{")
    async with await dash.browser() as client:
        page = await client.get("/alerts/sinks")
        assert page.status_code == 200 and "list of devices cannot be read" in text_of(page.text)
        assert (await client.post("/alerts/push", json=GIVEN)).status_code == 503
