"""Settings: the effective values, where each came from, and a form for those that may be changed in a browser.

What a sign-in may do differs, and nothing may be drawn anew under a hand: its route draws the form, and only the
receipt and the history follow the stream.
"""

from collections.abc import Mapping
from typing import Any

from dashboard import settings_change
from dashboard import settings_history as history
from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.pages.settings import view
from dashboard.render import Context
from dashboard.settings_history import SettingsChange
from dashboard.views.snapshot import Snapshot
from shared import env_file
from shared.settings import Loaded, SettingsError

TTL_S = 5.0


async def load(hub: Hub, s: Snapshot, _params: Params) -> Data:
    """`env`: the settings as they lie on the disk, None = they cannot be used; `history`: the newest change first."""
    marks = (_mark(hub.loaded.env_file), _mark(hub.paths.audit))
    found, lines, rows = await hub.cache.get(("settings", *marks), TTL_S, lambda: _read(hub))
    standing = settings_change.standing(found, s, rows) if found is not None else None
    return {"env": found, "lines": lines, "history": rows, "standing": standing}


def _read(hub: Hub) -> tuple[Loaded | None, Mapping[str, str], list[SettingsChange]]:
    rows = history.changes(hub.paths)
    try:
        return settings_change.disk(hub), env_file.values_of(hub.loaded.env_file), rows
    except (SettingsError, OSError, UnicodeDecodeError):
        return None, {}, rows


def _mark(path: Any) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _receipt(s: Snapshot, data: Data, role: str) -> Context:
    return {"rc": view.receipt(s, data["history"], data["standing"], data["lines"], role)}


def _history(_s: Snapshot, data: Data, role: str) -> Context:
    return {"rows": view.history_rows(data["history"], data["lines"], role)}


PAGE = Page(
    key="settings",
    shortcut="s",
    parts=(PagePart("se-receipt", "receipt.html", _receipt), PagePart("se-hist", "history.html", _history)),
    load=load,
    params=("q",),
    own_route=True,
)
