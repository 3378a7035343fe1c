"""`./coin settings`: what holds, and where it came from."""

from cli import ui
from cli.context import loaded
from shared import settings


def show(*, everything: bool) -> None:
    """Print the effective settings, secrets masked; without `everything` only those that differ from the default."""
    found = loaded()
    values = settings.public_values(found.settings)
    shown = 0
    for key, help_text, _ in settings.keys():  # noqa: SIM118  a function of the module, not a dict
        source = found.sources[key]
        if not everything and source == "default":
            continue
        shown += 1
        ui.plain(f"  {key}={values[key]}  ({source})")
        ui.plain(f"      {help_text}")
    strategys = found.settings.strategy_options
    for key, text in strategys.items():
        ui.plain(f"  {key}={text}  ({found.sources[key]})")
    if not everything:
        rest = len(values) - shown - len(strategys)
        ui.plain(f"  {rest} more settings are at their defaults: ./coin settings --all")
