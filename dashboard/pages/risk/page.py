"""Risk: limits, breakers, the kill switch and its drill."""

import shlex

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.risk import view
from dashboard.render import Context
from dashboard.views import commands, events, regimes
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.paths import ROOT


async def load(hub: Hub, _s: Snapshot, _params: Params) -> Data:
    latches = await hub.cache.get("latches", 1.0, hub.ledger.latches)
    rows = await hub.cache.get("commands-page", 1.0, lambda: hub.ledger.commands(40))
    kill = hub.paths.kill
    shown = kill.relative_to(ROOT) if kill.is_relative_to(ROOT) else kill
    return {"latches": latches, "commands": rows, "touch": f"touch {shlex.quote(str(shown))}"}


def _limits(s: Snapshot, _data: Data, _role: str) -> Context:
    found = s.state.risk if s.state else None
    adjusted = [f.clean(one.why) for one in found.adjusted] if found else []
    return {"rows": view.limits(s), "blocked": found.entries_blocked if found else None, "adjusted": adjusted}


def _sizing(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"kelly": view.kelly(s), "regimes": regimes.rows(s)}


def _kill(s: Snapshot, data: Data, role: str) -> Context:
    return {
        "buttons": commands.buttons(s, role),
        "says": commands.kill_preview(s),
        "armed": view.armed(s),
        "touch": data["touch"],
    }


def _breakers(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"rows": view.breakers(s)}


def _drill(s: Snapshot, data: Data, role: str) -> Context:
    return {"drill": view.drill(events.drills(s, data["commands"])), "button": commands.buttons(s, role).drill}


def _latches(_s: Snapshot, data: Data, _role: str) -> Context:
    return {"rows": view.latches(data["latches"])}


def _receipts(s: Snapshot, data: Data, _role: str) -> Context:
    return {"receipts": events.receipts(s, data["commands"])[:6]}


PAGE = Page(
    key="risk",
    primary=True,
    shortcut="r",
    parts=(
        PagePart("ri-limits", "limits.html", _limits),
        PagePart("ri-kill", "kill.html", _kill),
        PagePart("ri-breakers", "breakers.html", _breakers),
        PagePart("ri-sizing", "sizing.html", _sizing),
        PagePart("ri-drill", "drill.html", _drill),
        PagePart("ri-latches", "latches.html", _latches),
        PagePart("ev-receipts", "parts/receipts.html", _receipts),
    ),
    load=load,
)
