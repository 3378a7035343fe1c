"""Settings that were written from the browser: a dashboard that read `.env` at its start takes them up."""

from dataclasses import replace

from dashboard.hub import Hub
from shared import settings


def take_up(hub: Hub, keys: frozenset[str]) -> None:
    """Let pages show what `.env` says of `keys` now; everything else is as at the dashboard's start.

    Blocks. Raises SettingsError.
    """
    fresh = settings.load(hub.loaded.env_file)
    names = {key for key, _, _ in settings.keys() if key in keys}  # noqa: SIM118  a function of the module, not a dict
    new = {key.lower(): getattr(fresh.settings, key.lower()) for key in names}
    own = {key: text for key, text in fresh.settings.strategy_options.items() if key in keys}
    rest = {key: text for key, text in hub.loaded.settings.strategy_options.items() if key not in keys}
    sources = {key: source for key, source in hub.loaded.sources.items() if key not in keys}
    sources |= {key: source for key, source in fresh.sources.items() if key in keys}
    changed = replace(hub.loaded.settings, **new, strategy_options=rest | own)
    hub.loaded = replace(hub.loaded, settings=changed, sources=sources)
