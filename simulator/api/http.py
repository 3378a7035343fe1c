"""Requests and answers of the REST side, and the venue's error bodies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `path` is percent-decoded; `query` keeps repeated keys in order; header names are lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""  # address, for the limits of public endpoints
    raw_path: str = ""  # as it came, percent-encoded

    @staticmethod
    def of(method: str, target: str, headers: Mapping[str, str], body: bytes, client: str = "") -> "HttpRequest":
        """From a request line's target."""
        path, _, query = target.partition("?")
        return HttpRequest(method, unquote(path), parse_qsl(query, keep_blank_values=True), headers, body, client, path)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query key."""
        found = default
        for key, value in self.query:
            if key == name:
                found = value
        return found

    def many(self, *names: str) -> list[str]:
        """All values of the keys, commas split, empties dropped, each once."""
        found: dict[str, None] = {}
        for key, value in self.query:
            if key in names or (key.endswith("[]") and key[:-2] in names):
                found.update(dict.fromkeys(part for part in value.split(",") if part))
        return list(found)

    def flag(self, name: str) -> bool:
        return self.one(name).lower() == "true"

    def json(self) -> dict[str, Any]:
        """The body's object. Raises ApiError 400."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise bad_request("request body is not valid JSON") from None
        if not isinstance(value, dict):
            raise bad_request("request body must be a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class ApiError(Exception):
    """An answer that ends the request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def ok(value: Any) -> Response:
    return Response(200, orjson.dumps(value))


def error(status: int, kind: str, text: str) -> Response:
    return Response(status, orjson.dumps({"error": kind, "error_details": text, "message": text}))


def bad_request(text: str) -> ApiError:
    return ApiError(error(400, "INVALID_ARGUMENT", text))


def unauthorized() -> ApiError:
    return ApiError(Response(401, b"Unauthorized\n", "text/plain; charset=utf-8"))


def forbidden() -> ApiError:
    return ApiError(error(403, "PERMISSION_DENIED", "Missing required scopes"))


def not_found(text: str, kind: str = "NOT_FOUND") -> ApiError:
    return ApiError(error(404, kind, text))


def unknown_path() -> ApiError:
    return not_found("Not Found", "unknown")


def rate_limited() -> ApiError:
    body = orjson.dumps({"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]})
    return ApiError(Response(429, body))


def internal() -> Response:
    return error(500, "INTERNAL", "internal error")


def whole(request: HttpRequest, name: str, default: int | None = None) -> int:
    """A whole number of the query. Raises ApiError 400 when it is absent without default, or none."""
    value = request.one(name)
    if not value:
        if default is None:
            raise bad_request(f"{name} is required")
        return default
    if len(value) > 18 or not (value.isascii() and value.lstrip("-").isdigit() and value.count("-") <= 1):
        raise bad_request(f"{name} is not a number")
    try:
        return int(value)
    except ValueError:
        raise bad_request(f"{name} is not a number") from None
