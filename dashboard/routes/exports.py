"""Downloads."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.routes.tools import hub_of
from dashboard.views import performance


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/trades.csv")
    async def trades(request: Request) -> Response:
        """Closed lots as CSV."""
        hub = hub_of(request)
        now = datetime.now(UTC)
        since_ms = performance.since(request.query_params.get("range", "all"), now)

        def read() -> str | None:
            rows = hub.ledger.closed_lots(since_ms)
            return None if rows is None else performance.csv(rows)

        text = await asyncio.to_thread(read)
        if text is None:
            raise HTTPException(404, "There is no ledger to read.")
        headers = {"content-disposition": f'attachment; filename="trades-{now:%Y-%m-%d}.csv"'}
        return Response(text, 200, headers, "text/csv; charset=utf-8")

    return routes
