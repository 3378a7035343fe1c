"""Performance: what lots earned, closed and open, by period, product, lot kind and exit reason; each lot; CSV."""

from dashboard import earned
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import performance
from dashboard.views.snapshot import Snapshot


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    range_ = params.get("range", "1m")
    range_ = range_ if range_ in dict(earned.RANGES) else "1m"
    by = params.get("by", "day")
    by = by if by in performance.PERIODS else "day"
    number = params.get("p", "1")
    page = int(number) if number.isdecimal() and 0 < int(number) < 100_000 else 1
    return {"earned": await earned.look(hub, s, range_, page), "range": range_, "by": by}


def _figures(s: Snapshot, data: Data, _role: str) -> Context:
    found: earned.Earned | None = data["earned"]
    account = s.state.account if s.state else None
    if found is None:
        return {"known": False}
    return {
        "known": True,
        "heads": performance.headlines(found.head),
        "figures": performance.figures(found.head, found.notes, account),
        "statement": performance.statement(found.days, found.by_day, account),
    }


def _periods(_s: Snapshot, data: Data, _role: str) -> Context:
    found: earned.Earned | None = data["earned"]
    groups = performance.by_period(found.by_day, data["by"]) if found is not None else []
    bars, zero = performance.bars(groups)
    return {"groups": groups[::-1], "bars": bars, "zero": zero, "by": data["by"], "range": data["range"]}


def _splits(_s: Snapshot, data: Data, _role: str) -> Context:
    found: earned.Earned | None = data["earned"]
    return {"splits": found.splits if found is not None and found.head.lots else []}


def _trades(_s: Snapshot, data: Data, _role: str) -> Context:
    found: earned.Earned | None = data["earned"]
    if found is None:
        return {"trades": [], "page": 1, "pages": 1, "head": None, "by": data["by"], "range": data["range"]}
    return {
        "trades": found.trades,
        "page": found.page,
        "pages": found.pages,
        "head": found.head,
        "by": data["by"],
        "range": data["range"],
    }


PAGE = Page(
    key="performance",
    shortcut="f",
    parts=(
        PagePart("pe-figs", "figures.html", _figures),
        PagePart("pe-periods", "periods.html", _periods),
        PagePart("pe-splits", "splits.html", _splits),
        PagePart("pe-trades", "trades.html", _trades),
    ),
    load=load,
    params=("range", "by", "p"),
)
