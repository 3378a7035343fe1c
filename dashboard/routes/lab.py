"""The Lab: its page, what it asks of COIN-LAB, and a file's way to it. Nothing is computed or parsed here."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import lab_form, lab_reader
from dashboard.lab_desk import LabDesk, new_request, now_ms
from dashboard.lab_form import LabFormRefused
from dashboard.lab_tries import tried
from dashboard.page import known_params
from dashboard.page_renderer import PageRenderer
from dashboard.pages.compare.page import PAGE as COMPARE
from dashboard.pages.compare.page import load as load_compared
from dashboard.pages.lab.form_data import form_data
from dashboard.pages.lab.page import PAGE, load
from dashboard.routes import lab_files
from dashboard.routes.passkeys import note
from dashboard.routes.tools import html, hub_of, json, who
from shared.documents.lab import LabKind, LabQuestion, LabRequest, LabTry
from shared.lab_files import is_hex_id

HERE = PAGE.path
MOST_FIELDS = 200
_JOBS = {"run": LabKind.RUN, "sweep": LabKind.SWEEP, "walk": LabKind.WALK, "check": LabKind.CHECK}
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    desk = LabDesk(pages.hub)

    async def shown(request: Request, error: str = "", status: int = 200) -> Response:
        hub, principal = hub_of(request), who(request)
        params = known_params(PAGE, request.query_params)
        s = hub.reader.snapshot()
        data = await load(hub, s, params)
        may = principal.operator and hub.loaded.settings.lab
        data |= await asyncio.to_thread(form_data, hub, data, params, may) | {"error": error}
        return html(request, await pages.whole(PAGE, s, data, principal.role, principal.csrf, params), status)

    @routes.get(HERE, name=PAGE.key)
    async def lab(request: Request) -> Response:
        return await shown(request)

    @routes.post("/lab/ask")
    async def ask(request: Request) -> Response:
        """A run to keep, a sweep, a walk-forward or a check of what the form says."""
        hub, given = hub_of(request), await _fields(request)
        kind = _JOBS.get(given.get("job", ""))
        if kind is None:
            raise HTTPException(422, "A run, a sweep, a walk-forward or a check.")
        try:
            question = lab_form.question(given, hub.loaded.settings)
            grid = [text for text in (lab_form.axis(given, 1), lab_form.axis(given, 2)) if text]
            made = new_request(
                request, kind, _title(kind, question), question=question,
                grid=grid if kind in (LabKind.SWEEP, LabKind.WALK) else [], metric=lab_form.metric(given),
                train=lab_form.length(given, "train", "60d"), test=lab_form.length(given, "test", "20d"),
            )  # fmt: skip
            if kind in (LabKind.SWEEP, LabKind.WALK) and not grid:
                raise LabFormRefused("A sweep needs at least one axis with its values.")
        except LabFormRefused as refused:
            return await shown(request, str(refused), 422)
        return await left(request, made, "")

    async def left(request: Request, made: LabRequest, place: str) -> Response:
        """Put a job, wake COIN-LAB, and go back to the page that follows it."""
        try:
            await asyncio.to_thread(desk.put, made)
        except LabFormRefused as refused:
            return await shown(request, str(refused), 422)
        except OSError as error:
            raise HTTPException(503, f"The job cannot be written: {error.strerror or error}.") from error
        note(hub_of(request), request, "lab_job", {"job": made.id, "kind": made.kind.value})
        problem = await asyncio.to_thread(desk.wake)
        if problem:
            return await shown(request, f"The job waits. {problem}", 202)
        follow = f"?job={made.id}" if made.question is not None else ""
        return RedirectResponse(f"{HERE}{follow}{place}", 303)

    _tries(routes, desk)
    routes.include_router(lab_files.router(desk, left))
    _documents(routes, pages)
    return routes


def _tries(routes: APIRouter, desk: LabDesk) -> None:
    @routes.post("/lab/wake")
    async def wake() -> Response:
        """Somebody is about to move something: the warm process is started before it is needed."""
        await asyncio.to_thread(desk.folder.show_up)  # first: it ends at once where nobody asks
        problem = await asyncio.to_thread(desk.wake)
        return json({"error": problem}, 503 if problem else 200)

    @routes.post("/lab/try")
    async def try_one(request: Request) -> Response:
        """The answer to settings that are being moved: 200 with the outcome, 202 where COIN-LAB is still starting."""
        hub, body = hub_of(request), _object(await request.body())
        given = {str(k): str(v) for k, v in body.get("form", {}).items()} if isinstance(body.get("form"), dict) else {}
        page, seq = str(body.get("page", "")), body.get("seq")
        if not is_hex_id(page) or not isinstance(seq, int):
            raise HTTPException(422, "A try has a page and a number.")
        try:
            question = lab_form.question(given, hub.loaded.settings)
        except LabFormRefused as refused:
            return json({"seq": seq, "error": str(refused)}, 422)
        asked = LabTry(page=page, seq=seq, at_ms=now_ms(), question=question)
        found = await tried(desk, asked)
        if isinstance(found, str):
            return json({"seq": seq, "wait": found}, 202)
        return json({"seq": seq, "ms": round(found.took_ms, 1), "error": found.error, "outcome": found.outcome})


def _documents(routes: APIRouter, pages: PageRenderer) -> None:
    @routes.get("/lab/compare", name=COMPARE.key)
    async def compare(request: Request) -> Response:
        """Two runs: `a` and `b`, or the two that were ticked."""
        ticked = request.query_params.getlist("run")
        if len(ticked) == 2:
            return RedirectResponse(f"/lab/compare?a={quote(ticked[0][:200])}&b={quote(ticked[1][:200])}", 303)
        hub, principal = hub_of(request), who(request)
        params, s = known_params(COMPARE, request.query_params), hub.reader.snapshot()
        data = await load_compared(hub, s, params)
        return html(request, await pages.whole(COMPARE, s, data, principal.role, principal.csrf, params))

    @routes.get("/lab/report")
    async def report(request: Request) -> Response:
        """A run's own report: one file with scripts of its own, so it runs in a sandbox without this site's rights."""
        hub, run_id = hub_of(request), request.query_params.get("id", "")
        if await asyncio.to_thread(lab_reader.kept_run, hub.paths, run_id) is None:
            raise HTTPException(404, "There is no such run.")
        path = lab_reader.runs_folder(hub.paths) / run_id / "report.html"
        try:
            text = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise HTTPException(404, "This run has no report.") from error
        return Response(text, media_type="text/html; charset=utf-8", headers={"content-security-policy": REPORT_POLICY})


def _title(kind: LabKind, question: LabQuestion) -> str:
    words = {LabKind.RUN: "", LabKind.SWEEP: "sweep of ", LabKind.WALK: "walk-forward of ", LabKind.CHECK: "check of "}
    return f"{words[kind]}{question.settings['STRATEGY']} on {', '.join(question.data)}"


async def _fields(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(422, "The body is not valid JSON.") from error
    if not isinstance(found, dict):
        raise HTTPException(422, "The body is not a JSON object.")
    return found
