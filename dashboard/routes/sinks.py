"""Sinks set up in the browser: an operator who signed in lately changes what `.env` says of alerts, no other line."""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import sink_forms
from dashboard.auth.roles import FRESH_S, Principal, Role
from dashboard.env_choices import take_up
from dashboard.hub import Hub
from dashboard.page_renderer import PageRenderer
from dashboard.pages.sinks import view
from dashboard.pages.sinks.page import PAGE, load
from dashboard.routes.passkeys import confirm_path, note
from dashboard.routes.tools import form, html, hub_of, who
from dashboard.sink_forms import SinkRefused
from shared import env_file, settings
from shared.alert_settings import BROWSER_SETTINGS, SET_IN_BROWSER
from shared.env_file import EnvFileRefused
from shared.settings import Settings, SettingsError

HERE = "/alerts/sinks"
_Values = Callable[[Settings], dict[str, str]]


def router(pages: PageRenderer) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    one_at_a_time = asyncio.Lock()

    async def shown(request: Request, error: str = "", opened: str = "", status: int = 200) -> Response:
        hub, principal = hub_of(request), who(request)
        s = hub.reader.snapshot()
        data = await load(hub, s, {}) | await asyncio.to_thread(_data, hub, principal)
        data |= {"error": error, "open": opened}
        return html(request, await pages.whole(PAGE, s, data, principal.role, principal.csrf, {}), status)

    async def changed(request: Request, values: _Values, what: str, facts: Mapping[str, Any], opened: str) -> Response:
        """Work out the change by the settings as they lie on the disk, write it, and note it without its values."""
        hub, principal = hub_of(request), who(request)
        if principal.kind != "session":
            raise HTTPException(403, "Sinks are set up in a browser.")
        if principal.signed_in_s > FRESH_S:
            return RedirectResponse(confirm_path(HERE), 303)
        try:
            async with one_at_a_time:
                keys = await asyncio.to_thread(_write, hub, values)
        except (SinkRefused, EnvFileRefused) as refused:
            return await shown(request, str(refused), opened, 422)
        except OSError as error:
            return await shown(request, f".env cannot be written: {error.strerror or error}.", opened, 503)
        note(hub, request, what, {**facts, "settings": keys})
        return RedirectResponse(HERE, 303)

    @routes.get(HERE, name=PAGE.key)
    async def sinks(request: Request) -> Response:
        return await shown(request)

    @routes.post(f"{HERE}/set")
    async def set_one(request: Request) -> Response:
        given = await form(request)
        kind = _kind(given)

        def values(now: Settings) -> dict[str, str]:
            return sink_forms.to_set(kind, given, now, datetime.now(UTC))

        return await changed(request, values, "sink_set", {"sink": kind.name}, kind.name)

    @routes.post(f"{HERE}/remove")
    async def remove(request: Request) -> Response:
        given = await form(request)
        kind, text = _kind(given), given.get("place", "")
        place = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
        if kind.appends and place is None:
            raise HTTPException(422, "Which of them?")
        return await changed(
            request, lambda now: sink_forms.to_remove(kind, now, place), "sink_removed",
            {"sink": kind.name if place is None else f"{kind.name}-{place}"}, "",
        )  # fmt: skip

    @routes.post(f"{HERE}/rules")
    async def rules(request: Request) -> Response:
        given = await form(request)
        return await changed(request, lambda _now: sink_forms.rules(given), "sink_rules", {}, "")

    return routes


def _kind(given: Mapping[str, str]) -> sink_forms.SinkKind:
    kind = sink_forms.BY_NAME.get(given.get("sink", ""))
    if kind is None:
        raise HTTPException(422, "There is no such sink.")
    return kind


def _write(hub: Hub, values: _Values) -> list[str]:
    """Write it; the settings that changed. Blocks. Raises SinkRefused, EnvFileRefused, OSError."""
    try:
        now = settings.load(hub.loaded.env_file).settings
    except SettingsError as error:
        raise SinkRefused(f".env cannot be used: {error.problems[0]}") from error
    wanted = values(now)
    held = next((key for key in wanted if os.environ.get(key)), None)
    if held is not None:
        raise SinkRefused(f"{held} is set in the environment of the processes, which wins over .env.")
    env_file.change(hub.loaded.env_file, wanted, BROWSER_SETTINGS, os.environ)
    take_up(hub, BROWSER_SETTINGS)
    return sorted(wanted.keys() - {SET_IN_BROWSER})


def _data(hub: Hub, principal: Principal) -> dict[str, Any]:
    fresh = principal.signed_in_s <= FRESH_S
    operator = principal.role is Role.OPERATOR and principal.kind == "session"
    try:
        found = settings.load(hub.loaded.env_file).settings
    except SettingsError as error:
        return {"broken": error.problems[0], "fresh": fresh, "may": False}
    devices, devices_problem = view.devices(hub.paths)
    rows = view.rows(found, dict(os.environ))
    return {
        "broken": "",
        "fresh": fresh,
        "may": operator and fresh,
        "operator": operator,
        "devices": devices,
        "devices_problem": devices_problem,
        "rows": rows,
        "rules": view.rules(found),
        "set_names": {row.kind.name for row in rows if row.set} | ({"push"} if devices else set()),
    }
