"""Overview: status, equity, today's PnL, next exits, positions, why no trade now, last events."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.overview import boot, view
from dashboard.render import Context
from dashboard.views import equity, gates, positions, track
from dashboard.views.snapshot import Snapshot
from shared.documents.status import Status
from shared.settings import Mode
from shared.strategy_choice import GOALS, was_chosen

SPARK_TTL_S = 30.0
EQUITY_TTL_S = 5.0


async def sparks(hub: Hub, s: Snapshot) -> dict[str, str]:
    """The last day of each held product as a small line."""
    held = [p.product_id for p in (s.state.positions if s.state else None) or [] if p.lots]

    def read() -> dict[str, str]:
        out = {}
        for product_id in held:
            bars = hub.market.candles(product_id, "FIVE_MINUTE", 288) or []
            out[product_id] = track.line_path(track.thin([bar.close for bar in bars], 72), 1000, 92)
        return out

    return await hub.cache.get(("sparks", tuple(held)), SPARK_TTL_S, read)


def range_of(params: Params) -> str:
    wanted = params.get("range", "1d")
    return wanted if wanted in dict(equity.RANGES) else "1d"


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    range_ = range_of(params)
    since_s = equity.since(range_, s.now)

    def read() -> Data:
        flags = equity.flags(hub.ledger.adopted(), s, since_s)
        rows = equity.until_now(hub.market.equity(since_s, 400), equity.now(s), since_s)
        return {"plot": equity.plot(rows, flags), "flags": flags}

    waits = s.state.differences if s.state else None
    found = await hub.cache.get(("equity", range_, since_s // 60, waits), EQUITY_TTL_S, read)
    ask = s.mode != Mode.LIVE and not was_chosen(hub.loaded)
    return {"sparks": await sparks(hub, s), **found, "range": range_, "goals": GOALS if ask else ()}


def _boot(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"boot": boot.boot(s)}


def _equity(s: Snapshot, data: Data, _role: str) -> Context:
    figures = view.figures(s.state.account if s.state else None)
    return {
        "figures": figures,
        "ranges": equity.RANGES,
        "range": data["range"],
        "plot": data["plot"],
        "flags": data["flags"][::-1],
        "newest": equity.now(s),
    }


def _today(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.today(s)}


def _exits(s: Snapshot, _data: Data, _role: str) -> Context:
    status = s.state.status if s.state else None
    judged = status not in (Status.STOPPED, Status.SAFE, Status.ERROR)
    known = s.state is not None and s.state.positions is not None
    return {
        "exits": positions.next_exits(s),
        "judged": judged,
        "word": str(status or ""),
        "known": known,
        "held": bool(s.lot_count),
    }


def _positions(s: Snapshot, data: Data, _role: str) -> Context:
    return {"held": positions.held(s, data["sparks"]), "account": s.state.account if s.state else None}


def _why(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"why": gates.why(s)}


def _events(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"events": view.last_events(s)}


PAGE = Page(
    key="overview",
    own_path="/",
    primary=True,
    shortcut="o",
    parts=(
        PagePart("ov-boot", "boot.html", _boot),
        PagePart("ov-equity", "equity.html", _equity),
        PagePart("ov-today", "today.html", _today),
        PagePart("ov-exits", "exits.html", _exits),
        PagePart("ov-positions", "positions.html", _positions),
        PagePart("ov-why", "why.html", _why),
        PagePart("ov-events", "events.html", _events),
    ),
    load=load,
    params=("range",),
)
