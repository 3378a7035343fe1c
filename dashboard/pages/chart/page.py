"""Chart: candles of each granularity with our fills and the lines of open lots, and the top of the book."""

from collections.abc import Sequence

import orjson

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.chart import forming
from dashboard.pages.chart import order_book as book
from dashboard.render import Context
from dashboard.views import chart, regimes, track
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.market_data import CandleRow
from shared.settings import GRANULARITIES, GRANULARITY_S


def settle(hub: Hub, s: Snapshot, asked: Params, kept: Params) -> Params:
    """What was asked for; else what this browser chose last, as long as the bot watches it; else where the money is."""
    configured = hub.loaded.settings.products
    known = chart.products(s, configured)
    product = asked.get("product") or (kept.get("product") if kept.get("product") in known else None)
    granularity = asked.get("g") or kept.get("g", "")
    return {
        "product": product or chart.opens_on(s, configured),
        "g": granularity if granularity in GRANULARITIES else "ONE_MINUTE",
    }


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    """`settle` chose; a stream may come with less, from a page that was opened otherwise."""
    params = settle(hub, s, params, {})
    products, product, granularity = chart.products(s, hub.loaded.settings.products), params["product"], params["g"]
    found: Data = {"products": products, "product": product, "g": granularity, "unknown": product not in products}
    if found["unknown"]:
        return found | {"status": 404, "bars": None, "fills": None, "forming": None}
    bars = await hub.cache.get(
        ("chart", product, granularity), 2.0, lambda: hub.market.candles(product, granularity, 200)
    )
    fills = await hub.cache.get(("chart-fills", product), 2.0, lambda: hub.ledger.fills(0, 12, product))
    unclosed = await read_forming(hub, s, product, granularity, bars or [])
    return found | {"bars": bars, "fills": fills, "forming": unclosed}


async def read_forming(
    hub: Hub, s: Snapshot, product: str, granularity: str, bars: Sequence[CandleRow]
) -> forming.Forming | None:
    """The bar that is not closed yet, beside the closed ones that are shown."""
    length_s = GRANULARITY_S[granularity]
    closed_s = bars[-1].start_s if bars else None
    # At most the running bar and the one before it: after a long silence the rest belongs to closed bars to come.
    since_s = int(s.now.timestamp()) // length_s * length_s - length_s
    since_s = max(since_s, closed_s + length_s) if closed_s is not None else since_s
    minutes: Sequence[CandleRow] = ()
    if length_s > GRANULARITY_S["ONE_MINUTE"]:
        minutes = await hub.cache.get(("minutes", product, since_s), 2.0, lambda: hub.market.minutes(product, since_s))
    return forming.forming(s, product, length_s, closed_s, minutes)


def _head(s: Snapshot, data: Data, role: str) -> Context:
    bars = data["bars"]
    closes = track.thin([bar.close for bar in bars or []], 120)
    quote = s.quotes.get(data["product"])
    last = None if data["unknown"] else chart.last_price(s, data["product"])
    if last is None and bars:
        last = bars[-1].close
    change = 100 * (last / bars[0].open - 1) if last is not None and bars and bars[0].open else None
    unclosed: forming.Forming | None = data["forming"]
    strategy = s.state.strategy if s.state else None
    return {
        "products": data["products"],
        "product": f.clean(data["product"]),
        "unknown": data["unknown"],
        "lots": chart.lots_of(s),
        "g": data["g"],
        "granularities": chart.granularities(s),
        "decides_on": chart.GRANULARITY_LABELS.get(strategy.granularity) if strategy else None,
        "regime": regimes.of_product(s, data["product"]),
        "gates_here": strategy is not None
        and 0 < GRANULARITY_S.get(strategy.granularity, 0) <= GRANULARITY_S[data["g"]],
        "decides_here": strategy is not None and strategy.granularity == data["g"],
        "known": bars is not None,
        "any": bool(bars),
        "path": track.line_path([*closes, last] if last is not None else closes, 1000, 100),
        "last": last,
        "bid": quote.bid if quote else None,
        "ask": quote.ask if quote else None,
        "spread": _spread(quote.bid, quote.ask) if quote else None,
        "change": change,
        "step": chart.increment(s, data["product"]),
        "since": f.of_ms(bars[0].start_s * 1000) if bars else None,
        "forming": unclosed,
        "forming_change": _change(unclosed),
        "now": orjson.dumps({"last": last, "forming": unclosed.bars if unclosed else []}).decode(),
        "handles": _handles(s, role),
        "live": s.fresh if unclosed is None else unclosed.live,
    }


def _handles(s: Snapshot, role: str) -> bool:
    """Handles on what is old, or on what somebody may not move, would promise what the button then refuses."""
    return role == "operator" and s.fresh and not s.verdict.blind and not s.killed


def _change(unclosed: forming.Forming | None) -> float | None:
    """Percent within the bar."""
    return 100 * (unclosed.newest[4] / unclosed.newest[1] - 1) if unclosed and unclosed.newest[1] else None


def _spread(bid: float | None, ask: float | None) -> float | None:
    """Percent of the middle."""
    if bid is None or ask is None or bid + ask <= 0:
        return None
    return 200 * (ask - bid) / (ask + bid)


def _lots(s: Snapshot, data: Data, role: str) -> Context:
    return {
        "may": _handles(s, role),
        "lines": chart.lines(s, data["product"]),
        "unknown": data["unknown"],
        "product": data["product"],
        "last": chart.last_price(s, data["product"]),
        "step": chart.increment(s, data["product"]),
    }


def _book(s: Snapshot, data: Data, _role: str) -> Context:
    product = data["product"]
    shown = book.ladder(s, product)
    return {"book": shown, "unknown": data["unknown"], "product": product, "kept": s.depth_kept, "levels": book.LEVELS}


def _fills(s: Snapshot, data: Data, _role: str) -> Context:
    step = chart.increment(s, data["product"])
    return {
        "fills": data["fills"],
        "unknown": data["unknown"],
        "product": data["product"],
        "of_ms": f.of_ms,
        "step": step,
    }


PAGE = Page(
    key="chart",
    shortcut="h",
    parts=(
        PagePart("ch-main", "main.html", _head),
        PagePart("ch-book", "book.html", _book),
        PagePart("ch-lots", "lots.html", _lots),
        PagePart("ch-fills", "fills.html", _fills),
    ),
    load=load,
    params=("product", "g"),
    settle=settle,
    kept=("product", "g"),
)
