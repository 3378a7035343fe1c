"""Each sink against a real server on loopback: what it sends, what counts as delivered, and no secret comes back."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import orjson
import pytest

from shared.documents.alerts import AlertKind, AlertSeverity
from shared.settings import load
from simulator.server.files import SimFiles, make_certificates
from tests.watch.receiver import Receiver
from tests.watch.test_outbox import message
from watch.sinks.http import problem
from watch.sinks.mail import SmtpMail
from watch.sinks.registry import sinks_of
from watch.sinks.sink import AlertSink, NotDelivered
from watch.sinks.slack import SlackApp, SlackWebhook
from watch.sinks.teams import TeamsWorkflow
from watch.sinks.telegram import TelegramBot
from watch.sinks.webhook import JsonWebhook

CANARY = "canary-5d1c9e"
ONE = replace(message(7), title="main is dead <@here> & *bold*", text="Its process is gone.", todo="./coin status")


@pytest.fixture
def server() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def says(server: Receiver, status: int, body: object, **headers: str) -> None:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    server.answer = lambda _: (status, data, headers)


MAKE: dict[str, Callable[[Receiver], AlertSink]] = {
    "slack": lambda s: SlackWebhook(f"{s.url}/services/{CANARY}"),
    "slack-app": lambda s: SlackApp(CANARY, "#alerts", f"{s.url}/api"),
    "teams": lambda s: TeamsWorkflow(f"{s.url}/workflows?sig={CANARY}"),
    "telegram": lambda s: TelegramBot(CANARY, "42", s.url),
    "webhook": lambda s: JsonWebhook(f"{s.url}/{CANARY}"),
}
WELL: dict[str, tuple[int, object, str]] = {
    "slack": (200, b"ok", "200 ok"),
    "slack-app": (200, {"ok": True, "ts": "17.5"}, "200 ok"),
    "teams": (202, b"", "202"),
    "telegram": (200, {"ok": True, "result": {"message_id": 4417}}, "200, message 4417"),
    "webhook": (200, b"taken", "200 taken"),
}
REFUSED: dict[str, tuple[int, object, str]] = {
    "slack": (404, b"no_service", "404 no_service"),
    "slack-app": (200, {"ok": False, "error": "channel_not_found"}, "200 channel_not_found"),
    "teams": (401, {"error": {"code": "DirectApiAuthorizationRequired"}}, "DirectApiAuthorizationRequired"),
    "telegram": (400, {"ok": False, "description": "Bad Request: chat not found"}, "400 Bad Request: chat not found"),
    "webhook": (500, b"broken", "500 broken"),
}


@pytest.mark.parametrize("name", MAKE)
def test_what_is_sent_arrives_and_the_answer_is_in_the_sinks_own_words(server: Receiver, name: str) -> None:
    status, body, words = WELL[name]
    says(server, status, body)
    answer = MAKE[name](server).send([ONE], None)
    assert answer.text == words
    (got,) = server.got
    sent = got.body.decode()
    assert "CRITICAL" in sent and "main is dead" in sent and "./coin status" in sent and "./coin alerts ack a7" in sent
    assert got.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("name", MAKE)
def test_what_is_refused_is_not_delivered_and_says_why(server: Receiver, name: str) -> None:
    status, body, words = REFUSED[name]
    says(server, status, body)
    with pytest.raises(NotDelivered) as error:
        MAKE[name](server).send([ONE], None)
    assert words in str(error.value)


@pytest.mark.parametrize("name", MAKE)
def test_no_secret_comes_back_whatever_the_server_echoes(server: Receiver, name: str) -> None:
    sink = MAKE[name](server)
    assert CANARY not in sink.to
    for status in (200, 500):
        server.answer = lambda one, status=status: (  # type: ignore[misc]
            status, f"{one.path} {one.headers} {one.body!r}".encode() + CANARY.encode() * 50, {}
        )  # fmt: skip
        try:
            told = sink.send([ONE], None).text
        except NotDelivered as error:
            told = str(error)
        assert CANARY not in told and len(told) <= 200 and "\n" not in told
    server.close()
    with pytest.raises(NotDelivered) as gone:
        sink.send([ONE], None)
    assert CANARY not in str(gone.value) and "refused" in str(gone.value)


def test_slack_takes_nothing_of_it_for_a_mention_or_a_link(server: Receiver) -> None:
    says(server, 200, b"ok")
    MAKE["slack"](server).send([ONE], None)
    text = server.got[0].json["text"]
    assert "<" not in text and "&lt;@here&gt; &amp;" in text


def test_an_app_keeps_an_alert_in_one_thread_and_shows_its_end_in_the_channel(server: Receiver) -> None:
    says(server, 200, {"ok": True, "ts": "17.5"})
    sink = MAKE["slack-app"](server)
    first = sink.send([ONE], None)
    sink.send([replace(ONE, kind=AlertKind.REPEATED)], first.reference)
    sink.send([replace(ONE, kind=AlertKind.RESOLVED)], first.reference)
    bodies = [got.json for got in server.got]
    assert [body.get("thread_ts") for body in bodies] == [None, "17.5", "17.5"]
    assert [body.get("reply_broadcast") for body in bodies] == [None, False, True]
    assert all(got.headers["Authorization"] == f"Bearer {CANARY}" for got in server.got)


def test_telegram_answers_the_first_message_and_waits_as_long_as_it_is_told(server: Receiver) -> None:
    says(server, 200, {"ok": True, "result": {"message_id": 4417}})
    sink = MAKE["telegram"](server)
    assert sink.send([ONE], None).reference == "4417"
    sink.send([ONE], "4417")
    assert server.got[1].json["reply_parameters"]["message_id"] == 4417 and "parse_mode" not in server.got[1].json
    says(server, 429, {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 31}})
    with pytest.raises(NotDelivered) as error:
        sink.send([ONE], None)
    assert error.value.retry_after_s == 31


def test_a_server_that_says_when_to_come_back_is_heard(server: Receiver) -> None:
    says(server, 429, b"slow down", **{"Retry-After": "12"})
    with pytest.raises(NotDelivered) as error:
        MAKE["slack"](server).send([ONE], None)
    assert error.value.retry_after_s == 12


def test_teams_gets_a_card_that_it_can_show(server: Receiver) -> None:
    says(server, 202, b"")
    MAKE["teams"](server).send([ONE], None)
    (attachment,) = server.got[0].json["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard" and attachment["content"]["body"][0]["weight"] == "Bolder"
    assert [block["text"] for block in attachment["content"]["body"]][1] == "Its process is gone."


def test_a_program_gets_each_message_whole(server: Receiver) -> None:
    MAKE["webhook"](server).send([message(1), message(2)], None)
    document = server.got[0].json
    assert [m["number"] for m in document["messages"]] == [1, 2] and document["version"] == 1
    assert document["messages"][0]["severity"] == "critical" and "2 messages" in document["head"]


def test_no_redirect_is_followed(server: Receiver) -> None:
    other = Receiver()
    says(server, 307, b"", Location=f"{other.url}/elsewhere")
    with pytest.raises(NotDelivered):
        MAKE["webhook"](server).send([ONE], None)
    assert other.got == []
    other.close()


def test_a_certificate_that_nobody_vouches_for_gets_no_alert(tmp_path: Path, server: Receiver) -> None:
    files = SimFiles(tmp_path)
    make_certificates(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    with pytest.raises(NotDelivered, match="certificate does not hold"):
        JsonWebhook(f"https://localhost:{server.port}/x").send([ONE], None)
    assert server.got == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hooks.example.com/x", None),
        ("http://127.0.0.1:9/x", None),
        ("http://hooks.example.com/x", "in the clear"),
        ("hooks.example.com/x", "not a URL"),
        ("ftp://h/x", "not a URL"),
        ("https://h:99999/x", "not a URL"),
        ("", "not a URL"),
    ],
)
def test_where_an_alert_may_go(url: str, why: str | None) -> None:
    found = problem(url)
    assert found is None if why is None else found is not None and why in found


# ---- mail ----


class Smtp(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a mail; `refuse` says which word gets a 4xx."""

    refuse = ""
    mails: ClassVar[list[str]] = []
    seen: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.partition(" ")[0].upper()
            self.seen.append(line)
            if word == self.refuse:
                self.say(f"421 try again later, said {line}")
            elif word == "DATA":
                self.say("354 go on")
                lines = []
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(part)
                self.mails.append("".join(lines))
                self.say("250 queued as 8F1A")
            elif word == "QUIT":
                self.say("221 bye")
                return
            elif word == "EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN LOGIN")
            elif word == "AUTH":
                self.say("235 ok")
            else:
                self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def smtp() -> Iterator[int]:
    Smtp.refuse, Smtp.mails, Smtp.seen = "", [], []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as found:
        found.daemon_threads = True
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_address[1]
        found.shutdown()


def mail(port: int, password: str = CANARY) -> SmtpMail:
    return SmtpMail(f"smtp://coin:{password}@127.0.0.1:{port}", "coin@here.test", ["ops@here.test", "b@here.test"])


def test_a_mail_is_handed_over_and_the_servers_last_word_is_kept(smtp: int) -> None:
    answer = mail(smtp).send([ONE], None)
    assert answer.text == "250 queued as 8F1A" and answer.reference
    assert (
        "Subject: CoinTrader: CRITICAL: main is dead" in Smtp.mails[0]
        and "To: ops@here.test, b@here.test" in Smtp.mails[0]
    )
    assert [line for line in Smtp.seen if line.upper().startswith("RCPT")] == [
        "rcpt TO:<ops@here.test>", "rcpt TO:<b@here.test>",
    ]  # fmt: skip
    mail(smtp).send([ONE], answer.reference)
    assert f"In-Reply-To: {answer.reference}" in Smtp.mails[1]


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "AUTH", "DATA"])
def test_a_mail_that_is_refused_at_any_word_is_not_delivered(smtp: int, word: str) -> None:
    Smtp.refuse = word
    with pytest.raises(NotDelivered) as error:
        mail(smtp).send([ONE], None)
    assert "421" in str(error.value) and CANARY not in str(error.value)


# ---- what is set ----

ALL = {
    "SLACK_WEBHOOK": "https://h/x", "SLACK_BOT_TOKEN": "t", "SLACK_ALERT_CHANNEL": "#a", "TEAMS_WEBHOOK_URL": "https://h/y",
    "TELEGRAM_BOT_TOKEN": "t", "TELEGRAM_CHAT_ID": "1", "ALERT_WEBHOOK_URL": "https://h/z",
    "ALERT_SMTP_URL": "smtps://u:p@h", "ALERT_MAIL_FROM": "a@h", "ALERT_MAIL_TO": "b@h,c@h",
}  # fmt: skip


def plan(tmp_path: Path, **values: str) -> tuple[dict[str, AlertSeverity], Sequence[str]]:
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    file.chmod(0o600)
    found = sinks_of(load(file, {}).settings)
    return {sink.name: least for sink, least in found.sinks}, found.problems


def test_every_sink_that_is_set_is_made_with_its_least_severity(tmp_path: Path) -> None:
    made, problems = plan(tmp_path, **ALL, ALERT_MIN_SEVERITY="critical,slack:warning")
    assert set(made) == {"slack", "slack-app", "teams", "telegram", "webhook", "mail"} and not problems
    assert {name for name, least in made.items() if least is AlertSeverity.WARNING} == {"slack"}
    assert plan(tmp_path, **ALL, ALERT_ENABLE="false") == ({}, ())
    assert plan(tmp_path) == ({}, ())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"TELEGRAM_BOT_TOKEN": CANARY}, "TELEGRAM_CHAT_ID"),
        ({"SLACK_BOT_TOKEN": CANARY}, "SLACK_ALERT_CHANNEL"),
        ({"ALERT_SMTP_URL": f"smtp://u:{CANARY}@h"}, "ALERT_MAIL_TO"),
        ({"ALERT_QUIET_HOURS": "22-7"}, "written HH:MM-HH:MM"),
        ({"ALERT_QUIET_HOURS": "22:00-07:00 Mars/Olympus"}, "no time zone"),
        ({"ALERT_MIN_SEVERITY": "loud"}, "none of warning, critical"),
        ({"ALERT_MIN_SEVERITY": "pigeon:critical"}, "pigeon is none of"),
    ],
)
def test_what_is_set_wrong_is_said_and_stops_nobody(tmp_path: Path, values: dict[str, str], said: str) -> None:
    _, problems = plan(tmp_path, **values)
    assert len(problems) == 1 and said in problems[0] and CANARY not in problems[0]


# ---- Apprise ----


def test_apprise_delivers_by_its_own_urls(server: Receiver, tmp_path: Path) -> None:
    pytest.importorskip("apprise")
    place = f"127.0.0.1:{server.port}"
    urls = f"json://{place}/{CANARY} json://{place}/no/{CANARY} nonsense://x"
    settings = load(_env(tmp_path, f"ALERT_URLS={urls}\n"), {}).settings
    sinks = {sink.name: sink for sink, _ in sinks_of(settings).sinks}
    assert list(sinks) == ["apprise-1", "apprise-2", "apprise-3"]
    server.answer = lambda one: (500 if "/no/" in one.path else 200, CANARY.encode(), {})
    answer = sinks["apprise-1"].send([ONE], None)
    assert CANARY not in answer.text and server.got[0].json["type"] == "failure"
    assert "main is dead" in server.got[0].json["title"]
    for name in ("apprise-2", "apprise-3"):
        with pytest.raises(NotDelivered) as error:
            sinks[name].send([ONE], None)
        assert CANARY not in str(error.value) and str(error.value)


def _env(tmp_path: Path, text: str) -> Path:
    file = tmp_path / ".env"
    file.write_text(text)
    file.chmod(0o600)
    return file
