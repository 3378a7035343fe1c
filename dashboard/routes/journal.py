"""Notes about lots, and the journal's files: statements of a year, and gains for taxes."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.lot_notes import LotNote, LotNotes, NoteRefused, NotesUnusable, tags_of
from dashboard.pages.journal.page import year_periods
from dashboard.routes.pages import local
from dashboard.routes.passkeys import note
from dashboard.routes.tools import form, hub_of, who
from dashboard.views import statement_csv
from shared.times import epoch_ms
from statements.ledger_trades import LedgerNotRead, ledger_trades
from statements.methods import METHODS
from statements.tax_year import csv, tax_year

FIRST_YEAR, LAST_YEAR = 2009, 2200


def router() -> APIRouter:
    """Operators only may write: the guard refuses a POST of anybody else."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/journal/note")
    async def write(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        lot_id = given.get("lot", "")[:80]
        if await asyncio.to_thread(hub.ledger.closed_lot, lot_id) is None:
            raise HTTPException(404, "There is no such round trip.")
        try:
            text = " ".join(given.get("text", "").split())
            made = LotNote(
                lot_id, text, tags_of(given.get("tags", "")), principal.role.value, epoch_ms(datetime.now(UTC))
            )
            await asyncio.to_thread(LotNotes(hub.paths.notes).write, made)
        except NoteRefused as refused:
            raise HTTPException(422, str(refused)) from refused
        except NotesUnusable as error:
            raise HTTPException(503, f"The note cannot be kept: {error}.") from error
        note(hub, request, "lot_note", {"lot": lot_id, "tags": list(made.tags), "characters": len(text)})
        # Back to the list without the form that was open.
        back = local(given.get("back", "/journal")).partition("&edit=")[0].partition("?edit=")[0]
        return RedirectResponse(f"{back}#t-{lot_id}", 303)

    @routes.get("/journal/statement.csv")
    async def statement(request: Request) -> Response:
        """A year by month and by day: realised, change of what is held, fees, transfers."""
        hub, year = hub_of(request), _year(request)
        periods = await asyncio.to_thread(year_periods, hub, hub.reader.snapshot(), year)
        if periods is None:
            raise HTTPException(404, "The ledger cannot be read.")
        return _file(statement_csv.csv(periods), f"statement-{year}.csv")

    @routes.get("/journal/tax.csv")
    async def tax(request: Request) -> Response:
        """Every disposal of a year by one accounting method."""
        hub, year, method = hub_of(request), _year(request), request.query_params.get("method", "fifo")
        if method not in METHODS:
            raise HTTPException(422, f"There is no such method; there are {', '.join(METHODS)}.")
        try:
            found = await asyncio.to_thread(lambda: tax_year(ledger_trades(hub.ledger.location), year, method))
        except LedgerNotRead as error:
            raise HTTPException(404, f"The ledger cannot be read: {error}.") from error
        if not found.checked:
            raise HTTPException(500, "Two computations of these gains differ: no file is written. Please report it.")
        return _file(csv(found), f"tax-{year}-{method}.csv")

    return routes


def _year(request: Request) -> int:
    text = request.query_params.get("year", "")
    year = int(text) if text.isascii() and text.isdecimal() and len(text) == 4 else 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise HTTPException(422, "A year has four digits, such as 2026.")
    return year


def _file(text: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, 200, headers, "text/csv; charset=utf-8")
