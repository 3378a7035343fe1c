"""Telegram by long poll: getUpdates hears, three methods say. Plain HTTP; no library is loaded for it.

An update is confirmed to Telegram by the next poll's offset, after it was handed on. A crash in between brings it
once more, and `conversation` knows it by its number. Telegram may begin with another number after a quiet week, so the
offset is neither kept over a restart nor for longer than some days.
"""

import time
from collections.abc import Mapping
from typing import Any

from chat.commands import CHAT_COMMANDS
from chat.messages import Asked, ChatButton, ChatPerson, Content, MessageRef, Pressed, Toast
from chat.platform import Hear, NotSaid, Report
from chat.telegram_api import API, TelegramApi, TelegramError
from shared.backoff import Backoff
from shared.chat_settings import TELEGRAM
from shared.documents.chat import ChatLink
from shared.logs import one_line

POLL_S = 50
QUIET_S = 5 * 86_400.0
MOST_TEXT = 4_096
MOST_TOAST = 200
HEARD = ["message", "callback_query"]
_OVER = ("message is not modified", "query is too old", "query_id_invalid")  # nothing is left to be done


class TelegramChat:
    """TELEGRAM_BOT_TOKEN. `group`: TELEGRAM_CHAT_ID, the one chat beside private ones in which it answers."""

    name = TELEGRAM

    def __init__(self, token: str, group: str = "", api: str = API, poll_s: int = POLL_S) -> None:
        self._says, self._polls = TelegramApi(token, api), TelegramApi(token, api)
        self._group, self._poll_s = group, poll_s
        self._username = ""
        self._offset: int | None = None
        self._closed = False
        self._heard_s = 0.0  # monotonic: when the last update came

    # ---- hearing ----

    def listen(self, hear: Hear, report: Report) -> None:
        backoff = Backoff(1.0, 60.0, None)
        greeted = False
        while not self._closed:
            try:
                if not greeted:
                    self.greet()
                    greeted = True
                    report(ChatLink.CONNECTED, None)
                self.poll(hear)
            except TelegramError as error:
                report(ChatLink.FAILING, str(error))
                time.sleep(error.retry_after_s if error.retry_after_s is not None else backoff.next_s())
                continue
            backoff.reset()
            report(ChatLink.CONNECTED, None)

    def close(self) -> None:
        """No other poll; the one that waits is left alone."""
        self._closed = True

    def greet(self) -> None:
        """Learn the bot's own name, and show its commands to who types a slash. Raises TelegramError."""
        self._username = str((self._polls.call("getMe") or {}).get("username", "")).lower()
        words = [{"command": one.word, "description": one.help} for one in CHAT_COMMANDS.values()]
        self._polls.call("setMyCommands", {"commands": words})

    def poll(self, hear: Hear) -> None:
        """One long poll. Raises TelegramError."""
        if self._offset is not None and time.monotonic() - self._heard_s > QUIET_S:
            self._offset = None
        wanted: dict[str, Any] = {"timeout": self._poll_s, "allowed_updates": HEARD}
        if self._offset is not None:
            wanted["offset"] = self._offset
        for update in self._polls.call("getUpdates", wanted, wait_s=self._poll_s) or []:
            number = update.get("update_id")
            if not isinstance(number, int):
                continue
            heard = self.understood(update, number)
            if heard is not None:
                hear(heard)
            self._offset, self._heard_s = number + 1, time.monotonic()

    def understood(self, update: Mapping[str, Any], number: int) -> Asked | Pressed | None:
        """None = it is not meant for this bot."""
        try:
            if "callback_query" in update:
                return self._pressed(update["callback_query"], number)
            return self._asked(update["message"], number) if "message" in update else None
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # of a form that the Bot API does not have

    def _asked(self, message: Mapping[str, Any], number: int) -> Asked | None:
        if "from" not in message:
            return None  # a channel's, of nobody
        words = str(message.get("text", "")).split()
        private = message["chat"]["type"] == "private"
        word, at, whom = (words[0] if words else "").partition("@")
        if at and whom.lower() != self._username:
            return None  # another bot's command
        if not word.startswith("/") and not private:
            return None  # people who talk to each other
        chat = str(message["chat"]["id"])
        return Asked(
            update=str(number),
            person=_person(message["from"]),
            chat=chat,
            word=one_line(word[1:].lower())[:32] if word.startswith("/") else "",
            arguments=tuple(one_line(part)[:64] for part in words[1:9]),
            age_s=self._polls.age_s(float(message["date"])),
            open_chat=not private and chat != self._group,
        )

    @staticmethod
    def _pressed(query: Mapping[str, Any], number: int) -> Pressed:
        token, _, choice = str(query.get("data", "")).rpartition(":")
        chat = str(query["message"]["chat"]["id"]) if "message" in query else ""
        return Pressed(str(number), _person(query["from"]), chat, token, choice == "y", str(query["id"]))

    # ---- saying ----

    def post(self, chat: str, content: Content) -> MessageRef:
        found = self._say("sendMessage", {"chat_id": chat, **_message(content)})
        return MessageRef(str(found["chat"]["id"]), str(found["message_id"]))

    def edit(self, ref: MessageRef, content: Content) -> None:
        self._say("editMessageText", {"chat_id": ref.chat, "message_id": int(ref.message), **_message(content)})

    def toast(self, toast: Toast) -> None:
        words = {"callback_query_id": toast.callback, "text": toast.text[:MOST_TOAST], "show_alert": toast.needed}
        self._say("answerCallbackQuery", words)

    def _say(self, method: str, parameters: Mapping[str, Any]) -> Any:
        try:
            return self._says.call(method, parameters)
        except TelegramError as error:
            if any(words in str(error) for words in _OVER):
                return None
            final = error.code is not None and 400 <= error.code < 500 and error.code not in (409, 429)
            raise NotSaid(str(error), retry_after_s=error.retry_after_s, final=final) from None


def _person(user: Mapping[str, Any]) -> ChatPerson:
    name = f"@{user['username']}" if user.get("username") else str(user.get("first_name", ""))
    return ChatPerson(TELEGRAM, str(int(user["id"])), one_line(name)[:40])


def _message(content: Content) -> dict[str, Any]:
    """Plain text with a bold head: nothing in it can be taken for markup."""
    text = f"{content.head}\n{content.body}".strip()[:MOST_TEXT]
    length = len(content.head.encode("utf-16-le")) // 2
    made: dict[str, Any] = {
        "text": text,
        "entities": [{"type": "bold", "offset": 0, "length": length}],
        "link_preview_options": {"is_disabled": True},
    }
    if content.buttons:
        made["reply_markup"] = {"inline_keyboard": [[_button(one) for one in content.buttons]]}
    return made


def _button(one: ChatButton) -> dict[str, str]:
    return {"text": one.label, "callback_data": f"{one.token}:{'y' if one.yes else 'n'}"}
