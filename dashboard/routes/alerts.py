"""What the Alerts page asks of the watcher: to note who knows of an alert, and to send a test; ticks on checklists."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.pages.checklists.page import facts_of
from dashboard.routes.pages import local
from dashboard.routes.passkeys import note
from dashboard.routes.tools import form, hub_of, who
from reports.checklist import LineState
from reports.checklist_ticks import LISTS, ChecklistTick, TicksUnusable, lines_of, period_of, tick
from shared import alert_requests
from shared.alert_requests import AlertAsk, AlertRequest
from shared.times import epoch_ms

LONGEST = 200


def router() -> APIRouter:
    """Operators only: the guard refuses a POST of anybody else."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/alerts/ask")
    async def ask(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        name = given.get("ack", "")[:LONGEST]
        if not name and "test" not in given:
            raise HTTPException(400, "Nothing was asked for.")
        what = AlertAsk.ACKNOWLEDGE if name else AlertAsk.TEST
        sink = given.get("test", "") if not name else ""
        asked = AlertRequest(
            ask=what, at_ms=epoch_ms(datetime.now(UTC)), by=principal.role.value,
            name=name or ("" if sink == "all" else sink[:LONGEST]),
            note=given.get("note", "")[:LONGEST],
        )  # fmt: skip
        try:
            await asyncio.to_thread(alert_requests.put, hub.paths, asked)
        except OSError as error:
            raise HTTPException(503, f"The watcher cannot be asked: {error.strerror or error}.") from error
        note(hub, request, f"alert_{what.value}", {"name": name} if name else {"sink": sink[:40]})
        return RedirectResponse(local(given.get("back", "/alerts")), 303)

    @routes.post("/alerts/checklists/tick")
    async def tick_line(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        which, name, now_ms = given.get("list", ""), given.get("line", "")[:LONGEST], epoch_ms(datetime.now(UTC))
        if which not in LISTS:
            raise HTTPException(400, "There are two checklists, weekly and monthly.")
        facts = await facts_of(hub, which, now_ms)
        line = next((one for one in lines_of(which, facts) if one.name == name), None)
        if line is None:
            raise HTTPException(404, "The list has no such line.")
        if line.state is LineState.DONE:
            raise HTTPException(409, "This line is done by itself.")
        period = period_of(which, now_ms)
        made = ChecklistTick(
            period=period, line=name, state=line.state, figure=line.figure, by=principal.role.value, at_ms=now_ms
        )
        try:
            await asyncio.to_thread(tick, hub.paths.reports, made)
        except TicksUnusable as error:
            raise HTTPException(503, f"It cannot be ticked: {error}.") from error
        note(hub, request, "checklist_tick", {"list": period, "line": name, "state": line.state.value})
        return RedirectResponse(local(given.get("back", "/alerts/checklists")), 303)

    return routes
