"""Any program: each message as one JSON object by POST, with a number by which a second delivery is known."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from watch.messages import AlertMessage
from watch.sinks.http import host_of, refused, request, secrets_of
from watch.sinks.sink import SinkAnswer, picture_of, scrubbed, text_of


class JsonWebhook:
    """ALERT_WEBHOOK_URL. {"head", "body", "messages": [...]}, the last one longer than one after an outage only.

    A report's picture comes as base64 in {"picture": {"name", "type", "data"}}.
    """

    name = "webhook"

    def __init__(self, url: str, *, only_public: bool = False) -> None:
        self._url, self._only_public = url, only_public
        self.to = host_of(url)

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:  # noqa: ARG002
        head, body = text_of(messages)
        # The path of a picture is of this machine alone: what lies there goes instead.
        document = {
            "version": 1,
            "head": head,
            "body": body,
            "messages": [replace(one, picture="") for one in messages],
        }
        picture = picture_of(messages)
        if picture is not None:
            document["picture"] = {"name": picture.name, "type": "image/png", "data": b64encode(picture.data).decode()}
        headers = {"Content-Type": "application/json"}
        answer = request(self._url, msgspec.json.encode(document), headers, only_public=self._only_public)
        if not answer.well:
            raise refused(answer, secrets_of(self._url))
        return SinkAnswer(scrubbed(f"{answer.status} {answer.text}", secrets_of(self._url)))
