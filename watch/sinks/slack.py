"""Slack: an incoming webhook, or an app's token, which also keeps each alert in a thread of its own."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from shared.documents.alerts import AlertKind
from watch.messages import AlertMessage
from watch.sinks.http import HttpAnswer, host_of, refused, request, secrets_of
from watch.sinks.sink import NotDelivered, SentPicture, SinkAnswer, picture_of, scrubbed, text_of

API = "https://slack.com/api"
_SLACK = re.compile(r"(?:[a-z0-9-]+\.)*slack\.com")
MOST_TEXT = 39_000  # Slack cuts at 40,000


def escaped(text: str) -> str:
    """What Slack would take for a mention, a link or an entity stays text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_text(messages: Sequence[AlertMessage]) -> str:
    head, body = text_of(messages)
    return f"*{escaped(head)}*\n{escaped(body)}".strip()[:MOST_TEXT]


class SlackWebhook:
    """SLACK_WEBHOOK. Slack answers "ok" as plain text."""

    name = "slack"

    def __init__(self, url: str, *, only_public: bool = False) -> None:
        self._url, self._only_public = url, only_public
        self.to = f"a channel by webhook ({host_of(url)})"

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:  # noqa: ARG002
        body = orjson.dumps({"text": slack_text(messages)})
        headers = {"Content-Type": "application/json"}
        answer = request(self._url, body, headers, only_public=self._only_public)
        if not answer.well:
            raise refused(answer, secrets_of(self._url))
        return SinkAnswer(scrubbed(f"{answer.status} {answer.text}", secrets_of(self._url)))


class SlackApp:
    """SLACK_BOT_TOKEN and SLACK_ALERT_CHANNEL: `chat.postMessage`. Later messages of an alert answer its first one."""

    name = "slack-app"

    def __init__(self, token: str, channel: str, api: str = API) -> None:
        self._token, self._channel, self._api = token, channel, api
        self.to = f"{channel} by a Slack app"

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:
        document: dict[str, Any] = {"channel": self._channel, "text": slack_text(messages)}
        if reply_to is not None and len(messages) == 1:
            # What is over or worse is shown in the channel as well, not in the thread alone.
            shown = messages[0].kind in (AlertKind.RESOLVED, AlertKind.ESCALATED)
            document |= {"thread_ts": reply_to, "reply_broadcast": shown}
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self._token}"}
        answer = request(f"{self._api}/chat.postMessage", orjson.dumps(document), headers, (self._token,))
        if not answer.well:
            raise refused(answer, (self._token,))
        said = _object(answer)
        if said.get("ok") is not True:
            raise NotDelivered(scrubbed(f"{answer.status} {said.get('error', answer.text)}", (self._token,)),
                               answer.retry_after_s)  # fmt: skip
        reference = said.get("ts")
        picture = picture_of(messages)
        said_of_it = self._picture(picture, said.get("channel"), reference) if picture is not None else ""
        return SinkAnswer(f"{answer.status} ok{said_of_it}", reference if isinstance(reference, str) else None)

    def _picture(self, picture: SentPicture, channel: object, thread: object) -> str:
        """Upload it into the message's thread (right `files:write`); why not, where Slack does not take it."""
        form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {self._token}"}
        asked = urlencode({"filename": picture.name, "length": len(picture.data)}).encode()
        try:
            place = _object(request(f"{self._api}/files.getUploadURLExternal", asked, form, (self._token,)))
            if place.get("ok") is True:
                where = str(place["upload_url"])
                if not leads_to_slack(where, self._api):
                    raise NotDelivered("Slack named a place for it that is not Slack's: it was not sent")
                sent = request(where, picture.data, {"Content-Type": "image/png"}, (self._token,))
                document = {"files": [{"id": place["file_id"], "title": picture.name}], "channel_id": channel,
                            "thread_ts": thread}  # fmt: skip
                headers = {**form, "Content-Type": "application/json; charset=utf-8"}
                done = request(f"{self._api}/files.completeUploadExternal", orjson.dumps(document), headers,
                               (self._token,))  # fmt: skip
                place = _object(done) if sent.well else {"error": f"{sent.status} {sent.text}"}
        except (NotDelivered, KeyError) as error:
            place = {"error": str(error)}
        why = scrubbed(str(place.get("error", "no answer that says so")), (self._token,))
        return ", with its picture" if place.get("ok") is True else f"; without its picture: {why}"


def leads_to_slack(url: str, api: str) -> bool:
    """Whether it is of a host of Slack's over TLS, or of the host that `api` is at. An answer may say anything, and a
    picture of the account goes nowhere else."""
    try:
        to, asked = urlsplit(url), urlsplit(api)
        port = to.port
    except ValueError:
        return False
    if "@" in to.netloc:
        return False
    slacks = to.scheme == "https" and port in (None, 443) and _SLACK.fullmatch(to.hostname or "") is not None
    return slacks or (to.scheme, to.netloc) == (asked.scheme, asked.netloc)


def _object(answer: HttpAnswer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
