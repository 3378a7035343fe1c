"""HTTP responses for the `requests` library."""

from io import BytesIO
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict


def http_response(request: Any, status: int, body: bytes) -> requests.Response:
    """A response to `request` with `status` and `body`."""
    response = requests.Response()
    response.status_code, response.reason = status, str(status)
    response._content = body
    response.raw = BytesIO(b"")
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
    response.encoding = "utf-8"
    response.url, response.request = request.url, request
    return response
