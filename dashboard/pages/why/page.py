"""Why: each product's gates in order with value, limit and verdict, and its last signals."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.why import tally
from dashboard.render import Context
from dashboard.views import chart, gates
from dashboard.views.snapshot import Snapshot

BARS = 60
DAY_S = 86_400


async def load(hub: Hub, s: Snapshot, _params: Params) -> Data:
    products = [p.product_id for p in s.state.gates.products] if s.state and s.state.gates else []

    def read() -> dict[str, gates.SignalStrip]:
        return {p: gates.signal_strip(hub.market.signals(p, BARS)) for p in products}

    since_s = int(s.now.timestamp()) // 60 * 60 - DAY_S
    return {
        "strips": await hub.cache.get(("strips", tuple(products)), 5.0, read),
        "stops": await hub.cache.get("stops", 10.0, lambda: hub.market.stops(since_s)),
    }


def _view(s: Snapshot, data: Data, _role: str) -> Context:
    marks = {p.product_id: chart.last_price(s, p.product_id) for p in gates.why(s).products}
    steps = {product_id: chart.increment(s, product_id) for product_id in marks}
    return {"why": gates.why(s), "strips": data["strips"], "marks": marks, "steps": steps}


def _tally(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"tally": tally.tally(data["stops"])}


PAGE = Page(
    key="why",
    primary=True,
    shortcut="w",
    parts=(PagePart("wy-all", "gates.html", _view), PagePart("wy-tally", "tally.html", _tally)),
    load=load,
)
