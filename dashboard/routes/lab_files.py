"""A file's way into the Lab: dropped in pieces, looked at, imported or refused; and candles that are downloaded."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.lab_desk import NAME_CHARS, LabDesk, new_request
from dashboard.lab_form import LabFormRefused
from dashboard.pages.lab.page import PAGE
from dashboard.routes.passkeys import note
from dashboard.routes.tools import form, hub_of, json
from shared.documents.lab import LabFile, LabKind, LabRequest
from shared.lab_files import LabJob, is_hex_id

DATA = f"{PAGE.path}#h-data"
Left = Callable[[Request, LabRequest, str], Awaitable[Response]]
_VERBS = ("stop", "refuse", "import", "import-drop", "import-keep", "product")


def router(desk: LabDesk, left: Left) -> APIRouter:
    """`left`: puts a job, wakes COIN-LAB and answers with the page that follows it."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/lab/upload")
    async def upload(size: int) -> Response:
        try:
            return json({"id": await asyncio.to_thread(desk.start_upload, size)})
        except LabFormRefused as refused:
            return json({"error": str(refused)}, 413)

    @routes.post("/lab/upload/{upload_id}")
    async def piece(request: Request, upload_id: str, at: int) -> Response:
        if not is_hex_id(upload_id):
            raise HTTPException(404, "There is no such file.")
        try:
            return json({"at": await asyncio.to_thread(desk.append, upload_id, at, await request.body())})
        except LabFormRefused as refused:
            return json({"error": str(refused)}, 409)
        except OSError as error:
            return json({"error": f"It cannot be written: {error.strerror or error}."}, 507)

    @routes.post("/lab/look")
    async def look(request: Request) -> Response:
        given = await form(request)
        if not is_hex_id(given.get("upload", "")):
            raise HTTPException(422, "Which file?")
        name = _file_name(given.get("name", ""))
        made = new_request(request, LabKind.LOOK, name, file=LabFile(upload=given["upload"], shown_name=name))
        return await left(request, made, "#h-data")

    @routes.post("/lab/download")
    async def download(request: Request) -> Response:
        given = await form(request)
        product, venue = given.get("product", "").strip().upper()[:21], given.get("venue", "")
        file = LabFile(
            product=product, granularity=given.get("granularity", "1m")[:4], since=given.get("since", "")[:10],
            until=given.get("until", "")[:10], venue="sim" if venue == "sim" else "coinbase",
        )  # fmt: skip
        title = f"{product} {file.granularity} from {'COIN-SIM' if venue == 'sim' else 'Coinbase'}"
        return await left(request, new_request(request, LabKind.DOWNLOAD, title, file=file), "#h-data")

    @routes.post("/lab/act")
    async def act(request: Request) -> Response:
        """A button of the tables: stop a job; refuse, import or look again at a dropped file."""
        given = await form(request)
        verb = next(
            (k for k in ("stop", "refuse", "import", "import-drop", "import-keep", "product") if k in given), ""
        )
        job = await asyncio.to_thread(desk.folder.job, given.get(verb, ""))
        if job is None:
            raise HTTPException(404, "There is no such job.")
        if verb == "stop":
            return await stop_job(desk, job.request.id, request)
        if job.request.file is None or not job.state.over:
            raise HTTPException(409, "Not possible now.")
        if verb == "refuse":
            await asyncio.to_thread(desk.refuse, job)
            note(hub_of(request), request, "lab_file_refused", {"job": job.request.id})
            return RedirectResponse(DATA, 303)
        return await left(request, _again(request, job, verb, given), "#h-data")

    return routes


def _again(request: Request, job: LabJob, verb: str, given: Mapping[str, str]) -> LabRequest:
    """The file of a look: imported, or looked at again as a product that a person named."""
    file = job.request.file
    assert file is not None
    product = given.get(f"product-{job.request.id}", "").strip().upper()[:21] or file.product
    outliers = verb.removeprefix("import-") if verb.startswith("import-") else file.outliers
    known = LabFile(upload=file.upload, shown_name=file.shown_name, product=product, outliers=outliers)
    return new_request(request, LabKind.LOOK if verb == "product" else LabKind.IMPORT, job.request.title, file=known)


def _file_name(text: str) -> str:
    """A file's own name, shown and read for a product: its last part, printable."""
    last = text.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[-NAME_CHARS:] or "file"


async def stop_job(desk: LabDesk, job_id: str, request: Request) -> Response:
    job = await asyncio.to_thread(desk.folder.job, job_id)
    if job is None:
        raise HTTPException(404, "There is no such job.")
    if not job.state.over:
        await asyncio.to_thread(desk.folder.stop, job_id)
        note(hub_of(request), request, "lab_stop", {"job": job_id})
    follow = f"?job={quote(job_id)}" if job.request.question is not None else ""
    return RedirectResponse(f"{PAGE.path}{follow}", 303)
