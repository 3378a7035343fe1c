"""Web Push: a browser on a phone or a computer shows the alert. A sink for each device, each with its own queue."""

import logging
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from shared import push_devices
from shared.documents.alerts import AlertKind, AlertSeverity
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.push_devices import PushDevice, by_hand
from watch.messages import AlertMessage
from watch.sinks.http import refused, request, secrets_of
from watch.sinks.push_message import authorization, encrypted, vapid_key
from watch.sinks.sink import NotDelivered, SinkAnswer, scrubbed, text_of

log = logging.getLogger("push")
TITLE, BODY = 80, 170  # characters that a phone shows
GONE = frozenset({404, 410})
HOUR_S = 3_600
# For how long the push service keeps it for a device that is off: what comes later than this is of no use any more, as
# it still fires is said again.
KEEP_S = {AlertSeverity.CRITICAL: 24 * HOUR_S, AlertSeverity.WARNING: 12 * HOUR_S}
_AMOUNT = re.compile(r"[-+−]?\$?\d[\d,.\u202f\xa0]*[ \u202f\xa0]?(?!UTC)(?=[A-Z]{3,6}\b)")
_AFTER_CURRENCY = re.compile(r"\b(?!UTC)([A-Z]{3,6}) [-+−]?\d[\d,.]*\b")
_DOLLARS = re.compile(r"[-+−]?\$\d[\d,.]*")


def discreet(text: str) -> str:
    """Without amounts: a locked phone shows it to everybody."""
    return _DOLLARS.sub("…", _AFTER_CURRENCY.sub(r"\1 …", _AMOUNT.sub("… ", text)))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def push_text(messages: Sequence[AlertMessage]) -> dict[str, object]:
    """What the service worker shows. One alert's newer message takes the place of its older one on the device."""
    head, _ = text_of(messages)
    one = messages[0] if len(messages) == 1 else None
    body = one.text if one is not None and one.kind is not AlertKind.RESOLVED else ""
    critical = any(m.severity is AlertSeverity.CRITICAL and m.kind is not AlertKind.RESOLVED for m in messages)
    of_alert = one is not None and one.alert > 0
    return {
        "title": _cut(discreet(head), TITLE),
        "body": _cut(discreet(body), BODY),
        "tag": f"alert-{one.alert}" if one is not None and of_alert else "alerts",
        "url": f"/alert?number={one.alert}" if one is not None and of_alert else "/alerts",
        "critical": critical,
    }


class WebPush:
    """One device. `gone` is called where the push service knows the subscription no more."""

    def __init__(
        self, device: PushDevice, key: EllipticCurvePrivateKey, more_hosts: Sequence[str], gone: Callable[[str], None]
    ) -> None:
        self.name = f"push-{device.id}"
        self.to = f"{device.name}, {device.by}"
        self._device, self._key, self._gone = device, key, gone
        host = urlsplit(device.endpoint).hostname or ""
        self._only_public = not by_hand(host, more_hosts)

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:  # noqa: ARG002
        device = self._device
        secrets = (*secrets_of(device.endpoint), device.auth, device.p256dh)
        shown = push_text(messages)
        severity = AlertSeverity.CRITICAL if shown["critical"] else AlertSeverity.WARNING
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEEP_S[severity]),
            "Urgency": "high" if severity is AlertSeverity.CRITICAL else "normal",
            "Topic": str(shown["tag"]),
            "Authorization": authorization(self._key, device.endpoint, device.origin),
        }
        try:
            body = encrypted(orjson.dumps(shown), device.p256dh, device.auth)
        except ValueError as error:
            raise NotDelivered(str(error)) from None
        answer = request(device.endpoint, body, headers, secrets, only_public=self._only_public)
        if answer.status in GONE:
            self._gone(device.id)
            raise NotDelivered(f"{answer.status}: this device is subscribed no more, and was taken off the list")
        if not answer.well:
            raise refused(answer, secrets)
        return SinkAnswer(scrubbed(f"{answer.status} {answer.text}", secrets))


def made(device: PushDevice, paths: DataPaths, more_hosts: Sequence[str]) -> WebPush:
    """The sink of one device; when its push service knows it no more, it is taken off the list. Raises OSError,
    ValueError (the key of this installation is none)."""

    def gone(device_id: str) -> None:
        try:
            push_devices.remove(paths, device_id)
        except (Unreadable, OSError) as error:
            log.warning("push.not_removed id=%s error=%s", device_id, error)

    return WebPush(device, vapid_key(push_devices.vapid_file(paths)), more_hosts, gone)
