"""Positions: lots by product on one scale, sums that agree with the exchange, close one lot or a product."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import commands, positions
from dashboard.views.snapshot import Snapshot
from shared.command_table import Cmd


async def load(_hub: Hub, s: Snapshot, _params: Params) -> Data:
    return {"held": positions.held(s)}  # three parts are made of it


def _view(s: Snapshot, data: Data, role: str) -> Context:
    return {
        "held": data["held"],
        "why_lot": commands.why_not(s, Cmd.CLOSE_LOT, role=role),
        "why_move": commands.why_not(s, Cmd.MOVE_STOP, role=role),
        "why_product": commands.why_not(s, Cmd.CLOSE_PRODUCT, role=role),
        "limit": _limit(s),
    }


def _limit(s: Snapshot) -> str:
    limits = s.state.risk.limits if s.state and s.state.risk else []
    found = next((x.limit for x in limits if x.name in ("max_total_lots", "total_lots")), None)
    return f" of {found:.0f}" if found else ""


PAGE = Page(
    key="positions",
    primary=True,
    shortcut="p",
    parts=(
        PagePart("po-figs", "figures.html", _view),
        PagePart("po-lots", "lots.html", _view),
        PagePart("po-rest", "not_in_lots.html", _view),
    ),
    load=load,
)
