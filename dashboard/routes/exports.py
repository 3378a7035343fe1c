"""Downloads."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.routes.tools import hub_of
from dashboard.views import performance, results, trades


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/trades.csv")
    async def trades_csv(request: Request) -> Response:
        """Lots as CSV, those of the range that are closed and all that are open."""
        hub = hub_of(request)
        now = datetime.now(UTC)
        held = results.open_lots(hub.sources.snapshot()).lots or ()
        since_ms = performance.since(request.query_params.get("range", "all"), now)

        def read() -> str | None:
            rows = hub.ledger.closed_lots(since_ms)
            if rows is None:
                return None
            return trades.csv(rows, hub.ledger.open_lots() or [], {lot.lot_id: lot.result for lot in held})

        text = await asyncio.to_thread(read)
        if text is None:
            raise HTTPException(404, "There is no ledger to read.")
        headers = {"content-disposition": f'attachment; filename="trades-{now:%Y-%m-%d}.csv"'}
        return Response(text, 200, headers, "text/csv; charset=utf-8")

    return routes
