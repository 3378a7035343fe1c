"""What several routes need: who asks, from where, and answers that are packed and typed."""

import gzip
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response

from dashboard.auth.guard import peer_of
from dashboard.auth.peer import RemotePeer
from dashboard.auth.roles import Principal
from dashboard.hub import Hub

_PACK_FROM_BYTES = 1200


def hub_of(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


def who(request: Request) -> Principal:
    """Who sent the request, as the guard established it."""
    principal: Principal = request.scope["principal"]
    return principal


def peer(request: Request) -> RemotePeer:
    """Who holds the other end of the request's connection."""
    return peer_of(request.scope)


def client(request: Request) -> RemotePeer:
    """Whose tries are counted. Behind a proxy that is the address that the proxy itself saw, which it adds last."""
    found = peer(request)
    if hub_of(request).loaded.settings.dashboard_behind_proxy:
        said = request.headers.getlist("x-forwarded-for")
        last = said[-1].rpartition(",")[2].strip() if said else ""
        if _is_address(last):
            return RemotePeer(last)
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def address(request: Request) -> str:
    """Where the request came from, with the unix user where that is this machine: for logs and the audit trail."""
    return peer(request).label


async def form(request: Request) -> dict[str, str]:
    """The fields of a plain form."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=20))


def html(request: Request, text: str, status: int = 200) -> Response:
    """A page, packed where the browser takes it."""
    return packed(request, text.encode(), "text/html; charset=utf-8", status)


def packed(request: Request, body: bytes, kind: str, status: int = 200) -> Response:
    headers = {"vary": "accept-encoding"}
    if len(body) >= _PACK_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, status, headers, kind)


def json(value: Any, status: int = 200) -> Response:
    """JSON by orjson; exact amounts leave as text."""
    return Response(orjson.dumps(value, default=_plain), status, media_type="application/json")


def _plain(value: object) -> object:
    """Types that orjson does not serialise: exact amounts as text, rows as lists."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
