"""A report's picture: what each sink makes of it, and that a picture which is not taken loses no text."""

import email
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from shared.documents.alerts import AlertKind
from shared.settings import Secret, Settings
from tests.watch.receiver import Received, Receiver
from tests.watch.test_outbox import message
from tests.watch.test_sinks import CANARY, Smtp, mail, smtp  # noqa: F401 (a fixture)
from watch.messages import AlertMessage
from watch.sinks.http import HttpAnswer
from watch.sinks.registry import sinks_of
from watch.sinks.slack import SlackApp, SlackWebhook
from watch.sinks.telegram import TelegramBot
from watch.sinks.webhook import JsonWebhook

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


@pytest.fixture
def server() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def report(tmp_path: Path) -> AlertMessage:
    path = tmp_path / "week-2026-W48.png"
    path.write_bytes(PNG)
    return replace(message(3, kind=AlertKind.REPORT), title="Weekly report", text="Result +1.00", picture=str(path))


def part(got: Received) -> dict[str, bytes]:
    """Name → content of each part of a form."""
    raw = b"Content-Type: " + got.headers["Content-Type"].encode() + b"\r\n\r\n" + got.body
    parts = email.message_from_bytes(raw).get_payload()
    return {str(one.get_param("name", header="Content-Disposition")): one.get_payload(decode=True) for one in parts}  # type: ignore[union-attr,misc]


def test_telegram_sends_it_below_the_text(server: Receiver, report: AlertMessage) -> None:
    server.answer = lambda _: (200, orjson.dumps({"ok": True, "result": {"message_id": 17}}), {})
    answer = TelegramBot(CANARY, "42", server.url).send([report], None)
    text, photo = server.got
    assert text.path.endswith("/sendMessage") and photo.path.endswith("/sendPhoto")
    sent = part(photo)
    assert sent["photo"] == PNG and sent["chat_id"] == b"42"
    assert orjson.loads(sent["reply_parameters"]) == {"message_id": 17}
    assert (answer.text, answer.reference) == ("200, message 17, with its picture", "17")


def test_telegram_that_refuses_the_picture_has_the_text_and_is_not_asked_again(
    server: Receiver, report: AlertMessage
) -> None:
    good = orjson.dumps({"ok": True, "result": {"message_id": 17}})
    server.answer = lambda got: (200, good, {}) if "sendMessage" in got.path else (400, f"no {CANARY}".encode(), {})
    answer = TelegramBot(CANARY, "42", server.url).send([report], None)
    assert answer.reference == "17" and "without its picture: 400 no" in answer.text and CANARY not in answer.text


def slack(server: Receiver, wrong: str = "") -> SlackApp:
    def says(got: Received) -> tuple[int, bytes, dict[str, str]]:
        name = got.path.rpartition("/")[2]
        said = {
            "chat.postMessage": {"ok": True, "ts": "17.5", "channel": "C07"},
            "files.getUploadURLExternal": {"ok": True, "upload_url": f"{server.url}/upload/v1", "file_id": "F1"},
            "files.completeUploadExternal": {"ok": True},
        }.get(name, {"ok": True})
        return 200, orjson.dumps({"ok": False, "error": "missing_scope"} if name == wrong else said), {}

    server.answer = says
    return SlackApp(CANARY, "#reports", f"{server.url}/api")


def test_slack_takes_it_into_the_thread_of_its_message(server: Receiver, report: AlertMessage) -> None:
    answer = slack(server).send([report], None)
    assert answer.text == "200 ok, with its picture" and answer.reference == "17.5"
    post, place, upload, done = server.got
    assert post.path.endswith("chat.postMessage") and b"week-2026-W48.png" in place.body
    assert f"length={len(PNG)}".encode() in place.body and upload.body == PNG
    assert "Authorization" not in upload.headers, "the token goes to the API alone"
    assert done.json == {
        "files": [{"id": "F1", "title": "week-2026-W48.png"}],
        "channel_id": "C07",
        "thread_ts": "17.5",
    }


@pytest.mark.parametrize("wrong", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_slack_without_the_right_to_write_files_says_so(server: Receiver, report: AlertMessage, wrong: str) -> None:
    answer = slack(server, wrong).send([report], None)
    assert answer.text == "200 ok; without its picture: missing_scope" and answer.reference == "17.5"


@pytest.mark.parametrize(
    "place",
    [
        "https://files.slack.com.example.org/upload/v1", "https://notslack.com/upload/v1", "http://files.slack.com/up",
        "https://files.slack.com:8443/up", "https://files.slack.com@127.0.0.1/up", "https://127.0.0.1/up",
        "http://127.0.0.1:{other}/up", "https://[::1", "file:///etc/passwd", 7, None,
    ],
)  # fmt: skip
def test_slacks_picture_goes_to_slack_alone(server: Receiver, report: AlertMessage, place: object) -> None:
    """Whatever place an answer names: no byte of the picture leaves, and the text is there all the same."""
    other = Receiver()
    try:
        app = slack(server)
        says, named = server.answer, place.format(other=other.port) if isinstance(place, str) else place

        def lies(got: Received) -> tuple[int, bytes, dict[str, str]]:
            if got.path.endswith("files.getUploadURLExternal"):
                return 200, orjson.dumps({"ok": True, "upload_url": named, "file_id": "F1"}), {}
            return says(got)

        server.answer = lies
        answer = app.send([report], None)
        assert answer.reference == "17.5" and "without its picture: Slack named a place" in answer.text
        assert not other.got and [got.path.rpartition("/")[2] for got in server.got] == [
            "chat.postMessage", "files.getUploadURLExternal",
        ]  # fmt: skip
    finally:
        other.close()


@pytest.mark.parametrize("place", ["https://files.slack.com/upload/v1/A", "https://acme.enterprise.slack.com/up?t=1"])
def test_slacks_own_hosts_are_taken(server: Receiver, report: AlertMessage, place: str) -> None:
    """Asked of the name alone: nothing here reaches Slack."""
    asked: list[str] = []

    def sent(url: str, *_: object, **__: object) -> HttpAnswer:
        asked.append(url)
        name = url.rpartition("/")[2]
        said = {"ok": True, "ts": "17.5", "channel": "C07", "upload_url": place, "file_id": "F1"}
        return HttpAnswer(200, orjson.dumps(said).decode() if name else "", None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("watch.sinks.slack.request", sent)
        answer = SlackApp(CANARY, "#reports").send([report], None)
    assert answer.text == "200 ok, with its picture" and asked[2] == place


def test_mail_has_it_as_an_attachment(smtp: int, report: AlertMessage) -> None:  # noqa: F811
    mail(smtp).send([report], None)
    found = email.message_from_string(Smtp.mails[0])
    text, picture = found.get_payload()
    assert "Result +1.00" in text.get_payload() and picture.get_filename() == "week-2026-W48.png"  # type: ignore[union-attr]
    assert picture.get_payload(decode=True) == PNG  # type: ignore[union-attr]


def test_the_webhook_has_its_bytes_and_no_path_of_this_machine(server: Receiver, report: AlertMessage) -> None:
    JsonWebhook(server.url).send([report], None)
    (got,) = server.got
    assert b64decode(got.json["picture"]["data"]) == PNG and got.json["picture"]["name"] == "week-2026-W48.png"
    assert str(Path(report.picture).parent).encode() not in got.body


def test_a_picture_that_is_gone_or_several_messages_at_once_are_text_alone(
    server: Receiver, report: AlertMessage
) -> None:
    JsonWebhook(server.url).send([report, message(4)], None)
    Path(report.picture).unlink()
    JsonWebhook(server.url).send([report], None)
    SlackWebhook(server.url).send([report], None)
    assert all("picture" not in got.json for got in server.got[:2]) and len(server.got) == 3


def test_apprise_hands_it_on(server: Receiver, report: AlertMessage) -> None:
    pytest.importorskip("apprise")
    urls = Secret(f"json://127.0.0.1:{server.port}/{CANARY}")
    ((sink, _),) = sinks_of(Settings(alert_urls=urls)).sinks
    sink.send([report], None)
    (got,) = server.got
    assert [one["filename"] for one in got.json["attachments"]] == ["week-2026-W48.png"]
    assert b64decode(got.json["attachments"][0]["base64"]) == PNG and got.json["type"] == "info"
