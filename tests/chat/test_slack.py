"""COIN-CHAT's Slack side, with Slack's own Bolt and SDK, against a double of the Web API and of Socket Mode."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("slack_bolt")
from chat.handed import ChatHandover
from chat.messages import ChatButton, Content, MessageRef, Toast
from chat.platform import NotSaid
from chat.process import ChatProcess
from chat.redaction import RedactingFormatter
from chat.slack import SlackChat
from shared.chat_settings import ChatRole
from shared.documents.chat import ChatDoc, ChatLink, decode_chat
from shared.paths import DataPaths
from tests.chat.slack_double import SlackDouble, SlackRefusal

OPERATOR, OTHER, STRANGER, OPS = "U0ANN", "U0OLGA", "U0EVE", "C0OPS"


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    made = SlackDouble()
    yield made
    made.close()


def handed(double: SlackDouble, folder: Path) -> ChatHandover:
    users = {f"slack:{OPERATOR}": ChatRole.OPERATOR, f"slack:{OTHER}": ChatRole.OPERATOR}
    return ChatHandover(
        data_dir=str(folder), log_level="INFO", users=users, slack_bot_token=double.bot_token,
        slack_app_token=double.app_token, slack_channel=OPS, slack_api=double.url,
    )  # fmt: skip


class Running:
    """A `ChatProcess` in a thread; no bot runs there."""

    def __init__(self, folder: Path, double: SlackDouble) -> None:
        self.paths = DataPaths(folder)
        self.paths.chat.mkdir(exist_ok=True)
        given = handed(double, folder)
        self._stop = threading.Event()

        def run() -> None:  # whoever makes it runs it: its store belongs to one thread
            ChatProcess(given, self.paths, [SlackChat(given)]).run(self._stop)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def document(self) -> ChatDoc:
        return decode_chat(self.paths.chat_state.read_bytes())

    @property
    def link(self) -> ChatLink:
        return self.document().platforms[0].link

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def running(tmp_path: Path, double: SlackDouble) -> Iterator[Running]:
    made = Running(tmp_path, double)
    double.until(lambda d: d.connected, "a websocket")
    yield made
    made.close()


def test_a_command_is_acknowledged_at_once_and_answered_where_it_may_be(running: Running, double: SlackDouble) -> None:
    there = double.command(OPERATOR, "help", channel=OPS)
    ts = double.until(lambda d: d.said("You are operator"), "the help")
    double.until(lambda d: there["envelope_id"] in d.acked, "acknowledged")
    assert double.messages[ts].channel == OPS and double.acked[there["envelope_id"]] == [None]
    elsewhere = double.command(OPERATOR, "why btc")
    ts = double.until(lambda d: d.said("main: OFFLINE"), "an answer")
    assert double.messages[ts].channel == "D0ANN"
    double.until(lambda d: elsewhere["envelope_id"] in d.acked, "acknowledged")  # on a way of its own
    assert double.acked[elsewhere["envelope_id"]] == [{"text": "I answer in a direct message."}]
    for command in ("/exposure", "/position"):
        before = len(double.messages)
        double.command(OPERATOR, "", command=command)
        double.until(lambda d, before=before: len(d.messages) > before, command)


def test_an_envelope_that_comes_again_is_acted_on_once(running: Running, double: SlackDouble) -> None:
    double.deaf = True  # acknowledgements are lost: Slack sends it three times
    double.command(OPERATOR, "kill")
    double.until(lambda d: len(d.sent) == 3, "three tries")
    double.deaf = False
    double.command(OPERATOR, "help")
    double.until(lambda d: d.said("You are operator"), "the help")
    assert len([kept for kept in double.messages.values() if kept.versions[0].startswith("/kill?")]) == 1


def test_a_kill_is_asked_back_done_once_and_its_message_edited(running: Running, double: SlackDouble) -> None:
    double.command(OPERATOR, "kill")
    ts = double.until(lambda d: d.said("/kill?"), "a question")
    labels = [(one["text"]["text"], one.get("style")) for one in double.messages[ts].buttons]
    assert labels == [("Yes, kill", "danger"), ("No", None)]
    double.press(ts, "coin_yes", OTHER)
    double.until(lambda d: d.ephemeral, "a word to who may not answer")
    assert double.ephemeral == [("D0ANN", OTHER, "Only ann can answer this.")] and not running.paths.kill.exists()
    value = double.messages[ts].buttons[0]["value"]
    double.press(ts, "coin_yes", OPERATOR)
    double.until(lambda _: running.paths.kill.exists(), "the file KILL")
    double.until(lambda d: d.said("/kill: NOT DELIVERED yet") == ts, "that no bot has taken it up")
    assert not double.messages[ts].buttons and "./coin kill on the machine" in double.messages[ts].versions[-1]
    ring = running.paths.control.read_bytes()
    double.press(ts, "coin_yes", OPERATOR, value=value)
    double.until(lambda d: len(d.ephemeral) == 2, "that it was answered")
    assert running.paths.control.read_bytes() == ring


def test_a_stranger_and_another_workspace_get_no_data(running: Running, double: SlackDouble) -> None:
    for _ in range(3):
        double.command(STRANGER, "status", name="eve")
    double.command(OPERATOR, "status", team="T0OTHER")
    double.command(OPERATOR, "help")
    double.until(lambda d: d.said("You are operator"), "the help")
    said = [kept.versions[0] for kept in double.messages.values() if "You are operator" not in kept.versions[0]]
    assert said == [f"You may not use this bot. Your id is slack:{STRANGER}."]
    assert [one.person for one in running.document().refusals] == [f"slack:{STRANGER}"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
def test_a_disconnect_is_followed_by_another_connection(running: Running, double: SlackDouble, reason: str) -> None:
    opened = len([method for method, _ in double.calls if method == "apps.connections.open"])
    double.disconnect(reason)
    double.until(lambda d: len([m for m, _ in d.calls if m == "apps.connections.open"]) > opened, "a new address")
    time.sleep(1)
    double.command(OPERATOR, "help")
    double.until(lambda d: d.said("You are operator"), "the help")


@pytest.mark.slow
def test_a_websocket_that_dies_without_a_word_is_noticed(running: Running, double: SlackDouble) -> None:
    double.drop()
    double.until(lambda d: not d.connected, "the end")
    double.until(lambda d: d.connected, "another connection")
    double.command(OPERATOR, "help")
    double.until(lambda d: d.said("You are operator"), "the help")


def test_too_many_requests_are_waited_out_as_long_as_slack_asks(running: Running, double: SlackDouble) -> None:
    refused: list[float] = []

    def busy(method: str, _: object) -> SlackRefusal | None:
        if method != "chat.postMessage" or refused:
            return None
        refused.append(time.monotonic())
        return SlackRefusal("ratelimited", 429, {"Retry-After": "2"})

    double.refuse = busy
    double.command(OPERATOR, "help")
    double.until(lambda d: d.said("You are operator"), "the help")
    assert time.monotonic() - refused[0] >= 2.0


def test_a_token_that_does_not_hold_is_told_and_tried_again(tmp_path: Path, double: SlackDouble) -> None:
    double.refuse = lambda method, _: SlackRefusal("invalid_auth") if method == "auth.test" else None
    running = Running(tmp_path, double)
    try:
        double.until(lambda _: running.paths.chat_state.exists() and running.link is ChatLink.FAILING, "the failure")
        assert running.document().platforms[0].answer == "200 invalid_auth"
        double.refuse = lambda *_: None
        double.until(lambda _: running.link is ChatLink.CONNECTED, "a connection")
    finally:
        running.close()


def test_what_slack_says_decides_whether_it_is_tried_again(tmp_path: Path, double: SlackDouble) -> None:
    chat = SlackChat(handed(double, tmp_path))
    with pytest.raises(NotSaid) as error:
        chat.edit(MessageRef("D0ANN", "1.0"), Content("x"))
    assert (str(error.value), error.value.final) == ("200 message_not_found", True)
    for refusal, retry_after, final in (
        (SlackRefusal("ratelimited", 429, {"Retry-After": "17"}), 17, False),
        (SlackRefusal("fatal_error"), None, False),
        (SlackRefusal("channel_not_found"), None, True), (SlackRefusal("invalid_auth"), None, True),
    ):  # fmt: skip
        double.refuse = lambda *_, refusal=refusal: refusal  # type: ignore[misc]
        with pytest.raises(NotSaid) as error:
            chat.post(OPS, Content("x"))
        assert (error.value.retry_after_s, error.value.final) == (retry_after, final)
    double.server.shutdown()
    double.server.server_close()
    with pytest.raises(NotSaid) as error:
        chat.post(OPS, Content("x"))
    assert not error.value.final and double.bot_token not in str(error.value)


def test_nothing_in_a_text_is_taken_for_markup(tmp_path: Path, double: SlackDouble) -> None:
    chat = SlackChat(handed(double, tmp_path))
    ref = chat.post(OPERATOR, Content("<!channel> *x*", ("<@U1> & <http://e|y>",), (ChatButton("Yes", "t", yes=True),)))
    method, given = double.calls[-1]
    assert method == "chat.postMessage" and "<!channel>" not in given["text"] and "<@U1>" not in given["text"]
    assert {block["text"]["type"] for block in given["blocks"] if block["type"] == "section"} == {"plain_text"}
    assert double.messages[ref.message].versions == ["<!channel> *x*\n<@U1> & <http://e|y>"]
    chat.toast(Toast("slack", "", OPS, "U1", "Sent."))
    assert not double.ephemeral, "the message shows it already"


def test_no_log_line_holds_a_token_or_a_ticket() -> None:
    formatter = RedactingFormatter(logging.Formatter("%(message)s"), ("xoxb-canary", "", "canary"))
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "xoxb-canary at wss://w/?ticket=abc-1.2&app_id=3", (), None)
    assert formatter.format(record) == "… at wss://w/?ticket=…&app_id=3"
