"""Alerts on a phone: the list of devices, the app's manifest, and the script that shows what arrives."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from dashboard import push_keys
from dashboard.assets import STATIC
from dashboard.auth.roles import FRESH_S, Principal
from dashboard.hub import Hub
from dashboard.routes.passkeys import confirm_path, note
from dashboard.routes.tools import form, hub_of, json, who
from dashboard.views.format import clean
from shared import alert_requests, push_devices
from shared.alert_requests import AlertAsk, AlertRequest
from shared.files import Unreadable
from shared.push_devices import PushDevice
from shared.times import epoch_ms

HERE = "/alerts/sinks"
ICONS = {"180": "icon-180.png", "192": "icon-192.png", "512": "icon-512.png", "maskable": "icon-maskable.png"}
# A new version must be seen at once: a script that shows alerts must not be an old one.
_FRESH = {"cache-control": "no-cache"}


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    _app(routes)
    _devices(routes)
    return routes


def _app(routes: APIRouter) -> None:
    """What a browser asks for without a sign-in: it tells nothing of this bot."""

    @routes.get("/manifest.webmanifest")
    async def manifest() -> Response:
        sizes = {"192": "192x192", "512": "512x512", "maskable": "512x512"}
        icons = [
            {"src": f"/icons/{name}.png", "sizes": size, "type": "image/png",
             "purpose": "maskable" if name == "maskable" else "any"}
            for name, size in sizes.items()
        ]  # fmt: skip
        body = {
            "id": "/", "name": "COIN", "short_name": "COIN", "start_url": "/", "scope": "/", "display": "standalone",
            "background_color": "#0b0d10", "theme_color": "#0b0d10", "icons": icons,
        }  # fmt: skip
        return Response(orjson.dumps(body), media_type="application/manifest+json", headers=_FRESH)

    @routes.get("/icons/{name}.png")
    async def icon(name: str) -> Response:
        if name not in ICONS:
            raise HTTPException(404, "There is no such file.")
        return Response((STATIC / ICONS[name]).read_bytes(), media_type="image/png", headers=_FRESH)

    @routes.get("/sw.js")
    async def worker() -> Response:
        body = (STATIC / "sw.js").read_bytes()
        return Response(body, media_type="text/javascript; charset=utf-8", headers=_FRESH)


def _devices(routes: APIRouter) -> None:
    @routes.post("/alerts/push/key")
    async def key(request: Request) -> Response:
        """The key that a browser subscribes with; made where there is none, so it is no GET."""
        _operator(who(request))
        try:
            return json({"key": await asyncio.to_thread(push_keys.public_key, hub_of(request).paths)})
        except (OSError, ValueError) as error:
            raise HTTPException(503, f"The key for push cannot be made: {error}.") from error

    @routes.post("/alerts/push")
    async def subscribe(request: Request) -> Response:
        hub, principal = hub_of(request), _operator(who(request))
        if principal.signed_in_s > FRESH_S:
            return json({"error": "Confirm your sign-in first.", "confirm": confirm_path(HERE)}, 409)
        device = _device(hub, principal, request, await _object(request))
        await _kept(push_devices.add, hub.paths, device)
        note(hub, request, "push_added", {"id": device.id, "name": device.name})
        test = AlertRequest(ask=AlertAsk.TEST, at_ms=device.added_ms, by=principal.role.value, name=f"push-{device.id}")
        await _kept(alert_requests.put, hub.paths, test)
        return json({"id": device.id})

    @routes.post("/alerts/push/off")
    async def unsubscribe(request: Request) -> Response:
        """The device that asks, by the address that only it knows."""
        hub, endpoint = hub_of(request), (await _object(request)).get("endpoint")
        _operator(who(request))
        devices = await _kept(push_devices.read, hub.paths)
        found = next((one for one in devices if secrets.compare_digest(one.endpoint, str(endpoint))), None)
        if found is not None:
            await _kept(push_devices.remove, hub.paths, found.id)
            note(hub, request, "push_removed", {"id": found.id, "name": found.name})
        return json({"removed": found is not None})

    @routes.post("/alerts/push/remove")
    async def remove(request: Request) -> Response:
        hub, wanted = hub_of(request), (await form(request)).get("id", "")
        _operator(who(request))
        gone = await _kept(push_devices.remove, hub.paths, wanted)
        if gone is not None:
            note(hub, request, "push_removed", {"id": gone.id, "name": gone.name})
        return RedirectResponse(HERE, 303)


def _operator(principal: Principal) -> Principal:
    if principal.kind != "session" or not principal.operator:
        raise HTTPException(403, "Devices are added by an operator, in a browser.")
    return principal


def _device(hub: Hub, principal: Principal, request: Request, given: dict[str, Any]) -> PushDevice:
    """Raises HTTPException where it is no subscription that may be used."""
    values = {name: str(given.get(name, "")) for name in ("endpoint", "p256dh", "auth")}
    wrong = push_devices.problem(**values, more_hosts=hub.loaded.settings.alert_push_hosts)
    if wrong is not None:
        raise HTTPException(422, f"This device cannot be added: {wrong}.")
    name = clean(str(given.get("name", ""))).strip()[:40] or _browser(request.headers.get("user-agent", ""))
    origin = request.headers.get("origin", "")
    if urlsplit(origin).scheme not in ("http", "https"):
        raise HTTPException(422, "This device cannot be added: it does not say where it is.")
    return PushDevice(
        id=secrets.token_hex(4), name=name, origin=origin, by=principal.role.value,
        added_ms=epoch_ms(datetime.now(UTC)),
        **values,
    )  # fmt: skip


def _browser(agent: str) -> str:
    """Such as "Chrome, Android"."""
    names = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    name = next((shown for word, shown in names if word in agent), "Browser")
    return ", ".join(filter(None, (name, next((word for word in systems if word in agent), ""))))


async def _kept(what: Any, *values: Any) -> Any:
    """In a thread. Raises HTTPException where it cannot be kept."""
    try:
        return await asyncio.to_thread(what, *values)
    except ValueError as error:
        raise HTTPException(422, f"{error}.") from error
    except (Unreadable, OSError) as error:
        raise HTTPException(503, f"The list of devices cannot be used: {error}.") from error


async def _object(request: Request) -> dict[str, Any]:
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise HTTPException(422, "The body is not valid JSON.") from error
    if not isinstance(found, dict):
        raise HTTPException(422, "The body is not a JSON object.")
    return found
