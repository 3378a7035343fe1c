"""COIN-CHAT against a double of Telegram's server, and a stranger's client against the same double."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import telegram
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter
from telegram.warnings import PTBDeprecationWarning

from chat.handed import ChatHandover
from chat.messages import Asked, Content, MessageRef, Pressed
from chat.platform import NotSaid
from chat.process import ChatProcess
from chat.telegram import TelegramChat
from chat.telegram_api import TelegramError
from shared.chat_settings import ChatRole
from shared.documents.chat import ChatDoc, ChatLink, decode_chat
from shared.paths import DataPaths
from tests.chat.telegram_double import Refusal, TelegramDouble

OPERATOR, VIEWER, GROUP = 111, 222, -1005


@pytest.fixture
def double() -> Iterator[TelegramDouble]:
    made = TelegramDouble()
    yield made
    made.close()


def adapter(double: TelegramDouble, group: str = "") -> TelegramChat:
    return TelegramChat(double.token, group, double.url, poll_s=0)


def heard_by(chat: TelegramChat) -> list[Asked | Pressed]:
    found: list[Asked | Pressed] = []
    chat.poll(found.append)
    return found


# ---- the double itself: a client of others finds in it what it knows ----


def test_a_stranger_s_client_hears_says_edits_and_is_refused_as_by_the_real_server(double: TelegramDouble) -> None:
    async def speaks() -> None:
        url = f"{double.url}/bot"
        async with telegram.Bot(double.token, base_url=url) as bot:
            assert (await bot.get_me()).username == "CoinTestBot"
            first, second = double.write(OPERATOR, "/status"), double.write(OPERATOR, "/why BTC")
            updates = await bot.get_updates(timeout=1, allowed_updates=["message"])
            assert [one.update_id for one in updates] == [first, second]
            assert updates[0].message is not None and updates[0].message.text == "/status"
            assert [one.update_id for one in await bot.get_updates(offset=second)] == [second]
            assert await bot.get_updates(offset=second + 1) == ()
            assert await bot.get_updates() == (), "confirmed is gone"
            keyboard = telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("Yes", callback_data="t:y")]])
            message = await bot.send_message(OPERATOR, "sure?", reply_markup=keyboard)
            double.press(message.message_id, "Yes", OPERATOR)
            (pressed,) = await bot.get_updates(offset=second + 1, timeout=1)
            assert pressed.callback_query is not None and pressed.callback_query.data == "t:y"
            assert await bot.answer_callback_query(pressed.callback_query.id, "Sent.")
            await bot.edit_message_text("done", OPERATOR, message.message_id)
            for wrong in ("done", "x" * 5000, " "):
                with pytest.raises(BadRequest):
                    await bot.edit_message_text(wrong, OPERATOR, message.message_id)
            double.refuse = lambda method, _: Refusal(429, "Too Many Requests: retry after 7", retry_after=7)
            with pytest.warns(PTBDeprecationWarning), pytest.raises(RetryAfter):
                await bot.send_message(OPERATOR, "x")
            double.refuse = lambda *_: None
            double.webhook = True
            with pytest.raises(Conflict):
                await bot.get_updates()
        with pytest.raises(InvalidToken):
            await telegram.Bot("700:wrong", base_url=url).get_me()

    asyncio.run(speaks())
    assert double.toasts[0][1] == "Sent."


# ---- hearing ----


def test_an_update_is_confirmed_by_the_next_poll_and_comes_again_if_there_is_none(double: TelegramDouble) -> None:
    number = double.write(OPERATOR, "/status BTC-USD")
    chat = adapter(double)
    (asked,) = heard_by(chat)
    assert isinstance(asked, Asked) and asked.word == "status" and asked.arguments == ("BTC-USD",)
    assert (asked.person.key, asked.person.name, asked.update) == ("telegram:111", "@ann", str(number))
    assert [one.update for one in heard_by(adapter(double))] == [str(number)], "a process that died before it polled"
    assert heard_by(chat) == [] == heard_by(adapter(double))


def test_after_a_quiet_week_the_offset_is_dropped(double: TelegramDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = adapter(double)
    double.write(OPERATOR, "/status")
    assert len(heard_by(chat)) == 1
    heard_by(chat)
    assert double.calls[-1][1]["offset"] == 1001
    later_s = time.monotonic() + 6 * 86_400
    monkeypatch.setattr("chat.telegram.time.monotonic", lambda: later_s)
    double.next_update = 5  # the server begins anew with a smaller number
    double.write(OPERATOR, "/pnl")
    (asked,) = heard_by(chat)
    assert isinstance(asked, Asked) and asked.word == "pnl"


@pytest.mark.parametrize("ahead_s", [-86_400.0, 86_400.0])
def test_an_age_is_by_the_server_s_clock(double: TelegramDouble, ahead_s: float) -> None:
    double.ahead_s = ahead_s
    double.write(OPERATOR, "/kill", age_s=90)
    (asked,) = heard_by(adapter(double))
    assert isinstance(asked, Asked) and asked.age_s is not None and 89 <= asked.age_s <= 93


@pytest.mark.parametrize(
    ("text", "chat", "word"),
    [
        ("/status", None, "status"), ("/Status@CoinTestBot x", None, "status"), ("/status@OtherBot", None, None),
        ("hello", None, ""), ("hello", GROUP, None), ("/status", GROUP, "status"), ("/status@OtherBot", GROUP, None),
        ("/\u202ekill", None, "\\u202ekill"), ("", None, ""),
    ],
)  # fmt: skip
def test_what_is_meant_for_the_bot(double: TelegramDouble, text: str, chat: int | None, word: str | None) -> None:
    made = adapter(double)
    made.greet()
    double.write(OPERATOR, text, chat=chat)
    found = heard_by(made)
    assert [one.word for one in found if isinstance(one, Asked)] == ([] if word is None else [word])


def test_others_read_along_but_in_private_and_in_the_chat_that_is_set(double: TelegramDouble) -> None:
    for chat in (None, GROUP, -9):
        double.write(OPERATOR, "/status", chat=chat)
    found = heard_by(adapter(double, str(GROUP)))
    assert [(one.chat, one.open_chat) for one in found if isinstance(one, Asked)] == [
        ("111", False), (str(GROUP), False), ("-9", True),
    ]  # fmt: skip


@pytest.mark.parametrize("update", [{"message": {}}, {"message": 7}, {"callback_query": {"id": "1"}}, {"poll": {}}, {}])
def test_what_has_no_form_of_the_bot_api_is_passed_over(double: TelegramDouble, update: dict[str, Any]) -> None:
    chat = adapter(double)
    assert chat.understood(update, 1) is None


# ---- saying ----


def test_a_message_is_plain_text_with_a_bold_head_whatever_stands_in_it(double: TelegramDouble) -> None:
    chat = adapter(double)
    ref = chat.post("111", Content("🔔 a_b*c <b>", ("[x](http://e)", "y" * 5000)))
    given = double.calls[-1][1]
    assert "parse_mode" not in given and given["entities"] == [{"type": "bold", "offset": 0, "length": 12}]
    assert len(given["text"]) <= 4096
    chat.edit(ref, Content("new"))
    chat.edit(ref, Content("new"))  # "message is not modified" is what was wanted
    assert double.messages[int(ref.message)].versions[-1] == "new"


def test_what_the_server_says_decides_whether_it_is_tried_again(double: TelegramDouble) -> None:
    chat = adapter(double)
    with pytest.raises(NotSaid) as error:
        chat.edit(MessageRef("111", "4711"), Content("x"))
    assert error.value.final
    for code, retry_after, final in ((429, 17, False), (500, None, False), (403, None, True)):
        more = {} if retry_after is None else {"retry_after": retry_after}
        double.refuse = lambda *_, code=code, more=more: Refusal(code, f"no, by {double.token}", **more)  # type: ignore[misc]
        with pytest.raises(NotSaid) as error:
            chat.post("111", Content("x"))
        assert (error.value.final, error.value.retry_after_s) == (final, retry_after)
        assert double.token not in str(error.value)


def test_no_error_names_the_token(double: TelegramDouble) -> None:
    double.close()
    with pytest.raises(TelegramError) as error:
        heard_by(adapter(double))
    assert double.token not in str(error.value) and error.value.code is None


# ---- the whole process but for the exec ----


class Running:
    """A `ChatProcess` in a thread."""

    def __init__(self, folder: Path, double: TelegramDouble) -> None:
        self.paths = DataPaths(folder)
        self.paths.chat.mkdir(exist_ok=True)
        users = {f"telegram:{OPERATOR}": ChatRole.OPERATOR, f"telegram:{VIEWER}": ChatRole.VIEWER}
        handed = ChatHandover(data_dir=str(folder), log_level="INFO", users=users, telegram_token=double.token)
        self._stop = threading.Event()

        def run() -> None:  # whoever makes it runs it: its store belongs to one thread
            ChatProcess(handed, self.paths, [TelegramChat(double.token, "", double.url, poll_s=1)]).run(self._stop)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def document(self) -> ChatDoc:
        return decode_chat(self.paths.chat_state.read_bytes())

    def until(self, what: Callable[[ChatDoc], object], limit_s: float = 10.0) -> ChatDoc:
        deadline_s = time.monotonic() + limit_s
        while True:
            try:
                found = self.document()
                if what(found):
                    return found
            except FileNotFoundError:
                pass
            assert time.monotonic() < deadline_s
            time.sleep(0.02)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


@pytest.fixture
def running(tmp_path: Path, double: TelegramDouble) -> Iterator[Running]:
    made = Running(tmp_path, double)
    yield made
    made.close()


def test_it_says_whether_it_is_heard_and_why_not(running: Running, double: TelegramDouble) -> None:
    found = running.until(lambda d: d.platforms[0].link is ChatLink.CONNECTED)
    assert (found.operators, found.viewers) == (1, 1)
    double.refuse = lambda method, _: Refusal(401, "Unauthorized") if method == "getUpdates" else None
    assert running.until(lambda d: d.platforms[0].link is ChatLink.FAILING).platforms[0].answer == "401 Unauthorized"
    double.refuse = lambda *_: None
    running.until(lambda d: d.platforms[0].link is ChatLink.CONNECTED)
    double.write(OPERATOR, "/help")
    double.until(lambda t: t.said("You are operator"), "the help")


def test_too_many_requests_are_waited_out_as_long_as_the_server_asks(running: Running, double: TelegramDouble) -> None:
    refusals: list[float] = []

    def busy(method: str, _: dict[str, Any]) -> Refusal | None:
        if method != "sendMessage" or refusals:
            return None
        refusals.append(time.monotonic())
        return Refusal(429, "Too Many Requests: retry after 2", retry_after=2)

    double.refuse = busy
    double.write(OPERATOR, "/help")
    double.until(lambda t: t.said("You are operator"), "the help")
    assert time.monotonic() - refusals[0] >= 2.0


def test_a_stranger_is_refused_once_and_shown_in_the_document(running: Running, double: TelegramDouble) -> None:
    for word in ("/status", "/kill", "/position"):
        double.write(999, word, name="eve")
    double.write(OPERATOR, "/help")
    double.until(lambda t: t.said("You are operator"), "the help")
    to_eve = [kept.versions for kept in double.messages.values() if kept.chat == "999"]
    assert to_eve == [["You may not use this bot. Your id is telegram:999."]]
    found = running.until(lambda d: d.refusals)
    assert [(one.person, one.name, one.what) for one in found.refusals] == [("telegram:999", "@eve", "status")]


def test_what_waited_while_nobody_listened_is_answered_too_old(tmp_path: Path, double: TelegramDouble) -> None:
    double.write(OPERATOR, "/kill", age_s=600)
    running = Running(tmp_path, double)
    try:
        double.until(lambda t: t.said("Too old: nothing was done"), "the answer")
        assert not (tmp_path / "KILL").exists() and len(double.messages) == 1
    finally:
        running.close()
