"""The account on disk: wallets, orders, fills, ids that are used up. SQLite, also in memory for runs without files.

Everything that one request changed is committed before its answer is sent, so an order that a client saw accepted
exists after `kill -9`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import orjson

from simulator.core.accounts import PortfolioRecord, Wallet
from simulator.core.orders import OrderType, SimFill, SimOrder, SimOrderStatus, TimeInForce, Trigger
from simulator.core.products import SimProduct, other_product
from simulator.core.venue import ExchangeState

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS portfolios (uuid TEXT PRIMARY KEY, name TEXT, kind TEXT, deleted INTEGER);
CREATE TABLE IF NOT EXISTS wallets (
    portfolio TEXT, currency TEXT, created_us INTEGER, updated_us INTEGER, total TEXT, held TEXT,
    PRIMARY KEY (portfolio, currency));
CREATE TABLE IF NOT EXISTS sums (kind TEXT, currency TEXT, atoms TEXT, PRIMARY KEY (kind, currency));
CREATE TABLE IF NOT EXISTS orders (
    sequence INTEGER PRIMARY KEY, order_id TEXT UNIQUE, portfolio TEXT, client_order_id TEXT, product_id TEXT,
    side TEXT, status TEXT, kind TEXT, tif TEXT, created_us INTEGER, last_fill_us INTEGER, limit_ticks INTEGER,
    body BLOB, updated_us INTEGER);
CREATE INDEX IF NOT EXISTS orders_client ON orders (client_order_id, portfolio);
CREATE INDEX IF NOT EXISTS orders_status ON orders (status) WHERE status NOT IN
    ('FILLED', 'CANCELLED', 'EXPIRED', 'FAILED');
CREATE TABLE IF NOT EXISTS fills (
    sequence INTEGER PRIMARY KEY, trade_id TEXT, order_id TEXT, portfolio TEXT, product_id TEXT, time_us INTEGER,
    tick INTEGER, usd REAL, fee_usd REAL, body BLOB);
CREATE INDEX IF NOT EXISTS fills_order ON fills (order_id);
CREATE INDEX IF NOT EXISTS fills_time ON fills (time_us);
"""
_ATOMS = 1e20
_ORDER_FIELDS = tuple(f.name for f in fields(SimOrder) if f.name != "product")
_BIG = frozenset({"quote", "filled_value", "fees", "hold"})  # beyond 64 bits: kept as text
_ENUMS: dict[str, type] = {"kind": OrderType, "tif": TimeInForce, "status": SimOrderStatus, "trigger": Trigger}


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A query's filters, all joined by AND; `before` is the cursor."""

    where: Sequence[tuple[str, Sequence[Any]]] = ()
    limit: int = 1000
    before: int | None = None
    order: str = "sequence DESC"
    offset: int = 0


def _encode_order(order: SimOrder) -> bytes:
    body = {name: getattr(order, name) for name in _ORDER_FIELDS}
    for name in _BIG:
        body[name] = None if body[name] is None else str(body[name])
    body["product"] = order.product.product_id
    return orjson.dumps(body)


class Store:
    """The file (or the memory) behind a venue; implements `Archive`."""

    def __init__(self, path: Path | None) -> None:
        self.db = sqlite3.connect(":memory:" if path is None else str(path), isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        # The file outlives a killed process; only a power cut may lose the last moments of play money.
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA cache_size=-2000")
        self.db.executescript(SCHEMA)
        if not any(row[1] == "updated_us" for row in self.db.execute("PRAGMA table_info(orders)")):
            self.db.execute("ALTER TABLE orders ADD COLUMN updated_us INTEGER")  # an account of before it was kept
        self.products: dict[str, SimProduct] = {}
        found = self.db.execute("SELECT max(sequence) FROM orders").fetchone()[0]
        self.order_sequence: int = found or 0
        found = self.db.execute("SELECT max(sequence) FROM fills").fetchone()[0]
        self.fill_sequence: int = found or 0

    def close(self) -> None:
        self.db.close()

    def meta(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def save(self, venue: ExchangeState) -> None:
        """Write all that changed since the last call, in one transaction."""
        if not (venue.dirty or venue.fresh_fills or venue.accounts.changed):
            return
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._save_orders(venue.dirty.values())
            self._save_fills(venue)
            self._save_wallets(venue)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('ids', ?)", (str(venue.ids.count),))
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        venue.dirty.clear()
        venue.fresh_fills.clear()
        venue.accounts.changed.clear()

    def _save_orders(self, orders: Iterable[SimOrder]) -> None:
        rows = []
        for order in orders:
            if not order.sequence:
                self.order_sequence += 1
                order.sequence = self.order_sequence
            rows.append(
                (order.sequence, order.order_id, order.portfolio, order.client_order_id, order.product.product_id,
                 "BUY" if order.buys else "SELL", order.status, order.kind, order.tif, order.created_us,
                 order.last_fill_us, order.limit, _encode_order(order), order.updated_us)
            )  # fmt: skip
        self.db.executemany(f"INSERT OR REPLACE INTO orders VALUES ({','.join('?' * 14)})", rows)  # noqa: S608

    def _save_fills(self, venue: ExchangeState) -> None:
        rows = []
        for fill in venue.fresh_fills:
            self.fill_sequence += 1
            usd = fill.product_id.endswith(("-USD", "-USDC"))
            body = (fill.trade_id, fill.entry_id, fill.order_id, fill.portfolio, fill.product_id, fill.buys, fill.tick,
                    fill.steps, str(fill.value), str(fill.fee), fill.taker, fill.time_us)  # fmt: skip
            rows.append(
                (self.fill_sequence, fill.trade_id, fill.order_id, fill.portfolio, fill.product_id, fill.time_us,
                 fill.tick, fill.value / _ATOMS if usd else 0.0, fill.fee / _ATOMS if usd else 0.0, orjson.dumps(body))
            )  # fmt: skip
        self.db.executemany("INSERT INTO fills VALUES (?,?,?,?,?,?,?,?,?,?)", rows)

    def _save_wallets(self, venue: ExchangeState) -> None:
        accounts = venue.accounts
        wallets = [accounts.wallets[key] for key in accounts.changed]
        self.db.executemany(
            "INSERT OR REPLACE INTO wallets VALUES (?,?,?,?,?,?)",
            [(w.portfolio, w.currency, w.created_us, w.updated_us, str(w.total), str(w.held)) for w in wallets],
        )
        sums = [
            (kind, currency, str(atoms))
            for kind, table in (("world", accounts.world), ("fees", accounts.fees))
            for currency, atoms in table.items()
        ]
        self.db.executemany("INSERT OR REPLACE INTO sums VALUES (?,?,?)", sums)

    def save_portfolios(self, venue: ExchangeState) -> None:
        self.db.executemany(
            "INSERT OR REPLACE INTO portfolios VALUES (?,?,?,?)",
            [(p.uuid, p.name, p.kind, int(p.deleted)) for p in venue.accounts.portfolios.values()],
        )
        self.set_meta("ids", str(venue.ids.count))

    def load(self, venue: ExchangeState) -> list[SimOrder]:
        """Put the stored account into a new venue; gives the open orders, oldest first, which wait to be placed."""
        accounts = venue.accounts
        for uuid, name, kind, deleted in self.db.execute("SELECT * FROM portfolios"):
            accounts.portfolios[uuid] = PortfolioRecord(uuid, name, kind, bool(deleted))
        for portfolio, currency, created, updated, total, held in self.db.execute("SELECT * FROM wallets"):
            accounts.wallets[portfolio, currency] = Wallet(portfolio, currency, created, updated, int(total), int(held))
        for kind, currency, atoms in self.db.execute("SELECT * FROM sums"):
            (accounts.world if kind == "world" else accounts.fees)[currency] = int(atoms)
        venue.ids.count = int(self.meta("ids") or 0)
        rows = self.db.execute(
            "SELECT sequence, body FROM orders WHERE status NOT IN ('FILLED','CANCELLED','EXPIRED','FAILED') "
            "ORDER BY sequence"
        )
        return [self._order(sequence, body) for sequence, body in rows]

    def _order(self, sequence: int, body: bytes) -> SimOrder:
        raw = orjson.loads(body)
        name = raw.pop("product")
        product = self.products.get(name) or other_product(name)
        for key in _BIG:
            raw[key] = None if raw[key] is None else int(raw[key])
        for key, kind in _ENUMS.items():
            raw[key] = kind(raw[key])
        raw["sequence"] = sequence
        return SimOrder(product=product, **raw)

    def order(self, order_id: str) -> SimOrder | None:
        row = self.db.execute("SELECT sequence, body FROM orders WHERE order_id = ?", (order_id,)).fetchone()
        return self._order(*row) if row else None

    def by_client_id(self, portfolio: str, client_order_id: str) -> SimOrder | None:
        row = self.db.execute(
            "SELECT sequence, body FROM orders WHERE client_order_id = ? AND portfolio = ? ORDER BY sequence LIMIT 1",
            (client_order_id, portfolio),
        ).fetchone()
        return self._order(*row) if row else None

    def _rows(self, table: str, page: HistoryQuery) -> list[tuple[int, bytes]]:
        clauses: list[str] = []
        values: list[Any] = []
        for clause, given in page.where:
            clauses.append(clause)
            values.extend(given)
        if page.before is not None:
            clauses.append("sequence < ?")
            values.append(page.before)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        # The clauses are constants of the route modules; every value is bound.
        sql = f"SELECT sequence, body FROM {table} {where} ORDER BY {page.order} LIMIT ? OFFSET ?"  # noqa: S608
        return self.db.execute(sql, (*values, page.limit, page.offset)).fetchall()

    def orders(self, page: HistoryQuery) -> list[SimOrder]:
        return [self._order(sequence, body) for sequence, body in self._rows("orders", page)]

    def fills(self, page: HistoryQuery) -> list[SimFill]:
        found = []
        for sequence, body in self._rows("fills", page):
            row = orjson.loads(body)
            row[8], row[9] = int(row[8]), int(row[9])
            found.append(replace(SimFill(*row), sequence=sequence))
        return found

    def fills_of(self, order_id: str | None) -> list[SimFill]:
        """One order's fills, oldest first; all fills for None."""
        where = [("order_id = ?", (order_id,))] if order_id is not None else []
        return self.fills(HistoryQuery(where, limit=-1, order="sequence"))

    def volume_usd(self, since_us: int) -> tuple[float, float]:
        row = self.db.execute("SELECT total(usd), total(fee_usd) FROM fills WHERE time_us >= ?", (since_us,)).fetchone()
        return float(row[0]), float(row[1])
