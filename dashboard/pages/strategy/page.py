"""Strategy: its settings, its current signal for each product, its models, and the cards of those to choose from.

What a sign-in may do differs, so a route of its own draws the page.
"""

import asyncio

from dashboard import strategy_choice
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.strategy import view
from dashboard.render import Context
from dashboard.views import commands
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.files import Unreadable, read_bytes
from shared.lab_verdicts import GO
from shared.live_permission import lab_lines
from shared.settings import Loaded, Mode, SettingsError

ENV_TTL_S = 5.0


async def load(hub: Hub, _s: Snapshot, _params: Params) -> Data:
    """`env`: the settings as they lie on the disk; None = they cannot be used."""

    def read() -> Loaded | None:
        try:
            return strategy_choice.read_env(hub)
        except SettingsError:
            return None

    found = await hub.cache.get(("permission",), ENV_TTL_S, lambda: _permission(hub))
    return {
        "lab": found,
        "env": await hub.cache.get(("env", await asyncio.to_thread(_changed_ns, hub)), ENV_TTL_S, read),
    }


def _permission(hub: Hub) -> list[str]:
    """What the permission for live orders says of the lab's verdict; [] = there is none, or it cannot be read."""
    try:
        return lab_lines(read_bytes(hub.paths.live_permission, trusted=True))
    except (OSError, Unreadable):
        return []


def _changed_ns(hub: Hub) -> int:
    try:
        return hub.loaded.env_file.stat().st_mtime_ns
    except OSError:
        return 0


def _shown(s: Snapshot, _data: Data, _role: str) -> Context:
    return {"strategy": view.strategy(s)}


def _waiting(s: Snapshot, data: Data, role: str) -> Context:
    found: Loaded | None = data["env"]
    waits = found is not None and strategy_choice.waits(found, s)
    why = commands.why_not_process(s, restart=True, role=role, chosen=waits) if waits else ""
    return {"waits": found.settings.strategy if waits and found is not None else "", "why": why}


def _lab(s: Snapshot, data: Data, _role: str) -> Context:
    lines: list[str] = data["lab"] if s.mode == Mode.LIVE else []
    return {"lines": [f.clean(one) for one in lines], "go": bool(lines) and lines[0].startswith(f"{GO}:")}


PAGE = Page(
    key="strategy",
    shortcut="y",
    parts=(
        PagePart("st-wait", "waits.html", _waiting),
        PagePart("st-lab", "lab.html", _lab),
        PagePart("st-all", "strategy.html", _shown),
    ),
    load=load,
    params=("after",),
    own_route=True,
)
