"""What the bot published, each time beside what was true at that moment: the ledger's rows, the exchange's balances,
fees and prices, the machine's clock. The bot's documents and its ledger are read within one step of the run, so that
nothing can happen between them.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
SAMPLE_US = 500_000  # a busy second writes many states: not more than two of them are kept
MANY = 500  # of so many samples each further one is kept at a longer interval
LOT_FIELDS = (
    "lot_id", "seq", "product_id", "kind", "opened_ms", "base_bought", "base_left", "cost", "entry_fee", "tp_pct",
    "take_price", "stop_price", "trail_active", "trail_peak", "trail_stop", "price_increment", "exit_reason",
    "exit_client_order_id", "proceeds", "exit_fee", "dust",
)  # fmt: skip
LOT_SHOWN = (
    "lot_id", "product_id", "kind", "opened_ms", "open_price", "base_size_text", "cost_usd", "entry_fee_usd",
    "sold_pnl", "fees_paid_usd", "bought_usd", "take_price_text", "stop_price", "trail_stop", "exit_order_id",
)  # fmt: skip
LIMIT_SHOWN = ("name", "value", "limit", "state", "at_least")
ORDER_SHOWN = ("client_order_id", "order_id", "product_id", "side", "purpose", "state", "filled_size")
_POSITION = (
    "product_id", "base_size_text", "size_usd", "cost_usd", "unrealized_pnl", "mark", "mark_source",
    "exchange_base_text",
)  # fmt: skip
_KEPT = ("curve", "peak_equity", "transfers", "differences", "entries_latched")


class DistinctRows:
    """Equal rows are kept once, and named by their number."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._known: dict[tuple[str, ...], int] = {}

    def number(self, row: list[Any]) -> int:
        """The number of a row."""
        key = tuple(map(str, row))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.rows)
            self.rows.append(row)
        return found


class LedgerProbe:
    """A second reader of the ledger while the bot runs."""

    def __init__(self, path: Any) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._db.row_factory = sqlite3.Row
        self._version: int | None = None
        self._seen: tuple[list[list[Any]], Row] = ([], {})

    def seen(self) -> tuple[list[list[Any]], Row]:
        """`open_lots` and `now`; read anew where anybody committed anything since the last time."""
        version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            self._seen = (self.open_lots(), self.now())
            self._version = version
        return self._seen

    def recorded(self, client_order_id: Any) -> bool:
        """Whether the intent is in the ledger by now."""
        query = "SELECT 1 FROM orders WHERE client_order_id = ?"
        return self._db.execute(query, (client_order_id,)).fetchone() is not None

    def entries_open(self, client_order_id: Any, product_id: Any) -> int:
        """The number of other purchases of the product whose outcome is open in the ledger."""
        query = (
            "SELECT count(*) FROM orders WHERE product_id = ? AND client_order_id != ? AND purpose = 'entry' "
            "AND kind = 'market' AND state IN ('new', 'sent', 'unknown')"
        )
        return int(self._db.execute(query, (product_id, client_order_id)).fetchone()[0])

    def open_lots(self) -> list[list[Any]]:
        """Rows of `LOT_FIELDS`, oldest first."""
        query = f"SELECT {', '.join(LOT_FIELDS)} FROM lots WHERE closed_ms IS NULL ORDER BY seq"  # noqa: S608
        return [list(row) for row in self._db.execute(query)]

    def now(self) -> Row:
        """The counts, the day and the kept values that the published figures stand for."""
        db = self._db
        orders = dict(db.execute("SELECT side, count(*) FROM orders GROUP BY side").fetchall())
        states = dict(db.execute("SELECT state, count(*) FROM orders WHERE NOT settled GROUP BY state").fetchall())
        won = "CAST(realized_pnl AS REAL) > 0"
        lots = db.execute(
            f"SELECT count(*), coalesce(sum(closed_ms IS NOT NULL), 0), "  # noqa: S608
            f"coalesce(sum(closed_ms IS NOT NULL AND CAST(proceeds AS REAL) > 0 AND {won}), 0), "
            f"coalesce(sum(closed_ms IS NOT NULL AND CAST(proceeds AS REAL) > 0 AND NOT {won}), 0) FROM lots"
        ).fetchone()
        day = db.execute("SELECT * FROM days ORDER BY day DESC LIMIT 1").fetchone()
        marks = ", ".join("?" * len(_KEPT))
        kept = db.execute(f"SELECT key, value FROM key_values WHERE key IN ({marks})", _KEPT).fetchall()  # noqa: S608
        latch = db.execute("SELECT latch_id FROM latches WHERE kind = 'kill' AND lifted_ms IS NULL").fetchone()
        return {
            "orders": orders,
            "unsettled": states,
            "lots": dict(zip(("opened", "closed", "won", "lost"), lots, strict=True)),
            "day": dict(day) if day is not None else None,
            "kept": dict(kept),
            "latch": latch[0] if latch is not None else None,
        }

    def close(self) -> None:
        self._db.close()


def _gates(product: Row) -> list[str]:
    """ "BTC-USD", "control=open", "feed=shut", …"""
    return [product["product_id"], *(f"{gate['name']}={gate['verdict']}" for gate in product["gates"])]


class Publications:
    """Samples of `bot_state.json`, and every `positions.json`."""

    def __init__(self) -> None:
        self.ledger: LedgerProbe | None = None
        self.exchange: Callable[[], Row] = dict  # balances, fees, prices and the error of the bot's clock, now
        self.samples: list[Row] = []
        self.files: list[Row] = []
        self._lots, self._shown = DistinctRows(), DistinctRows()
        self._orders, self._gates = DistinctRows(), DistinctRows()
        self._receipts = ""

    def state(self, raw: Row, now_us: int, life: int) -> None:
        """`bot_state.json` was written."""
        receipts = str([(receipt["id"], receipt["state"]) for receipt in raw["receipts"]])
        last = self.samples[-1] if self.samples else None
        every_us = SAMPLE_US * max(1, len(self.samples) // MANY)
        soon = last is not None and last["life"] == life and now_us - last["us"] < every_us
        if self.ledger is None or (soon and receipts == self._receipts):
            return
        self._receipts = receipts
        try:
            lots, ledger = self.ledger.seen()
        except sqlite3.Error:  # taken away, or another version's: nothing can be compared
            return
        self.samples.append(
            {
                "us": now_us,
                "life": life,
                "ts_ms": raw["ts_ms"],
                "status": raw["status"],
                "level": raw["control"]["level"],
                "ledger_ok": raw["io"]["ledger_ok"],
                "io_error": raw["io"]["last_error"],
                "positions": [self._position(p) for p in raw["positions"]]
                if raw.get("positions") is not None
                else None,
                "orders": [self._orders.number([o[name] for name in ORDER_SHOWN]) for o in raw["orders"]]
                if raw["orders"] is not None
                else None,
                "account": raw["account"],
                "value": raw["portfolio_value"],
                "limits": [[m[name] for name in LIMIT_SHOWN] for m in raw["risk"]["limits"]] if raw["risk"] else None,
                "blocked": raw["risk"]["entries_blocked"] if raw["risk"] else None,
                "gates": [self._gates.number(_gates(p)) for p in raw["gates"]["products"]] if raw["gates"] else None,
                "feeds": {k: v for k, v in raw["feeds"].items() if k != "channels"} if raw["feeds"] else None,
                "metrics": {k: raw["metrics"][k] for k in ("decisions", "orders", "trades")}
                if raw["metrics"]
                else None,
                "alerts": [alert["code"] for alert in raw["alerts"]],
                "receipts": [[r["id"], r["cmd"], r["state"], r["seen_ms"], r["done_ms"]] for r in raw["receipts"]],
                "ledger_lots": [self._lots.number(row) for row in lots],
                "ledger": ledger,
                "file": len(self.files) - 1,  # the newest positions.json by then
                **self.exchange(),
            }
        )

    def _position(self, raw: Row) -> Row:
        lots = []
        for lot in raw["lots"]:  # a lot says nothing of what it has not
            number = self._shown.number([lot.get(name) for name in LOT_SHOWN])
            lots.append([number, lot.get("unrealized_pnl"), lot.get("value_usd")])
        return {name: raw[name] for name in _POSITION} | {"lots": lots}

    def positions(self, raw: Row, now_us: int, life: int) -> None:
        """`positions.json` was written."""
        if self.ledger is None:
            return
        try:
            lots, ledger = self.ledger.seen()
        except sqlite3.Error:
            return
        self.files.append(
            {
                "us": now_us,
                "life": life,
                "lots": [self._lots.number([lot.get(name) for name in LOT_FIELDS]) for lot in raw["lots"]],
                "ledger_lots": [self._lots.number(row) for row in lots],
                "latch": raw["latch"]["latch_id"] if raw["latch"] else None,
                "ledger_latch": ledger["latch"],
                "level": raw["wish"],
                "commands": raw["commands"],
            }
        )

    def document(self) -> Row:
        """For the judge."""
        return {
            "fields": {"lots": LOT_FIELDS, "shown": LOT_SHOWN, "orders": ORDER_SHOWN, "limits": LIMIT_SHOWN},
            "lots": self._lots.rows,
            "shown": self._shown.rows,
            "orders": self._orders.rows,
            "gates": self._gates.rows,
            "samples": self.samples,
            "files": self.files,
        }
