"""Passkeys' ceremonies: registering one, signing in with one, and confirming a sign-in, also by password."""

import asyncio
import logging
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.auth import secrets_store
from dashboard.auth.ceremonies import CeremonyPurpose, PasskeyRefused
from dashboard.auth.origin import RelyingParty, relying_party
from dashboard.auth.passkeys import Passkey, clean_name
from dashboard.auth.roles import FRESH_S, Principal, Role
from dashboard.hub import Hub
from dashboard.page_renderer import PageRenderer
from dashboard.routes.auth import password_fits, signed_in
from dashboard.routes.pages import local
from dashboard.routes.tools import address, client, form, html, hub_of, json, peer, who
from dashboard.stream import Broadcaster
from dashboard.views.format import span

log = logging.getLogger(__name__)
NO_PARTY = "Passkeys need a host name with TLS, or localhost. This page was opened by IP address."


def router(pages: PageRenderer, broadcaster: Broadcaster) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    _registering(routes)
    _signing_in(routes, broadcaster)
    _confirming(routes, pages, broadcaster)
    return routes


def _registering(routes: APIRouter) -> None:
    @routes.post("/passkeys/begin")
    async def begin(request: Request) -> Response:
        hub, principal = hub_of(request), who(request)
        party, asked = _needed(party_of(request)), await _json(request)
        if principal.kind != "session":
            raise HTTPException(403, "A passkey is registered in a browser.")
        if principal.signed_in_s > FRESH_S:
            return json({"error": "Confirm your sign-in first.", "confirm": confirm_path("/sessions")}, 409)
        role = asked.get("role")
        if role not in list(Role):
            raise HTTPException(422, "The role is viewer or operator.")
        try:
            name = clean_name(str(asked.get("name", "")))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        options = await asyncio.to_thread(
            hub.ceremonies.begin_registration, party, principal.key, Role(role), name
        )  # fmt: skip
        return json(options)

    @routes.post("/passkeys/register")
    async def register(request: Request) -> Response:
        hub, principal = hub_of(request), who(request)
        try:
            made = await asyncio.to_thread(hub.ceremonies.register, principal.key, await _json(request))
        except PasskeyRefused as refused:
            return _refused(hub, request, refused, "register")
        note(hub, request, "passkey_added", {"id": made.id, "name": made.name, "for": made.role.value})
        return json({"go": "/sessions"})


def _signing_in(routes: APIRouter, broadcaster: Broadcaster) -> None:
    @routes.post("/login/passkey/begin")
    async def login_begin(request: Request) -> Response:
        """A challenge for a browser that is not signed in: bound to a cookie of its own until it answers."""
        hub, party, holder = hub_of(request), _needed(party_of(request)), secrets_store.new_secret()
        options = await asyncio.to_thread(
            hub.ceremonies.begin_use, party, secrets_store.digest(holder), CeremonyPurpose.LOGIN
        )  # fmt: skip
        answer = json(options)
        answer.set_cookie(_waiting(hub), holder, max_age=300, path="/", httponly=True, samesite="strict",
                          secure=hub.site.secure)  # fmt: skip
        return answer

    @routes.post("/login/passkey")
    async def login(request: Request) -> Response:
        hub = hub_of(request)
        holder = secrets_store.digest(request.cookies.get(_waiting(hub), ""))
        used = await _use(hub, request, holder, CeremonyPurpose.LOGIN, broadcaster)
        if isinstance(used, Response):
            return used
        answer = signed_in(request, hub, used.role, json({"go": "/"}), "passkey", used.id)
        answer.delete_cookie(_waiting(hub), path="/", httponly=True, samesite="strict", secure=hub.site.secure)
        return answer


def _confirming(routes: APIRouter, pages: PageRenderer, broadcaster: Broadcaster) -> None:
    @routes.get("/confirm")
    async def confirm(request: Request, back: str = "/") -> Response:
        return _confirm_page(pages, request, local(back))

    @routes.post("/confirm/password")
    async def confirm_password(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        back = local(given.get("back", "/"))
        error, status = await password_fits(hub, request, given.get("password", ""))
        if error:
            return _confirm_page(pages, request, back, error, status)
        hub.sessions.confirm(principal.key)
        note(hub, request, "confirmed", {"how": "password"})
        return RedirectResponse(back, 303)

    @routes.post("/confirm/passkey/begin")
    async def confirm_begin(request: Request) -> Response:
        hub, principal, party = hub_of(request), who(request), _needed(party_of(request))
        return json(await asyncio.to_thread(hub.ceremonies.begin_use, party, principal.key, CeremonyPurpose.CONFIRM))

    @routes.post("/confirm/passkey")
    async def confirm_passkey(request: Request) -> Response:
        hub, principal = hub_of(request), who(request)
        used = await _use(hub, request, principal.key, CeremonyPurpose.CONFIRM, broadcaster)
        if isinstance(used, Response):
            return used
        if used.role is not principal.role:
            return json({"error": f"This passkey has the role {used.role.value}."}, 403)
        hub.sessions.confirm(principal.key)
        note(hub, request, "confirmed", {"how": "passkey", "id": used.id})
        return json({"go": local(request.query_params.get("back", "/"))})


def party_of(request: Request) -> RelyingParty | None:
    """Whom passkeys belong to on the page that asks; None where there can be none."""
    return relying_party(hub_of(request).site, request.headers.get("host", ""))


def confirm_path(back: str) -> str:
    """Where the person confirms who they are, and comes back from."""
    return f"/confirm?back={quote(back, safe='')}"


def _needed(party: RelyingParty | None) -> RelyingParty:
    if party is None:
        raise HTTPException(409, NO_PARTY)
    return party


def _waiting(hub: Hub) -> str:
    return f"{hub.site.cookie}-login"


async def _use(
    hub: Hub, request: Request, holder: str, purpose: CeremonyPurpose, broadcaster: Broadcaster
) -> Passkey | Response:
    """The passkey that answered, or the refusal."""
    wait_s = hub.keys.wait_s(client(request))
    if wait_s:
        hub.keys.refused += 1
        return json({"error": f"Too many attempts. Try again in {span(wait_s)}."}, 429)
    hub.keys.tried(client(request))
    try:
        used = await asyncio.to_thread(hub.ceremonies.use, holder, await _json(request), purpose, address(request))
    except PasskeyRefused as refused:
        if refused.passkey is not None and end_its_sessions(hub, refused.passkey):
            broadcaster.wake()
        return _refused(hub, request, refused, purpose.value)
    hub.keys.succeeded(client(request))
    return used


def end_its_sessions(hub: Hub, passkey: Passkey) -> int:
    return hub.sessions.end_where(lambda _key, one: one.passkey == passkey.id)


def _refused(hub: Hub, request: Request, refused: PasskeyRefused, when: str) -> Response:
    hub.counters.logins_failed += 1
    log.warning("passkey.refused when=%s why=%s from=%s", when, refused.why, address(request))
    facts = {"when": when, "why": refused.why}
    if refused.passkey is not None:
        facts |= {"id": refused.passkey.id, "name": refused.passkey.name}
    principal: Principal | None = request.scope["principal"]
    by, role = (principal.role.value, principal.role) if principal else ("?", "")
    if refused.passkey is not None:
        hub.audit.note("passkey_refused", by=by, role=role, address=address(request), facts=facts)
    else:
        hub.failures.note("passkey_refused", peer(request), facts, by, role)
    return json({"error": str(refused)}, 403)


def _confirm_page(pages: PageRenderer, request: Request, back: str, error: str = "", status: int = 200) -> Response:
    hub, principal, party = hub_of(request), who(request), party_of(request)
    known = [one for one in hub.passkeys.known_at(party.id) if one.role is principal.role] if party else []
    text = pages.simple(
        "confirm.html", title="Confirm your sign-in", csrf=principal.csrf, back=back, error=error,
        password=bool(hub.password.stored), passkey=bool(known), fresh=principal.signed_in_s <= FRESH_S,
    )  # fmt: skip
    return html(request, text, status)


def note(hub: Hub, request: Request, what: str, facts: dict[str, Any]) -> None:
    principal = who(request)
    by = principal.role.value if principal.kind == "session" else f"{principal.role.value} (token)"
    hub.audit.note(what, by=by, role=principal.role, address=address(request), facts=facts)


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise HTTPException(422, "The body is not valid JSON.") from error
    if not isinstance(found, dict):
        raise HTTPException(422, "The body is not a JSON object.")
    return found
