"""The top of a product's book as a ladder: price, size, running sum, and how much of the side that is."""

from dataclasses import dataclass

from markupsafe import Markup

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot

LEVELS = 20


@dataclass(frozen=True, slots=True)
class PriceLevelRow:
    price: Markup
    size: str
    total: str
    pct: float  # of the deeper side's whole, for the bar


@dataclass(frozen=True, slots=True)
class OrderBookPanel:
    bids: list[PriceLevelRow]  # best first
    asks: list[PriceLevelRow]
    spread: str
    bid_sum: str  # money within the shown levels
    ask_sum: str
    bid_pct: float  # share of both sides that bids are
    say: str
    age_state: str
    age: str


def ladder(s: Snapshot, product_id: str) -> OrderBookPanel | None:
    """None = no book of this product is kept, or not yet."""
    doc = s.depth.get(product_id)
    if doc is None or not doc.bids or not doc.asks:
        return None
    quote = s.quotes.get(product_id)
    step = (quote.price_increment_text if quote else None) or increment_of([*doc.bids, *doc.asks], 0)
    size_step = increment_of([*doc.bids[:LEVELS], *doc.asks[:LEVELS]], 1)
    whole = max(sum(level[1] for level in side[:LEVELS]) for side in (doc.bids, doc.asks)) or 1.0
    bids, asks = (_levels(side, whole, step, size_step) for side in (doc.bids, doc.asks))
    bid_sum, ask_sum = (sum(p * size for p, size in side[:LEVELS]) for side in (doc.bids, doc.asks))
    bid_pct = round(100 * bid_sum / ((bid_sum + ask_sum) or 1.0), 1)
    best_bid, best_ask = doc.bids[0][0], doc.asks[0][0]
    age_s = max(0.1, s.now.timestamp() - doc.at_ms / 1000)
    spread_pct = 200 * (best_ask - best_bid) / (best_ask + best_bid)
    return OrderBookPanel(
        bids,
        asks,
        f"{f.price_text(best_ask - best_bid, step)}, {f.pct(spread_pct, 3)}",
        f.number(bid_sum, 0),
        f.number(ask_sum, 0),
        bid_pct,
        f"{f.number(bid_pct, 0)} % of the value within {LEVELS} levels is on the bid side",
        f.age_state(age_s),
        f.age(age_s),
    )


def _levels(side: list[list[float]], whole: float, step: str, size_step: str) -> list[PriceLevelRow]:
    out, total = [], 0.0
    for price, size in side[:LEVELS]:
        total += size
        out.append(
            PriceLevelRow(
                f.price(price, step),
                f.price_text(size, size_step),
                f.price_text(total, size_step),
                round(100 * total / whole, 1),
            )
        )
    return out


def increment_of(levels: list[list[float]], column: int) -> str:
    """The step that shows every figure of a column without more digits than people can use: at most eight."""
    digits = 0
    for level in levels:
        text = f"{level[column]:.8f}".rstrip("0")
        digits = max(digits, len(text.partition(".")[2]))
    if column == 1 and levels:
        # Sizes: four figures of the smallest that matters are enough.
        typical = sorted(level[1] for level in levels)[len(levels) // 2]
        digits = min(digits, 2 if typical >= 100 else 4 if typical >= 1 else 6 if typical >= 0.01 else 8)
    return f"{10**-digits:.{digits}f}" if digits else "1"
