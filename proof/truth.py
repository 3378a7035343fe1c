"""What truly happened in a run, written for the judge: every order request, life, command, published state."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from proof.net import VirtualNet

STATES_KEPT = 200_000


class TruthLog:
    """Lists of plain values; times are microseconds of the run."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.cancels: list[dict[str, Any]] = []
        self.lives: list[dict[str, Any]] = []
        self.acts: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.file_faults: list[str] = []
        self.ticks: dict[str, deque[tuple[int, bool]]] = {}
        self.in_flight = 0
        self.entries_open: Callable[[Any, Any], int] = lambda _coid, _product: 0  # others whose fate is open
        self.recorded: Callable[[Any], bool] = lambda _coid: True  # is its intent in the ledger by now?
        self.bad_frames = 0

    def posted(self, where: str, body: bytes, net: "VirtualNet") -> dict[str, Any] | None:
        """An order-creating or cancelling request arrives (or is about to be lost)."""
        if where == "POST /orders":
            raw = orjson.loads(body)
            row = {
                "sent_us": net.sent_us,
                "at_us": net.loop.now_us,
                "life": net.life,
                "client_order_id": raw.get("client_order_id"),
                "product_id": raw.get("product_id"),
                "side": raw.get("side"),
                "configuration": raw.get("order_configuration"),
                "recorded": self.recorded(raw.get("client_order_id")),
                "entries_open": self.entries_open(raw.get("client_order_id"), raw.get("product_id")),
                "tick_age_us": self._tick_age(raw.get("product_id"), net.loop.now_us),
                "status": None,
                "order_id": None,
                "done_us": None,
            }
            self.posts.append(row)
            return row
        if where == "POST /orders/batch_cancel":
            ids = orjson.loads(body).get("order_ids")
            row = {"sent_us": net.sent_us, "at_us": net.loop.now_us, "life": net.life, "ids": ids}
            self.cancels.append(row)
        return None

    def _tick_age(self, product_id: Any, now_us: int) -> int | None:
        seen = self.ticks.get(str(product_id))
        return now_us - seen[-1][0] if seen else None

    @staticmethod
    def answered(row: dict[str, Any] | None, status: int, data: bytes, now_us: int) -> None:
        """What the exchange made of an order request."""
        if row is None:
            return
        row["status"], row["done_us"] = status, now_us
        if status == 200:
            raw = orjson.loads(data)
            row["order_id"] = raw.get("order_id") or None
            row["error"] = (raw.get("error_response") or {}).get("error")

    def frame(self, name: str, text: str, now_us: int) -> None:
        """A frame reached the bot: remember when each product's price was last told."""
        if name == "market" and '"channel":"ticker"' in text:
            at = text.find('"product_id":"')
            product_id = text[at + 14 : text.find('"', at + 14)]
            seen = self.ticks.get(product_id)
            if seen is None:
                seen = self.ticks[product_id] = deque(maxlen=2)
            seen.append((now_us, True))

    def written(self, path: Path, data: bytes, now_us: int, life: int) -> None:
        """A published document: it must parse at every read, and it tells what the bot said of itself, when."""
        if path.name not in ("bot_state.json", "positions.json", "market.json"):
            return
        try:
            raw = orjson.loads(path.read_bytes())
        except (ValueError, OSError) as error:
            self.file_faults.append(f"{now_us} {path.name}: {error}")
            return
        if path.name == "bot_state.json":
            kill, account = raw.get("kill"), raw.get("account")
            self.states.append(
                {
                    "us": now_us,
                    "life": life,
                    "boot_id": raw["boot_id"],
                    "seq": raw["seq"],
                    "ts_ms": raw["ts_ms"],
                    "status": raw["status"],
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
                    "blocked": raw["risk"]["entries_blocked"] if raw.get("risk") else None,
                }
            )

    def document(self) -> dict[str, Any]:
        """For the judge."""
        return {
            "posts": self.posts,
            "cancels": self.cancels,
            "lives": self.lives,
            "acts": self.acts,
            "states": self.states,
            "file_faults": self.file_faults,
        }


def plain(value: Any) -> str:
    """For the JSON of amounts."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)
