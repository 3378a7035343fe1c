"""Microsoft Teams: a workflow's URL ("when a webhook request is received"), which takes an adaptive card."""

from collections.abc import Sequence

import orjson

from watch.messages import AlertMessage
from watch.sinks.http import host_of, refused, request, secrets_of
from watch.sinks.sink import SinkAnswer, scrubbed, text_of

MOST_TEXT = 20_000  # a card may be 28 kB


def _block(text: str, **more: object) -> dict[str, object]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


class TeamsWorkflow:
    """TEAMS_WEBHOOK_URL. It answers 202, and says no more."""

    name = "teams"

    def __init__(self, url: str, *, only_public: bool = False) -> None:
        self._url, self._only_public = url, only_public
        self.to = f"a Teams workflow ({host_of(url)})"

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:  # noqa: ARG002
        head, body = text_of(messages)
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [_block(head, weight="Bolder"), *(_block(line) for line in body[:MOST_TEXT].split("\n") if line)],
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        document = orjson.dumps({"type": "message", "attachments": [attachment]})
        headers = {"Content-Type": "application/json"}
        answer = request(self._url, document, headers, only_public=self._only_public)
        if not answer.well:
            raise refused(answer, secrets_of(self._url))
        return SinkAnswer(scrubbed(f"{answer.status} {answer.text}", secrets_of(self._url)))
