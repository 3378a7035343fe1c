"""Slack by Socket Mode: Bolt hears slash commands and buttons over a websocket that this side opens; the Web API says.

Slack wants every envelope acknowledged within 3 s and sends it once more otherwise; it is acknowledged at once, and
`conversation` knows it by its `trigger_id`.
"""

import logging
import re
import threading
import time
import urllib.error
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from chat.handed import ChatHandover
from chat.messages import Asked, ChatButton, ChatPerson, Content, MessageRef, Pressed, Toast
from chat.platform import Hear, NotSaid, Report
from shared.backoff import Backoff
from shared.chat_settings import SLACK
from shared.documents.chat import ChatLink
from shared.logs import one_line
from shared.tls import client_context

API = "https://slack.com/api/"
ANSWER_S = 10
OWN_WORDS = ("exposure", "position")  # slash commands of their own; all others are words of /coin
LOOK_S = 0.5
PING_S = 3  # a websocket that died without a word is noticed after five of these
GIVE_UP_S = 90.0  # the library has not come back by itself: it begins anew
_MAY_PASS = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
     "team_added_to_org", "accesslimited"}
)  # fmt: skip
_HEAR_NOTHING_BACK = "I answer in a direct message."


class SlackChat:
    """SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_CHANNEL_ID."""

    name = SLACK

    def __init__(self, handed: ChatHandover) -> None:
        self._app_token, self._channel = handed.slack_app_token, handed.slack_channel
        self._client = WebClient(
            handed.slack_bot_token, base_url=handed.slack_api or API, timeout=ANSWER_S, ssl=client_context()
        )
        self._team = ""
        self._closing = threading.Event()
        logging.getLogger("slack_sdk").setLevel(logging.WARNING)

    # ---- hearing ----

    def listen(self, hear: Hear, report: Report) -> None:
        backoff = Backoff(2.0, 60.0, None)
        while not self._closing.is_set():
            try:
                self._team = str(self._client.auth_test()["team_id"])
                handler = SocketModeHandler(
                    self._app(hear), self._app_token, web_client=self._client, ping_interval=PING_S
                )
                try:
                    handler.connect()  # type: ignore[no-untyped-call]
                    self._watch(handler.client.is_connected, report, backoff)
                finally:
                    handler.close()  # type: ignore[no-untyped-call]
            except SlackApiError as error:
                report(ChatLink.FAILING, _words(error))
                self._closing.wait(_retry_after_s(error) or backoff.next_s())
            except (OSError, ValueError) as error:  # urllib's are OSErrors
                report(ChatLink.FAILING, _plain(error))
                self._closing.wait(backoff.next_s())

    def close(self) -> None:
        """Hang up, so that Slack sends nothing more to a process that is gone."""
        self._closing.set()

    def _watch(self, connected: Callable[[], bool], report: Report, backoff: Backoff) -> None:
        """Until it was not connected for so long that the library will not manage by itself."""
        gone_s: float | None = None
        while gone_s is None or time.monotonic() - gone_s < GIVE_UP_S:
            if connected():
                gone_s = None
                report(ChatLink.CONNECTED, None)
                backoff.reset()
            else:
                gone_s = time.monotonic() if gone_s is None else gone_s
                report(ChatLink.FAILING, "the websocket is closed; it is opened again")
            if self._closing.wait(LOOK_S):
                return
        report(ChatLink.FAILING, "the websocket stayed closed; the connection begins anew")

    def _app(self, hear: Hear) -> App:
        """Bolt with what it is to hear. It checks no signature: Socket Mode has none."""
        app = App(client=self._client, token_verification_enabled=False)
        app.logger.setLevel(logging.WARNING)  # below, it logs whole messages

        def command(ack: Ack, body: dict[str, Any]) -> None:
            here = self._channel != "" and body.get("channel_id") == self._channel
            ack() if here else ack(_HEAR_NOTHING_BACK)
            asked = self._asked(body, str(body["channel_id"]) if here else str(body["user_id"]))
            if asked is not None:
                hear(asked)

        def pressed(ack: Ack, body: dict[str, Any]) -> None:
            ack()
            found = self._pressed(body)
            if found is not None:
                hear(found)

        for word in ("coin", *OWN_WORDS):
            app.command(f"/{word}")(command)
        app.action(re.compile("^coin_"))(pressed)
        return app

    def _asked(self, body: Mapping[str, Any], chat: str) -> Asked | None:
        """None = it is of another workspace, by a shared channel, or of no form that Slack has."""
        if body.get("team_id") != self._team or not body.get("trigger_id"):
            return None
        words = str(body.get("text") or "").split()
        own = str(body.get("command", "")).lstrip("/").lower()
        if own not in OWN_WORDS:
            own, words = (words[0].lower().lstrip("/"), words[1:]) if words else ("help", [])
        person = ChatPerson(SLACK, str(body["user_id"]), one_line(str(body.get("user_name", "")))[:40])
        return Asked(
            update=f"command:{body['trigger_id']}",
            person=person,
            chat=chat,
            word=one_line(own)[:32],
            arguments=tuple(one_line(part)[:64] for part in words[:8]),
        )

    def _pressed(self, body: Mapping[str, Any]) -> Pressed | None:
        user, actions = body.get("user") or {}, body.get("actions") or []
        if (body.get("team") or {}).get("id") != self._team or not actions or not body.get("trigger_id"):
            return None
        name = str(user.get("username") or user.get("name") or "")
        return Pressed(
            update=f"action:{body['trigger_id']}",
            person=ChatPerson(SLACK, str(user["id"]), one_line(name)[:40]),
            chat=str((body.get("channel") or {}).get("id", "")),
            token=str(actions[0].get("value", "")),
            yes=actions[0].get("action_id") == "coin_yes",
        )

    # ---- saying ----

    def post(self, chat: str, content: Content) -> MessageRef:
        found = self._say("chat.postMessage", {"channel": chat, **_message(content)})
        return MessageRef(str(found["channel"]), str(found["ts"]))  # of a direct message, not the user's id

    def edit(self, ref: MessageRef, content: Content) -> None:
        self._say("chat.update", {"channel": ref.chat, "ts": ref.message, **_message(content)})

    def toast(self, toast: Toast) -> None:
        """Slack has no short word for a button; what the message itself shows is not said twice."""
        if toast.needed and toast.chat:
            self._say("chat.postEphemeral", {"channel": toast.chat, "user": toast.person, "text": _safe(toast.text)})

    def _say(self, method: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = self._client.api_call(method, json=dict(document))
        except SlackApiError as error:
            passes = error.response.get("error") in _MAY_PASS or error.response.status_code >= 429
            raise NotSaid(_words(error), retry_after_s=_retry_after_s(error), final=not passes) from None
        except (OSError, ValueError) as error:
            raise NotSaid(_plain(error)) from None
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        return found


def _safe(text: str) -> str:
    """What Slack would take for a mention, a link or an entity stays text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(content: Content) -> dict[str, Any]:
    head, body = _safe(content.head), _safe(content.body)
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "plain_text", "text": content.head[:3000]}}]
    if content.body:
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": content.body, "emoji": False}})
    if content.buttons:
        blocks.append({"type": "actions", "elements": [_button(one) for one in content.buttons]})
    return {"text": f"{head}\n{body}".strip(), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _button(one: ChatButton) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "button",
        "text": {"type": "plain_text", "text": one.label},
        "action_id": "coin_yes" if one.yes else "coin_no",
        "value": one.token,
    }
    return made | ({"style": "danger"} if one.danger else {})


def _retry_after_s(error: SlackApiError) -> float | None:
    """Of a 429: how long Slack wants to be left alone."""
    if error.response.status_code != 429:
        return None
    headers = {str(name).lower(): value for name, value in error.response.headers.items()}
    try:
        return float(headers.get("retry-after", 30))
    except (TypeError, ValueError):
        return 30.0


def _words(error: SlackApiError) -> str:
    """Slack's own word of why not, which holds no secret."""
    return f"{error.response.status_code} {error.response.get('error', '')}".strip()


def _plain(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(reason, "strerror", None) or type(error).__name__
