"""Downloads."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse

from dashboard import order_money
from dashboard.routes.tools import hub_of, who
from dashboard.views import orders as orders_view
from dashboard.views import performance, results, trades
from incident.kept import bundle_path

MOST_ORDERS = 5_000


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/trades.csv")
    async def trades_csv(request: Request) -> Response:
        """Lots as CSV: those closed in the range, and all open ones."""
        hub = hub_of(request)
        now = datetime.now(UTC)
        held = results.open_lots(hub.reader.snapshot()).lots or ()
        since_ms = performance.since(request.query_params.get("range", "all"), now)

        def read() -> str | None:
            rows = hub.ledger.closed_lots(since_ms)
            if rows is None:
                return None
            return trades.csv(rows, hub.ledger.open_lots() or [], {lot.lot_id: lot.result for lot in held})

        return await _csv(read, f"trades-{now:%Y-%m-%d}.csv")

    @routes.get("/orders.csv")
    async def orders(request: Request) -> Response:
        """Ended and working orders as CSV, newest first, with average price, fee and result."""
        hub = hub_of(request)

        def read() -> str | None:
            ended, working = (hub.ledger.orders(working=one, limit=MOST_ORDERS) for one in (False, True))
            if ended is None or working is None:
                return None
            rows = [*working, *ended]
            return orders_view.csv(rows, order_money.of_orders(hub.ledger, rows))

        return await _csv(read, f"orders-{datetime.now(UTC):%Y-%m-%d}.csv")

    @routes.get("/incidents/{name}")
    async def incident(request: Request, name: str) -> Response:
        """One incident bundle. It holds logs of every process, so only an operator has it."""
        if not who(request).operator:
            raise HTTPException(403, "An incident bundle is downloaded by an operator.")
        path = await asyncio.to_thread(bundle_path, hub_of(request).paths.root, name)
        if path is None:
            raise HTTPException(404, "There is no incident bundle of this name. The newest 20 are kept.")
        return FileResponse(path, media_type="application/zip", filename=path.name)

    return routes


async def _csv(read: Callable[[], str | None], name: str) -> Response:
    text = await asyncio.to_thread(read)
    if text is None:
        raise HTTPException(404, "The ledger cannot be read.")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, 200, headers, "text/csv; charset=utf-8")
