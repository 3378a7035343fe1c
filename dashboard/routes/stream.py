"""Server-sent events of one page."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.auth.roles import Principal
from dashboard.hub import Hub
from dashboard.page import known_params
from dashboard.page_renderer import PageRenderer
from dashboard.routes.tools import hub_of, who
from dashboard.stream import Broadcaster, Full, StreamResponse


class _EventStream(Response):
    media_type = "text/event-stream"


class _Answer(Response):
    """Hands the connection over to the stream's own pump."""

    def __init__(self, pump: StreamResponse) -> None:
        super().__init__()
        self._pump = pump

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._pump(scope, receive, send)


def router(pages: PageRenderer, broadcaster: Broadcaster) -> APIRouter:
    routes = APIRouter(tags=["stream"])

    @routes.get(
        "/api/stream",
        response_class=_EventStream,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Parts of the page as they change."},
                   404: {"description": "No such page."}, 429: {"description": "Too many streams."}},
    )  # fmt: skip
    async def stream(request: Request, page: str = "overview") -> Any:
        """Parts of a page as HTML, whenever they change. At most 20 streams per sign-in, 100 in all."""
        found = pages.by_key.get(page)
        if found is None:
            raise HTTPException(404, "There is no such page.")
        hub, principal = hub_of(request), who(request)
        params = known_params(found, request.query_params)
        try:
            channel, client = await broadcaster.join(found, principal.role, params, principal.key)
        except Full as full:
            hub.counters.streams_refused += 1
            raise HTTPException(429, f"{full}.") from full
        return _Answer(StreamResponse(broadcaster, channel, client, _still_in(hub, principal)))

    @routes.get("/api/streams/sse", include_in_schema=False)
    async def older_name(request: Request) -> Response:
        """The stream under the path that clients of older bots use."""
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(status_code=307, headers={"location": f"/api/stream{query}"})

    return routes


def _still_in(hub: Hub, principal: Principal) -> Any:
    if principal.kind == "session":
        return lambda: hub.sessions.alive(principal.key)
    return lambda: hub.tokens.alive(principal.key)
