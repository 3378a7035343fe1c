"""The application: everything made once and put together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dashboard.assets import Assets
from dashboard.auth.audit import AuditLog, Failures
from dashboard.auth.ceremonies import Ceremonies
from dashboard.auth.foreign import ForeignUse
from dashboard.auth.guard import RequestGuard
from dashboard.auth.origin import site
from dashboard.auth.passkeys import Passkeys
from dashboard.auth.password import Password
from dashboard.auth.peer import HERE, Peers
from dashboard.auth.secrets_store import private_folder
from dashboard.auth.sessions import Sessions
from dashboard.auth.tokens import Tokens
from dashboard.auth.watch import Watch
from dashboard.cache import Cache
from dashboard.door import Door
from dashboard.hub import Hub
from dashboard.page_renderer import PageRenderer, refusal
from dashboard.pages.registry import PAGES
from dashboard.queries import LedgerQueries, MarketQueries
from dashboard.routes import (
    access,
    alerts,
    api,
    auth,
    candles,
    commands,
    docs,
    exports,
    journal,
    lab,
    lots,
    metrics,
    palette,
    passkeys,
    push,
    settings,
    sinks,
    static,
    strategy,
    stream,
)
from dashboard.routes import pages as page_routes
from dashboard.state_reader import StateReader
from dashboard.stream import Broadcaster
from shared.build import VERSION, build_id
from shared.ledger.location import ledger_location
from shared.paths import DataPaths
from shared.pm2 import Pm2Client
from shared.settings import Loaded

log = logging.getLogger(__name__)


def create_app(
    loaded: Loaded,
    paths: DataPaths,
    pm2: Pm2Client | None = None,
    modules: Path | None = None,
    door: Door | None = None,
) -> FastAPI:
    """The dashboard of one bot. Makes its own folder; raises OSError where that cannot be.

    `door` is where the server's connections come in.
    """
    private_folder(paths.dashboard)
    password, keys = Password(loaded), Passkeys(paths.dashboard)
    audit = AuditLog(paths.audit)
    assets = Assets() if modules is None else Assets(modules)
    hub = Hub(
        loaded=loaded,
        paths=paths,
        reader=StateReader(loaded, paths, pm2),
        ledger=LedgerQueries(replace(ledger_location(loaded.settings), path=paths.ledger)),
        market=MarketQueries(paths.market_db),
        cache=Cache(),
        assets=assets,
        site=site(loaded.settings),
        sessions=Sessions(paths.dashboard, password.fingerprint),
        tokens=Tokens(paths.dashboard),
        password=password,
        passkeys=keys,
        ceremonies=Ceremonies(keys),
        audit=audit,
        foreign=ForeignUse(audit),
        failures=Failures(audit),
        door=door or Door(Peers()),
        build=build_id(),
    )
    for user in hub.sessions.users():
        if user.startswith(HERE):  # who signed in before a restart keeps a share of the connections
            hub.door.know(user)
    pages = PageRenderer(hub, PAGES)
    broadcaster = Broadcaster(hub, pages)
    watch = Watch(hub, broadcaster.wake)

    @contextlib.asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(run()) for run in (hub.reader.run, broadcaster.run, watch.run)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="COIN",
        version=VERSION,
        description="Status, trading data and commands of the bot. Programs use a bearer token: ./coin token.",
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.hub = hub
    app.state.pages = pages
    app.state.broadcaster = broadcaster
    app.state.watch = watch
    app.include_router(api.router())  # first: routes are tried in order, and machines ask these most
    app.include_router(lots.router())
    app.include_router(page_routes.router(pages, broadcaster))
    app.include_router(commands.router(pages))
    app.include_router(auth.router(pages))
    app.include_router(access.router(pages, broadcaster))
    app.include_router(alerts.router())
    app.include_router(candles.router())
    app.include_router(sinks.router(pages))
    app.include_router(settings.router(pages))
    app.include_router(strategy.router(pages))
    app.include_router(lab.router(pages))
    app.include_router(push.router())
    app.include_router(passkeys.router(pages, broadcaster))
    app.include_router(static.router())
    app.include_router(stream.router(pages, broadcaster))
    app.include_router(metrics.router(broadcaster))
    app.include_router(docs.router(pages))
    app.include_router(palette.router(pages))
    app.include_router(exports.router())
    app.include_router(journal.router())
    _say_errors(app, pages)

    def refuse(status: int, text: str, page: bool) -> tuple[str, bytes]:
        return refusal(pages.env, status, text, page=page)

    app.add_middleware(
        RequestGuard,
        site=hub.site,
        sessions=hub.sessions,
        tokens=hub.tokens,
        public_assets=assets.public_urls,
        refusal=refuse,
        foreign=hub.foreign,
        bearers=hub.bearers,
    )
    return app


def _say_errors(app: FastAPI, pages: PageRenderer) -> None:
    """Errors as a page or as JSON: a sentence, never an echo of the request, a path or a traceback."""

    def answer(request: Request, status: int, text: str) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
        kind, body = refusal(pages.env, status, text, page=wants_page)
        return Response(body, status, media_type=kind)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        texts = {404: "There is no such page.", 405: "This method is not allowed here."}
        text = error.detail if error.detail and error.detail not in ("Not Found", "Method Not Allowed") else None
        answered = answer(request, error.status_code, text or texts.get(error.status_code, "The request failed."))
        for key, value in (error.headers or {}).items():
            answered.headers[key] = value
        return answered

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        where = "; ".join(f"{'.'.join(str(p) for p in e['loc'][:4])}: {e['msg']}" for e in error.errors()[:5])
        return answer(request, 422, f"Invalid request: {where}"[:500])
