"""The API explorer, from an npm package and behind the login, and the OpenAPI document that it shows."""

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.page_renderer import PageRenderer
from dashboard.routes.tools import html, hub_of, json


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/openapi.json")
    async def openapi(request: Request) -> Response:
        return json(request.app.openapi())

    @routes.get("/docs")
    async def docs(request: Request) -> Response:
        if not hub_of(request).assets.url("swagger-ui.js"):
            raise HTTPException(503, "The API explorer's npm package is missing: npm ci.")
        return html(request, pages.simple("docs.html"))

    return routes
