"""Telegram's Bot API on loopback, as far as a bot with long polling uses it, with its refusals.

What is behind it: updates are kept until a later poll's offset confirms them; one poll at a time (409); what the real
server refuses is refused with its own words; 429 says how long to wait.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BOT = {"id": 700, "is_bot": True, "first_name": "Coin", "username": "CoinTestBot"}


class Refusal(Exception):
    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


@dataclass
class Kept:
    """One message that the bot sent: `versions` are its texts, the first one as it was posted."""

    chat: str
    versions: list[str]
    keyboard: list[dict[str, str]]
    at_s: float


@dataclass
class TelegramDouble:
    token: str = "700:canary-telegram-token"
    refuse: Callable[[str, dict[str, Any]], Refusal | None] = lambda method, given: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[int, Kept] = field(default_factory=dict)
    toasts: list[tuple[str, str]] = field(default_factory=list)  # (callback query's id, text)
    polls: int = 0
    webhook: bool = False
    ahead_s: float = 0.0  # the server's clock before this machine's

    def __post_init__(self) -> None:
        double = self
        self.next_update, self._next_message, self._next_query = 1000, 50, 1
        self._updates: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._poll = 0  # of the newest getUpdates: an older one that still waits is ended
        self._queries: dict[str, float] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, said = double.answer(self.path, body, self.headers.get("Content-Type") or "")
                data = json.dumps(said).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # the client is gone

            do_GET = do_POST

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(int(time.time() + double.ahead_s))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        with self._news:
            self._poll += 1
            self._news.notify_all()
        self.server.shutdown()
        self.server.server_close()

    # ---- what people do ----

    def write(self, user: int, text: str, *, chat: int | None = None, age_s: float = 0.0, name: str = "ann") -> int:
        """A person's message; the update's number. A negative `chat` is a group."""
        chat_id = user if chat is None else chat
        sender = {"id": user, "is_bot": False, "first_name": name.title(), "username": name}
        with self._news:
            self._next_message += 1
            message = {
                "message_id": self._next_message, "from": sender, "text": text,
                "date": int(time.time() + self.ahead_s - age_s),
                "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"},
            }  # fmt: skip
            return self._queue({"message": message})

    def press(self, message: int, label: str, user: int, name: str = "ann") -> int:
        """A button of a message that shows it now."""
        kept = self.messages[message]
        data = next(one["callback_data"] for one in kept.keyboard if one["text"] == label)
        return self.press_data(message, data, user, name)

    def press_data(self, message: int, data: str, user: int, name: str = "ann") -> int:
        kept = self.messages[message]
        with self._news:
            self._next_query += 1
            query = str(9_000_000 + self._next_query)
            self._queries[query] = time.monotonic()
            return self._queue({"callback_query": {
                "id": query, "from": {"id": user, "is_bot": False, "first_name": name.title(), "username": name},
                "message": {"message_id": message, "date": int(kept.at_s), "text": kept.versions[-1],
                            "chat": {"id": int(kept.chat), "type": "private" if int(kept.chat) > 0 else "supergroup"},
                            "from": BOT},
                "chat_instance": "1", "data": data,
            }})  # fmt: skip

    def again(self, update: int) -> None:
        """Bring an update once more, as after a poll whose answer was lost."""
        with self._news:
            self._updates.insert(0, next(one for one in self._past if one["update_id"] == update))
            self._news.notify_all()

    _past: list[dict[str, Any]] = field(default_factory=list)

    def _queue(self, update: dict[str, Any]) -> int:
        made = {"update_id": self.next_update, **update}
        self.next_update += 1
        self._updates.append(made)
        self._past.append(made)
        self._news.notify_all()
        return int(made["update_id"])

    # ---- what a test waits for ----

    def until(self, what: Callable[["TelegramDouble"], Any], why: str, limit_s: float = 40.0) -> Any:
        deadline_s = time.monotonic() + limit_s
        while not (found := what(self)):
            shown = {number: kept.versions for number, kept in self.messages.items()}
            assert time.monotonic() < deadline_s, f"{why} within {limit_s} s: {shown} {self.toasts}"
            time.sleep(0.02)
        return found

    def said(self, words: str) -> int | None:
        """The newest message whose text holds the words now."""
        return next((n for n in sorted(self.messages, reverse=True) if words in self.messages[n].versions[-1]), None)

    # ---- the server ----

    def answer(self, path: str, body: bytes, kind: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(path)
        found = re.fullmatch(r"/bot([^/]+)/(\w+)", parts.path)
        if found is None:
            return 404, {"ok": False, "error_code": 404, "description": "Not Found"}
        if found[1] != self.token:
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        method, given = found[2], _given(parts.query, body, kind)
        self.calls.append((method, given))
        try:
            refusal = self.refuse(method, given)
            if refusal is not None:
                raise refusal
            handler = getattr(self, f"_do_{method.lower()}", None)
            if handler is None:
                raise Refusal(404, "Not Found: method not found")
            return 200, {"ok": True, "result": handler(given)}
        except Refusal as error:
            said = {"ok": False, "error_code": error.code, "description": error.description}
            return error.code, said | ({"parameters": error.parameters} if error.parameters else {})

    def _do_getme(self, given: dict[str, Any]) -> dict[str, Any]:
        return BOT

    def _do_deletewebhook(self, given: dict[str, Any]) -> bool:
        self.webhook = False
        return True

    def _do_setmycommands(self, given: dict[str, Any]) -> bool:
        for one in _list(given["commands"]):
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]) or not 1 <= len(one["description"]) <= 256:
                raise Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
        return True

    def _do_getupdates(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to "
                               "delete the webhook first")  # fmt: skip
        wanted, limit = _list(given.get("allowed_updates") or "[]"), int(given.get("limit") or 100)
        until_s = time.monotonic() + float(given.get("timeout") or 0)
        with self._news:
            self._poll += 1
            self.polls += 1
            mine = self._poll
            self._news.notify_all()  # an older poll that waits ends
            if given.get("offset") is not None:
                self._updates = [one for one in self._updates if one["update_id"] >= int(given["offset"])]
            while True:
                if self._poll != mine:
                    raise Refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot "
                                       "instance is running")  # fmt: skip
                found = [one for one in self._updates if not wanted or any(kind in one for kind in wanted)]
                left_s = until_s - time.monotonic()
                if found or left_s <= 0:
                    return found[:limit]
                self._news.wait(left_s)

    def _do_sendmessage(self, given: dict[str, Any]) -> dict[str, Any]:
        text, keyboard = _checked(given)
        chat = str(given["chat_id"])
        with self._news:
            self._next_message += 1
            number = self._next_message
            self.messages[number] = Kept(chat, [text], keyboard, time.time())
        return {"message_id": number, "date": int(time.time()), "text": text, "from": BOT,
                "chat": {"id": int(chat), "type": "private" if int(chat) > 0 else "supergroup"}}  # fmt: skip

    def _do_editmessagetext(self, given: dict[str, Any]) -> dict[str, Any]:
        text, keyboard = _checked(given)
        kept = self.messages.get(int(given["message_id"]))
        if kept is None or kept.chat != str(given["chat_id"]):
            raise Refusal(400, "Bad Request: message to edit not found")
        if (kept.versions[-1], kept.keyboard) == (text, keyboard):
            raise Refusal(400, "Bad Request: message is not modified: specified new message content and reply markup "
                               "are exactly the same as a current content and reply markup of the message")  # fmt: skip
        kept.versions.append(text)
        kept.keyboard = keyboard
        return {"message_id": int(given["message_id"]), "date": int(kept.at_s), "text": text, "from": BOT,
                "chat": {"id": int(kept.chat), "type": "private" if int(kept.chat) > 0 else "supergroup"}}  # fmt: skip

    def _do_answercallbackquery(self, given: dict[str, Any]) -> bool:
        asked_s = self._queries.get(str(given["callback_query_id"]))
        if asked_s is None:
            raise Refusal(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if len(str(given.get("text") or "")) > 200:
            raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
        self.toasts.append((str(given["callback_query_id"]), str(given.get("text") or "")))
        return True


def _given(query: str, body: bytes, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(parse_qsl(query))
    if kind.startswith("application/json"):
        return found | json.loads(body or b"{}")
    return found | dict(parse_qsl(body.decode()))


def _list(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _checked(given: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    """What the real server looks at before it takes a text and its buttons."""
    text = str(given.get("text") or "")
    if not text.strip():
        raise Refusal(400, "Bad Request: message text is empty")
    if len(text) > 4096:
        raise Refusal(400, "Bad Request: message is too long")
    for one in _list(given.get("entities") or "[]"):
        if one["offset"] + one["length"] > len(text.encode("utf-16-le")) // 2:
            raise Refusal(400, "Bad Request: can't parse entities")
    markup = _list(given.get("reply_markup") or "{}") or {}
    keyboard = [one for row in markup.get("inline_keyboard", []) for one in row]
    for one in keyboard:
        if not 1 <= len(one["callback_data"].encode()) <= 64:
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
    return text, keyboard
