"""What a request may be made of before anything looks into it: one length, text that is text."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

FORM = b"application/x-www-form-urlencoded"


class Malformed(Exception):
    """The request is not one; the text says why."""


def check_form(scope: MutableMapping[str, Any]) -> None:
    """Raises Malformed where two headers disagree on where the body ends, or an address is no UTF-8 text."""
    names = [k for k, _ in scope["headers"]]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise Malformed("A request must not have both Content-Length and Transfer-Encoding.")
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    _text(raw_path, "path")
    _text(scope["query_string"], "query")


def check_body(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Raises Malformed where a body says it is JSON or a form, and is not: lone surrogates are no text either."""
    kind = next((v for k, v in headers if k == b"content-type"), b"").partition(b";")[0].strip().lower()
    if kind == FORM:
        _text(body, "form")
    elif body and (kind in (b"", b"application/json") or kind.endswith(b"+json")):
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Malformed("The body is not valid JSON.") from error


def _text(quoted: bytes, what: str) -> None:
    try:
        unquote_to_bytes(quoted).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The {what} is not valid UTF-8.") from error
