"""The pages, their live parts for those without a stream, and what a button asks before it acts."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.auth.roles import Principal
from dashboard.confirmation import Confirmation, confirmation_for
from dashboard.lot_dialogs import HAND, lot_dialog
from dashboard.page import Page, known_params
from dashboard.page_renderer import PageRenderer
from dashboard.render import fill_age, partial
from dashboard.routes.tools import html, hub_of, packed, who
from dashboard.stream import Broadcaster
from dashboard.views.snapshot import Snapshot
from shared.control import command_of

YEAR_S = 365 * 86_400


def router(pages: PageRenderer, broadcaster: Broadcaster) -> APIRouter:
    """Routes of every page in the catalogue."""
    routes = APIRouter(include_in_schema=False)

    def shown(page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            hub, principal = hub_of(request), who(request)
            s = hub.reader.snapshot()
            asked, cookie = known_params(page, request.query_params), f"{hub.site.cookie}-{page.key}"
            kept = dict(parse_qsl(request.cookies.get(cookie, "")[:400])) if page.kept else {}
            params = page.settle(hub, s, asked, {k: v for k, v in kept.items() if k in page.kept})
            data = await page.load(hub, s, params)
            text = await pages.whole(page, s, data, principal.role, principal.csrf, params)
            answer = html(request, text, data.get("status", 200))
            if page.kept and asked and answer.status_code == 200:
                chosen = urlencode({k: params[k] for k in page.kept if k in params})
                answer.set_cookie(cookie, chosen, path=page.path, max_age=YEAR_S, httponly=True, samesite="strict",
                                  secure=hub.site.secure)  # fmt: skip
            return answer

        return show

    for page in pages.all:
        if page.own_route:
            continue
        routes.add_api_route(page.path, shown(page), methods=["GET"], name=page.key)

    @routes.get("/live")
    async def live(request: Request) -> Response:
        """Every part of a page once: what the stream would send to somebody who connects."""
        page = _page(pages, request)
        drawn, s = await broadcaster.draw(page, who(request).role, known_params(page, request.query_params))
        text = fill_age("".join(partial(k, v) for k, v in drawn.items()), s)
        return packed(request, text.encode(), "text/html; charset=utf-8")

    @routes.get("/ask")
    async def ask(request: Request) -> Response:
        """The dialog of one command: as a piece for the dialog, or as a page where there is no script."""
        hub, principal = hub_of(request), who(request)
        s = hub.reader.snapshot()
        found = _dialog(request, s, principal)
        if found is None:
            raise HTTPException(404, "There is no such command.")
        back = local(request.query_params.get("back", "/"))
        piece = request.headers.get("hx-request") is not None
        template = "parts/confirmation.html" if piece else "confirmation.html"
        again = f"/ask?{urlencode({'ask': request.query_params.get('ask', ''), 'back': back})}"
        text = pages.simple(template, ask=found, csrf=principal.csrf, back=back, again=again, title=found.heading, s=s)
        return html(request, fill_age(text, s))

    return routes


def _dialog(request: Request, s: Snapshot, principal: Principal) -> Confirmation | None:
    """An action on a lot is asked about with its price or size; every other command is its name and target."""
    asked, given = request.query_params.get("ask", ""), request.query_params
    word, _, target = asked.partition(":")
    cmd = command_of(word)
    if cmd in HAND:
        return lot_dialog(s, cmd, target, principal, given.get("value", ""), at_a_loss=given.get("at_a_loss") == "yes")
    return confirmation_for(s, asked, principal)


def _page(pages: PageRenderer, request: Request) -> Page:
    page = pages.by_key.get(request.query_params.get("page", ""))
    if page is None:
        raise HTTPException(404, "There is no such page.")
    return page


def local(path: str) -> str:
    """A path on this site; anything else becomes the Overview, so that no link leads elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"
