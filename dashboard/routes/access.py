"""Who may: the page of sessions, tokens and passkeys, and what ends each of them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.auth import tokens
from dashboard.auth.origin import RelyingParty, localhost_url
from dashboard.auth.roles import FRESH_S, Principal, Role
from dashboard.auth.sessions import ID_CHARS
from dashboard.hub import Hub
from dashboard.page_renderer import PageRenderer
from dashboard.pages.sessions import view
from dashboard.pages.sessions.page import PAGE
from dashboard.routes.passkeys import end_its_sessions, note, party_of
from dashboard.routes.tools import form, html, hub_of, who
from dashboard.stream import Broadcaster


def router(pages: PageRenderer, broadcaster: Broadcaster) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sessions", name=PAGE.key)
    async def sessions(request: Request) -> Response:
        hub, principal = hub_of(request), who(request)
        s = hub.reader.snapshot()
        data = await asyncio.to_thread(_listed, hub, principal, party_of(request))
        return html(request, await pages.whole(PAGE, s, data, principal.role, principal.csrf, {}))

    @routes.post("/sessions/end")
    async def end(request: Request) -> Response:
        """End the session with this id, or with `others`, all but this one."""
        hub, principal = hub_of(request), who(request)
        given = await form(request)
        wanted, others = given.get("id", ""), "others" in given
        ended: list[str] = []

        def chosen(key: str, _one: object) -> bool:
            is_it = key != principal.key if others else key[:ID_CHARS] == wanted
            if is_it:
                ended.append(key[:ID_CHARS])
            return is_it

        hub.sessions.end_where(chosen)
        for one in ended:
            note(hub, request, "session_ended", {"id": one})
        broadcaster.wake()
        return RedirectResponse("/sessions", 303)

    @routes.post("/sessions/token")
    async def revoke(request: Request) -> Response:
        hub, wanted = hub_of(request), (await form(request)).get("id", "")
        if len(wanted) == tokens.ID_CHARS:  # the whole short id: never a word that means all
            for one in await asyncio.to_thread(tokens.revoke, hub.paths.dashboard, wanted):
                note(hub, request, "token_revoked", {"id": one.id, "name": one.name})
        broadcaster.wake()
        return RedirectResponse("/sessions", 303)

    @routes.post("/sessions/passkey")
    async def remove(request: Request) -> Response:
        """Remove a passkey; sessions that began with it end."""
        hub, wanted = hub_of(request), (await form(request)).get("id", "")
        found = await asyncio.to_thread(hub.passkeys.remove, wanted)
        if found is not None:
            end_its_sessions(hub, found)
            note(hub, request, "passkey_removed", {"id": found.id, "name": found.name})
            broadcaster.wake()
        return RedirectResponse("/sessions", 303)

    return routes


def _listed(hub: Hub, principal: Principal, party: RelyingParty | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    operator = principal.role is Role.OPERATOR
    return {
        "sessions": view.sessions(hub.sessions.listing(), principal.key, principal.role, now),
        "tokens": view.tokens(hub.tokens.listing(), now) if operator else [],
        "passkeys": view.passkeys(hub.passkeys.listing(), party.id if party else None, now) if operator else [],
        "party": party,
        "localhost": localhost_url(hub.site),
        "fresh": principal.signed_in_s <= FRESH_S,
        "password": bool(hub.password.stored),
    }
