"""Commands from a browser's form. Programs use POST /api/commands."""

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import process
from dashboard.dispatch import CommandRefused, dispatch
from dashboard.page_renderer import PageRenderer
from dashboard.routes.pages import local
from dashboard.routes.tools import address, html, hub_of, who
from dashboard.views.format import words
from shared.command_table import COMMANDS
from shared.control import command_of

_ARGS = frozenset(name for rule in COMMANDS.values() for name in rule.takes)


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.post("/commands")
    async def send(request: Request) -> Response:
        """One command. A script gets an empty piece or the reason; a plain form goes back to its page."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=20))
        cmd = form.get("cmd", "")
        known = command_of(cmd)
        wanted = COMMANDS[known].takes if known is not None else ()
        args = {k: v for k, v in form.items() if k in _ARGS and k in wanted}
        piece = request.headers.get("hx-request") is not None
        back, said = local(form.get("back", "/")), ""
        try:
            if cmd in process.WORDS:
                await process.act(hub_of(request), who(request), address(request), cmd)
            else:
                sent = await dispatch(
                    hub_of(request), who(request), address(request), cmd, args,
                    confirm=form.get("confirm", ""), held=form.get("how") == "held",
                )  # fmt: skip
                said = sent.text if sent.failed else ""
        except CommandRefused as refused:
            if piece:
                return html(
                    request,
                    pages.simple(
                        "parts/flash.html", text=str(refused), heading="Not sent",
                        confirm=back if refused.confirm else "",
                    ),
                    refused.status,
                )  # fmt: skip
            text = pages.simple(
                "refused.html", title="Not sent", heading="Not sent", text=str(refused), status=0,
                confirm=back if refused.confirm else "",
            )  # fmt: skip
            return html(request, text, refused.status)
        if said and piece:
            return html(request, pages.simple("parts/flash.html", text=f"{words(said)}.", heading="Killed"), 202)
        if said:
            text = pages.simple("refused.html", title="Killed", heading="Killed", text=f"{words(said)}.", status=0)
            return html(request, text, 202)
        return html(request, "") if piece else RedirectResponse(back, 303)

    return routes
