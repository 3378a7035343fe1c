"""Requests to COIN-SIM and their answers, as bytes: lost before or after their effect, or much too late."""

from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import BaseAdapter

from simtest import malformed
from simtest.http_response import http_response
from simtest.list_faults import ListFaults
from simtest.network_link import NetworkLink
from simtest.virtual_loop import Crash

API = "/api/v3/brokerage"
TOO_MANY = b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}'
FORBIDDEN = 403  # the key lacks the right
ODD = (404, 408, 409, 425, 499)  # answered by a proxy, after the exchange carried it out


class VirtualAdapter(BaseAdapter):
    """A transport adapter of `requests` that stands for the network and the exchange behind it."""

    def __init__(self, link: NetworkLink) -> None:
        super().__init__()
        self._link, self._lists = link, ListFaults(link)

    def close(self) -> None:
        pass

    def send(self, request: Any, *_args: Any, **_kwargs: Any) -> requests.Response:
        link, faults = self._link, self._link.faults
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        where = f"{request.method} {parts.path.removeprefix(API)}"
        posted = link.truth.posted(where, body, link.sent_us, link.loop.now_us, link.life)
        with faults.about(where, lambda: link.states_of(_named(where, body))):
            return self._sent(request, where, target, body, posted)

    def _sent(
        self, request: Any, where: str, target: str, body: bytes, posted: dict[str, Any] | None
    ) -> requests.Response:
        faults = self._link.faults
        if faults.strike("crash_at_send", where) and self._random_side(where):
            raise Crash("before send")
        self._before(where, request, target, body, posted)
        response = self._effect(request, target, body, posted)
        if faults.strike("crash_at_send", where):
            raise Crash("after send")
        return self._after(where, request, response, posted)

    def _random_side(self, where: str) -> bool:
        found = self._link.faults.open("crash_at_send", where)
        return found is not None and found[1].random() < 0.5

    def _before(self, where: str, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        """Faults before a request reaches the exchange."""
        link, faults = self._link, self._link.faults
        if faults.strike("refused", where):
            raise requests.exceptions.ConnectionError("NewConnectionError: [Errno 111] Connection refused")
        if lost := faults.strike("lost_before", where):
            link.extra_us = round(lost[0].arg * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")
        if ghost := faults.strike("ghost", where):
            # Stuck in a queue on the way: it takes effect long after the sender gave up.
            late_us = round(ghost[1].uniform(0.5, ghost[0].arg) * 1e6)
            link.loop.event_queue.at(link.loop.now_us + late_us, lambda: self._ghost(request, target, body, posted))
            link.extra_us = round(ghost[1].uniform(1, 12) * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")

    def _ghost(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        self._effect(request, target, body, posted)

    def _effect(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> requests.Response:
        """Let the exchange carry out the request."""
        link = self._link
        where = f"{request.method} {target.partition('?')[0].removeprefix(API)}"
        if link.faults.strike("throttle", where):
            return http_response(request, 429, TOO_MANY)
        if link.faults.strike("unauthorized", where):
            return http_response(request, 401, b"Unauthorized\n")
        for kind in ("status_before", "lookups_fail"):
            if broken := link.faults.strike(kind, where):
                return http_response(request, int(broken[0].arg), b"<html>upstream</html>")
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = link.venue.request(request.method, target, headers, body)
        status, data = delivery.response.status, delivery.response.body
        link.venue.note(f"{request.method} {target}", body)
        link.venue.note(str(status), data)
        if status == FORBIDDEN:
            link.faults.count("forbidden", where)
        link.truth.answered(posted, status, data, link.loop.now_us)
        return http_response(request, status, data)

    def _after(
        self, where: str, request: Any, response: requests.Response, posted: dict[str, Any] | None
    ) -> requests.Response:
        """Faults after the exchange carried the request out."""
        del posted
        link, faults = self._link, self._link.faults
        if late := faults.strike("late", where):
            link.extra_us += round(late[1].uniform(0.2, late[0].arg) * 1e6)
        if lost := faults.strike("lost_after", where):
            link.extra_us += round(lost[0].arg * 1e6)
            word = "Connection aborted: RemoteDisconnected" if lost[1].random() < 0.5 else "ProtocolError"
            raise requests.exceptions.ConnectionError(word)
        if odd := faults.strike("odd_status", where):
            return http_response(request, ODD[round(odd[1].uniform(0, len(ODD) - 1))], b"<html>a proxy's page</html>")
        if broken := faults.strike("status_after", where):
            return http_response(request, int(broken[0].arg), b"<html>bad gateway</html>")
        if response.status_code == 200:
            self._lists.apply(where, request.url, response)
            if found := faults.strike("mangle", where):
                data = malformed.corrupt(response.content, int(found[0].arg + found[1].randrange(10)) % 10)
                return http_response(request, 200, data)
            if where.startswith("GET /orders/historical/") and ("order_status=" in request.url or "batch" not in where):
                link.told = response.content
        return response


def _named(where: str, body: bytes) -> list[str]:
    """The ids, ours or the exchange's, of the orders that a request is about; none for a list."""
    if where == "POST /orders":
        return [str(orjson.loads(body).get("client_order_id"))]
    if where == "POST /orders/batch_cancel":
        return [str(order_id) for order_id in orjson.loads(body).get("order_ids") or ()]
    path = where.split("/")
    return [path[-1]] if where.startswith("GET /orders/historical/") and path[-1] not in ("batch", "fills") else []
