"""The ground truth of a run, for the judge: every order request, process, command and published state."""

import re
from collections import deque
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from simtest.publications import Publications

PRICES_KEPT = 20_000  # of a product


class GroundTruth:
    """Lists of plain values; times are microseconds of the run."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.cancels: list[dict[str, Any]] = []
        self.lives: list[dict[str, Any]] = []
        self.acts: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.file_faults: list[str] = []
        self.ticks: dict[str, deque[tuple[int, float]]] = {}  # product → (when, price) as the bot received them
        self.prices: dict[str, list[list[Any]]] = {}  # product → every ticker that reached the bot, see `_ticker`
        self.prices_until_us: int | None = None  # later prices are not kept; None = all are
        self.heard: dict[str, int] = {}  # connection (market, user) → when its last frame reached the bot
        self.opened: dict[int, int] = {}  # life → when it first tried to open a stream
        self.gaps: dict[int, int] = {}  # connection → since when the bot can know of a gap that is still open
        self.permits: list[dict[str, Any]] = []  # live: when entries were allowed, and when that ended
        self.swaps: list[dict[str, Any]] = []  # the ledger replaced between two lives: when, and by what
        self.seconds: list[dict[str, Any]] = []  # second bots on the folder
        self.copies: list[dict[str, Any]] = []  # when a copy of the folder was started, and its own truth
        self.sightings: dict[tuple[int, str], int] = {}  # (life, client order id) → when it first received it
        self.watched: re.Pattern[str] | None = None  # ids to keep sightings of: where two bots trade under one name
        self.strays: list[str] = []  # client order ids of ours that no ledger ever knew
        self.bounds: list[dict[str, int]] = []  # peak resource use of each life
        self.publications = Publications()
        self.at_purchase: Callable[[], None] | None = None  # called whenever a purchase reaches the exchange
        self.storage: list[str] = []  # pragmas of the ledger that were not what they must be
        self.worth: Callable[[dict[str, float]], float] = lambda _prices: 0.0
        self.entries_open: Callable[[Any, Any], int] = lambda _coid, _product: (
            0
        )  # other purchases whose outcome is open
        self.recorded: Callable[[Any], bool] = lambda _coid: True  # is its intent in the ledger by now?

    def posted(self, where: str, body: bytes, sent_us: int, now_us: int, life: int) -> dict[str, Any] | None:
        """An order-creating or cancelling request arrives (or is about to be lost)."""
        if where == "POST /orders":
            raw = orjson.loads(body)
            row = {
                "sent_us": sent_us,
                "at_us": now_us,
                "life": life,
                "client_order_id": raw.get("client_order_id"),
                "product_id": raw.get("product_id"),
                "side": raw.get("side"),
                "configuration": raw.get("order_configuration"),
                "recorded": self.recorded(raw.get("client_order_id")),
                "entries_open": self.entries_open(raw.get("client_order_id"), raw.get("product_id")),
                "heard": dict(self.heard),
                "tick_age_us": self._tick_age(raw.get("product_id"), now_us),
                "gap_us": sent_us - min(self.gaps.values()) if self.gaps else None,
                "worth": self._worth(sent_us) if raw.get("side") == "BUY" else None,
                "status": None,
                "order_id": None,
                "done_us": None,
            }
            self.posts.append(row)
            if raw.get("side") == "BUY" and self.at_purchase is not None:
                self.at_purchase()
            return row
        if where == "POST /orders/batch_cancel":
            ids = orjson.loads(body).get("order_ids")
            row = {"sent_us": sent_us, "at_us": now_us, "life": life, "ids": ids}
            self.cancels.append(row)
        return None

    def _tick_age(self, product_id: Any, now_us: int) -> int | None:
        seen = self.ticks.get(str(product_id))
        return now_us - seen[-1][0] if seen else None

    @staticmethod
    def answered(row: dict[str, Any] | None, status: int, data: bytes, now_us: int) -> None:
        """Record the exchange's answer to an order request."""
        if row is None:
            return
        row["status"], row["done_us"] = status, now_us
        if status == 200:
            raw = orjson.loads(data)
            row["order_id"] = raw.get("order_id") or None
            row["error"] = (raw.get("error_response") or {}).get("error")

    def _worth(self, sent_us: int) -> float:
        """The highest value of the account by the prices that the bot received in the last seconds."""
        ages = (2_000_000, 5_000_000, 10_000_000)
        told = [{p: _price_at(seen, sent_us - age) for p, seen in self.ticks.items()} for age in ages]
        return max(self.worth(prices) for prices in told)

    def frame(self, name: str, text: str, now_us: int) -> None:
        """Record a frame that reached the bot: when, and the price in it."""
        self.heard[name] = now_us
        if name == "market" and '"channel":"ticker"' in text:
            for ticker in _tickers(text):
                self._ticker(ticker, now_us)

    def _ticker(self, ticker: dict[str, Any], now_us: int) -> None:
        """[us, price, best bid, best ask, money offered at the best ask]: numbers as the exchange wrote them."""
        product_id = str(ticker.get("product_id"))
        price = _number(ticker.get("price"))
        seen = self.ticks.get(product_id)
        if seen is None:
            seen = self.ticks[product_id] = deque(maxlen=120)
        seen.append((now_us, price))
        bid, ask, size = (ticker.get(name) or "" for name in ("best_bid", "best_ask", "best_ask_quantity"))
        rows = self.prices.setdefault(product_id, [])
        if len(rows) >= PRICES_KEPT:
            self.prices_until_us = self.prices_until_us or now_us
        elif price > 0:
            rows.append([now_us, ticker["price"], bid, ask, round(_number(ask) * _number(size), 2)])

    def sighted(self, text: str, now_us: int, life: int) -> None:
        """Record which orders under the bot's name are in a text that reached it."""
        if self.watched is not None:
            for client_order_id in self.watched.findall(text):
                self.sightings.setdefault((life, client_order_id), now_us)

    def written(self, path: Path, data: bytes, now_us: int, life: int) -> None:
        """Record a published document: it must parse at every read."""
        if path.name not in ("bot_state.json", "positions.json", "market.json"):
            return
        try:
            raw = orjson.loads(path.read_bytes())
        except (ValueError, OSError) as error:
            self.file_faults.append(f"{now_us} {path.name}: {error}")
            return
        if path.name == "positions.json":
            self.publications.positions(raw, now_us, life)
        elif path.name == "bot_state.json":
            self.publications.state(raw, now_us, life)
            kill, account = raw.get("kill"), raw.get("account")
            parts = (raw.get("verdict") or {}).get("parts", ())
            self.states.append(
                {
                    "us": now_us,
                    "life": life,
                    "boot_id": raw["boot_id"],
                    "seq": raw["seq"],
                    "ts_ms": raw["ts_ms"],
                    "status": raw["status"],
                    "word": raw["verdict"]["word"] if raw.get("verdict") else None,
                    "heard": dict(self.heard),
                    "phase": raw["phase"],
                    "level": raw["control"]["level"] if raw.get("control") else None,
                    "latch": kill["latch_id"] if kill else None,
                    "cleared_ms": kill["cleared_ms"] if kill else None,
                    "equity": account["equity_text"] if account else None,
                    "unknown": account["orders_unknown"] if account else None,
                    "receipts": [[r["id"], r["cmd"], r["state"]] for r in raw["receipts"][-8:]],
                    "error": raw.get("error"),
                    "ws_ok": raw.get("ws_ok"),
                    "ws_age_ms": raw["feeds"]["ws_age_ms"] if raw.get("feeds") else None,
                    "ledger_ok": raw["io"]["ledger_ok"] if raw.get("io") else None,
                    "second_writer": next(
                        (p["text"] for p in parts if p["name"] == "writer" and p["state"] == "gone"), None
                    ),
                    "blocked": raw["risk"]["entries_blocked"] if raw.get("risk") else None,
                    "breaker": _breaker(raw),
                }
            )

    def document(self) -> dict[str, Any]:
        """For the judge."""
        return {
            "posts": self.posts,
            "cancels": self.cancels,
            "lives": self.lives,
            "opened": [[life, us] for life, us in self.opened.items()],
            "acts": self.acts,
            "states": self.states,
            "file_faults": self.file_faults,
            "permits": self.permits,
            "swaps": self.swaps,
            "seconds": self.seconds,
            "copies": [{"us": copy["us"], **copy["truth"].document()} for copy in self.copies],
            "sightings": [[life, coid, us] for (life, coid), us in self.sightings.items()],
            "strays": self.strays,
            "bounds": self.bounds,
            "storage": self.storage,
            "published": self.publications.document(),
            "prices": self.prices,
            "prices_until_us": self.prices_until_us,
        }


def _tickers(text: str) -> list[dict[str, Any]]:
    """The tickers of a frame; a frame of another shape has none."""
    try:
        return [ticker for event in orjson.loads(text)["events"] for ticker in event["tickers"]]
    except (ValueError, KeyError, TypeError):
        return []


def _number(text: Any) -> float:
    """0 for what is no finite number."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return 0.0
    return value if isfinite(value) else 0.0


def _breaker(raw: dict[str, Any]) -> bool | None:
    """Whether the day's loss limit tripped; None = not published."""
    limits = raw["risk"]["limits"] if raw.get("risk") else ()
    return next((limit["state"] == "tripped" for limit in limits if limit["name"] == "day_loss"), None)


def _price_at(seen: deque[tuple[int, float]], at_us: int) -> float:
    """The last price that the bot had received by then."""
    return next((price for us, price in reversed(seen) if us <= at_us), seen[0][1])
