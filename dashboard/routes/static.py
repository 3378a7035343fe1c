"""The files of the fixed list, and two public answers: health for a supervisor, and robots.txt."""

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.routes.tools import hub_of, json

_FOR_GOOD = "private, max-age=31536000, immutable"


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/assets/{name:path}")
    async def asset(request: Request, name: str) -> Response:
        """By its whole address as it stands in the table; nothing is looked up on the disk by a request's words."""
        found = hub_of(request).assets.by_url.get(f"/assets/{name}")
        if found is None:
            raise HTTPException(404, "There is no such file.")
        headers = {"cache-control": _FOR_GOOD, "vary": "accept-encoding"}
        if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, 200, {**headers, "content-encoding": "gzip"}, found.kind)
        return Response(found.read(), 200, headers, found.kind)

    @routes.get("/healthz")
    async def healthz() -> Response:
        """The dashboard responds. Nothing else is told, since no login is needed."""
        return json({"ok": True})

    return routes
