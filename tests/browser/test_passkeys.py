"""Passkeys with the browser's own virtual authenticator: register, sign out, sign in, confirm; and what is refused."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, CDPSession, Page

from dashboard.auth.passkeys import FILE, Passkeys
from dashboard.auth.sessions import FILE as SESSIONS
from dashboard.auth.sessions import stored
from tests.browser.conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Person:
    """A browser at http://localhost with an authenticator of its own."""

    def __init__(self, browser: Browser, running: Running) -> None:
        self.running = running
        self.base = f"http://localhost:{running.port}"
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.trouble: list[str] = []
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on("console", lambda m: self.trouble.append(m.text) if "Content Security" in m.text else None)
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        self.authenticator: str = self._add(AUTHENTICATOR)

    def _add(self, options: dict[str, Any]) -> str:
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return str(made["authenticatorId"])

    def credentials(self) -> list[dict[str, Any]]:
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        return list(found["credentials"])

    def sign_in_by_link(self, role: str = "operator") -> None:
        link = self.running.login_link(role).replace("127.0.0.1", "localhost")
        self.page.goto(link)
        self.page.wait_for_url(f"{self.base}/")

    def register(self, name: str = "Laptop", role: str = "operator") -> None:
        self.page.goto(f"{self.base}/sessions")
        self.page.fill("#pk-n", name)
        self.page.select_option("#pk-r", role)
        self.page.click("form[data-passkey-add] button")
        self.page.wait_for_selector(f'.pkl b:text-is("{name}")')

    def sign_out(self) -> None:
        self.page.goto(f"{self.base}/sessions")
        self.page.click('[aria-label="Sign out"]')
        self.page.wait_for_url(f"{self.base}/login")

    def sign_in_by_passkey(self) -> None:
        self.page.goto(f"{self.base}/login")
        self.page.click("[data-passkey-use]")

    def said(self) -> str:
        box = self.page.wait_for_selector("[data-passkey-say]:not([hidden])")
        assert box is not None
        return box.inner_text()

    def fetch(self, path: str, body: Any, csrf: str = "") -> tuple[int, dict[str, Any]]:
        """A POST as the page's own script sends it."""
        found = self.page.evaluate(
            """async ([path, body, csrf]) => {
            const headers = {"Content-Type": "application/json", "X-CSRF-Token": csrf};
            const a = await fetch(path, {method: "POST", body: JSON.stringify(body), headers});
            return [a.status, await a.json()]; }""",
            [path, body, csrf],
        )
        return int(found[0]), dict(found[1])

    def audit(self, what: str) -> list[dict[str, Any]]:
        rows = map(orjson.loads, self.running.paths.audit.read_bytes().splitlines())
        return [row for row in rows if row["what"] == what]


@pytest.fixture
def person(browser: Browser, running: Callable[..., Running]) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def open_one(one: Running | None = None, **kwargs: Any) -> Person:
        made.append(Person(browser, one or running(**kwargs)))
        return made[-1]

    yield open_one
    for each in made:
        each.context.close()
        assert each.trouble == []


def test_register_sign_out_sign_in_and_command_with_real_money(person: Callable[..., Person]) -> None:
    """The whole way: a passkey is the second way in, and the fresh sign-in that real money asks for."""
    p = person(scenario="killed", mode="live")
    p.sign_in_by_link()
    p.register("Laptop")
    assert len(p.credentials()) == 1
    p.sign_out()
    p.sign_in_by_passkey()
    p.page.wait_for_url(f"{p.base}/")
    (session,) = stored(p.running.paths.dashboard).values()
    assert (session.how, session.role.value) == ("passkey", "operator")
    (row,) = p.audit("login")[1:]
    assert row["how"] == "passkey"

    # Twenty minutes later: the dashboard starts anew with an older sign-in, as its file has it.
    p.running.signal("dashboard", 15)
    path = p.running.paths.dashboard / SESSIONS
    raw = orjson.loads(path.read_bytes())
    for one in raw["sessions"].values():
        one["fresh_s"] -= 1200
    path.write_bytes(orjson.dumps(raw))
    p.running.serve()
    confirm = p.page.locator('a:text-is("Confirm your sign-in…")')
    for _ in range(40):  # a dashboard that has just begun has not read the bot's state yet
        p.page.goto(f"{p.base}/ask?ask=reset_kill&back=/risk")
        if confirm.count():
            break
        p.page.wait_for_timeout(250)
    assert p.page.locator("[data-go]").count() == 0
    confirm.click()
    p.page.wait_for_url("**/confirm?back=**")
    p.page.click("[data-passkey-use]")
    p.page.wait_for_url(f"{p.base}/ask?ask=reset_kill&back=%2Frisk")
    word = p.page.locator("[data-word]")
    word.fill(word.get_attribute("data-word") or "")
    p.page.click("[data-go]")
    p.page.wait_for_url(f"{p.base}/risk")
    assert [row["how"] for row in p.audit("confirmed")] == ["passkey"]
    assert [row["cmd"] for row in p.audit("command")] == ["reset_kill"]


def test_a_cloned_authenticator_is_refused_locked_and_its_sessions_end(person: Callable[..., Person]) -> None:
    p = person()
    p.sign_in_by_link()
    p.register()
    (early,) = p.credentials()  # a copy is made of it here
    for _ in range(2):
        p.sign_out()
        p.sign_in_by_passkey()
        p.page.wait_for_url(f"{p.base}/")
    thief = person(p.running)
    thief.cdp.send("WebAuthn.addCredential", {"authenticatorId": thief.authenticator, "credential": early})
    thief.sign_in_by_passkey()
    assert "may be a copy" in thief.said()
    assert p.page.goto(f"{p.base}/api/state").status == 401  # type: ignore[union-attr]
    refused = p.audit("passkey_refused")[-1]
    assert "count went back" in refused["why"] and refused["name"] == "Laptop"
    p.sign_in_by_passkey()  # the real one is locked as well: nobody can tell the two apart
    assert "locked" in p.said()
    p.sign_in_by_link()
    p.page.goto(f"{p.base}/sessions")
    assert "its signature counter went backwards" in p.page.inner_text(".pkl")
    p.page.click(".pkl button")
    p.page.wait_for_selector('text="No passkeys."')
    assert Passkeys(p.running.paths.dashboard).listing() == []


def test_an_answer_works_once_for_its_own_page_and_from_its_own_origin(person: Callable[..., Person]) -> None:
    p = person()
    p.sign_in_by_link()
    p.register()
    p.sign_out()
    caught: list[dict[str, Any]] = []
    p.page.on("request", lambda r: caught.append(r.post_data_json) if r.url.endswith("/login/passkey") else None)
    p.sign_in_by_passkey()
    p.page.wait_for_url(f"{p.base}/")
    p.sign_out()
    status, said = p.fetch("/login/passkey", caught[0])
    assert (status, "already used" in said["error"]) == (403, True)

    # Another browser answers the first one's challenge: it is bound to the cookie that it was given to.
    p.page.goto(f"{p.base}/login")
    _, options = p.fetch("/login/passkey/begin", {})
    answer = p.page.evaluate(ANSWER, options["challenge"])
    other = person(p.running)
    other.page.goto(f"{p.base}/login")
    status, said = other.fetch("/login/passkey", answer)
    assert (status, "another page" in said["error"]) == (403, True)
    assert p.fetch("/login/passkey", answer)[0] == 403, "it is used up by that"

    # A page on another port of this machine has the same relying party, and is another origin.
    second = person(p.running)
    second.page.route(
        f"http://localhost:{p.running.port + 1}/*", lambda r: r.fulfill(body="<p>evil", content_type="text/html")
    )
    second.cdp.send(
        "WebAuthn.addCredential", {"authenticatorId": second.authenticator, "credential": p.credentials()[0]}
    )
    p.page.goto(f"{p.base}/login")
    _, options = p.fetch("/login/passkey/begin", {})
    second.page.goto(f"http://localhost:{p.running.port + 1}/")
    stolen = second.page.evaluate(ANSWER, options["challenge"])
    status, said = p.fetch("/login/passkey", stolen)
    assert (status, "was not accepted" in said["error"]) == (403, True)
    # The trail has the first failure of a minute, and counts the rest; the log has each.
    assert len(p.audit("passkey_refused")) == 1
    last = [one for one in (p.running.paths.logs / "COIN.log").read_text().splitlines() if "passkey.refused" in one][-1]
    assert "origin" in last


ANSWER = """async (challenge) => {
  const bytes = (t) => Uint8Array.from(atob(t.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/[+]/g, "-").replace(/[/]/g, "_")
    .replace(/=+$/, "");
  const u = await navigator.credentials.get({publicKey: {challenge: bytes(challenge), rpId: "localhost",
    userVerification: "required"}});
  return {rawId: text(u.rawId), type: u.type, response: {clientDataJSON: text(u.response.clientDataJSON),
    authenticatorData: text(u.response.authenticatorData), signature: text(u.response.signature)}};
}"""


def test_a_viewers_passkey_signs_in_a_viewer_and_confirms_no_operator(person: Callable[..., Person]) -> None:
    p = person(mode="live")
    p.sign_in_by_link()
    p.register("Tablet", "viewer")
    csrf = p.page.get_attribute('meta[name="csrf"]', "content") or ""
    _, options = p.fetch("/confirm/passkey/begin", {}, csrf)
    answer = p.page.evaluate(ANSWER, options["challenge"])
    status, said = p.fetch("/confirm/passkey", answer, csrf)
    assert (status, said["error"]) == (403, "This passkey has the role viewer.")
    p.sign_out()
    p.sign_in_by_passkey()
    p.page.wait_for_url(f"{p.base}/")
    p.page.goto(f"{p.base}/sessions")
    assert p.page.locator(".ses tbody tr").count() == 1
    assert p.page.locator(".pkl, #to-h, form[data-passkey-add]").count() == 0


def test_an_authenticator_that_does_not_verify_its_user_is_refused(person: Callable[..., Person]) -> None:
    p = person()
    p.sign_in_by_link()
    p.register()
    p.sign_out()
    p.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": p.authenticator, "isUserVerified": False})
    p.sign_in_by_passkey()
    assert "No passkey was used" in p.said()
    # And where a page asks for no verification, the server still does.
    _, options = p.fetch("/login/passkey/begin", {})
    answer = p.page.evaluate(ANSWER.replace('"required"', '"discouraged"'), options["challenge"])
    assert p.fetch("/login/passkey", answer)[0] == 403
    assert "erif" in p.audit("passkey_refused")[-1]["why"]


def test_at_an_address_the_page_leads_to_the_name_where_passkeys_work(person: Callable[..., Person]) -> None:
    p = person()
    p.page.goto(p.running.login_link())
    p.page.wait_for_url(f"{p.running.base}/")
    p.page.goto(f"{p.running.base}/sessions")
    assert p.page.locator("form[data-passkey-add]").count() == 0
    link = p.page.locator(f'a[href="{p.base}/sessions"]')
    assert link.count() == 1
    p.sign_in_by_link()
    p.register()
    p.page.goto(f"{p.running.base}/login")
    assert p.page.locator(f'a[href="{p.base}/login"]').count() == 1


def test_removed_it_signs_nobody_in_and_its_sessions_end(person: Callable[..., Person]) -> None:
    p = person()
    p.sign_in_by_link()
    p.register()
    p.sign_out()
    p.sign_in_by_passkey()
    p.page.wait_for_url(f"{p.base}/")
    operator = person(p.running)
    operator.sign_in_by_link()
    operator.page.goto(f"{p.base}/sessions")
    operator.page.click('button:text-is("Remove")')
    operator.page.wait_for_selector('text="No passkeys."')
    p.page.wait_for_url(f"{p.base}/login")  # its open page ends by itself
    assert oct((p.running.paths.dashboard / FILE).stat().st_mode)[-3:] == "600"
