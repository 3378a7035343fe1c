"""How an answer reaches the client: the service's answer, and what the faults do to it and to its way."""

from dataclasses import dataclass

from simulator.api.http import HttpRequest, Response, error, unauthorized
from simulator.api.service import Service
from simulator.core.draws import Draws
from simulator.core.faults import ArmedFault, Fault, Faults

_HTML = b"<html><head><title>%d</title></head><body><h1>%d</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One answer on its way. `lost`: the connection dies without it; `cut`: it dies in the middle of the body."""

    response: Response
    delay_us: int = 0
    slow_us: int = 0
    lost: bool = False
    cut: bool = False


class Courier:
    """A service behind faults."""

    def __init__(self, service: Service, faults: Faults, seed: int) -> None:
        self._service = service
        self.faults = faults
        self._draws = Draws(seed, "courier")
        service.api.clock_skew_us = self._skew_us
        service.api.queue_delay_us = self._queue_delay_us

    def _skew_us(self, now_us: int) -> int:
        skew = self.faults.state(Fault.CLOCK_SKEW, now_us) if self.faults.armed else None
        return int(skew.number("ms", 0) * 1000) if skew else 0

    def _queue_delay_us(self, now_us: int, what: str) -> int:
        late = self.faults.strike(Fault.QUEUE_DELAY, now_us, what) if self.faults.armed else None
        return int(late.number("ms", 2000) * 1000) if late else 0

    def deliver(self, request: HttpRequest) -> Delivery:
        """Answer one request at the exchange's present time."""
        now_us = self._service.api.exchange.now_us
        faults = self.faults
        if not faults.armed:
            return Delivery(self._service.handle(request))
        path, method = request.path, request.method
        if faults.state(Fault.MAINTENANCE, now_us):
            return Delivery(_html(503))
        if limited := faults.strike(Fault.RATE_LIMIT, now_us, path, method):
            return Delivery(_rate_limited(limited))
        if broken := faults.strike(Fault.SERVER_ERROR, now_us, path, method):
            return Delivery(_broken(broken))
        response = self._service.handle(request)
        if faults.strike(Fault.RESPONSE_LOST, now_us, path, method):
            return Delivery(response, lost=True)
        late, delay = faults.strike(Fault.LATENCY, now_us, path, method), 0
        if late:
            least = int(late.number("min_ms", 100) * 1000)
            span = max(0, int(late.number("max_ms", 1000) * 1000) - least)
            if late.params.get("shape") == "long_tail":  # the fourth power of a uniform draw
                span = span * (self._draws.below(1000) + 1) ** 4 // 1000**4
                delay = least + span
            else:
                delay = least + self._draws.below(span + 1)
        if faults.strike(Fault.CUT_BODY, now_us, path, method):
            return Delivery(response, delay, cut=True)
        slow = faults.strike(Fault.SLOW_BODY, now_us, path, method)
        return Delivery(response, delay, int(slow.number("ms", 2000) * 1000) if slow else 0)


def _html(status: int) -> Response:
    return Response(status, _HTML % (status, status), "text/html; charset=utf-8")


def _rate_limited(armed: ArmedFault) -> Response:
    body = armed.params.get("body", "json")
    if body == "unauthorized":
        return unauthorized().response
    if body == "html":
        return _html(429)
    if body == "grpc":
        return Response(429, b'{"error":"RATE_LIMIT_EXCEEDED","code":8,"message":"Rate limit exceeded","details":[]}')
    return Response(429, b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}')


def _broken(armed: ArmedFault) -> Response:
    status = int(armed.number("status", 503))
    if armed.params.get("body", "html") == "html":
        return _html(status)
    return error(status, "INTERNAL", "internal error")
