"""Strategy: what it is made of and what it says of each product now."""

from dashboard.pages import Data, Page, Part
from dashboard.render import Context
from dashboard.views import strategy
from dashboard.views.snapshot import Snapshot


def _view(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"strategy": strategy.strategy(s)}


PAGE = Page(
    key="strategy",
    path="/strategy",
    title="Strategy",
    icon="strategy",
    primary=False,
    shortcut="y",
    parts=(Part("st-all", "parts/strategy_all.html", _view),),
)
