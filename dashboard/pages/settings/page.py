"""Settings: effective values, where each came from, secrets masked. Read only."""

from dashboard.hub import Hub
from dashboard.page import Data, Page, PagePart, Params
from dashboard.render import Context
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared import settings


async def load(hub: Hub, s: Snapshot, params: Params) -> Data:
    found = s.state.risk.adjusted if s.state and s.state.risk else []
    adjusted = {one.key: f.clean(one.value) for one in found if one.key in hub.loaded.sources}
    values = settings.public_values(hub.loaded.settings) | adjusted
    sources = dict(hub.loaded.sources) | dict.fromkeys(adjusted, "adjusted: fees")
    q = params.get("q", "").casefold()
    rows = [
        (key, "set, hidden" if settings.is_secret(key) and values[key] else values[key], sources[key], text,
         _default(default))
        for key, text, default in _all(hub.loaded)
        if not q or q in key.casefold() or q in text.casefold()
    ]  # fmt: skip
    rows += [
        (key, "set, hidden" if settings.is_secret(key) else "accepted", ".env", f"From an older setup: {text}.", "")
        for key, text in hub.loaded.kept.items()
        if not q or q in key.casefold() or q in text.casefold()
    ]
    return {"rows": rows, "q": params.get("q", ""), "data_dir": str(hub.paths.root)}


def _all(loaded: settings.Loaded) -> list[tuple[str, str, object]]:
    """Every setting of ours, then the strategies' own that are set."""
    own = [(key, "A strategy's own setting.", "") for key in sorted(loaded.settings.strategy_options)]
    return [*settings.keys(), *own]


def _default(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else "" if isinstance(value, settings.Secret) else str(value)


def _view(s: Snapshot, data: Data, _role: str) -> Context:
    hashes = s.state.config_hash[:12] if s.state else ""
    return {"rows": data["rows"], "hash": hashes}


PAGE = Page(
    key="settings",
    shortcut="s",
    parts=(PagePart("se-rows", "rows.html", _view),),
    load=load,
    params=("q",),
)
