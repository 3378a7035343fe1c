"""Push in a real Chromium: the manifest holds, the worker registers and shows what arrives, a device subscribes and is
told. The browser's own push service is out of reach; one on loopback takes its place."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Playwright

from shared import push_devices
from shared.alert_requests import take_all
from tests.browser.conftest import FLAGS, Running, Visitor
from tests.conftest import whole_chromium
from tests.watch.receiver import Receiver
from tests.watch.test_push import ONE, opened
from watch.sinks.push import made
from watch.sinks.push_message import packed, point

pytestmark = [pytest.mark.browser, pytest.mark.needs("whole-chromium")]
SECRET = b"0123456789abcdef"


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    made = playwright.chromium.launch(executable_path=whole_chromium(), args=FLAGS)
    yield made
    made.close()


@pytest.fixture
def service() -> Iterator[Receiver]:
    found = Receiver(answer=lambda _: (201, b"", {}))
    yield found
    found.close()


def test_the_manifest_is_one_that_chromium_takes_without_a_sign_in(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    v = visit(running())
    v.word("RUNNING")
    session = v.context.new_cdp_session(v.page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == [] and found["url"].endswith("/manifest.webmanifest")
    assert json.loads(found["data"])["display"] == "standalone"
    errors = [one["errorId"] for one in session.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert [one for one in errors if one != "in-incognito"] == []


def test_the_worker_shows_what_arrives_and_keeps_nothing(
    running: Callable[..., Running], visit: Callable[..., Visitor]
) -> None:
    v = visit(running())
    v.context.grant_permissions(["notifications"], origin=v.running.base)
    page = v.go("/alerts/sinks")
    scope = page.evaluate(
        "async () => { await navigator.serviceWorker.register('/sw.js');"
        " return (await navigator.serviceWorker.ready).scope }"
    )
    assert scope == v.running.base + "/"
    session = v.context.new_cdp_session(page)
    ids: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda e: ids.extend(r["registrationId"] for r in e["registrations"])
    )
    session.send("ServiceWorker.enable")
    for _ in range(50):
        if ids:
            break
        page.wait_for_timeout(100)
    told = {"title": "CRITICAL: main is blind", "body": "8 lots", "tag": "alert-7", "url": "/alert?number=7",
            "critical": True}  # fmt: skip

    def pushed(data: str) -> None:
        session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": v.running.base, "registrationId": ids[0], "data": data},
        )

    def shows(data: str, *wanted: list[str]) -> None:
        """Sent, it is shown a moment later. Sent again where not: the debugger's way to the worker loses some on a
        busy machine, and the same once more changes nothing, since an alert has one place."""
        shown = (
            "async () => (await (await navigator.serviceWorker.ready).getNotifications())"
            ".map(n => [n.title, n.body, n.tag, n.data.url])"
        )
        found: list[list[str]] = []
        for turn in range(400):
            if turn % 60 == 0:
                pushed(data)
            found = sorted(page.evaluate(shown))
            if found == sorted(wanted):
                return
            page.wait_for_timeout(50)
        raise AssertionError(found)

    shows(json.dumps(told), ["CRITICAL: main is blind", "8 lots", "alert-7", "/alert?number=7"])
    over = ["RESOLVED: main is blind", "8 lots", "alert-7", "/alerts"]  # one an alert, and a tap stays on this site
    shows(json.dumps(told | {"title": "RESOLVED: main is blind", "url": "https://evil.example/x"}), over)
    shows("{", over, ["An alert that cannot be read", "", "alerts", "/alerts"])
    assert page.evaluate("caches.keys()") == []
    # With its worker in charge the page still comes from the dashboard, and from nowhere where that is gone.
    page.reload()
    assert page.evaluate("navigator.serviceWorker.controller !== null")
    v.running.end()
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        page.reload()


def test_a_device_subscribes_is_told_and_leaves(
    running: Callable[..., Running], visit: Callable[..., Visitor], service: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_PUSH_HOSTS", "127.0.0.1")
    v = visit(running())
    v.context.grant_permissions(["notifications"], origin=v.running.base)
    key = ec.generate_private_key(ec.SECP256R1())
    keys = {"p256dh": base64.b64encode(point(key.public_key())).decode(), "auth": base64.b64encode(SECRET).decode()}
    v.page.add_init_script(f"""{{
      const bytes = (text) => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer, keys = {json.dumps(keys)};
      const made = (asked) => ({{ endpoint: '{service.url}/send/x', getKey: (name) => bytes(keys[name]),
        unsubscribe: async () => {{ localStorage.removeItem('made'); return true }} }});
      PushManager.prototype.getSubscription = async () => localStorage.getItem('made') ? made() : null;
      PushManager.prototype.subscribe = async (asked) => {{
        localStorage.setItem('made', JSON.stringify([asked.userVisibleOnly, asked.applicationServerKey.length]));
        return made() }};
    }}""")  # fmt: skip
    page = v.go("/alerts/sinks")
    page.wait_for_selector("[data-push-add]:not([hidden])")
    page.fill("[data-push] input[name=name]", "Test phone")
    page.click("[data-push-add]")
    page.wait_for_selector("[data-push-off]:not([hidden])")
    assert page.evaluate("localStorage.getItem('made')") == "[true,65]", "the key of this installation was asked with"
    assert "This device is told." in page.inner_text("[data-push-say]")
    (device,) = push_devices.read(v.running.paths)
    assert (device.name, device.p256dh, device.auth) == ("Test phone", packed(point(key.public_key())), packed(SECRET))
    (asked,) = take_all(v.running.paths, round(time.time() * 1000))
    assert asked.name == f"push-{device.id}"
    made(device, v.running.paths, ("127.0.0.1",)).send([ONE], None)
    assert json.loads(opened(service.got[0].body, key, SECRET))["title"] == "CRITICAL: main is blind"
    page.click("[data-push-off]")
    page.wait_for_selector("[data-push-add]:not([hidden])")
    assert push_devices.read(v.running.paths) == [] and page.evaluate("localStorage.getItem('made')") is None
    assert Path(push_devices.vapid_file(v.running.paths)).exists()
