"""One call of Telegram's Bot API over HTTPS: no redirects, no proxies, the token in no error's text."""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from shared.tls import client_context

API = "https://api.telegram.org"
ANSWER_S = 10.0
MOST_BYTES = 8 * 1024 * 1024  # a hundred updates


class TelegramError(Exception):
    """No answer, or another one than ok. `code`: HTTP's; None = there was no answer at all."""

    def __init__(self, text: str, code: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.code, self.retry_after_s = code, retry_after_s


class TelegramApi:
    """`server_s`: the server's clock in the newest answer, in seconds since 1970; None = it did not say."""

    def __init__(self, token: str, api: str = API) -> None:
        self._token, self._parts = token, urlsplit(api)
        self._tls = client_context() if self._parts.scheme == "https" else None
        self.server_s: float | None = None

    def call(self, method: str, parameters: Mapping[str, Any] | None = None, wait_s: float = 0.0) -> Any:
        """What `result` holds. `wait_s`: how long the server may keep silent on purpose. Raises TelegramError."""
        body = json.dumps(parameters or {}).encode()
        link = self._link(ANSWER_S + wait_s)
        try:
            link.request("POST", f"{self._parts.path}/bot{self._token}/{method}", body,
                         {"Content-Type": "application/json", "User-Agent": "CoinTrader"})  # fmt: skip
            answer = link.getresponse()
            data = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TelegramError(self._clean(_said(error))) from None
        finally:
            link.close()
        self.server_s = _seconds(answer.getheader("Date"))
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise TelegramError(f"{answer.status}, and no answer of the Bot API", answer.status)
        if found.get("ok") is not True:
            waits = (found.get("parameters") or {}).get("retry_after")
            text = self._clean(f"{answer.status} {found.get('description', '')}".strip())
            raise TelegramError(text, answer.status, float(waits) if isinstance(waits, int | float) else None)
        return found.get("result")

    def age_s(self, sent_s: float) -> float:
        """Since that moment of the server's clock, by the server's clock where it said one."""
        return max(0.0, (self.server_s if self.server_s is not None else time.time()) - sent_s)

    def _link(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)

    def _clean(self, text: str) -> str:
        return " ".join(text.replace(self._token, "…").split())[:200]


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__} {error}"


def _seconds(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None
