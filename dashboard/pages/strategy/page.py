"""Strategy: its settings, its current signal for each product, and its models."""

from dashboard.page import Data, Page, PagePart
from dashboard.pages.strategy import view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot


def _shown(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"strategy": view.strategy(s)}


PAGE = Page(
    key="strategy",
    shortcut="y",
    parts=(PagePart("st-all", "strategy.html", _shown),),
)
