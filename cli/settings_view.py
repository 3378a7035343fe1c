"""`./coin settings`: every setting with value, default and origin; secrets masked."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli import enable_live, ui
from cli.context import loaded
from cli.options import Json
from shared import settings
from shared.exits import Exit
from shared.liveness import read_state
from shared.setting_groups import GROUPS
from shared.setting_values import spelled
from shared.settings import Loaded


def _names(incomplete: str) -> list[str]:
    """Names of settings that begin so, for Tab."""
    return [key for key, _, _ in settings.keys() if key.startswith(incomplete.upper())]  # noqa: SIM118  a function


def show(
    wanted: Annotated[
        str, typer.Argument(metavar="WORD", help="Part of a name, such as TRAIL.", autocompletion=_names)
    ] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that differ from their default.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All settings (the default).", hidden=True)] = False,
    json: Json = False,
) -> None:
    """Print the settings whose name or sentence holds `wanted`; `changed`: only those that are set somewhere."""
    found, changed = loaded(), changed and not everything
    rows = [row for row in every(found) if _fits(row, wanted) and not (changed and row["source"] == "default")]
    if json:
        ui.say_json(rows)
        return
    if not rows:
        if wanted:
            ui.give_up(f"No setting matches {wanted!r}.", "./coin settings", code=Exit.USAGE)
        ui.line(ui.DOT, "Every setting is at its default: ./coin settings lists them.")
        return
    group = None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            ui.plain(("" if row is rows[0] else "\n") + f"  {ui.paint(group, 'bold')}")
        print_row(row)
    here = len([row for row in rows if row["source"] in (".env", "environment")])
    ui.plain(f"\n  {len(rows)} settings, {here} of them set by you.")
    if found.settings.coin_mode is settings.Mode.LIVE:
        enable_live.say_voided(found.settings)


def every(found: Loaded) -> Iterator[dict[str, Any]]:
    """Each setting as a row: the table's, then the strategies' own, then what older set-ups brought along."""
    values = settings.public_values(found.settings)
    adjusted, group = _adjusted(found.settings), ""
    for key, sentence, default in settings.keys():  # noqa: SIM118  a function of the module, not a dict
        group, secret = GROUPS.get(key, group), settings.is_secret(key)
        value, source = adjusted.get(key, (values[key], found.sources[key]))
        yield {
            "key": key, "value": ("(set, hidden)" if value else "") if secret else spelled(value),
            "default": "" if secret else spelled(settings.as_text(default)), "source": source,
            "help": sentence, "group": group, "secret": secret,
        }  # fmt: skip
    for key, text in sorted(found.settings.strategy_options.items()):
        yield {"key": key, "value": text, "default": None, "source": found.sources[key], "secret": False,
               "help": "A strategy's own setting.", "group": "Strategies"}  # fmt: skip
    for key, sentence in found.kept.items():
        secret = settings.is_secret(key)
        yield {"key": key, "value": "(set, hidden)" if secret else "(accepted)", "default": None, "source": ".env",
               "help": sentence, "group": "From older setups", "secret": secret}  # fmt: skip


def _adjusted(held: settings.Settings) -> dict[str, tuple[str, str]]:
    """Key to (value in force, why), as the bot that runs says it: defaults that contradict the account's fee tier."""
    state, _, _ = read_state(held.paths)
    risk = state.risk if state is not None else None
    return {one.key: (one.value, f"adjusted: {one.why}") for one in risk.adjusted} if risk is not None else {}


def _fits(row: dict[str, Any], wanted: str) -> bool:
    return wanted.casefold() in f"{row['key']} {row['help']} {row['group']}".casefold()


def print_row(row: dict[str, Any]) -> None:
    """One setting of `every`: its value, where that came from, and its sentence."""
    default = row["default"]
    origin = row["source"]
    if origin != "default" and default is not None:
        origin += f"; default {default}" if default else "; default: empty"
    shown = f"{row['key']}={row['value']}"
    bold = () if row["source"] == "default" else ("bold",)
    ui.plain(f"  {ui.paint(shown, *bold)}  {ui.paint(f'({origin})', 'dim')}")
    ui.plain(f"      {row['help']}")
