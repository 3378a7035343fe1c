"""What was set in the browser goes to public addresses alone, and the watch takes new sinks up while it runs."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import public_hosts
from shared.alert_requests import AlertAsk
from shared.alert_settings import set_in_browser
from shared.documents.alerts import AlertSeverity, SentState
from shared.settings import load
from simulator.server.files import SimFiles, make_certificates
from tests.watch.receiver import Receiver
from tests.watch.test_process import Turned
from tests.watch.test_sinks import ONE, Smtp, smtp
from watch.settings_follower import SettingsFollower
from watch.sinks import http, mail
from watch.sinks.http import connected, request
from watch.sinks.mail import SmtpMail
from watch.sinks.registry import sinks_of
from watch.sinks.sink import NotDelivered
from watch.sinks.webhook import JsonWebhook
from watch.slow_looks import HEARTBEAT_S, HeartbeatLook

__all__ = ["smtp"]  # a fixture of its neighbour


@pytest.fixture
def server() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def over_tls(tmp_path: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """The receiver as `localhost` with a certificate that the sinks trust, at an address that counts as public."""
    (tmp_path / "tls").mkdir()
    files = SimFiles(tmp_path / "tls")
    make_certificates(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(files.ca))
    monkeypatch.setattr(http, "client_context", lambda: trusting)
    return server


# ---- where it may go ----


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "2130706433"])
def test_an_address_of_this_machine_gets_nothing(host: str, server: Receiver) -> None:
    with pytest.raises(NotDelivered, match="set in the browser"):
        request(f"https://{host}:{server.port}/x", b"{}", {}, only_public=True)
    assert server.got == []


def test_a_name_that_nobody_knows_is_no_private_one() -> None:
    with pytest.raises(NotDelivered, match=r"^its name cannot be resolved$"):
        request("https://no.such.invalid/x", b"{}", {}, only_public=True)


def test_only_tls(server: Receiver) -> None:
    with pytest.raises(NotDelivered, match="only https"):
        request(server.url, b"{}", {}, only_public=True)
    assert server.got == []


def test_the_connection_goes_to_the_address_that_was_judged(
    over_tls: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name answers with a public address once, and with this machine from then on: nobody asks it again."""
    asked: list[str] = []
    reached: list[Any] = []

    def rebinding(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        reached.append(address)
        plain = socket.socket()
        plain.settimeout(timeout)
        plain.connect(("127.0.0.1", over_tls.port))  # the test's stand-in for the public address
        return plain

    monkeypatch.setattr(public_hosts.socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(http.socket, "create_connection", connect)
    JsonWebhook("https://localhost/x", only_public=True).send([ONE], None)
    assert reached == [("93.184.216.34", 443)] and asked == ["localhost"] and len(over_tls.got) == 1


def test_the_certificate_must_be_the_names_and_not_the_addresses(
    over_tls: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "public_addresses", lambda *_: ["127.0.0.1"])
    with pytest.raises(NotDelivered, match="certificate does not hold"):
        JsonWebhook(f"https://other.example:{over_tls.port}/x", only_public=True).send([ONE], None)
    assert over_tls.got == []


def test_a_redirect_to_this_machine_is_not_followed(over_tls: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "public_addresses", lambda *_: ["127.0.0.1"])
    inside = Receiver()
    over_tls.answer = lambda _: (302, b"", {"Location": f"{inside.url}/secret"})
    with pytest.raises(NotDelivered, match="302"):
        JsonWebhook(f"https://localhost:{over_tls.port}/x", only_public=True).send([ONE], None)
    assert inside.got == [] and len(over_tls.got) == 1
    inside.close()


def test_a_second_address_is_tried_where_the_first_takes_nothing(server: Receiver) -> None:
    with connected(["127.0.0.2", "127.0.0.1"], server.port, 2.0) as link:
        assert link.getpeername()[0] in ("127.0.0.1", "127.0.0.2")
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            connected(["127.0.0.1", "127.0.0.1"], shut.getsockname()[1], 2.0)


@pytest.mark.parametrize("url", ["smtps://u:p@localhost:465", "smtp://u:p@127.0.0.1:587", "smtp://169.254.169.254"])
def test_mail_from_the_browser_goes_to_public_servers_alone(url: str) -> None:
    with pytest.raises(NotDelivered, match="set in the browser") as refused:
        SmtpMail(url, "a@example.org", ["b@example.org"], only_public=True).send([ONE], None)
    assert "u:p" not in str(refused.value)


def test_mail_without_tls_is_not_sent_even_where_the_name_says_this_machine(
    smtp: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "judged_addresses", lambda *_: ["127.0.0.1"])
    with pytest.raises(NotDelivered, match="no TLS"):
        SmtpMail(f"smtp://localhost:{smtp}", "a@x.y", ["b@x.y"], only_public=True).send([ONE], None)
    assert Smtp.mails == []


def test_what_env_says_by_hand_may_be_anywhere_and_what_the_browser_set_may_not(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("ALERT_WEBHOOK_URL=http://127.0.0.1:9/x\n")
    env.chmod(0o600)
    ((by_hand, _),) = sinks_of(load(env, {}).settings).sinks
    env.write_text(env.read_text() + "ALERT_SET_IN_BROWSER=ALERT_WEBHOOK_URL@2026-11-30T10:00:00Z,SLACK_WEBHOOK@x\n")
    settings = load(env, {}).settings
    ((browser, _),) = sinks_of(settings).sinks
    with pytest.raises(NotDelivered, match="refused"):
        by_hand.send([ONE], None)
    with pytest.raises(NotDelivered, match="only https"):
        browser.send([ONE], None)
    assert sorted(set_in_browser(settings)) == ["ALERT_WEBHOOK_URL", "SLACK_WEBHOOK"]


# ---- taken up while it runs ----


class Followed(Turned):
    """A watch that follows a `.env` of its own."""

    def __init__(self, folder: Path) -> None:
        self.env = folder.parent / ".env"
        self.write("")
        self.follower = SettingsFollower(self.env, {})
        super().__init__(folder)
        self.beats: list[str] = []
        self.looks.new_settings = self.follower.take
        self.looks.settings_problem = lambda: self.follower.problem
        self.looks.use_heartbeat = lambda settings: self.beats.append(settings.heartbeat_url.reveal())

    def write(self, text: str) -> None:
        new = self.env.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(self.env)

    def change(self, text: str) -> None:
        self.write(text)
        self.follower.look()
        self.turn()


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    made = Followed(tmp_path / "data")
    yield made
    made.receiver.close()


def test_a_new_sink_is_used_without_a_restart_and_the_document_says_when(followed: Followed) -> None:
    other = Receiver()
    followed.turn()
    assert [sink.name for sink in followed.document().sinks] == ["webhook"]
    followed.change(f"ALERT_WEBHOOK_URL={followed.receiver.url}\nSLACK_WEBHOOK={other.url}/T\nHEARTBEAT_URL=https://h/x\n"
                    "ALERT_QUIET_HOURS=22:00-07:00\nALERT_MIN_SEVERITY=warning,webhook:critical\n")  # fmt: skip
    doc = followed.document()
    assert [(sink.name, sink.least.value) for sink in doc.sinks] == [("slack", "warning"), ("webhook", "critical")]
    assert doc.settings_taken_ms == followed.now_ms and doc.quiet_hours == "22:00-07:00"
    assert doc.settings_ms == followed.env.stat().st_mtime_ns // 1_000_000 and followed.beats == ["https://h/x"]
    followed.paths.kill.touch()
    followed.turn_until(lambda: other.got and followed.kinds(), "both are told")
    assert b"STILL" not in other.got[0].body
    other.close()


def test_what_waits_for_a_removed_sink_is_given_up_and_one_that_moved_is_tried_at_once(followed: Followed) -> None:
    followed.receiver.answer = lambda _: (503, b"no", {})
    followed.paths.kill.touch()
    followed.turn_until(lambda: followed.document().sinks[0].failures >= 1, "it failed")
    new = Receiver()
    followed.change(f"ALERT_WEBHOOK_URL={new.url}\n")
    followed.turn_until(new.messages, "the new place gets it, whatever the pause was")
    assert [m["kind"] for m in new.messages()] == ["fired"]
    new.answer = lambda _: (503, b"no", {})
    followed.ask(AlertAsk.TEST)
    followed.turn_until(lambda: followed.document().sinks[0].test_answer, "a test that failed waits")
    followed.change("")
    assert followed.document().sinks == []
    (left,) = followed.watch.outbox.of_alert(0)
    assert left.state is SentState.DROPPED and left.answer == "given up: the sink was removed"
    new.close()


def test_what_is_on_its_way_when_its_sink_is_removed_harms_nothing(followed: Followed) -> None:
    def slow(_: object) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(0.3)
        return 503, b"late", {}

    followed.receiver.answer = slow
    followed.paths.kill.touch()
    followed.turn(2)
    followed.change("")
    time.sleep(0.5)
    followed.turn(3)
    assert followed.document().sinks == []
    entries = [e for alert in followed.watch.book.active for e in followed.watch.outbox.of_alert(alert.number)]
    assert entries and all(entry.state is SentState.DROPPED for entry in entries)


def test_a_file_that_does_not_hold_keeps_the_sinks_and_is_said(followed: Followed) -> None:
    followed.change("PROFILE=nonsense\n")
    doc = followed.document()
    assert [sink.name for sink in doc.sinks] == ["webhook"]
    assert doc.settings_problem is not None and "PROFILE=nonsense" in doc.settings_problem
    followed.change(f"ALERT_WEBHOOK_URL={followed.receiver.url}\n")
    assert followed.document().settings_problem is None


def test_a_test_of_one_sink_goes_to_that_one(followed: Followed) -> None:
    other = Receiver()
    followed.change(f"ALERT_WEBHOOK_URL={followed.receiver.url}\nSLACK_WEBHOOK={other.url}/T\n")
    followed.ask(AlertAsk.TEST, name="slack")
    followed.turn_until(lambda: other.got, "the one that is meant")
    followed.turn(2)
    assert followed.receiver.got == []
    other.close()


def test_the_heartbeat_moves_and_ends(server: Receiver) -> None:
    beat = HeartbeatLook("", False, lambda: True)
    assert beat.look() == 1.0 and beat.seen is None
    assert beat.use(server.url, False) and not beat.use(server.url, False)
    assert beat.look() == HEARTBEAT_S and beat.seen is not None and beat.seen.last_ms is not None
    assert beat.use(server.url, True), "set in the browser: the same address is judged by the stricter rule"
    beat.look()
    assert beat.seen.last_ms is None and "only https" in str(beat.seen.answer) and len(server.got) == 1
    assert beat.use("", False) and beat.seen is None


def test_severities_by_name_hold_for_every_kind(followed: Followed) -> None:
    followed.change(f"SLACK_WEBHOOK={followed.receiver.url}\nALERT_MIN_SEVERITY=critical\n")
    assert followed.watch.outbox.least == {"slack": AlertSeverity.CRITICAL}
