"""The Settings page: its form, what a change would do, and writing or undoing one. Nothing changes by a GET."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import lab_reader, settings_backtest, settings_change, settings_form
from dashboard.auth.roles import FRESH_S, Principal
from dashboard.dispatch import CommandRefused, dispatch
from dashboard.env_choices import is_live
from dashboard.hub import Hub
from dashboard.page import known_params
from dashboard.page_renderer import PageRenderer
from dashboard.pages.settings import effect
from dashboard.pages.settings.effect import EffectView
from dashboard.pages.settings.page import PAGE, load
from dashboard.routes.passkeys import confirm_path
from dashboard.routes.tools import address, form, html, hub_of, who
from dashboard.settings_backtest import SettingsBacktest
from dashboard.settings_change import SettingsNotWritten
from dashboard.settings_form import DRAFT
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared import setting_change
from shared.command_table import Cmd
from shared.files import Unreadable, read_bytes
from shared.setting_change import FORM_SETTINGS, LONGEST, SettingRefused
from shared.settings import Loaded, SettingsError

HERE = PAGE.path
SEEN = "w."  # what the person saw in force
MOST_FIELDS = 400
MOST_COMPARED = 64
_Change = Callable[[], str]


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    compared: dict[str, tuple[dict[str, str], str]] = {}  # the newest backtest that each sign-in was shown
    _looks(routes, pages, compared)
    _writes(routes, pages, compared)
    return routes


async def _shown(
    request: Request,
    pages: PageRenderer,
    draft: Mapping[str, str],
    problems: Mapping[str, str],
    error: str = "",
    status: int = 200,
    bt: SettingsBacktest | None = None,
) -> Response:
    """The whole page, with `draft` in its fields."""
    hub, principal = hub_of(request), who(request)
    params, s = known_params(PAGE, request.query_params), hub.reader.snapshot()
    data = await load(hub, s, params)
    data |= await asyncio.to_thread(_data, hub, s, principal, draft, problems)
    q = params.get("q", "")
    data |= {"q": q, "error": error, "bt": bt, "fits": any(group.fits(q.lower()) for group in data["groups"])}
    return html(request, await pages.whole(PAGE, s, data, principal.role, principal.csrf, params), status)


def _looks(routes: APIRouter, pages: PageRenderer, compared: dict[str, tuple[dict[str, str], str]]) -> None:
    @routes.get(HERE, name=PAGE.key)
    async def page(request: Request) -> Response:
        return await _shown(request, pages, _draft(request.query_params.multi_items()), {})

    @routes.get(f"{HERE}/effect")
    async def preview(request: Request) -> Response:
        """The piece of the page that says what the form as it stands would do."""
        hub, principal = hub_of(request), who(request)
        s, draft = hub.reader.snapshot(), _draft(request.query_params.multi_items())
        found, _ = await asyncio.to_thread(_found, hub)
        p = await asyncio.to_thread(_effect, hub, found, s, principal, draft)
        return html(request, pages.simple("pages/settings/preview.html", p=p, bt=None, csrf=principal.csrf, s=s))

    @routes.post(f"{HERE}/backtest")
    async def compare(request: Request) -> Response:
        """The past with the old and the new values: the piece for the page's script, else the whole page."""
        hub, principal, given = hub_of(request), who(request), await _fields(request)
        if not principal.operator or principal.kind != "session":
            raise HTTPException(403, "A backtest is asked for by an operator, in a browser.")
        s, draft = hub.reader.snapshot(), _draft(list(given.items()))
        found, _ = await asyncio.to_thread(_found, hub)
        p = await asyncio.to_thread(_effect, hub, found, s, principal, draft)
        bt = SettingsBacktest(error="What is typed does not hold.")
        if not p.problems:
            made = await asyncio.to_thread(setting_change.effect, found, draft)
            bt = await settings_backtest.backtest(hub, s, await lab_reader.look(hub), made, given.get("data", "")[:80])
        if bt.rests_on:
            compared[principal.key] = (draft, bt.rests_on)
            while len(compared) > MOST_COMPARED:
                del compared[next(iter(compared))]
        if request.headers.get("hx-request") is None:
            return await _shown(request, pages, draft, {}, bt=bt)
        return html(request, pages.simple("pages/settings/backtest.html", p=p, bt=bt, csrf=principal.csrf, s=s))


def _writes(routes: APIRouter, pages: PageRenderer, compared: Mapping[str, tuple[dict[str, str], str]]) -> None:
    one_at_a_time = asyncio.Lock()

    async def changed(request: Request, change: _Change, back: str, draft: Mapping[str, str]) -> Response:
        hub, principal = hub_of(request), who(request)
        if principal.kind != "session":
            raise HTTPException(403, "Settings are changed in a browser, or in .env.")
        found, _ = await asyncio.to_thread(_found, hub)
        if principal.signed_in_s > FRESH_S and is_live(found, hub.reader.snapshot()):
            return RedirectResponse(confirm_path(back), 303)
        try:
            async with one_at_a_time:
                how = await asyncio.to_thread(change)
        except SettingRefused as refused:
            error = "Not written, the old values hold."
            return await _shown(request, pages, draft, refused.problems, error, 422)
        except SettingsNotWritten as failed:
            return await _shown(request, pages, draft, {}, f"Not written, the old values hold. {failed}", 409)
        if how == "reload":
            with contextlib.suppress(
                CommandRefused
            ):  # it is written, and the receipt says that the bot has not read it
                await dispatch(hub, principal, address(request), Cmd.RELOAD, {})
        return RedirectResponse(f"{HERE}#se-receipt", 303)

    @routes.post(f"{HERE}/apply")
    async def apply(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await _fields(request)
        sent = {key.removeprefix(DRAFT): text for key, text in given.items() if key.startswith(DRAFT)}
        was = {key.removeprefix(SEEN): text for key, text in given.items() if key.startswith(SEEN)}
        if not sent:
            raise HTTPException(422, "Which settings?")
        draft = {key: text for key, text in sent.items() if key in FORM_SETTINGS}
        back = f"{HERE}?{urlencode({DRAFT + key: text for key, text in draft.items()})}"
        of, text = compared.get(principal.key, ({}, ""))
        rests_on = text if of == draft else ""

        def change() -> str:
            s = hub.reader.snapshot()
            return settings_change.apply(hub, s, principal, address(request), sent, was, rests_on)

        return await changed(request, change, back, draft)

    @routes.post(f"{HERE}/undo")
    async def undo(request: Request) -> Response:
        hub, principal, given = hub_of(request), who(request), await form(request)
        named = given.get("undo", "")[:40]

        def change() -> str:
            return settings_change.undo(hub, hub.reader.snapshot(), principal, address(request), named)

        return await changed(request, change, HERE, {})


def _draft(items: list[tuple[str, str]]) -> dict[str, str]:
    """What stands in the form, of the settings that it has."""
    named = ((key.removeprefix(DRAFT), text) for key, text in items[:MOST_FIELDS] if key.startswith(DRAFT))
    return {key: text.strip()[: LONGEST + 1] for key, text in named if key in FORM_SETTINGS}


async def _fields(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))


def _found(hub: Hub) -> tuple[Loaded, str]:
    """(the settings on the disk, or as the dashboard read them at its start; why they are not those of the disk)."""
    try:
        return settings_change.disk(hub), ""
    except SettingsError as error:
        return hub.loaded, f"{error.problems[0]}."


def _effect(hub: Hub, found: Loaded, s: Snapshot, principal: Principal, draft: Mapping[str, str]) -> EffectView:
    try:
        made = setting_change.effect(found, draft)
    except SettingRefused as refused:
        return EffectView(problems={key: f.clean(text) for key, text in refused.problems.items()})
    except (OSError, UnicodeDecodeError) as error:
        return EffectView(problems={"": f"It cannot be worked out: {error}."})
    wants = principal.signed_in_s > FRESH_S and is_live(found, s)
    back = f"{HERE}?{urlencode({DRAFT + edit.key: edit.written for edit in made.edits})}"
    may = principal.operator and principal.kind == "session"
    how = settings_change.how(hub, s, found, made)
    sets = settings_backtest.sets_of(lab_reader.read(hub.paths), found.settings.products) if made.edits else ()
    return effect.shown(
        made, how, s, _permission(hub), sets, may=may, confirm=confirm_path(back) if wants and may else ""
    )


def _permission(hub: Hub) -> bytes | None:
    try:
        return read_bytes(hub.paths.live_permission, trusted=True)
    except (OSError, Unreadable):
        return None


def _data(
    hub: Hub, s: Snapshot, principal: Principal, draft: Mapping[str, str], problems: Mapping[str, str]
) -> dict[str, Any]:
    """The form as this sign-in may use it. Blocks."""
    found, broken = _found(hub)
    may = principal.operator and principal.kind == "session" and not broken
    p = _effect(hub, found, s, principal, draft) if draft and not problems else EffectView(problems=problems)
    adjusted = s.state.risk.adjusted if s.state and s.state.risk else []
    told = {one.key: (f.clean(one.value), "fees") for one in adjusted}
    groups = settings_form.groups(found, draft, p.problems, told, writes=may)
    every = [field for group in groups for field in group.fields]
    return {
        "groups": groups,
        "p": p,
        "total": len(every),
        "changed": sum(field.changed for field in every),
        "dirty": sum(field.dirty for field in every),
        "may": may,
        "broken": f.clean(broken),
        "data_dir": str(hub.paths.root),
    }
