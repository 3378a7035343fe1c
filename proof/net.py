"""The network seam: requests go as bytes to COIN-SIM in this process, and answers come back as bytes, or do not.

Everything that can happen to a request between two machines happens here: before its effect, after it, much later.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from proof import frames, mangle
from proof.faults import FaultBox
from proof.loop import Crash, VirtualLoop
from proof.truth import TruthLog
from proof.venue import Venue
from shared.times import epoch_ms, parse_time
from simulator.inprocess import LocalStream

T = TypeVar("T")
API = "/api/v3/brokerage"


ODD = (404, 408, 409, 425, 499)  # said by a proxy on the way, after the exchange did it


class Closed(ConnectionError):
    """The stream ended."""


class VirtualNet:
    """`bot.coinbase.net.Net` of one life of the process."""

    def __init__(
        self, loop: VirtualLoop, venue: Venue, faults: FaultBox, truth: TruthLog, random: Random, life: int
    ) -> None:
        self.loop, self.venue, self.faults, self.truth, self.life = loop, venue, faults, truth, life
        self._random = random
        self.alive = True
        self.sent_us = 0
        self.extra_us = 0
        self.connections: list[VirtualConnection] = []

    def half_rtt_us(self) -> int:
        low, high = self.venue.plan.rtt_ms
        return round(self._random.uniform(low, high) * 500)

    def adapter(self) -> Any:
        return VirtualAdapter(self)

    async def run(self, pool: str, call: Callable[[], T], limit_s: float) -> T:
        """Send now, hand the answer over when it is back."""
        del pool
        began_us, limit_us = self.loop.now_us, round(limit_s * 1e6)
        self.truth.in_flight += 1
        try:
            # A thread takes the call up; from then on nothing holds it back, so all of the way lies behind it.
            await asyncio.sleep(self._random.uniform(0.0001, 0.002))
            self.sent_us, self.extra_us = self.loop.now_us, 0
            error: Exception | None = None
            answer: Any = None
            try:
                answer = call()
            except Exception as raised:
                error = raised
            back_us = self.loop.now_us + self.extra_us + 2 * self.half_rtt_us()
            if back_us - began_us >= limit_us:
                await asyncio.sleep((began_us + limit_us - self.loop.now_us) / 1e6)
                raise TimeoutError(f"no whole answer in {limit_s:g} s")
            await asyncio.sleep((back_us - self.loop.now_us) / 1e6)
        finally:
            self.truth.in_flight -= 1
        if error is not None:
            raise error
        return answer  # type: ignore[no-any-return]

    @asynccontextmanager
    async def _connect(self, url: str) -> AsyncIterator["VirtualConnection"]:
        name = frames.name_of(self.venue, self.connections)
        await asyncio.sleep(2 * self.half_rtt_us() / 1e6)
        if self.faults.strike("ws_refuse", name):
            raise ConnectionRefusedError(111, f"{url} refused")
        connection = VirtualConnection(self, name)
        self.connections.append(connection)
        try:
            yield connection
        finally:
            connection.close()

    def connect(self, url: str, ca_file: Path | None) -> Any:
        del ca_file
        return self._connect(url)

    def die(self) -> None:
        """The process is gone: its sockets close."""
        self.alive = False
        for connection in list(self.connections):
            connection.close()


class VirtualAdapter(BaseAdapter):
    """A transport adapter of `requests` that is the network and the exchange behind it."""

    def __init__(self, net: VirtualNet) -> None:
        super().__init__()
        self._net = net

    def close(self) -> None:
        pass

    def send(self, request: Any, *_args: Any, **_kwargs: Any) -> requests.Response:
        net, faults = self._net, self._net.faults
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        where = f"{request.method} {parts.path.removeprefix(API)}"
        posted = net.truth.posted(where, body, net)
        if faults.strike("crash_at_send", where) and self._random_side(where):
            raise Crash("before send")
        self._before(where, request, target, body, posted)
        response = self._effect(request, target, body, posted)
        if faults.strike("crash_at_send", where):
            raise Crash("after send")
        return self._after(where, request, response, posted)

    def _random_side(self, where: str) -> bool:
        found = self._net.faults.open("crash_at_send", where)
        return found is not None and found[1].random() < 0.5

    def _before(self, where: str, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        """What stops a request on its way."""
        net, faults = self._net, self._net.faults
        if faults.strike("refused", where):
            raise requests.exceptions.ConnectionError("NewConnectionError: [Errno 111] Connection refused")
        if lost := faults.strike("lost_before", where):
            net.extra_us = round(lost[0].arg * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")
        if ghost := faults.strike("ghost", where):
            # Stuck in a queue on the way: it takes effect long after the sender gave up.
            late_us = round(ghost[1].uniform(0.5, ghost[0].arg) * 1e6)
            net.loop.agenda.at(net.loop.now_us + late_us, lambda: self._ghost(request, target, body, posted))
            net.extra_us = round(ghost[1].uniform(1, 12) * 1e6)
            raise requests.exceptions.ReadTimeout("read timed out")

    def _ghost(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> None:
        self._effect(request, target, body, posted)

    def _effect(self, request: Any, target: str, body: bytes, posted: dict[str, Any] | None) -> requests.Response:
        """The exchange does it."""
        net = self._net
        where = f"{request.method} {target.partition('?')[0].removeprefix(API)}"
        if net.faults.strike("throttle", where):
            return _response(request, 429, b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}')
        if net.faults.strike("unauthorized", where):
            return _response(request, 401, b"Unauthorized\n")
        for kind in ("status_before", "lookups_fail"):
            if broken := net.faults.strike(kind, where):
                return _response(request, int(broken[0].arg), b"<html>upstream</html>")
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = net.venue.request(request.method, target, headers, body)
        status, data = delivery.response.status, delivery.response.body
        net.venue.note(f"{request.method} {target}", body)
        net.venue.note(str(status), data)
        net.truth.answered(posted, status, data, net.loop.now_us)
        return _response(request, status, data)

    def _after(
        self, where: str, request: Any, response: requests.Response, posted: dict[str, Any] | None
    ) -> requests.Response:
        """What happens to an answer on its way back."""
        del posted
        net, faults = self._net, self._net.faults
        if late := faults.strike("late", where):
            net.extra_us += round(late[1].uniform(0.2, late[0].arg) * 1e6)
        if lost := faults.strike("lost_after", where):
            net.extra_us += round(lost[0].arg * 1e6)
            word = "Connection aborted: RemoteDisconnected" if lost[1].random() < 0.5 else "ProtocolError"
            raise requests.exceptions.ConnectionError(word)
        if odd := faults.strike("odd_status", where):
            return _response(request, ODD[round(odd[1].uniform(0, len(ODD) - 1))], b"<html>a proxy's page</html>")
        if broken := faults.strike("status_after", where):
            return _response(request, int(broken[0].arg), b"<html>bad gateway</html>")
        if response.status_code == 200:
            self._lag(where, response)
            if bent := faults.strike("mangle", where):
                data = mangle.bend(response.content, int(bent[0].arg + bent[1].randrange(10)) % 10)
                return _response(request, 200, data)
        return response

    def _lag(self, where: str, response: requests.Response) -> None:
        """Lists that are behind the truth."""
        net, faults = self._net, self._net.faults
        now_ms = net.venue.now_us // 1000
        if "orders/historical" in where and "fills" not in where and (lag := faults.open("list_lag", where)):
            behind_ms = now_ms - lag[0].arg * 1000
            raw = orjson.loads(response.content)
            if "orders" in raw:
                kept = [o for o in raw["orders"] if epoch_ms(parse_time(o["created_time"])) <= behind_ms]
                if len(kept) != len(raw["orders"]):
                    faults.count("list_lag")
                    raw["orders"] = kept
                    response._content = orjson.dumps(raw)
            elif "order" in raw and epoch_ms(parse_time(raw["order"]["created_time"])) > behind_ms:
                faults.count("list_lag")
                response.status_code, response.reason = 404, "Not Found"
                response._content = b'{"error":"NOT_FOUND","message":"order with this orderID was not found"}'
        if where == "GET /accounts":
            self._stale(where, response)
        if where.endswith("/fills"):
            self._lag_fills(where, response, now_ms)

    def _stale(self, where: str, response: requests.Response) -> None:
        """Balances as they were some seconds ago."""
        net = self._net
        net.venue.told.append((net.loop.now_us, response.content))
        if old := net.faults.strike("stale_balances", where):
            least_us = net.loop.now_us - round(old[0].arg * 1e6)
            known = [body for at_us, body in net.venue.told if at_us >= least_us]
            response._content = known[0] if known else response.content

    def _lag_fills(self, where: str, response: requests.Response, now_ms: int) -> None:
        faults = self._net.faults
        lag, twice = faults.open("fill_lag", where), faults.strike("page_twice", where)
        if lag is None and twice is None:
            return
        raw = orjson.loads(response.content)
        if lag is not None:
            behind_ms = now_ms - lag[0].arg * 1000
            kept = [f for f in raw["fills"] if epoch_ms(parse_time(f["trade_time"])) <= behind_ms]
            if len(kept) != len(raw["fills"]):
                faults.count("fill_lag")
            raw["fills"] = kept
        if twice is not None:
            raw["fills"] = raw["fills"] + raw["fills"][::-1]
        response._content = orjson.dumps(raw)


def _response(request: Any, status: int, body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = status, str(status)
    response._content = body
    response.raw = BytesIO(b"")
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
    response.encoding = "utf-8"
    response.url, response.request = request.url, request
    return response


class VirtualConnection:
    """One stream: JSON frames in order, a little later than they were sent, through the stream faults."""

    def __init__(self, net: VirtualNet, name: str) -> None:
        self._net, self.name = net, name
        self._in: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._open = True
        self._last_us = 0
        self._bender = frames.Bender(net.faults, name)
        self.stream: LocalStream = net.venue.connect(self._given)

    async def send(self, message: str) -> None:
        self._check()
        self._bender.learn(message)
        self.name = self._bender.name
        self._net.loop.agenda.at(self._net.loop.now_us + self._net.half_rtt_us(), lambda: self._arrived(message))

    def _arrived(self, message: str) -> None:
        if self._open:
            self.stream.send(message)
            self._net.venue.hand_out()

    def _given(self, texts: list[str], close_code: int | None) -> None:
        """Frames leave the exchange now."""
        loop = self._net.loop
        for text in texts:
            for late_us, bent in self._bender.bend(text):
                if bent is None:
                    self._fail(Closed("the connection was cut"))
                    return
                at_us = max(loop.now_us + self._net.half_rtt_us() + late_us, self._last_us)
                self._last_us = at_us
                loop.agenda.at(at_us, lambda bent=bent: self._deliver(bent))  # type: ignore[misc]
        if close_code is not None:
            self._fail(Closed(f"closed by the exchange with {close_code}"))

    def _deliver(self, text: str) -> None:
        if not self._open or self._error is not None:
            return
        self._net.venue.note(self.name, text.encode())
        self._net.truth.frame(self.name, text, self._net.loop.now_us)
        self._in.append(text)
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._open and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        if not self._open:
            raise Closed("closed")

    async def recv(self) -> str | bytes:
        while not self._in:
            if self._error is not None:
                raise self._error
            self._check()
            self._waiter = self._net.loop.create_future()
            await self._waiter
        return self._in.popleft()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._net.venue.disconnect(self.stream)
            if self in self._net.connections:
                self._net.connections.remove(self)
