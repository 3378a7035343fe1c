"""Performance: what closed lots earned, by period, product, lot kind and exit reason; CSV."""

from collections.abc import Callable

from dashboard.hub import Hub
from dashboard.pages import Data, Page, Params, Part
from dashboard.render import Context
from dashboard.rows import ClosedLot, Day
from dashboard.views import performance
from dashboard.views.snapshot import Snapshot
from shared.market_data import EquityRow

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

    def read() -> tuple[list[ClosedLot] | None, list[Day], list[EquityRow]]:
        rows = hub.ledger.closed_lots(since_ms)
        first = f"{s.now:%Y-%m-%d}" if not rows else performance.day_of(rows[0])
        days = [d for d in hub.ledger.days() or [] if d.day >= first]
        return rows, days, hub.market.equity(since_ms // 1000, 5000) or []

    rows, days, equity = await hub.cache.get(("performance", range_, since_ms // 60_000), 5.0, read)
    return {"rows": rows, "days": days, "equity": equity, "range": range_, "by": by}


def _figures(_s: Snapshot, data: Data, _role: str) -> Context:
    rows = data["rows"]
    found = None if rows is None else performance.figures(rows, data["days"], data["equity"])
    return {"figures": found, "any": bool(rows)}


def _periods(_s: Snapshot, data: Data, _role: str) -> Context:
    groups = performance.group(data["rows"] or [], performance.PERIODS[data["by"]])
    bars, zero = performance.bars(groups)
    return {"groups": groups[::-1], "bars": bars, "zero": zero, "by": data["by"], "range": data["range"],
            "known": data["rows"] is not None}  # fmt: skip


def _splits(_s: Snapshot, data: Data, _role: str) -> Context:
    rows = data["rows"] or []
    splits = [(name, sorted(performance.group(rows, key), key=lambda g: -g.pnl)) for name, key in _SPLITS]
    return {"splits": splits, "any": bool(rows)}


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
