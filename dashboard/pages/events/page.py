"""Events: the audit trail of commands with who sent them, and the bot's activity log."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import events
from dashboard.views.snapshot import Snapshot
from shared.audit_log import ChainCheck, verify

CHAIN_S = 15.0


async def load(hub: Hub, _s: Snapshot, params: Params) -> Data:
    kind = params.get("kind", "")
    rows = await hub.cache.get(("activity", kind), 1.0, lambda: hub.ledger.activity(80, kind or None))
    audit = await hub.cache.get("audit", 1.0, lambda: hub.audit.tail(60))
    commands = await hub.cache.get("commands-page", 1.0, lambda: hub.ledger.commands(40))
    chain = await hub.cache.get("audit-chain", CHAIN_S, lambda: _chain(hub))
    return {"activity": rows, "audit": audit, "chain": chain, "commands": commands, "kind": kind}


def _chain(hub: Hub) -> ChainCheck | None:
    """The whole trail checked; None = it cannot be read."""
    try:
        return verify(hub.paths.audit)
    except OSError:
        return None


def _activity(_s: Snapshot, data: Data, _role: str) -> Context:
    return {
        "rows": None if data["activity"] is None else [events.entry(e) for e in data["activity"]],
        "kind": data["kind"],
    }


def _audit(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": [events.audit(row) for row in data["audit"]], "chain": events.chain(data["chain"])}


def _receipts(s: Snapshot, data: Data, _role: str) -> Context:
    return {"receipts": events.receipts(s, data["commands"])[:12]}


PAGE = Page(
    key="events",
    shortcut="e",
    parts=(
        PagePart("ev-receipts", "parts/receipts.html", _receipts),
        PagePart("ev-audit", "audit.html", _audit),
        PagePart("ev-journal", "activity.html", _activity),
    ),
    load=load,
    params=("kind",),
)
