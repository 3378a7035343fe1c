"""Orders: open, UNKNOWN, foreign, done; every change with its time; cancel."""

from dashboard import order_money
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import commands, orders
from dashboard.views.snapshot import Snapshot
from shared.command_table import Cmd

SHOWN = 30


async def load(hub: Hub, _s: Snapshot, _params: Params) -> Data:
    def read() -> Data:
        rows, working = hub.ledger.orders(working=False, limit=SHOWN), hub.ledger.orders(working=True)
        journal = hub.ledger.activity_of([row.client_order_id for row in rows]) if rows else None
        return {
            "rows": rows,
            "journal": journal,
            "money": order_money.of_orders(hub.ledger, [*(rows or []), *(working or [])]),
        }

    found: Data = await hub.cache.get("orders-page", 1.0, read)
    return found


def _working(s: Snapshot, data: Data, role: str) -> Context:
    return {"orders": orders.working(s, data["money"]), "why": commands.why_not(s, Cmd.CANCEL, role=role)}


def _ended(_s: Snapshot, data: Data, _role: str) -> Context:
    rows = data["rows"]
    return {"orders": None if rows is None else orders.ended(rows, data["journal"], data["money"]), "most": SHOWN}


PAGE = Page(
    key="orders",
    shortcut="d",
    parts=(
        PagePart("or-open", "open.html", _working),
        PagePart("or-done", "done.html", _ended),
    ),
    load=load,
)
