"""The checks that every request passes before routing: Host, size, identity, role, Origin, CSRF, headers.

Plain ASGI. A new route is closed by default: only the short list here is open without a login.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from dashboard.auth.foreign import ForeignUse
from dashboard.auth.origin import Site, fetch_allowed, host_allowed, origin_allowed
from dashboard.auth.peer import UNKNOWN, RemotePeer
from dashboard.auth.roles import Principal, Role
from dashboard.auth.sessions import OtherUser, Sessions
from dashboard.auth.throttle import Throttle
from dashboard.auth.tokens import Tokens
from dashboard.auth.wellformed import Malformed, check_body, check_form
from dashboard.door import ClientConnection

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
# (status, text, as a page) to (content type, body): never an echo of what was sent.
Refusal = Callable[[int, str, bool], tuple[str, bytes]]

MAX_BODY_BYTES = 64 * 1024
UPLOAD = "/lab/upload/"  # pieces of a dropped file, which the dashboard only writes down
MAX_PIECE_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10.0
MOST_COOKIES = 20
OPEN_PATHS = frozenset(
    {
        "/healthz",
        "/login",
        "/login/link",
        "/login/password",
        "/login/passkey",
        "/login/passkey/begin",
        # What a browser asks for on its own, without the cookie: they tell nothing of this bot.
        "/manifest.webmanifest",
        "/sw.js",
        "/icons/180.png",
        "/icons/192.png",
        "/icons/512.png",
        "/icons/maskable.png",
    }
)
ASSETS = "/assets/"
# POSTs that a viewer may send, too: they change nothing but the viewer's own session.
VIEWER_POSTS = frozenset({"/logout"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
# The API explorer writes style attributes by itself; scripts stay ours alone there as well.
POLICY_DOCS = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class RequestRefused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class RequestGuard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: App,
        site: Site,
        sessions: Sessions,
        tokens: Tokens,
        public_assets: frozenset[str],
        refusal: Refusal,
        foreign: ForeignUse,
        bearers: Throttle,
    ) -> None:
        self.app = app
        self.bearers = bearers
        self.foreign = foreign
        self.refusal = refusal
        self.site = site
        self.sessions = sessions
        self.tokens = tokens
        self.public_assets = public_assets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(scope, message)
            await send(message)

        try:
            receive = await self._admit(scope, receive)
            await self.app(scope, receive, send_safely)
        except Malformed as malformed:
            await self._answer(scope, send_safely, 400, str(malformed))
        except RequestRefused as refused:
            await self._answer(scope, send_safely, refused.status, str(refused))
        except Exception:
            log.exception("request.failed method=%s path=%s", scope["method"], scope["path"])
            if started:
                raise
            await self._answer(scope, send_safely, 500, "Internal error. The dashboard's log has the details.")

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Raises Refused, or returns the way on; the one who asks is in `scope["principal"]` then."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        check_form(scope)
        if not host_allowed(self.site, [v for k, v in headers if k == b"host"]):
            raise RequestRefused(403, "This host name is not allowed. Add it to DASHBOARD_HOSTS.")
        path, method = scope["path"], scope["method"]
        if not fetch_allowed(method, path, headers):
            raise RequestRefused(403, "This request was not sent by the dashboard's own page.")
        principal = self._who(scope)
        scope["principal"] = principal
        connection = scope.get("state", {}).get("connection")
        if principal is not None and isinstance(connection, ClientConnection):
            connection.signed_in()
        is_open = path in OPEN_PATHS or path in self.public_assets
        if principal is None and not is_open:
            raise RequestRefused(401, "Sign in first: ./coin login prints a link.")
        if method in SAFE:
            return receive  # a body of these is never read
        body = await _body(
            receive, _length(headers), MAX_PIECE_BYTES if path.startswith(UPLOAD) and principal else MAX_BODY_BYTES
        )
        check_body(headers, body)
        if principal is None or principal.kind == "session":
            self._check_browser(headers, principal, body)
        if principal is not None and not is_open and path not in VIEWER_POSTS and principal.role is not Role.OPERATOR:
            raise RequestRefused(403, "Signed in as viewer: read-only.")
        return _replay(body, receive)

    def _who(self, scope: Scope) -> Principal | None:
        bearer = next((v for k, v in scope["headers"] if k == b"authorization"), None)
        if bearer is not None:
            kind, _, secret = bearer.decode("latin-1").partition(" ")
            found = self.tokens.find(secret.strip(), peer_of(scope).label) if kind.lower() == "bearer" else None
            if found is None:
                self._count_bearer(peer_of(scope))
                raise RequestRefused(
                    401, "This token is unknown, expired or revoked. ./coin token viewer makes a new one."
                )
            return found
        return self._by_session(scope)

    def _count_bearer(self, peer: RemotePeer) -> None:
        """A token that is not known. A known one is never slowed. Raises Refused."""
        if self.bearers.wait_s(peer):
            self.bearers.refused += 1
            raise RequestRefused(429, "Too many unknown tokens. Wait a minute.")
        self.bearers.tried(peer)
        log.warning("token.unknown from=%s", peer.label)

    def _by_session(self, scope: Scope) -> Principal | None:
        """The session of the one who asks. A page on another port can put cookies of our name beside it: they are
        passed over, and so is a good one in another user's hands."""
        peer = peer_of(scope)
        for cookie in self.cookies(scope["headers"]):
            try:
                found = self.sessions.find(cookie, peer.user)
            except OtherUser as other:
                self.foreign.note(other.user, peer)
                continue
            if found is not None:
                scope["cookie"] = cookie
                return found
        return None

    def cookies(self, headers: list[tuple[bytes, bytes]]) -> list[str]:
        """Every cookie of a request that has the session's name."""
        name = self.site.cookie
        found = []
        for key, value in headers:
            if key != b"cookie":
                continue
            for pair in value.decode("latin-1").split(";"):
                given, _, text = pair.strip().partition("=")
                if given == name and text:
                    found.append(text.strip('"'))
        return found[:MOST_COOKIES]

    def _check_browser(self, headers: list[tuple[bytes, bytes]], principal: Principal | None, body: bytes) -> None:
        """A POST of a browser comes from our own page: Origin, and the session's token once there is one."""
        found = {k: v.decode("latin-1") for k, v in headers}
        origins = [v.decode("latin-1") for k, v in headers if k == b"origin"]
        if not origin_allowed(self.site, origins, found.get(b"sec-fetch-site")):
            raise RequestRefused(403, "This request was not sent by the dashboard's own page.")
        if principal is None:
            return
        given = found.get(b"x-csrf-token", "")
        if not given and found.get(b"content-type", "").startswith("application/x-www-form-urlencoded"):
            given = parse_qs(body.decode("utf-8", "replace")).get("csrf", [""])[0]
        if not hmac.compare_digest(given.encode(), principal.csrf.encode()):
            raise RequestRefused(403, "This page is older than your sign-in. Reload it.")

    def _add_headers(self, scope: Scope, message: Message) -> None:
        """What every answer carries, whatever made it."""
        given = {k.lower() for k, _ in message["headers"]}
        policy = POLICY_DOCS if scope["path"] == "/docs" else POLICY
        extra = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            # Not "no-referrer": with that a browser's form says "Origin: null", which is nobody.
            (b"referrer-policy", b"no-referrer" if scope["path"] == "/login/link" else b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        ]
        if self.site.secure:
            extra.append((b"strict-transport-security", b"max-age=31536000"))
        if b"cache-control" not in given:
            extra.append((b"cache-control", b"no-store"))
        message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in given)]

    async def _answer(self, scope: Scope, send: Send, status: int, text: str) -> None:
        accept = next((v for k, v in scope["headers"] if k == b"accept"), b"")
        wants_page = b"text/html" in accept and not scope["path"].startswith("/api/")
        kind, body = self.refusal(status, text, wants_page)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if scope["method"] not in SAFE or status == 400:
            headers.append((b"connection", b"close"))  # what is left of its body is not waited for
        if status == 401 and not wants_page:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def peer_of(scope: Scope) -> RemotePeer:
    """Who holds the other end of the request's connection, as the server found it when that was new."""
    found = scope.get("state", {}).get("peer")
    return found if isinstance(found, RemotePeer) else UNKNOWN


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    value = next((v for k, v in headers if k == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


async def _body(receive: Receive, announced: int, most: int) -> bytes:
    """The whole body, which is small or refused."""
    if announced > most:
        raise RequestRefused(413, "The request is too large.")
    chunks, total = [], 0
    deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise RequestRefused(408, "The request took too long.") from error
        if message["type"] != "http.request":
            raise RequestRefused(400, "The request was incomplete.")
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > most:
            raise RequestRefused(413, "The request is too large.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Pass the body on as if it had not been read."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
