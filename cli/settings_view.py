"""`./coin settings`: what holds, and where it came from."""

from cli import ui
from cli.context import loaded
from cli.witness import read_state
from shared import settings


def show(*, everything: bool) -> None:
    """Print the effective settings, secrets masked; without `everything` only those that differ from the default."""
    found = loaded()
    values = settings.public_values(found.settings)
    adjusted = _adjusted(found.settings)
    shown = 0
    for key, help_text, _ in settings.keys():  # noqa: SIM118  a function of the module, not a dict
        source = found.sources[key]
        if key in adjusted:
            values[key], source = adjusted[key]
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


def _adjusted(held: settings.Settings) -> dict[str, tuple[str, str]]:
    """Key to (value in force, why), as the bot that runs says it: defaults that contradict the account's fee tier."""
    state, _, _ = read_state(held.paths)
    risk = state.risk if state is not None else None
    return {one.key: (one.value, f"adjusted: {one.why}") for one in risk.adjusted} if risk is not None else {}
