"""Chart: candles of each granularity with our fills and the lines of open lots, and the top of the book."""

from dashboard.hub import Hub
from dashboard.pages import Data, Page, Params, Part
from dashboard.render import Context
from dashboard.views import book, chart, track
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.settings import GRANULARITIES


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    products = chart.products(s, hub.loaded.settings.products)
    product = params.get("product", "")
    product = product if product in products else products[0]
    granularity = params.get("g", "")
    granularity = granularity if granularity in GRANULARITIES else "ONE_MINUTE"
    bars = await hub.cache.get(
        ("chart", product, granularity), 2.0, lambda: hub.market.candles(product, granularity, 200)
    )
    fills = await hub.cache.get(("chart-fills", product), 2.0, lambda: hub.ledger.fills(0, 12, product))
    return {"products": products, "product": product, "g": granularity, "bars": bars, "fills": fills}


def _head(s: Snapshot, data: Data, _role: str) -> Context:
    bars = data["bars"]
    closes = track.thin([bar.close for bar in bars or []], 120)
    quote = s.quotes.get(data["product"])
    last = chart.last_price(s, data["product"])
    if last is None and bars:
        last = bars[-1].close
    change = 100 * (bars[-1].close / bars[0].open - 1) if bars and bars[0].open else None
    return {
        "products": data["products"],
        "product": data["product"],
        "g": data["g"],
        "granularities": chart.GRANULARITY_LABELS,
        "known": bars is not None,
        "any": bool(bars),
        "path": track.line_path(closes, 1000, 100),
        "last": last,
        "bid": quote.bid if quote else None,
        "ask": quote.ask if quote else None,
        "spread": _spread(quote.bid, quote.ask) if quote else None,
        "change": change,
        "step": chart.increment(s, data["product"]),
        "since": f.of_ms(bars[0].start_s * 1000) if bars else None,
    }


def _spread(bid: float | None, ask: float | None) -> float | None:
    """Percent of the middle."""
    if bid is None or ask is None or bid + ask <= 0:
        return None
    return 200 * (ask - bid) / (ask + bid)


def _lots(s: Snapshot, data: Data, _role: str) -> Context:
    return {
        "lines": chart.lines(s, data["product"]),
        "product": data["product"],
        "last": chart.last_price(s, data["product"]),
        "step": chart.increment(s, data["product"]),
    }


def _book(s: Snapshot, data: Data, _role: str) -> Context:
    product = data["product"]
    return {"book": book.ladder(s, product), "product": product, "kept": s.depth_kept, "levels": book.LEVELS}


def _fills(s: Snapshot, data: Data, _role: str) -> Context:
    step = chart.increment(s, data["product"])
    return {"fills": data["fills"], "product": data["product"], "of_ms": f.of_ms, "step": step}


PAGE = Page(
    key="chart",
    path="/chart",
    title="Chart",
    icon="chart",
    primary=False,
    shortcut="h",
    parts=(
        Part("ch-main", "parts/chart_main.html", _head),
        Part("ch-book", "parts/chart_book.html", _book),
        Part("ch-lots", "parts/chart_lots.html", _lots),
        Part("ch-fills", "parts/chart_fills.html", _fills),
    ),
    load=load,
    params=("product", "g"),
)
