"""Sign in by link or password, sign out."""

import asyncio
import logging
import re
from typing import Any
from urllib.parse import parse_qsl

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.auth import agents, secrets_store
from dashboard.auth.origin import localhost_url, relying_party
from dashboard.auth.roles import Role
from dashboard.hub import Hub
from dashboard.links import LINKS
from dashboard.page_renderer import PageRenderer
from dashboard.routes.tools import address, client, html, hub_of, peer
from dashboard.views.format import span

log = logging.getLogger(__name__)
LEAST_PASSWORD = 12
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 random bits, as `new_secret` writes them


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def login_page(request: Request, hub: Hub, error: str = "", status: int = 200) -> Response:
        party, localhost = relying_party(hub.site, request.headers.get("host", "")), localhost_url(hub.site)
        text = pages.simple(
            "login.html", title="Sign in", error=error, password=bool(hub.password.stored),
            passkey=party is not None and bool(hub.passkeys.known_at(party.id)),
            passkey_at=localhost if party is None and localhost and hub.passkeys.known_at("localhost") else "",
        )  # fmt: skip
        return html(request, text, status)

    @routes.get("/login")
    async def login(request: Request) -> Response:
        return login_page(request, hub_of(request))

    @routes.get("/login/link")
    async def link(request: Request) -> Response:
        """Use up a link. Answered with a page, not a redirect, which would lose a Strict cookie."""
        hub = hub_of(request)
        if "prefetch" in request.headers.get("sec-purpose", "") or "prefetch" in request.headers.get("purpose", ""):
            return Response(status_code=503)  # a browser that guesses ahead must not use the link up
        if request.scope["principal"] is not None and not request.query_params.get("t"):
            return RedirectResponse("/", 303)
        named(request)  # before the link is used up
        record = await asyncio.to_thread(taken, hub, request.query_params.get("t", ""))
        if record is None or record.get("role") not in list(Role):
            if wait_s := hub.links.wait_s(client(request)):
                hub.links.refused += 1
                return login_page(request, hub, f"Too many invalid links. Wait {span(wait_s)}.", 429)
            hub.links.tried(client(request))
            failed(hub, request, "link")
            return login_page(request, hub, "This link was used already, or is older than 5 minutes.", 403)
        role = Role(record["role"])
        text = pages.simple("welcome.html", title="Signed in", role=role.value)
        return signed_in(request, hub, role, html(request, text), "link")

    @routes.post("/login/password")
    async def password(request: Request) -> Response:
        hub = hub_of(request)
        given = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=5)).get("password", "")
        error, status = await password_fits(hub, request, given)
        if error:
            return login_page(request, hub, error, status)
        return signed_in(request, hub, Role.OPERATOR, RedirectResponse("/", 303), "password")

    @routes.post("/logout")
    async def logout(request: Request) -> Response:
        hub = hub_of(request)
        cookie = request.scope.get("cookie")
        if cookie:
            hub.sessions.end(cookie)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(hub.site.cookie, path="/", httponly=True, samesite="strict", secure=hub.site.secure)
        return answer

    return routes


def taken(hub: Hub, secret: str) -> dict[str, Any] | None:
    """What a link is good for, which is used up by this; None = nothing. A good one is never slowed down."""
    if not _SECRET.fullmatch(secret):
        return None
    return secrets_store.take(hub.paths.dashboard / LINKS, secret)


async def password_fits(hub: Hub, request: Request, given: str) -> tuple[str, int]:
    """(what is wrong, status) of a try; nothing and 200 where it is the password. Counts and slows tries."""
    stored = hub.password.stored
    if not stored:
        return "No password is set. Use a link.", 403
    wait_s = hub.passwords.wait_s(client(request))
    if wait_s:
        hub.passwords.refused += 1
        return f"Too many attempts. Try again in {span(wait_s)}.", 429
    hub.passwords.tried(client(request))
    if not await asyncio.to_thread(verify, stored, given):
        failed(hub, request, "password")
        return "Wrong password.", 403
    hub.passwords.succeeded(client(request))
    return "", 200


def verify(stored: str, given: str) -> bool:
    """Whether the password is right; too short ones never are. Blocks for some 50 ms, on purpose."""
    try:
        fits = PasswordHasher().verify(stored, given)
    except Argon2Error:
        return False
    return fits and len(given) >= LEAST_PASSWORD


def named(request: Request) -> str:
    """The user whom a session can be bound to. Raises HTTPException where that user cannot be determined."""
    user = peer(request).user
    if user is None:
        log.warning("login.unknown_user from=%s", address(request))
        raise HTTPException(403, "The local user behind this connection could not be determined. Try again.")
    return user


def failed(hub: Hub, request: Request, how: str) -> None:
    hub.counters.logins_failed += 1
    log.warning("login.failed how=%s from=%s", how, address(request))
    hub.failures.note("login_failed", peer(request), {"how": how})


def signed_in(request: Request, hub: Hub, role: Role, answer: Response, how: str, passkey: str = "") -> Response:
    """Begin a session of the user who asks; the one that the browser had ends."""
    agent = agents.shortened(request.headers.get("user-agent", ""))
    cookie = hub.sessions.begin(
        role,
        named(request),
        request.scope.get("cookie"),
        how=how,
        address=address(request),
        agent=agent,
        passkey=passkey,
    )
    answer.set_cookie(hub.site.cookie, cookie, path="/", httponly=True, samesite="strict", secure=hub.site.secure)
    hub.counters.logins += 1
    log.info("login.done how=%s role=%s from=%s", how, role.value, address(request))
    facts = {"how": how, **({"id": passkey} if passkey else {})}
    hub.audit.note("login", by=role.value, role=role, address=address(request), facts=facts)
    return answer
