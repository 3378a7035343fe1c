"""The list that Ctrl-K opens, made anew for each opening."""

import asyncio

import orjson
from fastapi import APIRouter, Request, Response

from dashboard import lab_reader
from dashboard.page_renderer import PageRenderer
from dashboard.routes.tools import hub_of, packed, who
from dashboard.views import format as f
from dashboard.views import palette
from shared import settings


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/palette")
    async def found(request: Request) -> Response:
        """{"groups": [{"title", "first", "items": [...]}]}, for whoever asks: a viewer's commands say why not."""
        hub, role = hub_of(request), who(request).role
        values = settings.public_values(hub.loaded.settings)
        shown = [
            (key, ("set, hidden" if values[key] else "") if settings.is_secret(key) else f.clean(values[key]), text)
            for key, text, _ in settings.keys()  # noqa: SIM118 (a function)
        ]
        look = await lab_reader.look(hub)
        made = await asyncio.to_thread(palette.groups, hub.reader.snapshot(), role, pages.listed, shown, look.runs)
        return packed(request, orjson.dumps({"groups": made}), "application/json")

    return routes
