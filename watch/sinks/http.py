"""One request over HTTP or HTTPS, without redirects, proxies or cookies: an alert goes where it was told to go."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from urllib.parse import urlsplit

from shared.public_hosts import NotPublic, public_addresses
from shared.tls import client_context
from watch.sinks.sink import TIMEOUT_S, NotDelivered, scrubbed

SECRET_LENGTH = 6  # what is shorter protects nothing, and would blank out ordinary words
MOST_ANSWER_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    text: str
    retry_after_s: float | None

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300


class PinnedConnection(http.client.HTTPSConnection):
    """HTTPS to one of the addresses that were judged, wherever the name leads by now; the certificate is the name's."""

    def __init__(self, host: str, port: int, addresses: list[str], timeout_s: float) -> None:
        self._tls = client_context()
        super().__init__(host, port, timeout=timeout_s, context=self._tls)
        self._addresses = addresses

    def connect(self) -> None:
        plain = connected(self._addresses, self.port, self.timeout or TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def connected(addresses: list[str], port: int, timeout_s: float) -> socket.socket:
    """A connection to the first of the addresses that takes one. Raises OSError."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout_s)


def judged_addresses(host: str, port: int) -> list[str]:
    """The public addresses of a name that was set in the browser. Raises NotDelivered."""
    try:
        return public_addresses(host, port)
    except NotPublic as error:
        why = "" if error.unknown else "; it was set in the browser, where only public addresses may be"
        raise NotDelivered(f"{error}{why}") from None


def problem(url: str) -> str | None:
    """Why this cannot be a sink's address; None = it can. The address itself is not repeated: it is a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"not a URL: {error}"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "not a URL: it is written https://host/path"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "http:// would send alerts and the address' secret in the clear: https:// (http:// only to this machine)"
    return None


def secrets_of(url: str) -> tuple[str, ...]:
    """What of an address must not be repeated: a server may echo it. The host alone is none."""
    parts = urlsplit(url)
    words = [word for word in parts.path.split("/") if len(word) >= SECRET_LENGTH]
    found = (url, f"{parts.path}?{parts.query}", parts.path, parts.query, parts.password or "", *words)
    return tuple(text for text in found if len(text) >= SECRET_LENGTH)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or "?"


def request(
    url: str, body: bytes | None, headers: Mapping[str, str], secrets: tuple[str, ...] = (),
    timeout_s: float = TIMEOUT_S, *, only_public: bool = False,
) -> HttpAnswer:  # fmt: skip
    """POST `body`, or GET where it is None. Raises NotDelivered where no answer came.

    `only_public`: the URL came from a browser: it may lead to public addresses alone, over TLS.
    """
    wrong = problem(url)
    if wrong is not None:
        raise NotDelivered(wrong)
    parts = urlsplit(url)
    assert parts.hostname is not None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    link: http.client.HTTPConnection
    if only_public:
        if parts.scheme != "https":
            raise NotDelivered("it was set in the browser, where only https:// may be")
        port = parts.port or 443
        link = PinnedConnection(parts.hostname, port, judged_addresses(parts.hostname, port), timeout_s)
    elif parts.scheme == "https":
        link = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=client_context())
    else:
        link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        link.request("GET" if body is None else "POST", path, body, {"User-Agent": "CoinTrader", **headers})
        answer = link.getresponse()
        text = answer.read(MOST_ANSWER_BYTES).decode("utf-8", "replace")
        return HttpAnswer(answer.status, text, _seconds(answer.getheader("Retry-After")))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDelivered(scrubbed(_said(error), (*secrets_of(url), *secrets))) from None
    finally:
        link.close()


def multipart(fields: Mapping[str, str], name: str, file: str, data: bytes) -> tuple[bytes, str]:
    """(body, content type) of a form with one PNG in it, under the field `name`."""
    mark = f"coin-{token_hex(16)}"
    lines = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\nContent-Type: image/png'
    body = b"".join([*lines, head.encode(), b"\r\n\r\n", data, f"\r\n--{mark}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={mark}"


def refused(answer: HttpAnswer, secrets: tuple[str, ...]) -> NotDelivered:
    """The sink's own words of why not."""
    words = f"{answer.status} {answer.text}".strip()
    return NotDelivered(scrubbed(words, secrets), answer.retry_after_s)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError | socket.timeout):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__} {error}"


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
