"""Telegram: a bot's `sendMessage`. Plain text, so that nothing in an alert can be taken for markup.

A picture comes as an answer to its message, as a caption would cut the text. Where it is not taken, the text was.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from watch.messages import AlertMessage
from watch.sinks.http import multipart, request
from watch.sinks.sink import NotDelivered, SentPicture, SinkAnswer, picture_of, scrubbed, text_of

API = "https://api.telegram.org"
MOST_TEXT = 4_096


class TelegramBot:
    """TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID. Later messages of an alert answer its first one."""

    name = "telegram"

    def __init__(self, token: str, chat: str, api: str = API) -> None:
        self._token, self._chat, self._api = token, chat, api
        self.to = f"chat {chat}"

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:
        head, body = text_of(messages)
        document: dict[str, Any] = {
            "chat_id": self._chat,
            "text": f"{head}\n{body}".strip()[:MOST_TEXT],
            "link_preview_options": {"is_disabled": True},
        }
        if reply_to is not None and len(messages) == 1:
            document["reply_parameters"] = {"message_id": int(reply_to), "allow_sending_without_reply": True}
        url = f"{self._api}/bot{self._token}/sendMessage"
        answer = request(url, orjson.dumps(document), {"Content-Type": "application/json"}, (self._token,))
        try:
            said = orjson.loads(answer.text)
        except orjson.JSONDecodeError:
            said = {}
        if not answer.well or not isinstance(said, dict) or said.get("ok") is not True:
            said = said if isinstance(said, dict) else {}
            waits = said.get("parameters", {}).get("retry_after")
            words = f"{answer.status} {said.get('description', answer.text)}"
            raise NotDelivered(
                scrubbed(words, (self._token,)), float(waits) if isinstance(waits, int) else answer.retry_after_s
            )
        number = said.get("result", {}).get("message_id")
        picture = picture_of(messages)
        said_of_it = self._picture(picture, number) if picture is not None else ""
        text = f"{answer.status}, message {number}{said_of_it}"
        return SinkAnswer(text, str(number) if isinstance(number, int) else None)

    def _picture(self, picture: SentPicture, number: object) -> str:
        """Send it below the message; what came back where it was not taken. The message itself is delivered."""
        fields = {"chat_id": self._chat, "reply_parameters": orjson.dumps({"message_id": number}).decode()}
        body, kind = multipart(fields, "photo", picture.name, picture.data)
        try:
            answer = request(f"{self._api}/bot{self._token}/sendPhoto", body, {"Content-Type": kind}, (self._token,))
        except NotDelivered as error:
            return f"; without its picture: {error}"
        words = scrubbed(f"{answer.status} {answer.text}", (self._token,))
        return ", with its picture" if answer.well else f"; without its picture: {words}"
