"""Sinks: set up, tested and removed in the browser. What a sign-in may do differs: its route draws it."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.sinks import view
from dashboard.render import Context
from dashboard.views.snapshot import Snapshot


async def load(hub: Hub, _s: Snapshot, _params: Params) -> Data:
    return {"saved": view.saved_ms(hub.loaded.env_file)}


def _taken(s: Snapshot, data: Data, _role: str) -> Context:
    return {"t": view.taken(s.watcher, data["saved"])}


PAGE = Page(
    key="sinks",
    own_path="/alerts/sinks",
    own_icon="alerts",
    parts=(PagePart("sk-taken", "taken.html", _taken),),
    load=load,
    own_route=True,
    listed=False,
)
