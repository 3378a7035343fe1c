"""A request's way to COIN-SIM and back, as bytes: it can be lost before its effect, after it, or be much too late."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from simtest import malformed
from simtest.http_response import answer
from simtest.list_faults import ListFaults
from simtest.network_link import NetworkLink
from simtest.virtual_loop import Crash

API = "/api/v3/brokerage"
ODD = (404, 408, 409, 425, 499)  # said by a proxy on the way, after the exchange did it


class VirtualAdapter(BaseAdapter):
    """A transport adapter of `requests` that is the network and the exchange behind it."""

    def __init__(self, wire: NetworkLink) -> None:
        super().__init__()
        self._wire, self._lists = wire, ListFaults(wire)

    def close(self) -> None:
        pass

    def send(self, request: Any, *_args: Any, **_kwargs: Any) -> requests.Response:
        wire, faults = self._wire, self._wire.faults
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        where = f"{request.method} {parts.path.removeprefix(API)}"
        posted = wire.truth.posted(where, body, wire.sent_us, wire.loop.now_us, wire.life)
        if faults.strike("crash_at_send", where) and self._random_side(where):
            raise Crash("before send")
        self._before(where, request, target, body, posted)
        response = self._effect(request, target, body, posted)
        if faults.strike("crash_at_send", where):
            raise Crash("after send")
        return self._after(where, request, response, posted)

    def _random_side(self, where: str) -> bool:
        found = self._wire.faults.open("crash_at_send", where)
        return found is not None and found[1].random() < 0.5

    def _before(self, where: str, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        """What stops a request on its way."""
        wire, faults = self._wire, self._wire.faults
        if faults.strike("refused", where):
            raise requests.exceptions.ConnectionError("NewConnectionError: [Errno 111] Connection refused")
        if lost := faults.strike("lost_before", where):
            wire.extra_us = round(lost[0].arg * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")
        if ghost := faults.strike("ghost", where):
            # Stuck in a queue on the way: it takes effect long after the sender gave up.
            late_us = round(ghost[1].uniform(0.5, ghost[0].arg) * 1e6)
            wire.loop.event_queue.at(wire.loop.now_us + late_us, lambda: self._ghost(request, target, body, posted))
            wire.extra_us = round(ghost[1].uniform(1, 12) * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")

    def _ghost(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        self._effect(request, target, body, posted)

    def _effect(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> requests.Response:
        """The exchange does it."""
        wire = self._wire
        where = f"{request.method} {target.partition('?')[0].removeprefix(API)}"
        if wire.faults.strike("throttle", where):
            return answer(request, 429, b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}')
        if wire.faults.strike("unauthorized", where):
            return answer(request, 401, b"Unauthorized\n")
        for kind in ("status_before", "lookups_fail"):
            if broken := wire.faults.strike(kind, where):
                return answer(request, int(broken[0].arg), b"<html>upstream</html>")
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = wire.venue.request(request.method, target, headers, body)
        status, data = delivery.response.status, delivery.response.body
        wire.venue.note(f"{request.method} {target}", body)
        wire.venue.note(str(status), data)
        wire.truth.answered(posted, status, data, wire.loop.now_us)
        return answer(request, status, data)

    def _after(
        self, where: str, request: Any, response: requests.Response, posted: dict[str, Any] | None
    ) -> requests.Response:
        """What happens to an answer on its way back."""
        del posted
        wire, faults = self._wire, self._wire.faults
        if late := faults.strike("late", where):
            wire.extra_us += round(late[1].uniform(0.2, late[0].arg) * 1e6)
        if lost := faults.strike("lost_after", where):
            wire.extra_us += round(lost[0].arg * 1e6)
            word = "Connection aborted: RemoteDisconnected" if lost[1].random() < 0.5 else "ProtocolError"
            raise requests.exceptions.ConnectionError(word)
        if odd := faults.strike("odd_status", where):
            return answer(request, ODD[round(odd[1].uniform(0, len(ODD) - 1))], b"<html>a proxy's page</html>")
        if broken := faults.strike("status_after", where):
            return answer(request, int(broken[0].arg), b"<html>bad gateway</html>")
        if response.status_code == 200:
            self._lists.bend(where, request.url, response)
            if bent := faults.strike("mangle", where):
                data = malformed.bend(response.content, int(bent[0].arg + bent[1].randrange(10)) % 10)
                return answer(request, 200, data)
            if where.startswith("GET /orders/historical/") and ("order_status=" in request.url or "batch" not in where):
                wire.told = response.content
        return response
