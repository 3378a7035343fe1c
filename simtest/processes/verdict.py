"""Compares the exchange with the ledger: briefly after each death, in full at the end of a crash loop."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simtest.judge import money_invariants, trading_invariants
from simtest.judge.case import InvalidEvidence, load
from simulator.core.products import DEFAULT_PRODUCTS
from simulator.core.units import text
from simulator.store import HistoryQuery, Store

CHECKS = {
    "I1 FILLS": money_invariants.fills,
    "I2 POSITION": money_invariants.position,
    "I3 ONE-INTENT": money_invariants.one_intent,
    "I4 NO-ORPHAN": trading_invariants.orphans,
    "I9 CONSERVE": money_invariants.conserve,
    "I14 FSM": money_invariants.states,
}


def after_death(data: Path, mark: str) -> list[str]:
    """Orders of ours that the ledger does not know, and ids with two orders: there must never be one."""
    venue = _rows(data / "sim" / "account.db", "SELECT client_order_id FROM orders")
    kept = {coid for (coid,) in _rows(data / "ledger.db", "SELECT client_order_id FROM orders")}
    own = Counter(coid for (coid,) in venue if coid.startswith(mark))
    return [f"orphan {coid}" for coid in own if coid not in kept] + [f"twice {c}" for c, n in own.items() if n > 1]


def open_purchases(data: Path) -> int:
    """The number of purchases in the ledger whose outcome is unknown: they block their products."""
    query = "SELECT 1 FROM orders WHERE purpose = 'entry' AND state IN ('new','sent','unknown')"
    return len(_rows(data / "ledger.db", query))


def unfinished(data: Path) -> int:
    """The number of unsettled orders in the ledger, and of final ones whose fills are not all counted."""
    done = "('filled','cancelled','expired','failed','refused','denied','absent')"
    query = f"SELECT client_order_id FROM orders WHERE state NOT IN {done}"  # noqa: S608
    return len(_rows(data / "ledger.db", query))


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return db.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []  # it died while the ledger was being made
        raise
    finally:
        db.close()


def put_day_back(data: Path) -> None:
    """Move the ledger's last day back by one, so that the next start begins a new day."""
    if not _rows(data / "ledger.db", "SELECT 1 FROM days"):
        return
    db = sqlite3.connect(data / "ledger.db", timeout=5)
    with db:
        newest = db.execute("SELECT max(day) FROM days").fetchone()[0]
        if newest is not None:
            db.execute("DELETE FROM days WHERE day = date(?, '-1 day')", (newest,))
            db.execute("UPDATE days SET day = date(day, '-1 day') WHERE day = ?", (newest,))
    db.close()


def full(folder: Path, bot_name: str, funds: str) -> dict[str, list[str]]:
    """Every check over a whole crash loop: check → breaches. Bot and exchange have ended by then."""
    (folder / "truth.json").write_text(json.dumps(_truth(folder / "data" / "sim" / "account.db", bot_name, funds)))
    case = load(folder)
    found: dict[str, list[str]] = {}
    for name, check in CHECKS.items():
        try:
            breaches = list(check(case))
        except InvalidEvidence as error:
            breaches = [f"unreadable evidence: {error}"]
        # The test itself moved days back, so their sums belong to no single day.
        found[name] = [text for text in breaches if "the days say" not in text]
    return found


def _truth(account: Path, bot_name: str, funds: str) -> Mapping[str, Any]:
    store = Store(account)
    products = {product.product_id: product for product in DEFAULT_PRODUCTS}
    store.products = products
    orders = [store._order(sequence, body) for sequence, body in store.db.execute("SELECT sequence, body FROM orders")]
    fills = store.fills(HistoryQuery((), -1, None, "sequence ASC"))
    wallets = store.db.execute("SELECT currency, total FROM wallets").fetchall()
    store.close()
    venue = {
        "orders": [
            {
                "order_id": o.order_id,
                "client_order_id": o.client_order_id,
                "product_id": o.product.product_id,
                "side": "BUY" if o.buys else "SELL",
                "status": str(o.status),
                "filled": o.product.size_text(o.filled),
                "created_us": o.created_us,
                "done_us": o.done_us,
            }
            for o in orders
        ],
        "fills": [
            {
                "order_id": f.order_id,
                "trade_id": f.trade_id,
                "product_id": f.product_id,
                "side": "BUY" if f.buys else "SELL",
                "price": products[f.product_id].price_text(f.tick),
                "size": products[f.product_id].size_text(f.steps),
                "fee": text(f.fee),
                "value": text(f.value),
            }
            for f in fills
        ],
        "balances": {currency: text(int(total)) for currency, total in wallets},
        "funds": funds,
        "transfers": [],
        "products": {},
    }
    empty: dict[str, Any] = {
        name: [] for name in ("posts", "cancels", "states", "acts", "lives", "file_faults", "strays", "swaps")
    }
    plan: dict[str, Any] = {"windows": [], "settings": {}}
    return {"bot_name": bot_name, "venue": venue, "plan": plan, "start_us": 0, "end_us": 0, **empty}
