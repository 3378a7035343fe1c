"""The REST side as one function: request in, answer out. Never raises, never answers 500 to a client's mistake."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.api import auth
from simulator.api.auth import IssuedKey, Right
from simulator.api.http import (
    ApiError,
    HttpRequest,
    Response,
    bad_request,
    error,
    forbidden,
    internal,
    rate_limited,
    unauthorized,
    unknown_path,
)
from simulator.api.limits import Buckets
from simulator.core.amounts import MalformedRequest
from simulator.exchange import Exchange

log = logging.getLogger("simulator.rest")
PREFIX = "/api/v3/brokerage"


@dataclass(slots=True)
class Api:
    """What a route needs: the exchange, the keys, and who asks."""

    exchange: Exchange
    keys: dict[str, IssuedKey]
    hosts: tuple[str, ...] = ()
    private: Buckets = field(default_factory=lambda: Buckets(30, 30))
    public: Buckets = field(default_factory=lambda: Buckets(10, 10))
    clock_skew_us: Callable[[int], int] = lambda now_us: 0  # a fault: how far the venue's clock is off  # noqa: ARG005
    queue_delay_us: Callable[[int, str], int] = lambda now_us, what: 0  # a fault: the engine's queue is long  # noqa: ARG005
    wall_us: Callable[[], int] | None = None
    enforce_limits: bool = True
    conversions: dict[str, dict[str, Any]] = field(default_factory=dict)  # quotes of convert, by trade id

    @property
    def now_us(self) -> int:
        """The venue's clock, as tokens are checked by it: the wall's, or the market's under virtual time."""
        return (self.wall_us() if self.wall_us else self.exchange.now_us) + self.clock_skew_us(self.exchange.now_us)

    def queue_us(self, what: str) -> int:
        """How long a "cancel" or an "edit" that is accepted now waits in the matching engine."""
        exchange = self.exchange
        return exchange.venue.rules.queue_us + self.queue_delay_us(exchange.now_us, what)


Handler = Callable[..., Response]
LEAD = "/com"  # some connectors cut a URL behind "com" to know its path: their base URL here ends with /com


def as_routed(path: str) -> str:
    """A request's path as the routes know it: without the lead that such connectors need, and do not sign."""
    return path.removeprefix(LEAD) if path.startswith(f"{LEAD}/") else path


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    parts: tuple[str, ...]
    right: Right | None  # None: public
    handler: Handler


class Router:
    """Routes by method and path; `{name}` in a path is one segment handed to the handler."""

    def __init__(self) -> None:
        self._by_shape: dict[tuple[str, int], list[Route]] = {}

    def add(self, method: str, path: str, right: Right | None, handler: Handler) -> None:
        parts = tuple(path.strip("/").split("/"))
        routes = self._by_shape.setdefault((method, len(parts)), [])
        routes.append(Route(method, parts, right, handler))
        routes.sort(key=lambda route: sum(part.startswith("{") for part in route.parts))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        parts = path.strip("/").split("/")
        for route in self._by_shape.get((method, len(parts)), ()):
            found: dict[str, str] = {}
            for wanted, given in zip(route.parts, parts, strict=True):
                if wanted.startswith("{"):
                    found[wanted[1:-1]] = given
                elif wanted != given:
                    break
            else:
                return route, found
        return None

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        return [route for routes in self._by_shape.values() for route in routes]

    def other_methods(self, path: str) -> bool:
        """True where the path exists under another method."""
        return any(self.find(method, path) for method in ("GET", "POST", "PUT", "DELETE"))


class Service:
    """Answers requests."""

    def __init__(self, api: Api, router: Router) -> None:
        self.api = api
        self.router = router

    def handle(self, request: HttpRequest) -> Response:
        """The answer to one request, at the exchange's present time."""
        try:
            return self._answer(request)
        except ApiError as refused:
            return refused.response
        except MalformedRequest as wrong:
            return bad_request(str(wrong)).response
        except Exception:
            log.exception("request.failed method=%s path=%s", request.method, request.path[:200])
            return internal()

    def _answer(self, request: HttpRequest) -> Response:
        path = as_routed(request.path)
        found = self.router.find(request.method, path)
        if found is None:
            if self.router.other_methods(path):
                return error(405, "unknown", "Method Not Allowed")
            raise unknown_path()
        route, names = found
        if route.right is None:
            self._limit(self.api.public, request.client)
            return route.handler(self.api, request, None, **names)
        key = self._authenticate(request, path)
        self._limit(self.api.private, key.portfolio)
        if route.right not in key.rights:
            raise forbidden()
        return route.handler(self.api, request, key, **names)

    def _limit(self, buckets: Buckets, who: str) -> None:
        if self.api.enforce_limits and not buckets.take(who, self.api.exchange.now_us):
            raise rate_limited()

    def _authenticate(self, request: HttpRequest, routed: str) -> IssuedKey:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        hosts = (*self.api.hosts, request.headers.get("host", ""))
        paths = dict.fromkeys((request.path, request.raw_path, routed, as_routed(request.raw_path)))
        uris = tuple(f"{request.method} {path}" for path in paths)
        try:
            return auth.check(token.strip(), self.api.keys, self.api.now_us / 1e6, uris, hosts)
        except auth.TokenRejected as refused:
            log.info("auth.refused path=%s reason=%s", request.path[:200], refused)
            raise unauthorized() from None


def keys_by_name(keys: list[IssuedKey]) -> Mapping[str, IssuedKey]:
    return {key.name: key for key in keys}
