"""The admin API: faults, counters, gates, deposits, over plain HTTP on loopback with a token of its own."""

# ruff: noqa: ARG002  the transport's interface names more than this port needs

import hmac
import logging
import os
from collections.abc import Callable
from typing import Any

from simulator.api.delivery import Delivery
from simulator.api.http import ApiError, HttpRequest, Response, bad_request, not_found, ok, unauthorized, unknown_path
from simulator.api.ws.session import StreamSession
from simulator.core.faults import BadFault, Fault, parse_fault
from simulator.core.products import GATES
from simulator.core.units import parse
from simulator.core.validation import need_text
from simulator.server.app import SimServer

log = logging.getLogger("simulator.admin")


class AdminApi:
    """Answers admin requests; a `Front` without streams."""

    def __init__(self, server: SimServer, token: str) -> None:
        self._server = server
        self._token = token

    def accept(self) -> bool:
        return True

    def connect(self, wake: Callable[[], None], client: str) -> StreamSession | Response:
        return unknown_path().response

    def receive(self, session: StreamSession, text: str) -> None:
        raise AssertionError("the admin port has no streams")

    def disconnect(self, session: StreamSession) -> None:
        raise AssertionError("the admin port has no streams")

    def answer(self, request: HttpRequest) -> Delivery:
        try:
            return Delivery(self._answer(request))
        except ApiError as refused:
            return Delivery(refused.response)
        except BadFault as wrong:
            return Delivery(bad_request(str(wrong)).response)

    def _answer(self, request: HttpRequest) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise unauthorized()
        parts = tuple(request.path.strip("/").split("/"))
        match request.method, parts:
            case "GET", ("status",):
                return ok(self.status())
            case "GET", ("faults",):
                return ok(self._faults())
            case "PUT", ("faults",):
                return self._set_faults(request.json())
            case "DELETE", ("faults",):
                self._server.faults.clear()
                log.info("faults.cleared")
                return ok(self._faults())
            case "PUT", ("products", product_id, "gate"):
                return self._gate(product_id, request.json())
            case "PUT", ("limits",):
                enforce = request.json().get("enforce")
                if not isinstance(enforce, bool):
                    raise bad_request("enforce is true or false")
                self._server.api.enforce_limits = enforce
                return ok({"enforce": enforce})
            case "POST", ("deposit",):
                return self._deposit(request.json())
        raise unknown_path()

    def _faults(self) -> dict[str, Any]:
        faults = self._server.faults
        return {"armed": faults.view(), "counters": faults.counters(), "known": [fault.value for fault in Fault]}

    def _set_faults(self, raw: dict[str, Any]) -> Response:
        """{name: {...}}: every named fault is armed anew (or disarmed, when nothing makes it strike)."""
        parsed = []
        for name, value in raw.items():
            if not isinstance(value, dict):
                raise bad_request(f"{name}: an object is wanted")
            parsed.append(parse_fault(name, value, self._server.exchange.now_us))
        for armed in parsed:
            self._server.faults.arm(armed)
            log.info("fault.set name=%s rate_ppm=%d hits=%s", armed.fault, armed.rate_ppm, sorted(armed.hits))
        return ok(self._faults())

    def _gate(self, product_id: str, raw: dict[str, Any]) -> Response:
        exchange = self._server.exchange
        gate = GATES.get(str(raw.get("gate")))
        if gate is None:
            raise bad_request(f"gate is one of {', '.join(GATES)}")
        if product_id not in exchange.venue.markets:
            raise not_found(f"Product {product_id[:40]} not supported")
        exchange.set_gate(product_id, gate)
        return ok({"product_id": product_id, "gate": raw["gate"]})

    def _deposit(self, raw: dict[str, Any]) -> Response:
        exchange = self._server.exchange
        atoms, currency = parse(raw.get("value")), need_text(raw, "currency")
        if atoms is None or atoms <= 0 or not (currency.isalnum() and currency.isupper() and len(currency) <= 10):
            raise bad_request("value and currency are wanted")
        exchange.venue.accounts.deposit(exchange.portfolio, currency, atoms, exchange.now_us)
        exchange.settle()
        log.info("account.deposit currency=%s", currency)
        return ok({"currency": currency, "value": raw.get("value")})

    def status(self) -> dict[str, Any]:
        """What the server is doing."""
        server = self._server
        exchange = server.exchange
        return {
            "pid": os.getpid(),
            "started_us": exchange.started_us,
            "now_us": exchange.now_us,
            "requests": server.requests,
            "streams": len(server.hub.sessions),
            "messages": server.hub.messages,
            "open_orders": len(exchange.venue.open),
            "orders": exchange.store.order_sequence,
            "fills": exchange.store.fill_sequence,
            "products": {
                name: {
                    "price": market.product.price_text(market.last) if market.last else "",
                    "status": market.gate.status,
                    "status_message": market.gate.status_message,
                }
                for name, market in exchange.venue.markets.items()
            },
            "faults": {name: count for name, count in server.faults.counters().items() if count},
        }
