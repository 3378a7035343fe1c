"""Faults of list answers: rows that come late, twice or not at all."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import requests

from shared.times import epoch_ms, parse_time
from simtest.network_link import NetworkLink

_NOT_FOUND = b'{"error":"NOT_FOUND","message":"order with this orderID was not found"}'
_WAITING = ("PENDING", "QUEUED")


class ListFaults:
    """Changes answers that list orders, fills or balances."""

    def __init__(self, link: NetworkLink) -> None:
        self._link = link

    def apply(self, where: str, url: str, response: requests.Response) -> None:
        """Change a good answer in place."""
        if "orders/historical" in where and not where.endswith("/fills"):
            self._late_orders(where, response)
            self._late_statuses(where, url, response)
        elif where == "GET /accounts":
            self._old_balances(where, response)
        elif where.endswith("/fills"):
            self._fills(where, response)

    def _late_orders(self, where: str, response: requests.Response) -> None:
        """An order is not listed, and not found, until it is some seconds old."""
        faults = self._link.faults
        lag = faults.open("list_lag", where)
        if lag is None:
            return
        behind_ms = self._now_ms() - lag[0].arg * 1000
        raw = orjson.loads(response.content)
        if "orders" in raw:
            kept = [o for o in raw["orders"] if _ms(o["created_time"]) <= behind_ms]
            if len(kept) != len(raw["orders"]):
                faults.count("list_lag", where)
                raw["orders"] = kept
                response._content = orjson.dumps(raw)
        elif "order" in raw and _ms(raw["order"]["created_time"]) > behind_ms:
            faults.count("list_lag", where)
            response.status_code, response.reason, response._content = 404, "Not Found", _NOT_FOUND

    def _late_statuses(self, where: str, url: str, response: requests.Response) -> None:
        """A working order is called PENDING or QUEUED for long, and who asks for OPEN ones is not told of it."""
        faults = self._link.faults
        lag = faults.open("status_lag", where)
        if lag is None or response.status_code != 200:
            return
        behind_ms = self._now_ms() - lag[0].arg * 1000
        raw = orjson.loads(response.content)
        wanted = parse_qs(urlsplit(url).query).get("order_status")
        changed = False
        for order in raw.get("orders") or [raw.get("order") or {}]:
            if order.get("status") == "OPEN" and _ms(order["created_time"]) > behind_ms:
                order["status"], changed = _WAITING[order["order_id"] < "8"], True
        if not changed:
            return
        faults.count("status_lag", where)
        if "orders" in raw and wanted:
            raw["orders"] = [order for order in raw["orders"] if order["status"] in wanted]
        response._content = orjson.dumps(raw)

    def _old_balances(self, where: str, response: requests.Response) -> None:
        """Balances as they were some seconds ago."""
        link = self._link
        link.venue.told.append((link.loop.now_us, response.content))
        if old := link.faults.strike("stale_balances", where):
            least_us = link.loop.now_us - round(old[0].arg * 1e6)
            known = [body for at_us, body in link.venue.told if at_us >= least_us]
            response._content = known[0] if known else response.content

    def _fills(self, where: str, response: requests.Response) -> None:
        """Fills that come late, rows that a page lost or that moved on to the next one, a page that comes twice."""
        faults = self._link.faults
        lag, twice = faults.open("fill_lag", where), faults.strike("page_twice", where)
        lost = faults.open("page_lost", where)
        if lag is None and twice is None and lost is None:
            return
        raw: dict[str, Any] = orjson.loads(response.content)
        rows = raw["fills"]
        if lag is not None:
            behind_ms = self._now_ms() - lag[0].arg * 1000
            kept = [row for row in rows if _ms(row["trade_time"]) <= behind_ms]
            if len(kept) != len(rows):
                faults.count("fill_lag", where)
            rows = kept
        if lost is not None:
            kept = [row for row in rows if lost[1].random() >= lost[0].rate]
            if len(kept) != len(rows):
                faults.count("page_lost", where)
            rows = kept
        raw["fills"] = rows + rows[::-1] if twice is not None else rows
        response._content = orjson.dumps(raw)

    def _now_ms(self) -> int:
        return self._link.venue.now_us // 1000


def _ms(time: str) -> int:
    return epoch_ms(parse_time(time))
