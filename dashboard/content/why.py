"""Why: each product's gates in order with value, limit and verdict, and its last signals."""

from dashboard.hub import Hub
from dashboard.pages import Data, Page, Params, Part
from dashboard.render import Context
from dashboard.views import chart, gates
from dashboard.views.snapshot import Snapshot

BARS = 60


async def load(hub: Hub, s: Snapshot, _params: Params) -> Data:
    products = [p.product_id for p in s.state.gates.products] if s.state and s.state.gates else []

    def read() -> dict[str, gates.Tape]:
        return {p: gates.tape(hub.market.signals(p, BARS)) for p in products}

    return {"tapes": await hub.cache.get(("tapes", tuple(products)), 5.0, read)}


def _view(s: Snapshot, data: Data, _role: str) -> Context:
    marks = {p.product_id: chart.last_price(s, p.product_id) for p in gates.why(s).products}
    return {"why": gates.why(s), "tapes": data["tapes"], "marks": marks}


PAGE = Page(
    key="why",
    path="/why",
    title="Why",
    icon="why",
    primary=True,
    shortcut="w",
    parts=(Part("wy-all", "parts/why_all.html", _view),),
    load=load,
)
