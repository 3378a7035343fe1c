"""Performance: what closed lots earned, by period, product, lot kind and exit reason; CSV."""

from collections.abc import Callable

from dashboard.hub import Hub
from dashboard.pages import Data, Page, Params, Part
from dashboard.render import Context
from dashboard.rows import ClosedLot
from dashboard.views import equity as equity_view
from dashboard.views import performance
from dashboard.views.snapshot import Snapshot

KEPT_S = 10.0
RANGES = (("1w", "1W"), ("1m", "1M"), ("1y", "1Y"), ("all", "All"))
_SPLITS: tuple[tuple[str, Callable[[ClosedLot], str]], ...] = (
    ("Product", lambda lot: lot.product_id),
    ("Lot kind", lambda lot: lot.kind),
    ("Exit reason", lambda lot: lot.exit_reason),
)


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    range_ = params.get("range", "1m")
    range_ = range_ if range_ in dict(RANGES) else "1m"
    by = params.get("by", "day")
    by = by if by in performance.PERIODS else "day"
    since_ms = performance.since(range_, s.now)

    def read() -> Data:
        """All the sums, in a thread: a year's round trips take a while."""
        rows = hub.ledger.closed_lots(since_ms)
        if rows is None:
            return {"figures": None, "groups": [], "splits": [], "any": False}
        first = performance.day_of(rows[0]) if rows else f"{s.now:%Y-%m-%d}"
        days = [d for d in hub.ledger.days() or [] if d.day >= first]
        notes = hub.market.equity(since_ms // 1000, 5000)
        equity = equity_view.until_now(notes, equity_view.now(s), since_ms // 1000) or []
        return {
            "figures": performance.figures(rows, days, equity),
            "groups": performance.group(rows, performance.PERIODS[by]),
            "splits": [(n, sorted(performance.group(rows, key), key=lambda g: -g.pnl)) for n, key in _SPLITS],
            "any": bool(rows),
        }

    found = await hub.cache.get(("performance", range_, by, since_ms // 600_000), KEPT_S, read)
    return {**found, "range": range_, "by": by}


def _figures(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"figures": data["figures"], "any": data["any"]}


def _periods(_s: Snapshot, data: Data, _role: str) -> Context:
    bars, zero = performance.bars(data["groups"])
    return {"groups": data["groups"][::-1], "bars": bars, "zero": zero, "by": data["by"], "range": data["range"]}


def _splits(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"splits": data["splits"], "any": data["any"]}


PAGE = Page(
    key="performance",
    path="/performance",
    title="Performance",
    icon="performance",
    primary=False,
    shortcut="f",
    parts=(
        Part("pe-figs", "parts/performance_figures.html", _figures),
        Part("pe-periods", "parts/performance_periods.html", _periods),
        Part("pe-splits", "parts/performance_splits.html", _splits),
    ),
    load=load,
    params=("range", "by"),
)
