"""The page of sessions, tokens and passkeys, without JavaScript; the confirmed sign-in; challenges and their limits."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from dashboard.auth import tokens
from dashboard.auth.ceremonies import CHALLENGE_S, MOST_OPEN, Ceremonies, CeremonyPurpose, PasskeyRefused, _text
from dashboard.auth.origin import RelyingParty, relying_party, site
from dashboard.auth.passkeys import FILE, CountWentBack, Passkey, Passkeys, clean_name
from dashboard.auth.roles import FRESH_S, Role
from shared.settings import load
from tests.dashboard.conftest import BASE, Dash
from tests.dashboard.test_revoking import PASSWORD, hashed

LOCALHOST = RelyingParty("localhost", "http://localhost:8080")


def key(credential: str = "a", **more: Any) -> Passkey:
    given = {
        "public": "",
        "role": Role.OPERATOR,
        "name": "Laptop",
        "rp_id": "localhost",
        "made_s": 1.0,
        "count": 0,
    }
    return Passkey(credential, **{**given, **more})


def age(dash: Dash, client: httpx.AsyncClient, seconds: float = FRESH_S + 1) -> None:
    """Make this client's sign-in older."""
    session = dash.hub.sessions.listing()[tokens.secrets_store.digest(client.cookies[dash.hub.site.cookie])]
    session.fresh_s -= seconds


def rows(page: str) -> list[str]:
    return re.findall(r"<tr role=\"row\">.*?</tr>", page.partition("<tbody")[2].partition("</tbody>")[0], re.S)


async def test_an_operator_sees_every_session_and_ends_others_by_plain_forms(dash: Dash) -> None:
    async with await dash.browser() as one, await dash.browser() as two, await dash.browser("viewer") as third:
        csrf = one.headers.pop("x-csrf-token")
        page = (await one.get("/sessions")).text
        assert len(rows(page)) == 3
        assert [("this session" in row) for row in rows(page)] == [True, False, False]
        mine, other = (tokens.secrets_store.digest(c.cookies[dash.hub.site.cookie])[:8] for c in (one, two))
        assert f'value="{mine}"' not in page and f'value="{other}"' in page
        assert (await one.post("/sessions/end", data={"id": other})).status_code == 403, "without the form's token"
        answer = await one.post("/sessions/end", data={"id": other, "csrf": csrf})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sessions")
        assert (await two.get("/api/state")).status_code == 401
        assert (await third.get("/api/state")).status_code == 200
        await one.post("/sessions/end", data={"others": "1", "csrf": csrf})
        assert (await third.get("/api/state")).status_code == 401
        assert (await one.get("/api/state")).status_code == 200
    assert [row["what"] for row in dash.hub.audit.tail() if row["what"] == "session_ended"] == ["session_ended"] * 2


async def test_a_viewer_sees_its_own_session_alone_and_ends_nobodys(dash: Dash) -> None:
    tokens.make(dash.paths.dashboard, "viewer", "grafana")
    async with await dash.browser() as operator, await dash.browser("viewer") as viewer:
        page = (await viewer.get("/sessions")).text
        assert len(rows(page)) == 1 and "this session" in page
        assert "grafana" not in page and "Passkeys" not in page
        other = tokens.secrets_store.digest(operator.cookies[dash.hub.site.cookie])[:8]
        for path in ("/sessions/end", "/sessions/token", "/sessions/passkey", "/passkeys/begin", "/confirm/password"):
            assert (await viewer.post(path, data={"id": other, "others": "1"})).status_code == 403, path
        assert (await operator.get("/api/state")).status_code == 200


async def test_tokens_are_listed_with_their_last_use_and_revoked(dash: Dash) -> None:
    secret = tokens.make(dash.paths.dashboard, "viewer", "grafana", tokens.span_s("90d"))
    tokens.make(dash.paths.dashboard, "operator")
    async with dash.anonymous(authorization=f"Bearer {secret}") as machine, await dash.browser() as client:
        assert (await machine.get("/api/state")).status_code == 200
        page = (await client.get("/sessions")).text
        assert "grafana" in page and re.search(r"in (89|90)\s", page) and "just now" in page and "no name" in page
        assert secret not in page
        (named,) = (one for one in tokens.listing(dash.paths.dashboard) if one.name)
        for wrong in ("all", "--all", "", named.id[:4], "grafana"):
            await client.post("/sessions/token", data={"id": wrong})
        assert len(tokens.listing(dash.paths.dashboard)) == 2
        await client.post("/sessions/token", data={"id": named.id})
        assert (await machine.get("/api/state")).status_code == 401
    assert [row["name"] for row in dash.hub.audit.tail() if row["what"] == "token_revoked"] == ["grafana"]


async def test_hostile_names_are_shown_and_not_obeyed(dash: Dash) -> None:
    dash.hub.passkeys.add(key(name="<img src=x onerror=alert(1)>"))
    dash.hub.sessions.begin(Role.OPERATOR, "me", agent="<b>x</b>", address="<i>")
    async with await dash.browser() as client:
        page = (await client.get("/sessions")).text
    assert "<img src=x" not in page and "<b>x</b>" not in page and "<i>" not in page


# ---- the confirmed sign-in ----


@pytest.mark.parametrize("cmd", ["start", "adopt", "reset_kill"])
async def test_what_makes_the_bot_trade_with_real_money_wants_a_fresh_sign_in(
    make_dash: Callable[..., Dash], cmd: str
) -> None:
    dash = make_dash(scenario="differs", env={"DASHBOARD_PASSWORD_HASH": f"'{hashed(PASSWORD)}'"})
    dash.writer.mode = "live"
    dash.beat()
    args: dict[str, str] = {"adopt": {"differences": str(dash.writer.differences)}}.get(cmd, {})
    async with await dash.browser() as client:
        await client.post("/api/commands", json={"cmd": "kill" if cmd == "reset_kill" else "pause"})
        dash.writer.obey()
        dash.beat()
        if cmd == "reset_kill":
            assert dash.writer.kill is not None
            args = {"latch_id": dash.writer.kill.latch_id}
        age(dash, client)
        form = {"cmd": cmd, **args, "confirm": "ADOPT", "back": "/risk"}
        refused = await client.post("/commands", data=form)
        assert refused.status_code == 409
        assert 'href="/confirm?back=/risk"' in refused.text
        piece = await client.post("/commands", data=form, headers={"hx-request": "true"})
        assert (piece.status_code, "/confirm?back=/risk" in piece.text) == (409, True)
        if cmd != "start":
            dialog = (await client.get("/ask", params={"ask": cmd, "back": "/risk"})).text
            assert "data-go" not in dialog and "/confirm?back=/ask" in dialog
        wrong = await client.post("/confirm/password", data={"password": "not this one", "back": "/risk"})
        assert (wrong.status_code, "Wrong password." in wrong.text) == (403, True)
        assert (await client.post("/commands", data=form)).status_code == 409
        right = await client.post("/confirm/password", data={"password": PASSWORD, "back": "/risk"})
        assert (right.status_code, right.headers["location"]) == (303, "/risk")
        assert (await client.post("/commands", data=form)).status_code == 303
    assert [row["how"] for row in dash.hub.audit.tail() if row["what"] == "confirmed"] == ["password"]


async def test_what_brakes_and_play_money_ask_for_no_fresh_sign_in(dash: Dash) -> None:
    async with await dash.browser() as client:
        age(dash, client)
        assert (await client.post("/api/commands", json={"cmd": "start"})).status_code == 202
        dash.writer.mode = "live"
        dash.beat()
        for cmd in ("pause", "stop", "drill", "kill"):
            assert (await client.post("/api/commands", json={"cmd": cmd})).status_code == 202, cmd
        flatten = {"cmd": "flatten", "confirm": "FLATTEN"}
        assert (await client.post("/api/commands", json=flatten)).status_code == 202


async def test_confirming_leads_only_to_this_site(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash(env={"DASHBOARD_PASSWORD_HASH": f"'{hashed(PASSWORD)}'"})
    async with await dash.browser() as client:
        for back in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            page = (await client.get("/confirm", params={"back": back})).text
            assert "evil" not in page and "javascript:" not in page
            answer = await client.post("/confirm/password", data={"password": PASSWORD, "back": back})
            assert answer.headers["location"] == "/"


async def test_a_passkey_is_added_only_after_a_fresh_sign_in_and_not_at_an_address(dash: Dash) -> None:
    async with await dash.browser() as client:
        asked = {"name": "Laptop", "role": "operator"}
        assert (await client.post("/passkeys/begin", json=asked)).status_code == 409  # 127.0.0.1
        here = {"host": "localhost:8080", "origin": LOCALHOST.origin}
        answer = await client.post("/passkeys/begin", json=asked, headers=here)
        options = answer.json()
        assert answer.status_code == 200
        assert options["rp"]["id"] == "localhost"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        for wrong in ({"name": "", "role": "operator"}, {"name": "x", "role": "king"}, {"name": "x"}, {}):
            assert (await client.post("/passkeys/begin", json=wrong, headers=here)).status_code == 422
        age(dash, client)
        late = await client.post("/passkeys/begin", json=asked, headers=here)
        assert (late.status_code, late.json()["confirm"]) == (409, "/confirm?back=%2Fsessions")
    async with dash.machine() as machine:
        assert (await machine.post("/passkeys/begin", json=asked, headers=here)).status_code == 403


# ---- whom a passkey belongs to ----


@pytest.mark.parametrize(
    ("env", "host", "party"),
    [
        ({}, "localhost:8080", ("localhost", "http://localhost:8080")),
        ({}, "LOCALHOST:8080", ("localhost", "http://localhost:8080")),
        ({}, "127.0.0.1:8080", None),
        ({}, "[::1]:8080", None),
        ({}, "localhost:8081", None),
        ({"DASHBOARD_HOSTS": "coin.local"}, "coin.local:8080", None),  # a name without TLS
        ({"DASHBOARD_PORT": "443", "DASHBOARD_HOST": "::1"}, "[::1]", None),
        ({"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "coin.example"}, "coin.example",
         ("coin.example", "https://coin.example")),
        ({"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "coin.example"}, "evil.example", None),
        ({"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "10.0.0.7"}, "10.0.0.7", None),
    ],
)  # fmt: skip
def test_a_passkey_belongs_to_a_name_of_ours(
    tmp_path: Path, env: dict[str, str], host: str, party: tuple[str, str] | None
) -> None:
    found = relying_party(site(load(tmp_path / "none", env).settings), host)
    assert (None if found is None else (found.id, found.origin)) == party


# ---- challenges ----


def answer(options: dict[str, Any], **client_data: Any) -> dict[str, Any]:
    data = {"type": "webauthn.get", "challenge": options["challenge"], "origin": LOCALHOST.origin, **client_data}
    signed = {"clientDataJSON": _text(orjson.dumps(data)), "authenticatorData": _text(b"x" * 37), "signature": "AA"}
    return {"rawId": "AA", "response": signed}


def test_a_challenge_is_over_after_five_minutes_and_after_one_answer(tmp_path: Path) -> None:
    now = 0.0
    ceremonies = Ceremonies(Passkeys(tmp_path), lambda: now)
    options = ceremonies.begin_use(LOCALHOST, "me", CeremonyPurpose.LOGIN)
    now = CHALLENGE_S
    with pytest.raises(PasskeyRefused, match="expired or was already used"):
        ceremonies.use("me", answer(options), CeremonyPurpose.LOGIN, "")
    options = ceremonies.begin_use(LOCALHOST, "me", CeremonyPurpose.LOGIN)
    with pytest.raises(PasskeyRefused, match="was not accepted"):
        ceremonies.use("me", answer(options), CeremonyPurpose.LOGIN, "")
    with pytest.raises(PasskeyRefused, match="already used"):
        ceremonies.use("me", answer(options), CeremonyPurpose.LOGIN, "")


@pytest.mark.parametrize(
    ("holder", "purpose", "more"),
    [
        ("other", CeremonyPurpose.LOGIN, {}),
        ("me", CeremonyPurpose.CONFIRM, {}),
        ("me", CeremonyPurpose.LOGIN, {"crossOrigin": True}),
    ],
)
def test_a_challenge_serves_its_own_page_and_purpose_alone(
    tmp_path: Path, holder: str, purpose: CeremonyPurpose, more: dict[str, Any]
) -> None:
    ceremonies = Ceremonies(Passkeys(tmp_path))
    options = ceremonies.begin_use(LOCALHOST, "me", CeremonyPurpose.LOGIN)
    with pytest.raises(PasskeyRefused, match="another page"):
        ceremonies.use(holder, answer(options, **more), purpose, "")


def test_challenges_that_nobody_answers_take_no_room(tmp_path: Path) -> None:
    ceremonies = Ceremonies(Passkeys(tmp_path))
    asked = [ceremonies.begin_use(LOCALHOST, str(i), CeremonyPurpose.LOGIN) for i in range(MOST_OPEN + 50)]
    said = []
    for i, options in enumerate(asked):
        with pytest.raises(PasskeyRefused) as error:
            ceremonies.use(str(i), answer(options), CeremonyPurpose.LOGIN, "")
        said.append(str(error.value))
    assert all("has expired" in text for text in said[:50]), "the oldest made room"
    assert said[50:] == ["This passkey was not accepted."] * MOST_OPEN


@pytest.mark.parametrize(
    "body",
    [
        {}, {"response": 1}, [], "x", None,
        *({"response": {"clientDataJSON": text}} for text in (7, "AA", "bnVsbA", "eyJjaGFsbGVuZ2UiOjF9")),
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_is_refused(dash: Dash, body: Any) -> None:
    async with dash.anonymous(origin=LOCALHOST.origin, host="localhost:8080") as client:
        got = await client.post("/login/passkey", json=body)
        assert got.status_code in (403, 422)
        assert "set-cookie" not in got.headers


async def test_tries_are_slowed(dash: Dash) -> None:
    async with dash.anonymous(origin=LOCALHOST.origin, host="localhost:8080") as client:
        got = [(await client.post("/login/passkey", json={})).status_code for _ in range(12)]
    assert got == [403] * 10 + [429] * 2
    assert sum(row["what"] == "passkey_refused" for row in dash.hub.audit.tail()) == 1


# ---- the file ----


def test_a_count_that_does_not_rise_locks_and_one_that_stays_zero_is_allowed(tmp_path: Path) -> None:
    keys = Passkeys(tmp_path)
    keys.add(key("none"))
    keys.add(key("counts", count=4))
    for _ in range(3):
        keys.used("none", 0, "127.0.0.1")  # synced passkeys keep no count
    keys.used("counts", 5, "127.0.0.1")
    for back in (5, 3, 0):
        with pytest.raises(CountWentBack):
            keys.used("counts", back, "127.0.0.1")
    found = {one.credential: one for one in keys.listing()}
    assert found["counts"].locked_s is not None and found["counts"].count == 5
    assert found["none"].locked_s is None and found["none"].address == "127.0.0.1"


def test_the_file_is_private_survives_and_is_read_anew(tmp_path: Path) -> None:
    keys = Passkeys(tmp_path)
    handle = keys.handle(Role.OPERATOR)
    keys.add(key())
    with pytest.raises(ValueError, match="registered already"):
        keys.add(key())
    again = Passkeys(tmp_path)
    assert again.handle(Role.OPERATOR) == handle != again.handle(Role.VIEWER)
    assert again.listing() == [key()]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    for n in range(19):
        keys.add(key(f"k{n}"))
    with pytest.raises(ValueError, match="20 passkeys"):
        keys.add(key("more"))
    assert keys.remove(key().id) == key()
    assert again.remove(key().id) is None
    for damage in ("", "{", "[]", '{"passkeys":[{}]}', '{"passkeys":7,"handles":{}}'):
        (tmp_path / FILE).write_text(damage)
        assert keys.listing() == []


@pytest.mark.parametrize(("given", "name"), [("  My\tlaptop ", "My laptop"), ("x" * 90, "x" * 40)])
def test_a_name_is_tidied(given: str, name: str) -> None:
    assert clean_name(given) == name


@pytest.mark.parametrize("given", ["", "  ", "\u202eevil", "\x1b[31m"])
def test_a_name_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="name"):
        clean_name(given)


def test_the_library_is_imported_by_the_first_ceremony_only() -> None:
    """It costs 10 MiB, and most dashboards have no passkey."""
    code = "import dashboard.app, sys; sys.exit(any(m.startswith('fido2') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_times(tmp_path: Path) -> None:
    keys = Passkeys(tmp_path)
    keys.add(key())
    before = time.time()
    keys.used("a", 0, "")
    (one,) = keys.listing()
    assert one.used_s is not None and one.used_s >= before


async def test_the_login_page_offers_passkeys_where_there_are_any(dash: Dash) -> None:
    async with dash.anonymous() as client:
        assert "passkey" not in (await client.get("/login")).text.lower()
        dash.hub.passkeys.add(key())
        assert 'href="http://localhost:8080/login"' in (await client.get("/login")).text
        there = (await client.get("/login", headers={"host": "localhost:8080"})).text
        assert 'data-passkey-use="/login/passkey"' in there
        assert BASE not in there
