"""What a chart shows beside the bars: fills, and the price levels of open lots."""

from collections.abc import Sequence
from typing import Any

from dashboard.rows import LedgerFill
from dashboard.views import positions
from dashboard.views.model import called
from dashboard.views.snapshot import Snapshot
from shared.documents.account import LotDoc
from shared.market_data import IndicatorRow
from shared.regimes import REGIME_SIZE, REGIME_VALUE

OVERLAY_WITHIN = 0.3  # of the price: an indicator further off is not on the price scale
KEPT_BARS = ("ONE_MINUTE", "FIVE_MINUTE", "ONE_HOUR", "ONE_DAY")  # by the bot, whatever the strategy looks at
GRANULARITY_LABELS = {
    "ONE_MINUTE": "1m",
    "FIVE_MINUTE": "5m",
    "FIFTEEN_MINUTE": "15m",
    "ONE_HOUR": "1h",
    "ONE_DAY": "1d",
}


def marker(fill: LedgerFill) -> dict[str, Any]:
    """A fill as a mark: entries below, exits above."""
    return {
        "at_s": fill.exchange_ms // 1000,
        "side": fill.side,
        "price": float(fill.price),
        "size": str(fill.base_size),
        "product_id": fill.product_id,
    }


def clusters(fills: Sequence[LedgerFill], span_s: int) -> list[dict[str, Any]]:
    """Fills, oldest first, as marks: those of one side within a span are one, with a count."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for fill in fills:
        key = fill.exchange_ms // 1000 // span_s, fill.side
        if key not in found:
            found[key] = {**marker(fill), "count": 1}
            continue
        one = found[key]
        one["count"] += 1
        if one["product_id"] != fill.product_id:
            one["product_id"] = ""
        one["price"], one["size"] = None, ""
    return list(found.values())


def turns(decisions: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where the strategy's signal changed to buy or sell, as recorded, not recomputed."""
    found: list[tuple[int, str]] = []
    before = ""
    for at_s, word in decisions:
        if word != before and word in ("buy", "sell"):
            found.append((at_s, word))
        before = word
    return found


def overlays(
    rows: Sequence[IndicatorRow], last: float | None, answers: Sequence[str] = ()
) -> dict[str, list[tuple[int, float]]]:
    """Each indicator that lives on the price's own scale; `answers`: values that are no prices, however near."""
    series: dict[str, list[tuple[int, float]]] = {}
    for at_s, values in rows:
        for name, value in values.items():
            if name in answers or name in (REGIME_VALUE, REGIME_SIZE):
                continue
            if isinstance(value, int | float) and last and abs(value / last - 1) < OVERLAY_WITHIN:
                series.setdefault(called(name), []).append((at_s, float(value)))
    return {name: found for name, found in series.items() if len(found) * 2 > len(rows)}


def lines(s: Snapshot, product_id: str) -> list[dict[str, Any]]:
    """Open, take and stop of each open lot of the product, display values; each with its lot, and when that opened."""
    found = next((p for p in (s.state.positions if s.state else None) or [] if p.product_id == product_id), None)
    if found is None:
        return []
    called = positions.names(found.lots)
    out: list[dict[str, Any]] = []
    for lot in found.lots:
        name = called[lot.lot_id]
        of = {"lot_id": lot.lot_id, "lot": name, "opened_s": lot.opened_ms // 1000, "moves": ""}
        even = {"break_even": lot.break_even_price}
        out.append({"kind": "open", "name": f"{name} open", "price": lot.open_price} | of | even)
        if not s.killed and lot.take_price is not None:
            moves = {"moves": "take" if _may_move(lot) else ""}
            out.append({"kind": "take", "name": f"{name} take profit", "price": lot.take_price} | of | moves)
        guard = lot.trail_stop if lot.trail_active else lot.stop_price
        if guard and guard > lot.open_price * 0.05:
            word = "trailing stop" if lot.trail_active else "stop loss"
            moves = {"moves": "stop" if _may_move(lot) and not lot.trail_active else ""}
            out.append({"kind": "stop", "name": f"{name} {word}", "price": guard} | of | moves)
    return out


def _may_move(lot: LotDoc) -> bool:
    """Whether a person may move its take or stop: a holding has its target weight, what is being sold is on its way."""
    return lot.kind != "holding" and lot.exit_state not in ("exiting", "dust")


def last_price(s: Snapshot, product_id: str) -> float | None:
    """The last price that the bot knows of the product."""
    quote = s.quotes.get(product_id)
    if quote is not None and quote.last is not None:
        return quote.last
    found = next((p for p in (s.state.positions if s.state else None) or [] if p.product_id == product_id), None)
    return found.mark if found else None


def products(s: Snapshot, configured: tuple[str, ...]) -> list[str]:
    """Products that a chart can be asked for: what the bot watches (PRODUCTS or the scanner's picks), and held ones."""
    held = [p.product_id for p in (s.state.positions if s.state else None) or []]
    return list(dict.fromkeys([*(s.quotes or configured), *held]))


def lots_of(s: Snapshot) -> dict[str, int]:
    """Product to its open lots, where it has any."""
    return {p.product_id: len(p.lots) for p in (s.state.positions if s.state else None) or [] if p.lots}


def opens_on(s: Snapshot, configured: tuple[str, ...]) -> str:
    """The product with the most money in lots, else the first one."""
    held = [p for p in (s.state.positions if s.state else None) or [] if p.lots]
    if held:
        return max(held, key=lambda p: p.size_usd or p.cost_usd or 0.0).product_id
    return products(s, configured)[0]


def granularities(s: Snapshot) -> dict[str, str]:
    """The bars that the bot keeps: those of every chart, and the strategy's own."""
    own = s.state.strategy.granularity if s.state and s.state.strategy else None
    return {key: label for key, label in GRANULARITY_LABELS.items() if key in KEPT_BARS or key == own}


def increment(s: Snapshot, product_id: str) -> str:
    """The step of the product's price, as the bot tells it; else digits that suit the price."""
    quote = s.quotes.get(product_id)
    if quote is not None and quote.price_increment_text:
        return quote.price_increment_text
    found = next((p for p in (s.state.positions if s.state else None) or [] if p.product_id == product_id), None)
    if found is not None:
        return found.price_increment_text
    last = last_price(s, product_id)
    return "0.01" if last is None or last >= 100 else "0.0001" if last >= 1 else "0.000001"
