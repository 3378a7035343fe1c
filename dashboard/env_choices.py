"""Settings that were written from the browser: a dashboard that read `.env` at its start takes them up."""

from dataclasses import replace
from typing import Any

from dashboard.hub import Hub
from dashboard.views.snapshot import Snapshot
from shared import settings
from shared.settings import Loaded, Mode


def is_live(found: Loaded, s: Snapshot) -> bool:
    """Whether it is about real money, by what is set or by what runs: one of them is enough."""
    return found.settings.coin_mode is Mode.LIVE or s.mode == Mode.LIVE


def take_up(hub: Hub, keys: frozenset[str]) -> None:
    """Let pages show what `.env` says of `keys` now; everything else is as at the dashboard's start.

    Blocks. Raises SettingsError.
    """
    fresh = settings.load(hub.loaded.env_file)
    names = {key for key, _, _ in settings.keys() if key in keys}  # noqa: SIM118  a function of the module, not a dict
    new: dict[str, Any] = {key.lower(): getattr(fresh.settings, key.lower()) for key in names}
    own = {key: text for key, text in fresh.settings.strategy_options.items() if key in keys}
    rest = {key: text for key, text in hub.loaded.settings.strategy_options.items() if key not in keys}
    sources = {key: source for key, source in hub.loaded.sources.items() if key not in keys}
    sources |= {key: source for key, source in fresh.sources.items() if key in keys}
    if "MAX_PRODUCT_USD" in keys:
        new["product_caps"] = fresh.settings.product_caps
    by_hand = (hub.loaded.settings.by_hand - keys) | (fresh.settings.by_hand & keys)
    changed = replace(hub.loaded.settings, **new, by_hand=by_hand, strategy_options=rest | own)
    hub.loaded = replace(hub.loaded, settings=changed, sources=sources)
